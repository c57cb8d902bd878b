/** The playbook a server runs with: read once at the start, refused whole when it has errors. */
import type { Log } from '../log.ts';
import { readPlaybook, type Playbook } from './playbook.ts';

/** Nothing starts on a doubtful playbook. The message lists every error with its file and line. */
export class PlaybookError extends Error {}

/** Throws a PlaybookError with every error, its file and line. Warnings are logged. */
export async function openPlaybook(dir: string | undefined, log: Log): Promise<Playbook> {
  const reading = await readPlaybook(dir);
  const lines = reading.faults.map(({ file, line, path, message, severity }) => ({ severity, text: `${file}${line === undefined ? '' : `:${line}`} ${path}: ${message}` }));
  if (!reading.ok) throw new PlaybookError(`the playbook has errors:\n${lines.filter(({ severity }) => severity === 'error').map(({ text }) => `  ${text}`).join('\n')}`);
  for (const { text } of lines) log.warn({ fault: text }, 'playbook: a warning');
  return reading.playbook;
}
