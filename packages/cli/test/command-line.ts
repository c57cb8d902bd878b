/** Runs the command line as a user does, in a process of its own, or in this one where only its words matter. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { commands } from '../src/commands.ts';
import { runProgram } from '../src/program.ts';

const bin = fileURLToPath(new URL('../bin/evenkeel.mjs', import.meta.url));

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** The same as a process would do, a second faster: everything but main.ts. */
export async function evenkeel(args: readonly string[], options: { cwd?: string; environment?: Record<string, string> } = {}): Promise<Ended> {
  let stdout = '';
  let stderr = '';
  const out = { line: (text: string) => void (stdout += `${text}\n`), note: (text: string) => void (stderr += `${text}\n`), interactive: false };
  const code = await runProgram(args, commands, { environment: options.environment ?? {}, cwd: options.cwd ?? process.cwd(), signal: new AbortController().signal, out });
  return { code, stdout, stderr };
}

/** A process; waits for its end. Only PATH is passed on from this one. */
export function evenkeelProcess(args: readonly string[], options: { cwd?: string; environment?: Record<string, string>; runtime?: string } = {}): Promise<Ended> {
  const child = spawn(options.runtime ?? process.execPath, [bin, ...args], {
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    env: { PATH: process.env['PATH'], ...options.environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, stdout, stderr }));
  });
}
