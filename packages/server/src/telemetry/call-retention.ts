/** The job that keeps the days of call records: ahead of time and within retention. */
import type { Pool } from '../database/pool.ts';
import { job, type AnyJob } from '../jobs/runner.ts';
import { dropCallPartitions, makeCallPartitions } from './call-partitions.ts';

export const defaultCallRetentionDays = 35;

export function callRetentionJob(pool: Pool, options: { keepDays?: number; now: () => number }): AnyJob {
  return job({
    name: 'call-retention',
    cron: '17 * * * *',
    timeoutMs: 60_000,
    parse: () => undefined,
    async run() {
      await makeCallPartitions(pool, options.now());
      await dropCallPartitions(pool, options.now(), options.keepDays ?? defaultCallRetentionDays);
    },
  });
}
