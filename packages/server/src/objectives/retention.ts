/**
 * How long sums are kept, and how finely. Minute by minute as far back as a window or a late fact can reach; before that
 * one row a quarter of an hour, on which days and months of every time zone begin; and one row before all of it, as the
 * beginning. In batches of their own, so that none holds the others up for long.
 */
import type { ObjectiveDefinition } from '@evenkeel/core/objectives/definition.ts';
import type { Pool, Queryable } from '../database/pool.ts';
import { job, type AnyJob } from '../jobs/runner.ts';

/** 90 days of a window, and a chart of 30 days before. */
const keepDays = 125;
const batchTracks = 100;
const day = 1440;
const calendarDays = { week: 7, month: 31, quarter: 92 } as const;

/** Days of minute by minute: `keptDays` is how long late facts are taken in. */
export function fineDays(objectives: readonly Pick<ObjectiveDefinition, 'window'>[], keptDays: number): number {
  return Math.max(keptDays, ...objectives.map(({ window }) => (window.kind === 'rolling' ? window.days : calendarDays[window.unit]))) + 1;
}

/** Removes what is older than any chart, and between the quarters of what is older than `fine` days. Returns the rows removed. */
export async function trimSums(database: Queryable, nowMs: number, fine: number, signal?: AbortSignal): Promise<number> {
  const minute = Math.floor(nowMs / 60_000);
  const cutoff = minute - keepDays * day;
  let removed = 0;
  await eachBatch(database, signal, async (tracks) => {
    const { rowCount } = await database.query(
      `delete from objective_sums s using (
         select t.id, (select max(minute) from objective_sums where track_id = t.id and minute < $2) as kept from unnest($1::bigint[]) as t (id)
       ) b
       where s.track_id = b.id and s.minute < b.kept`,
      [tracks, cutoff],
    );
    removed += rowCount ?? 0;
  });
  await database.query(`delete from objective_coverage where minute < (select max(minute) from objective_coverage where minute < $1)`, [cutoff]);
  const { rows } = await database.query<{ from: number | null }>('select coalesce(thinned_to, first_minute) as from from objective_progress');
  const to = Math.floor((minute - fine * day) / day) * day;
  for (let from = Math.floor(Math.max(rows[0]?.from ?? to, cutoff) / day) * day; from < to; from += day) {
    await eachBatch(database, signal, async (tracks) => {
      const { rowCount } = await database.query(
        `delete from objective_sums s using (
           select track_id, minute, lead(minute) over (partition by track_id order by minute) as next
           from objective_sums where track_id = any($1) and minute >= $2 and minute < $2 + ${day}
         ) n
         where s.track_id = n.track_id and s.minute = n.minute and n.next / 15 = n.minute / 15`,
        [tracks, from],
      );
      removed += rowCount ?? 0;
    });
    await database.query('update objective_progress set thinned_to = $1', [from + day]);
  }
  return removed;
}

async function eachBatch(database: Queryable, signal: AbortSignal | undefined, act: (tracks: readonly number[]) => Promise<void>): Promise<void> {
  const { rows } = await database.query<{ id: number }>('select id from objective_tracks order by id');
  for (let at = 0; at < rows.length; at += batchTracks) {
    signal?.throwIfAborted();
    await act(rows.slice(at, at + batchTracks).map(({ id }) => id));
  }
}

export function sumsRetentionJob(pool: Pool, now: () => number, fine: number): AnyJob {
  return job({ name: 'objectives-retention', cron: '43 3 * * *', timeoutMs: 1_800_000, parse: () => undefined, run: async (_input, signal) => void (await trimSums(pool, now(), fine, signal)) });
}
