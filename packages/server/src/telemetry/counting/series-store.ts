/** Series in PostgreSQL: found by what they are, made where they are new. */
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
  const find = {
    name: 'find-telemetry-series',
    text: `select asked.at::int as at, series.id
           from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[])
             with ordinality as asked (kind, surface, tenant_id, account_id, connector_id, category, endpoint, vendor_endpoint, at)
           join telemetry_series series
             on series.key = telemetry_series_key(asked.kind, asked.surface, asked.tenant_id, asked.account_id, asked.connector_id, asked.category, asked.endpoint, asked.vendor_endpoint)`,
    values,
  };
  const ids = keys.map(() => 0);
  const note = (rows: readonly { at: number; id: number }[]): void => rows.forEach(({ at, id }) => void (ids[at - 1] = id));
  note((await database.query<{ at: number; id: number }>(find)).rows);
  if (!ids.includes(0)) return ids;
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
  note((await database.query<{ at: number; id: number }>(find)).rows);
  return ids;
}
