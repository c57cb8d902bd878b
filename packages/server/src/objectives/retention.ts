/** How long sums are kept: the longest window and some months of statements. One row stays before them, as their beginning. */
import type { Pool, Queryable } from '../database/pool.ts';
import { job, type AnyJob } from '../jobs/runner.ts';

/** 90 days of a window, and a chart of 30 days before. */
const keepDays = 125;

/** Removes rows older than that; of each track the last of them stays, since all later sums build on it. */
export async function trimSums(database: Queryable, nowMs: number): Promise<number> {
  const cutoff = Math.floor(nowMs / 60_000) - keepDays * 1440;
  const { rowCount } = await database.query(
    `delete from objective_sums s using (
       select t.id, (select max(minute) from objective_sums where track_id = t.id and minute < $1) as kept from objective_tracks t
     ) b
     where s.track_id = b.id and s.minute < b.kept`,
    [cutoff],
  );
  await database.query(`delete from objective_coverage where minute < (select max(minute) from objective_coverage where minute < $1)`, [cutoff]);
  return rowCount ?? 0;
}

export function sumsRetentionJob(pool: Pool, now: () => number): AnyJob {
  return job({ name: 'objectives-retention', cron: '43 3 * * *', timeoutMs: 600_000, parse: () => undefined, run: async () => void (await trimSums(pool, now())) });
}
