/** The job that keeps the record of early ends within its days. */
import type { Pool } from '../../database/pool.ts';
import { job, type AnyJob } from '../../jobs/runner.ts';
import { forgetOldDrift } from './token-drift.ts';

export function tokenDriftRetentionJob(pool: Pool): AnyJob {
  return job({
    name: 'token-drift-retention',
    cron: '41 3 * * *',
    timeoutMs: 300_000,
    parse: () => undefined,
    async run() {
      await forgetOldDrift(pool);
    },
  });
}
