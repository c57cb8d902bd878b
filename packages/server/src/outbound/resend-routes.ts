/** The API of recovering and resending in bulk: counted first on request, then done in the background with its progress. */
import Type from 'typebox';
import { EndpointParams, RecoverRequest, Resend, ResendList, ResendParams, ResendRequest } from '@evenkeel/contract/api/endpoints.ts';
import { pageQuery } from '@evenkeel/contract/api/list.ts';
import { faultOfFilter } from '@evenkeel/core/outbound/event-filter.ts';
import type { Caller } from '../access/keys.ts';
import { transaction, type Pool } from '../database/pool.ts';
import { decodeCursor, pageOf } from '../http/cursor.ts';
import { Refusal } from '../http/problem.ts';
import { route, type Route } from '../http/route.ts';
import { queueJob } from '../jobs/job.ts';
import { requireEndpoint } from './endpoint-access.ts';
import { shownResend } from './endpoint-view.ts';
import { countResend } from './resend-batch.ts';
import { cancelResend, findResend, insertResend, listResends, resendJob, type ResendFilter } from './resend-store.ts';

export interface ResendRouteParts {
  readonly pool: Pool;
  readonly now: () => number;
}

export function resendRoutes(parts: ResendRouteParts): Route[] {
  return [recoverRoute(parts), resendRoute(parts), listRoute(parts), showRoute(parts), cancelRoute(parts)];
}

async function begin({ pool }: ResendRouteParts, wanted: { endpointId: string; kind: 'recover' | 'resend'; filter: ResendFilter; dryRun: boolean; caller: Caller }): Promise<Resend> {
  const { endpointId, kind, filter, caller } = wanted;
  const endpoint = await requireEndpoint(pool, endpointId, caller);
  const total = await countResend(pool, endpointId, filter);
  if (wanted.dryRun) return { id: null, endpoint_id: endpointId, kind, state: 'preview', total: total.atLeast, total_exact: total.exact, done: 0, created_at: null, finished_at: null };
  if (endpoint.disabled_at !== null) throw new Refusal('conflict', `The endpoint ${endpointId} is disabled: enable it first with PATCH /v1/endpoints/${endpointId} {"enabled": true}.`);
  return transaction(pool, async (client) => {
    const row = await insertResend(client, { endpointId, kind, filter, total, createdBy: caller.keyId });
    await queueJob(client, resendJob, { resendId: row.id });
    return shownResend(row);
  });
}

function recoverRoute(parts: ResendRouteParts): Route {
  return route({
    method: 'POST',
    path: '/v1/endpoints/:id/recover',
    summary: 'Send everything the endpoint has missed since a moment: what failed, was cancelled, or was never queued',
    tag: 'outbound',
    access: 'write',
    audit: { action: 'endpoint.recover' },
    schema: { params: EndpointParams, body: RecoverRequest, response: { 200: Resend, 202: Resend } },
    async handle({ params, body, caller, reply }) {
      const filter: ResendFilter = { states: ['failed', 'cancelled'], eventTypes: null, sinceMs: Date.parse(body.since), untilMs: parts.now() + 1, missing: true };
      const resend = await begin(parts, { endpointId: params.id, kind: 'recover', filter, dryRun: body.dry_run === true, caller });
      reply.code(resend.id === null ? 200 : 202);
      return resend;
    },
  });
}

function resendRoute(parts: ResendRouteParts): Route {
  return route({
    method: 'POST',
    path: '/v1/endpoints/:id/resend',
    summary: 'Send deliveries of a time again, delivered ones included unless states leave them out',
    tag: 'outbound',
    access: 'write',
    audit: { action: 'endpoint.resend' },
    schema: { params: EndpointParams, body: ResendRequest, response: { 200: Resend, 202: Resend } },
    async handle({ params, body, caller, reply }) {
      const fault = body.event_types?.map(faultOfFilter).find((one) => one !== undefined);
      if (fault !== undefined) throw new Refusal('invalid_request', `event_types: ${fault}.`);
      const filter: ResendFilter = {
        states: body.states ?? ['delivered', 'failed', 'cancelled'],
        eventTypes: body.event_types ?? null,
        sinceMs: Date.parse(body.since),
        untilMs: body.until === undefined ? parts.now() + 1 : Date.parse(body.until),
        missing: false,
      };
      const resend = await begin(parts, { endpointId: params.id, kind: 'resend', filter, dryRun: body.dry_run === true, caller });
      reply.code(resend.id === null ? 200 : 202);
      return resend;
    },
  });
}

function listRoute({ pool }: ResendRouteParts): Route {
  return route({
    method: 'GET',
    path: '/v1/endpoints/:id/resends',
    summary: 'Bulk operations of an endpoint, newest first',
    tag: 'outbound',
    access: 'read',
    audit: { none: 'reads only' },
    schema: { params: EndpointParams, query: Type.Object(pageQuery), response: { 200: ResendList } },
    async handle({ params, query, caller }) {
      await requireEndpoint(pool, params.id, caller);
      const limit = query.limit ?? 50;
      return pageOf(await listResends(pool, params.id, { before: decodeCursor(query.cursor, 'string'), limit: limit + 1 }), limit, ({ id }) => id, shownResend);
    },
  });
}

function showRoute({ pool }: ResendRouteParts): Route {
  return route({
    method: 'GET',
    path: '/v1/endpoints/:id/resends/:resend',
    summary: 'How far a bulk operation has come',
    tag: 'outbound',
    access: 'read',
    audit: { none: 'reads only' },
    schema: { params: ResendParams, response: { 200: Resend } },
    async handle({ params, caller }) {
      await requireEndpoint(pool, params.id, caller);
      const row = await findResend(pool, params.id, params.resend);
      if (row === undefined) throw new Refusal('not_found', `The endpoint ${params.id} has no bulk operation ${params.resend}.`);
      return shownResend(row);
    },
  });
}

function cancelRoute({ pool }: ResendRouteParts): Route {
  return route({
    method: 'POST',
    path: '/v1/endpoints/:id/resends/:resend/cancel',
    summary: 'Queue no more of a bulk operation; what it has queued stays',
    tag: 'outbound',
    access: 'write',
    audit: { action: 'endpoint.cancel_resend' },
    schema: { params: ResendParams, response: { 200: Resend } },
    async handle({ params, caller }) {
      await requireEndpoint(pool, params.id, caller);
      const cancelled = (await findResend(pool, params.id, params.resend)) !== undefined && (await cancelResend(pool, params.resend));
      const row = await findResend(pool, params.id, params.resend);
      if (row === undefined) throw new Refusal('not_found', `The endpoint ${params.id} has no bulk operation ${params.resend}.`);
      if (!cancelled) throw new Refusal('conflict', `The bulk operation ${row.id} is ${row.state} already.`);
      return shownResend(row);
    },
  });
}
