/** Series in PostgreSQL: found by what they are, made where they are new, removed when nothing is stored of them any more. */
import type { Queryable } from '../../database/pool.ts';
import type { SeriesKey } from '../observation.ts';

/** The ids of `keys`, in their order. Safe on several nodes at once. */
export async function resolveSeries(database: Queryable, keys: readonly SeriesKey[]): Promise<number[]> {
  const values = [
    keys.map(({ kind }) => kind),
    keys.map(({ surface }) => surface),
    keys.map(({ tenantId }) => tenantId),
    keys.map(({ accountId }) => accountId),
    keys.map(({ connectorId }) => connectorId),
    keys.map(({ category }) => category),
    keys.map(({ endpoint }) => endpoint),
    keys.map(({ vendorEndpoint }) => vendorEndpoint ?? null),
  ];
  const ids = await findSeries(database, values);
  if (!ids.includes(undefined)) return ids as number[];
  await database.query({
    name: 'make-telemetry-series',
    // In the order of the key: two nodes that make the same series wait for each other, never in a circle.
    text: `insert into telemetry_series (kind, surface, tenant_id, account_id, connector_id, category, endpoint, vendor_endpoint)
           select kind, surface, tenant_id, account_id, connector_id, category, endpoint, vendor_endpoint
           from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[])
             as asked (kind, surface, tenant_id, account_id, connector_id, category, endpoint, vendor_endpoint)
           order by telemetry_series_key(kind, surface, tenant_id, account_id, connector_id, category, endpoint, vendor_endpoint)
           on conflict (key) do nothing`,
    values,
  });
  return (await findSeries(database, values)).map((id) => id ?? 0);
}

/** By the place of their key. What was found is in use: it is not removed before a day and the whole retention have passed. */
async function findSeries(database: Queryable, values: readonly (string | null)[][]): Promise<(number | undefined)[]> {
  const { rows } = await database.query<{ at: number; id: number; rested: boolean }>({
    name: 'find-telemetry-series',
    text: `select asked.at::int as at, series.id, series.used_at < now() - interval '1 day' as rested
           from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[])
             with ordinality as asked (kind, surface, tenant_id, account_id, connector_id, category, endpoint, vendor_endpoint, at)
           join telemetry_series series
             on series.key = telemetry_series_key(asked.kind, asked.surface, asked.tenant_id, asked.account_id, asked.connector_id, asked.category, asked.endpoint, asked.vendor_endpoint)`,
    values: [...values],
  });
  const rested = rows.filter((row) => row.rested).map(({ id }) => id);
  const awake = new Set(rested.length === 0 ? [] : await useAgain(database, rested));
  const ids = Array.from({ length: values[0]?.length ?? 0 }, (): number | undefined => undefined);
  for (const row of rows) if (!row.rested || awake.has(row.id)) ids[row.at - 1] = row.id;
  return ids;
}

/** Those that are still there: one may be removed this very moment. In one order, so that two nodes never wait in a circle. */
async function useAgain(database: Queryable, ids: readonly number[]): Promise<number[]> {
  const { rows } = await database.query<{ id: number }>(
    `with present as (select id from telemetry_series where id = any($1::bigint[]) order by id for update)
     update telemetry_series series set used_at = now() from present where series.id = present.id returning series.id`,
    [ids],
  );
  return rows.map(({ id }) => id);
}

/** Looked at in one statement. */
const batchSeries = 1_000;

/** Removes series that nobody asked for since `before` and of which no count is stored; one that is counted without a rest is in use. */
export async function removeUnusedSeries(database: Queryable, before: Date): Promise<number> {
  let removed = 0;
  for (;;) {
    const { rows: [batch] } = await database.query<{ removed: number; used: number }>(
      `with old as (select id from telemetry_series where used_at < $1 order by used_at limit $2 for update skip locked),
            counted as (
              select id from old
              where exists (select from hour_counts where series_id = old.id) or exists (select from minute_counts where series_id = old.id)),
            removed as (delete from telemetry_series where id in (select id from old except select id from counted) returning id),
            used as (update telemetry_series set used_at = now() where id in (select id from counted) returning id)
       select (select count(*) from removed) as removed, (select count(*) from used) as used`,
      [before, batchSeries],
    );
    removed += batch?.removed ?? 0;
    if ((batch?.removed ?? 0) + (batch?.used ?? 0) < batchSeries) return removed;
  }
}
