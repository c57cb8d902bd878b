/**
 * Further processes that answer on the same port, since one process uses one core. They are nodes like any other (role
 * `api`), hold nothing that another needs, and share the port by SO_REUSEPORT: the kernel deals out connections. They
 * get their configuration over the channel between the processes, not in an environment that others could read.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Configuration } from './configuration.ts';
import type { Log } from './log.ts';

/** The argument that tells main.ts to be such a process. */
export const apiProcessArgument = 'api-process';
/** What such a process says when it listens. */
export const listening = 'listening';

const restartAfterMs = 1_000;
/** Requests under way have 10 s (`http/application.ts`); then the buffers are written. */
const stopWithinMs = 25_000;

export interface ApiProcesses {
  pids(): readonly number[];
  /** Lets them end their requests, and waits until they are gone. */
  stop(): Promise<void>;
}

/** Resolves when all of them listen; one that ends by itself is replaced. Rejects when one cannot start. */
export async function startApiProcesses(configuration: Configuration, count: number, log: Log): Promise<ApiProcesses> {
  const running = new Set<ChildProcess>();
  const restarts = new Set<NodeJS.Timeout>();
  let stopping = false;

  const start = async (): Promise<void> => {
    const child = fork(join(import.meta.dirname, 'main.ts'), [apiProcessArgument], { serialization: 'advanced' });
    running.add(child);
    child.once('exit', (code, signal) => {
      running.delete(child);
      if (stopping) return;
      log.error({ pid: child.pid, code, signal }, 'an API process ended by itself and is replaced');
      const timer = setTimeout(() => {
        restarts.delete(timer);
        start().catch((error: unknown) => log.error({ err: error }, 'an API process could not be replaced yet'));
      }, restartAfterMs);
      restarts.add(timer);
    });
    child.send(configuration);
    const gone = once(child, 'exit').then(() => Promise.reject(new Error('An API process ended before it listened. Its log, on standard output, tells why.')));
    await Promise.race([once(child, 'message'), gone]);
    gone.catch(() => undefined);
  };

  const stop = async (): Promise<void> => {
    stopping = true;
    for (const timer of restarts) clearTimeout(timer);
    await Promise.all([...running].map(end));
  };
  try {
    await Promise.all(Array.from({ length: count }, start));
  } catch (error) {
    await stop();
    throw error;
  }
  return { pids: () => [...running].flatMap(({ pid }) => pid ?? []), stop };
}

async function end(child: ChildProcess): Promise<void> {
  const gone = once(child, 'exit');
  if (child.connected) child.disconnect();
  const late = setTimeout(() => child.kill('SIGKILL'), stopWithinMs);
  await gone;
  clearTimeout(late);
}
