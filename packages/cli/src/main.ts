/**
 * The process: arguments, environment, standard streams and signals. The only module of this package that touches
 * them. Started by bin/evenkeel.mjs.
 */
import { commands } from './commands.ts';
import { runProgram } from './program.ts';

/** Runs the command line of this process and sets its exit code. */
export async function main(): Promise<void> {
  const interrupted = new AbortController();
  const interrupt = (signal: NodeJS.Signals): void => {
    if (interrupted.signal.aborted) process.exit(130); // Asked twice: ending cleanly takes too long for the user.
    interrupted.abort(signal);
  };
  process.on('SIGINT', interrupt).on('SIGTERM', interrupt);
  // A reader that has gone (`evenkeel … | head`) is no failure of ours.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0);
    throw error;
  });
  // The runtime is pinned, and with it what is experimental in it; the user can do nothing about that.
  process.removeAllListeners('warning').on('warning', ({ name, message }) => {
    if (name !== 'ExperimentalWarning') process.stderr.write(`evenkeel: ${name}: ${message}\n`);
  });
  process.exitCode = await runProgram(process.argv.slice(2), commands, {
    environment: process.env,
    cwd: process.cwd(),
    signal: interrupted.signal,
    out: {
      line: (text) => void process.stdout.write(`${text}\n`),
      note: (text) => void process.stderr.write(`${text}\n`),
      interactive: process.stderr.isTTY,
    },
  });
  process.off('SIGINT', interrupt).off('SIGTERM', interrupt);
}
