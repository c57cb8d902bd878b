/** Erasure: what came in for one tenant goes, whenever it came; what others have a share in loses its content. */
import type { Pool } from '../database/pool.ts';

export interface Erased {
  readonly requests: number;
  readonly events: number;
}

/**
 * Everything that came in for a tenant: its events, the requests at its accounts' addresses, and requests at an app's
 * address that hold nothing of another tenant. Requests of an app that tell of several tenants lose their bodies.
 */
export async function eraseTenant(pool: Pool, tenantId: string): Promise<Erased> {
  const shared = await pool.query<{ id: string }>(
    `select distinct request_id as id from inbound_events mine where tenant_id = $1
       and exists (select from inbound_events other where other.received_at = mine.received_at and other.request_id = mine.request_id and other.tenant_id is distinct from $1)`,
    [tenantId],
  );
  const sharedIds = shared.rows.map(({ id }) => id);
  await pool.query(`update inbound_requests set body = '', headers = '' where id = any($1)`, [sharedIds]);
  const requested = await pool.query(
    `delete from inbound_requests r where tenant_id = $1
       or (address_id is not null and account_id is null and id in (select request_id from inbound_events where tenant_id = $1) and id <> all ($2))`,
    [tenantId, sharedIds],
  );
  await pool.query('delete from inbound_work where event_id in (select id from inbound_events where tenant_id = $1)', [tenantId]);
  const erased = await pool.query('delete from inbound_events where tenant_id = $1', [tenantId]);
  return { requests: requested.rowCount ?? 0, events: erased.rowCount ?? 0 };
}
