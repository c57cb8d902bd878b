/** Which endpoints a caller may see: a key that belongs to a tenant, that tenant's only. */
import type { Caller } from '../access/keys.ts';
import type { Queryable } from '../database/pool.ts';
import { Refusal } from '../http/problem.ts';
import { findEndpoint, listEndpointIds, type EndpointRow } from './endpoint-store.ts';

/** Refuses with not_found. */
export async function requireEndpoint(database: Queryable, id: string, caller: Caller, lock: '' | 'for update of e' = ''): Promise<EndpointRow> {
  const endpoint = await findEndpoint(database, id, caller.tenantId, lock);
  if (endpoint === undefined) throw new Refusal('not_found', `There is no endpoint ${id}. GET /v1/endpoints lists them.`);
  return endpoint;
}

/** Null: every one there is. Deleted endpoints count, their deliveries stay readable. */
export async function visibleEndpoints(database: Queryable, endpointId: string | undefined, caller: Caller): Promise<string[] | null> {
  if (caller.tenantId === null) return endpointId === undefined ? null : [endpointId];
  const own = await listEndpointIds(database, caller.tenantId);
  return endpointId === undefined ? own : own.filter((id) => id === endpointId);
}
