/** Statistics of an endpoint, from the hourly counters alone: as fast with ten million attempts as with ten. */
import type { EndpointStatistics } from '@evenkeel/contract/api/endpoints.ts';
import type { Queryable } from '../database/pool.ts';

interface CountRow {
  start: Date;
  attempts: number;
  failed_attempts: number;
  delivered: number;
  failed: number;
  cancelled: number;
  duration_ms: number;
  lag_ms: number;
}

const maxCounted = 10_000;

export const statisticsStatement = `
  select date_trunc($3, hour, 'UTC') as start, sum(attempts)::bigint as attempts, sum(failed_attempts)::bigint as failed_attempts, sum(delivered)::bigint as delivered,
    sum(failed)::bigint as failed, sum(cancelled)::bigint as cancelled, sum(duration_ms)::bigint as duration_ms, sum(lag_ms)::bigint as lag_ms
  from delivery_counts where endpoint_id = $1 and hour >= $2
  group by 1 order by 1`;

export async function readStatistics(database: Queryable, endpointId: string, since: Date, interval: 'hour' | 'day'): Promise<EndpointStatistics> {
  const [{ rows }, pending] = await Promise.all([
    database.query<CountRow>(statisticsStatement, [endpointId, since, interval]),
    database.query<{ n: number }>(`select count(*) as n from (select from deliveries_open where endpoint_id = $1 limit ${maxCounted}) as counted`, [endpointId]),
  ]);
  const sum = (field: Exclude<keyof CountRow, 'start'>): number => rows.reduce((total, row) => total + row[field], 0);
  const [attempts, delivered, failed] = [sum('attempts'), sum('delivered'), sum('failed')];
  return {
    since: since.toISOString(),
    pending: pending.rows[0]?.n ?? 0,
    totals: {
      attempts,
      failed_attempts: sum('failed_attempts'),
      delivered,
      failed,
      cancelled: sum('cancelled'),
      success_rate: delivered + failed === 0 ? null : delivered / (delivered + failed),
      average_duration_ms: attempts === 0 ? null : Math.round(sum('duration_ms') / attempts),
      average_lag_ms: delivered === 0 ? null : Math.round(sum('lag_ms') / delivered),
    },
    intervals: rows.map((row) => ({ start: row.start.toISOString(), attempts: row.attempts, failed_attempts: row.failed_attempts, delivered: row.delivered, failed: row.failed, cancelled: row.cancelled })),
  };
}
