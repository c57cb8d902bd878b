/**
 * Success rate by tenant and connector: the one customer whose integration has been broken for days, whom every total
 * hides. Ranked by how long nothing succeeded, then by how much of its calls fails.
 */
import type { TenantSuccess } from '@evenkeel/contract/api/monitoring.ts';
import type { Queryable } from '../../database/pool.ts';
import { ratioOf, type Asked } from './figures.ts';
import { sumWindows, type WindowSums } from './window-store.ts';

/** What a tenant calls itself: what Evenkeel asks for itself is none of its success. */
const tenantSurfaces = ['proxy', 'passthrough', 'unified', 'external'];

type Row = TenantSuccess['results'][number];

export async function readTenantSuccess({ database, windows, tenantId, connectorId, limit }: Asked): Promise<TenantSuccess['results']> {
  const sums = (await sumWindows(database, windows, { kind: 'call', tenantId, connectorId, surfaces: tenantSurfaces }, ['tenant_id', 'connector_id'])).filter(({ dimensions }) => dimensions.tenant_id !== null);
  const totals = sums.reduce((all, { now }) => ({ calls: all.calls + now.total, failed: all.failed + failedOf(now) }), { calls: 0, failed: 0 });
  // Who fails most first: only for those is the last success worth looking up.
  const worst = sums.toSorted((a, b) => brokenness(b) - brokenness(a) || failedOf(b.now) - failedOf(a.now)).slice(0, limit);
  const successes = await lastSuccesses(database, worst);
  const toMs = windows.to.getTime();
  const rows = worst.map(({ dimensions: { tenant_id: tenant, connector_id: connector }, now, before }): Omit<Row, 'rank'> => {
    const last = successes.get(`${tenant} ${connector}`) ?? null;
    return {
      tenant_id: tenant ?? '',
      connector,
      accounts: now.accounts,
      now: figures(now),
      before: figures(before),
      share_of_failures: ratioOf(failedOf(now), totals.failed),
      share_of_calls: ratioOf(now.total, totals.calls),
      last_success_at: last?.toISOString() ?? null,
      since_last_success_s: last === null ? null : Math.max(0, Math.round((toMs - last.getTime()) / 1000)),
      broken: now.success === 0 && failedOf(now) > 0,
    };
  });
  const hurt = (row: Omit<Row, 'rank'>): number => (row.broken ? (row.since_last_success_s ?? Number.MAX_SAFE_INTEGER) : 0);
  return rows
    .toSorted((a, b) => Number(b.broken) - Number(a.broken) || hurt(b) - hurt(a) || (a.now.success_rate ?? 1) - (b.now.success_rate ?? 1) || b.now.failed - a.now.failed)
    .map((row, at) => ({ rank: at + 1, ...row }));
}

const failedOf = ({ account, platform, upstream }: WindowSums['now']): number => account + platform + upstream;
const decided = ({ total, caller, aborted }: WindowSums['now']): number => total - caller - aborted;
const brokenness = ({ now }: WindowSums): number => ratioOf(failedOf(now), decided(now)) ?? 0;

function figures(sums: WindowSums['now']): Row['now'] {
  return { total: sums.total, success: sums.success, failed: failedOf(sums), success_rate: ratioOf(sums.success, decided(sums)) };
}

/** The end of the last minute (beyond their retention: hour) in which a call succeeded, by tenant and connector. */
async function lastSuccesses(database: Queryable, sums: readonly WindowSums[]): Promise<Map<string, Date>> {
  const { rows } = await database.query<{ tenant_id: string; connector_id: string | null; at: Date | null }>(
    `select asked.tenant_id, asked.connector_id, max(coalesce(by_minute.at, by_hour.at)) as at
     from unnest($1::text[], $2::text[]) as asked (tenant_id, connector_id)
     join telemetry_series series on series.kind = 'call' and series.surface <> 'background' and series.tenant_id = asked.tenant_id and series.connector_id is not distinct from asked.connector_id
     left join lateral (select minute + interval '1 minute' as at from minute_counts where series_id = series.id and success > 0 order by minute desc limit 1) as by_minute on true
     left join lateral (select hour + interval '1 hour' as at from hour_counts where by_minute.at is null and series_id = series.id and success > 0 order by hour desc limit 1) as by_hour on true
     group by asked.tenant_id, asked.connector_id`,
    [sums.map(({ dimensions }) => dimensions.tenant_id), sums.map(({ dimensions }) => dimensions.connector_id)],
  );
  return new Map(rows.flatMap(({ tenant_id: tenant, connector_id: connector, at }) => (at === null ? [] : [[`${tenant} ${connector}`, at] as const])));
}
