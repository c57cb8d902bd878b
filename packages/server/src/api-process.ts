/** One of the further processes of `api-processes.ts`: started by main.ts, configured and ended by the process that made it. */
import { once } from 'node:events';
import { listening } from './api-processes.ts';
import type { Configuration } from './configuration.ts';
import { startServer } from './server.ts';

/** Runs until the channel to the parent closes, which it does also when the parent is killed. Resolves with the exit code. */
export async function runApiProcess(): Promise<number> {
  // A terminal interrupts the whole group; the parent says when it is time.
  process.on('SIGINT', () => undefined);
  const parentGone = once(process, 'disconnect');
  const terminated = once(process, 'SIGTERM');
  const [configuration] = (await once(process, 'message')) as [Configuration];
  const server = await startServer(configuration, { sharesPort: true });
  process.send?.(listening);
  const failure = await Promise.race([parentGone, terminated, server.failed]);
  await server.close();
  if (process.connected) process.disconnect?.();
  return failure instanceof Error ? 1 : 0;
}
