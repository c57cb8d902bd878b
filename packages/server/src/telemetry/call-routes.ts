/** `GET /v1/calls` and one call with its evidence. */
import { CallList, CallParams, CallQuery, CallWithEvidence } from '@evenkeel/contract/api/calls.ts';
import type { Queryable } from '../database/pool.ts';
import { decodeCursor, pageOf } from '../http/cursor.ts';
import { Refusal } from '../http/problem.ts';
import { route, type Route } from '../http/route.ts';
import { timeOfId } from '../identifier.ts';
import { callView, findCall, listCalls } from './call-store.ts';
import { visibleTenant } from '../access/visible-tenant.ts';

export function callRoutes(database: Queryable): Route[] {
  return [
    route({
      method: 'GET',
      path: '/v1/calls',
      summary: 'Calls to vendors: every failure, and a sample of successes; newest first',
      tag: 'monitoring',
      access: 'read',
      audit: { none: 'reads only' },
      schema: { query: CallQuery, response: { 200: CallList } },
      async handle({ query, caller }) {
        const limit = query.limit ?? 50;
        const rows = await listCalls(database, {
          tenantId: visibleTenant(caller, query.tenant_id),
          accountId: query.account_id ?? null,
          connectorId: query.connector ?? null,
          outcome: query.outcome ?? null,
          origin: query.origin ?? null,
          requestId: query.request_id ?? null,
          since: query.since === undefined ? null : new Date(query.since),
          before: keyOf(decodeCursor(query.cursor, 'string')),
          limit: limit + 1,
        });
        return pageOf(rows, limit, ({ id }) => id, callView);
      },
    }),
    route({
      method: 'GET',
      path: '/v1/calls/:id',
      summary: 'One call with its evidence',
      tag: 'monitoring',
      access: 'read',
      audit: { none: 'reads only' },
      schema: { params: CallParams, response: { 200: CallWithEvidence } },
      async handle({ params, caller }) {
        const at = timeOfId(params.id);
        const found = at === null ? null : await findCall(database, params.id, new Date(at), caller.tenantId);
        if (found === null) throw new Refusal('not_found', `There is no stored call ${params.id}. Successes are stored as a sample; failures are kept for a limited time.`);
        return { ...callView(found), evidence: found.evidence };
      },
    }),
  ];
}

function keyOf(id: string | null): { at: Date; id: string } | null {
  if (id === null) return null;
  const at = timeOfId(id);
  if (at === null) throw new Refusal('invalid_request', 'The cursor was not made by this list. Start again without one.');
  return { at: new Date(at), id };
}
