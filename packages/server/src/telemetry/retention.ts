/** The job that keeps telemetry within its time: partitions ahead, old ones dropped, small tables and series trimmed. */
import type { Pool, Queryable } from '../database/pool.ts';
import { dropPartitions, makePartitions, type PartitionedTable } from '../database/time-partitions.ts';
import { job, type AnyJob } from '../jobs/runner.ts';
import { removeUnusedSeries } from './counting/series-store.ts';

/** Days that each kind of record is kept. */
export interface Retention {
  /** Calls with their evidence. */
  readonly callsDays: number;
  /** Counts by minute, and amendments of them. */
  readonly minutesDays: number;
  /** Counts by hour, and which minutes and hours were covered. */
  readonly hoursDays: number;
}

export const callPartitions: PartitionedTable = { table: 'calls', column: 'at', unit: 'day' };
export const minutePartitions: PartitionedTable = { table: 'minute_counts', column: 'minute', unit: 'day' };
const hourPartitions: PartitionedTable = { table: 'hour_counts', column: 'hour', unit: 'month' };

const dayMs = 86_400_000;

const tables: readonly (readonly [PartitionedTable, keyof Retention])[] = [
  [callPartitions, 'callsDays'],
  [minutePartitions, 'minutesDays'],
  [hourPartitions, 'hoursDays'],
];

/** Partitions of the present and the coming days: before anything is recorded. */
export async function prepareTelemetry(pool: Pool, nowMs: number): Promise<void> {
  for (const [table] of tables) await makePartitions(pool, table, nowMs);
}

export function telemetryRetentionJob(pool: Pool, retention: Retention, now: () => number): AnyJob {
  return job({
    name: 'telemetry-retention',
    cron: '17 * * * *',
    timeoutMs: 300_000,
    parse: () => undefined,
    async run() {
      await prepareTelemetry(pool, now());
      for (const [table, days] of tables) await dropPartitions(pool, table, now(), retention[days]);
      await trim(pool, retention, new Date(now()));
      await removeUnusedSeries(pool, new Date(now() - Math.max(retention.minutesDays, retention.hoursDays) * dayMs));
    },
  });
}

async function trim(database: Queryable, { minutesDays, hoursDays }: Retention, now: Date): Promise<void> {
  await database.query(`delete from minute_amendments where minute < $1::timestamptz - $2 * interval '1 day'`, [now, minutesDays]);
  await database.query(`delete from telemetry_losses where minute < $1::timestamptz - $2 * interval '1 day'`, [now, minutesDays]);
  await database.query(`delete from telemetry_nodes where coalesce(stopped_at, vanished_at) < $1::timestamptz - $2 * interval '1 day'`, [now, minutesDays]);
  await database.query(`delete from telemetry_minutes where minute < $1::timestamptz - $2 * interval '1 day'`, [now, hoursDays]);
  await database.query(`delete from telemetry_hours where hour < $1::timestamptz - $2 * interval '1 day'`, [now, hoursDays]);
}
