/** `GET /v1/drift` and the acknowledgement of a change, which alone moves a baseline. */
import { Drift, DriftAcknowledgement, DriftList, DriftParams, DriftQuery } from '@evenkeel/contract/api/drift.ts';
import { acceptChange } from '@evenkeel/core/telemetry/drift.ts';
import { transaction, type Pool, type Queryable } from '../../database/pool.ts';
import { decodeCursor, pageOf } from '../../http/cursor.ts';
import { Refusal } from '../../http/problem.ts';
import { route, type Route } from '../../http/route.ts';
import { endChange, listChanges, lockBaseline, lockChange, storeBaseline, type ChangeRow } from './shape-store.ts';

export function driftRoutes(pool: Pool): Route[] {
  return [
    route({
      method: 'GET',
      path: '/v1/drift',
      summary: 'Changes in the shape of vendors\' answers and events, newest first',
      tag: 'monitoring',
      access: 'read',
      audit: { none: 'reads only' },
      schema: { query: DriftQuery, response: { 200: DriftList } },
      async handle({ query }) {
        const limit = query.limit ?? 50;
        const rows = await listChanges(pool, { connectorId: query.connector ?? null, class: query.class ?? null, state: query.state ?? null, before: decodeCursor(query.cursor, 'string'), limit: limit + 1 });
        return pageOf(rows, limit, ({ id }) => id, shown);
      },
    }),
    route({
      method: 'POST',
      path: '/v1/drift/:id/acknowledge',
      summary: 'Take a change as normal from now on',
      tag: 'monitoring',
      access: 'write',
      audit: { action: 'drift.acknowledge' },
      schema: { params: DriftParams, body: DriftAcknowledgement, response: { 200: Drift } },
      async handle({ params, body, caller }) {
        if (caller.tenantId !== null) throw new Refusal('forbidden', `This key belongs to tenant ${caller.tenantId}, and a baseline is that of all tenants. Use a key without a tenant.`);
        return transaction(pool, (client) => acknowledge(client, params.id, caller.keyId, body.note ?? null));
      },
    }),
  ];
}

/** The baseline is locked before the change, as sampling does it. */
async function acknowledge(client: Queryable, id: string, by: string, note: string | null): Promise<Drift> {
  const { rows } = await client.query<ChangeRow>('select * from shape_changes where id = $1', [id]);
  const [found] = rows;
  if (found === undefined) throw new Refusal('not_found', `There is no change ${id}. GET /v1/drift lists them.`);
  const place = { connectorId: found.connector_id, endpoint: found.endpoint, vendorEndpoint: found.vendor_endpoint, statusClass: found.status_class };
  const state = await lockBaseline(client, place);
  const change = await lockChange(client, id);
  if (state === undefined || change?.state !== 'open') throw new Refusal('conflict', `The change ${id} is ${change?.state ?? 'gone'}: there is nothing to acknowledge.`);
  acceptChange(state, { kind: change.kind, path: change.path, type: change.json_type });
  await storeBaseline(client, place, state);
  const ended = await endChange(client, id, by, note);
  return shown(ended ?? change);
}

function shown({ connector_id: connector, detected_at: detected, ended_at: ended, ...row }: ChangeRow): Drift {
  return { ...row, connector, detected_at: detected.toISOString(), ended_at: ended?.toISOString() ?? null };
}
