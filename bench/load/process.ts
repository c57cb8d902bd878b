/** Programs of a benchmark run as processes of their own, so that none takes another's time. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import type { LoadPlan, LoadResult } from './generator.ts';

export interface Program {
  /** The first line it printed. */
  readonly line: string;
  readonly child: ChildProcess;
  /** The line it prints next, from when this is asked. */
  nextLine(): Promise<string>;
  stop(): Promise<void>;
}

/** Longest wait for the first line: that of a load is printed when it has run. */
const patienceMs = 300_000;
const root = join(import.meta.dirname, '..');

/** Starts bench/<file> and waits for its first line. `stop` sends SIGTERM and waits for the end. */
export async function startProgram(file: string, parameters: readonly string[] = [], nodeOptions: readonly string[] = []): Promise<Program> {
  const child = spawn(process.execPath, [...nodeOptions, join(root, file), ...parameters], { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(child, 'exit');
  const lines = createInterface({ input: child.stdout });
  const line = await firstLine(lines, ended, file).catch((error: unknown) => {
    child.kill('SIGKILL');
    throw error;
  });
  return {
    line,
    child,
    nextLine: async () => String((await once(lines, 'line'))[0]),
    async stop() {
      child.kill('SIGTERM');
      await ended;
    },
  };
}

async function firstLine(lines: Interface, ended: Promise<unknown[]>, file: string): Promise<string> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error(`${file} printed nothing for ${patienceMs / 1000} s`)), patienceMs);
  const gone = ended.then(([code]) => Promise.reject(new Error(`${file} ended with ${String(code)} before it was ready`)));
  try {
    return await Promise.race([once(lines, 'line').then(([text]) => String(text)), gone, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

export async function runLoad(plan: LoadPlan): Promise<LoadResult> {
  const program = await startProgram('load/generator.ts', [JSON.stringify(plan)]);
  return JSON.parse(program.line) as LoadResult;
}