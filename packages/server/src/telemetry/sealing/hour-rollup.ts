/**
 * Hours: the sums of their minutes and of what amended those. An hour is rolled up when its minutes are sealed, and
 * anew when an amendment comes; each time whole, in one transaction.
 */
import type { Counts } from '@evenkeel/core/telemetry/counts.ts';
import { transaction, type Pool, type Queryable } from '../../database/pool.ts';
import { job, type AnyJob } from '../../jobs/runner.ts';
import { addRow, countArrays, countNames, countsAt, countSource, type CountRow } from './count-rows.ts';

/** Any constant that nothing else in the database uses. */
const lockKey = 4_400_021;
/** Series of one step: their 60 minutes are in memory at once. */
const seriesAtOnce = 2_000;
/** Hours that are given up on when they have not been rolled up for so long: their minutes are gone soon. */
const oldestDays = 30;

export function hourRollupJob(pool: Pool): AnyJob {
  return job({
    name: 'telemetry-hour-rollup',
    cron: '*/5 * * * *',
    timeoutMs: 240_000,
    parse: () => undefined,
    async run(_, signal) {
      await rollUpHours(pool, signal);
    },
  });
}

/** Resolves with the hours rolled up. */
export async function rollUpHours(pool: Pool, signal?: AbortSignal): Promise<Date[]> {
  const hours = await dueHours(pool);
  for (const hour of hours) {
    signal?.throwIfAborted();
    await transaction(pool, (client) => rollUp(client, hour));
  }
  return hours;
}

/** Hours that ended before the last sealed minute and have minutes, but no row yet or a row older than an amendment. */
async function dueHours(database: Queryable): Promise<Date[]> {
  const { rows } = await database.query<{ hour: Date }>(
    `with ended as (select date_trunc('hour', max(minute)) as bound from telemetry_minutes),
          touched as (
            select date_trunc('hour', minute, 'UTC') as hour, 0 as seq from telemetry_minutes, ended
            where minute < bound and minute >= bound - interval '${oldestDays} days'
            union all
            select date_trunc('hour', minute, 'UTC'), seq from minute_amendments, ended
            where minute < bound and minute >= bound - interval '${oldestDays} days')
     select touched.hour from touched left join telemetry_hours hours on hours.hour = touched.hour
     group by touched.hour, hours.amended_to
     having hours.amended_to is null or max(touched.seq) > hours.amended_to
     order by 1`,
  );
  return rows.map(({ hour }) => hour);
}

async function rollUp(client: Queryable, hour: Date): Promise<void> {
  await client.query('select pg_advisory_xact_lock($1)', [lockKey]);
  const end = new Date(hour.getTime() + 3_600_000);
  const { rows } = await client.query<{ covered: number; lost: number; amended_to: number }>(
    `select coalesce(sum(covered_seconds), 0)::int as covered, coalesce(sum(lost_seconds), 0)::int as lost, coalesce(max(seq), 0) as amended_to
     from (select covered_seconds, lost_seconds, null::bigint as seq from telemetry_minutes where minute >= $1 and minute < $2
           union all select covered_seconds, lost_seconds, seq from minute_amendments where minute >= $1 and minute < $2) as parts`,
    [hour, end],
  );
  const [whole] = rows;
  await client.query('delete from hour_counts where hour = $1', [hour]);
  for (let after = 0; ; ) {
    const counts = await readSeries(client, hour, end, after);
    if (counts.size === 0) break;
    await insertHour(client, hour, counts);
    after = Math.max(...counts.keys());
  }
  await client.query(
    `insert into telemetry_hours (hour, covered_seconds, lost_seconds, amended_to) values ($1, least(3600, greatest(0, $2::int)), greatest(0, $3::int), $4)
     on conflict (hour) do update set rolled_at = clock_timestamp(), covered_seconds = excluded.covered_seconds, lost_seconds = excluded.lost_seconds, amended_to = excluded.amended_to`,
    [hour, whole?.covered ?? 0, whole?.lost ?? 0, whole?.amended_to ?? 0],
  );
}

/** The sums of the next series after `after`, by id. */
async function readSeries(client: Queryable, hour: Date, end: Date, after: number): Promise<Map<number, Counts>> {
  const { rows } = await client.query<CountRow & { series_id: number }>({
    name: 'read-hour-of-minutes',
    text: `with parts as (
             select series_id, ${countNames} from minute_counts where minute >= $1 and minute < $2 and series_id > $3
             union all
             select series_id, ${countNames} from minute_amendments where minute >= $1 and minute < $2 and series_id > $3)
           select * from parts where series_id <= (select max(series_id) from (select distinct series_id from parts order by 1 limit $4) as next)`,
    values: [hour, end, after, seriesAtOnce],
  });
  const counts = new Map<number, Counts>();
  for (const row of rows) addRow(countsAt(counts, row.series_id), row);
  return counts;
}

async function insertHour(client: Queryable, hour: Date, counts: ReadonlyMap<number, Counts>): Promise<void> {
  await client.query({
    name: 'insert-hour-counts',
    text: `insert into hour_counts (hour, series_id, ${countNames}) select $1, given.* from unnest($2::bigint[], ${countSource(3, 'bigint')}) as given`,
    values: [hour, [...counts.keys()], ...countArrays([...counts.values()])],
  });
}
