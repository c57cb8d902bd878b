/**
 * Lanes in PostgreSQL: which node works which endpoint, under a lease. One node at a time makes an endpoint's limits exact
 * over all nodes; a node that dies leaves leases that end, and its deliveries are still in the queue.
 * `aheadMs` is how far the caller's clock runs ahead of the database's: 0 but in tests.
 */
import type { EndpointHealth } from '@evenkeel/core/outbound/endpoint-health.ts';
import type { Queryable } from '../../database/pool.ts';

export interface ClaimedLane {
  readonly endpointId: string;
  readonly health: EndpointHealth;
}

interface LaneRow {
  endpoint_id: string;
  failures: number;
  opened: number;
  failing_since: Date | null;
  failed_at: Date | null;
  failing_ms: number;
  failed_deliveries: string[];
  resume_at: Date | null;
}

/**
 * Takes lanes that have something due and that no live node works. Looks at one row an endpoint, however long its queue:
 * the recursion leaps from one endpoint to the next in the index.
 */
export async function claimLanes(database: Queryable, claim: { owner: string; leaseMs: number; atMost: number; aheadMs: number }): Promise<ClaimedLane[]> {
  const { rows } = await database.query<LaneRow>({
    name: 'claim-lanes',
    text: `with recursive busy (endpoint_id) as (
             (select endpoint_id from deliveries_open order by endpoint_id limit 1)
             union all
             select (select o.endpoint_id from deliveries_open o where o.endpoint_id > b.endpoint_id order by o.endpoint_id limit 1)
             from busy b where b.endpoint_id is not null
           ), free as (
             select l.endpoint_id
             from busy b
             join delivery_lanes l on l.endpoint_id = b.endpoint_id
             join endpoints e on e.id = l.endpoint_id and e.disabled_at is null and e.deleted_at is null
             where (l.owner is null or l.lease_until < now())
               and exists (
                 select from deliveries_open o
                 where o.endpoint_id = l.endpoint_id
                   and o.due_at <= case when l.resume_at > now() + $4 * interval '1 ms' then 'epoch'::timestamptz else now() + $4 * interval '1 ms' end
               )
             limit $3
             for update of l skip locked
           )
           update delivery_lanes l set owner = $1, lease_until = now() + $2 * interval '1 ms'
           from free where l.endpoint_id = free.endpoint_id
           returning l.endpoint_id, l.failures, l.opened, l.failing_since, l.failed_at, l.failing_ms::float8 as failing_ms, l.failed_deliveries, l.resume_at`,
    values: [claim.owner, claim.leaseMs, claim.atMost, claim.aheadMs],
  });
  return rows.map((row) => ({
    endpointId: row.endpoint_id,
    health: { failures: row.failures, opened: row.opened, failing: failingOf(row), resumeAtMs: row.resume_at?.getTime() ?? null },
  }));
}

function failingOf({ failing_since: since, failed_at: last, failing_ms: countedMs, failed_deliveries: deliveries }: LaneRow): EndpointHealth['failing'] {
  if (since === null) return null;
  const sinceMs = since.getTime();
  // A node of the version before knows of the first failure only, and leaves the rest as it was.
  if (last === null || last < since) return { sinceMs, lastMs: sinceMs, countedMs: 0, deliveries: [] };
  return { sinceMs, lastMs: last.getTime(), countedMs, deliveries };
}

/** Prolongs leases that have not ended. Returns the endpoints still held: all others belong to somebody else. */
export async function renewLanes(database: Queryable, owner: string, endpointIds: readonly string[], leaseMs: number): Promise<Set<string>> {
  const { rows } = await database.query<{ endpoint_id: string }>({
    name: 'renew-lanes',
    text: `update delivery_lanes set lease_until = now() + $3 * interval '1 ms'
           where endpoint_id = any($2) and owner = $1 and lease_until > now()
           returning endpoint_id`,
    values: [owner, endpointIds, leaseMs],
  });
  return new Set(rows.map(({ endpoint_id }) => endpoint_id));
}

export async function releaseLanes(database: Queryable, owner: string, endpointIds: readonly string[]): Promise<void> {
  if (endpointIds.length === 0) return;
  await database.query(`update delivery_lanes set owner = null, lease_until = null where owner = $1 and endpoint_id = any($2)`, [owner, endpointIds]);
}
