/** One of the further processes of `first-process.ts`: started by main.ts, configured and ended by the process that made it. */
import { once } from 'node:events';
import type { Configuration } from '../configuration.ts';
import { startServer } from '../server.ts';
import type { Metric, MetricSource } from '../telemetry/metrics/exposition.ts';
import { Channel } from './channel.ts';
import { listening } from './first-process.ts';
import type { NodeProcesses } from './node-processes.ts';

/** The first asks every process for up to 2 s. */
const answerWithinMs = 5_000;

/** Runs until the channel to the parent closes, which it does also when the parent is killed. Resolves with the exit code. */
export async function runFurtherProcess(): Promise<number> {
  // A terminal interrupts the whole group; the parent says when it is time.
  process.on('SIGINT', () => undefined);
  const parentGone = once(process, 'disconnect');
  const terminated = once(process, 'SIGTERM');
  const [configuration] = (await once(process, 'message')) as [Configuration];
  const server = await startServer(configuration, { processes: new FurtherProcess() });
  process.send?.(listening);
  const failure = await Promise.race([parentGone, terminated, server.failed]);
  await server.close();
  if (process.connected) process.disconnect?.();
  return failure instanceof Error ? 1 : 0;
}

class FurtherProcess implements NodeProcesses {
  #own: { readonly metrics: MetricSource } = { metrics: () => [] };
  readonly #first = new Channel(process, { metrics: async () => this.#own.metrics(), alive: () => Promise.resolve(true) });

  readonly checks = [
    {
      name: 'first process',
      check: async () => {
        const faults = await this.#first.ask('faults', answerWithinMs);
        if (faults.length > 0) throw new Error(faults.join('; '));
      },
    },
  ];

  tells(own: { readonly metrics: MetricSource }): void {
    this.#own = own;
  }

  metrics(): Promise<readonly Metric[]> {
    return this.#first.ask('nodeMetrics', answerWithinMs);
  }
}
