/**
 * The process: reads the environment, starts the server, turns signals into a graceful end. The only place that does.
 * Exit codes: 0 ended as asked, 1 failed, 2 the configuration is wrong.
 */
import { readConfiguration } from './configuration.ts';
import { PlaybookError } from './playbook/open-playbook.ts';
import { furtherProcessArgument } from './processes/first-process.ts';
import { runFurtherProcess } from './processes/further-process.ts';
import { startServer } from './server.ts';

/** Runs until a signal ends it. Resolves with the exit code. */
export async function runServer(environment: Readonly<Record<string, string | undefined>>): Promise<number> {
  const read = readConfiguration(environment);
  if (!read.ok) {
    for (const { name, message } of read.faults) process.stderr.write(`evenkeel: ${name} ${message}\n`);
    return 2;
  }
  try {
    const server = await startServer(read.configuration);
    const signal = await Promise.race([untilSignal(), server.failed]);
    if (signal instanceof Error) {
      process.stderr.write(`evenkeel: ending: ${signal.message}\n`);
      await server.close();
      return 1;
    }
    process.stderr.write(`evenkeel: ${signal}, ending after the requests under way; again to end at once\n`);
    process.once(signal, () => process.exit(1));
    await server.close();
    return 0;
  } catch (error) {
    if (error instanceof PlaybookError) {
      process.stderr.write(`evenkeel: EVENKEEL_PLAYBOOK_DIR: ${error.message}\n`);
      return 2;
    }
    process.stderr.write(`evenkeel: could not start: ${explain(error, read.configuration.port)}\n`);
    return 1;
  }
}

function untilSignal(): Promise<NodeJS.Signals> {
  return new Promise((settle) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => settle(signal));
  });
}

export function explain(error: unknown, port: number): string {
  const failure = error as NodeJS.ErrnoException;
  if (failure.code === 'EADDRINUSE') return `port ${port} is in use; set PORT to another, or end what listens there`;
  if (failure.code === 'ENOTSUP') return 'this system cannot share a port between processes; set EVENKEEL_API_PROCESSES to 1';
  return failure.message;
}

if (import.meta.main) process.exitCode = process.argv[2] === furtherProcessArgument ? await runFurtherProcess() : await runServer(process.env);
