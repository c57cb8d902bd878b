/** The jobs of objectives: the tick, once a minute and whenever telemetry has sealed one, and the daily trimming. */
import type { Pool } from '../database/pool.ts';
import { job, type AnyJob } from '../jobs/runner.ts';
import type { Log } from '../log.ts';
import type { Definitions } from './definitions.ts';
import { trimSums } from './retention.ts';
import { tick } from './tick.ts';

export function objectiveJobs({ pool, definitions, log, now }: { pool: Pool; definitions: Definitions; log: Log; now: () => number }): AnyJob[] {
  return [
    job({
      name: 'objectives-tick',
      cron: '* * * * *',
      timeoutMs: 300_000,
      parse: () => undefined,
      async run(_input, signal) {
        const done = await tick(pool, definitions, signal);
        if (done.modeChanges + done.fired + done.resolved + done.statements.length > 0) log.info(done, 'objectives: something changed');
      },
    }),
    job({ name: 'objectives-trim', cron: '43 3 * * *', timeoutMs: 600_000, parse: () => undefined, run: async () => void (await trimSums(pool, now())) }),
  ];
}
