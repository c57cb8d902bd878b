/** The API of endpoints. A key that belongs to a tenant sees and makes that tenant's only. */
import {
  Endpoint,
  EndpointCreated,
  EndpointList,
  EndpointParams,
  EndpointQuery,
  EndpointRequest,
  EndpointStatistics,
  EndpointStatisticsQuery,
  EndpointTestRequest,
  EndpointUpdate,
  RotateSecretRequest,
  SecretRotated,
} from '@evenkeel/contract/api/endpoints.ts';
import { Delivery } from '@evenkeel/contract/api/deliveries.ts';
import { eventTypeNamed } from '@evenkeel/contract/event-catalogue.ts';
import { faultOfFilter } from '@evenkeel/core/outbound/event-filter.ts';
import { ensureTenant } from '../access/keys.ts';
import type { Vault } from '../accounts/vault/vault.ts';
import { transaction, type Pool } from '../database/pool.ts';
import { decodeCursor, pageOf } from '../http/cursor.ts';
import { Refusal } from '../http/problem.ts';
import { route, type Route } from '../http/route.ts';
import { queueJob } from '../jobs/job.ts';
import { findDelivery, shownDelivery } from './delivery-store.ts';
import { requireEndpoint } from './endpoint-access.ts';
import { checkAddress, checkHeaders, type AddressRules } from './endpoint-address.ts';
import { closeDeliveriesJob } from './endpoint-disabling.ts';
import { addSecret, expireSecrets, storeHeaders } from './endpoint-secrets.ts';
import { defaultSettings, insertEndpoint, listEndpoints, markDeleted, markDisabled, markEnabled, touchEndpoint, updateEndpoint, type EndpointSettings } from './endpoint-store.ts';
import { shownEndpoint } from './endpoint-view.ts';
import { readStatistics } from './statistics.ts';
import { queueTest } from './test-delivery.ts';

export interface EndpointRouteParts {
  readonly pool: Pool;
  readonly vault: Pick<Vault, 'seal' | 'open'>;
  readonly now: () => number;
  readonly address: AddressRules;
}

export function endpointRoutes(parts: EndpointRouteParts): Route[] {
  return [createRoute(parts), listRoute(parts), showRoute(parts), updateRoute(parts), deleteRoute(parts), rotateRoute(parts), statisticsRoute(parts), testRoute(parts)];
}

type Given = Partial<Pick<EndpointRequest, 'url' | 'description' | 'event_types' | 'headers' | 'rate_limit' | 'max_in_flight' | 'ordered' | 'timeout_ms' | 'retry_schedule_s' | 'contact_email'>>;

/** What the endpoint will be: what is given over what it was. Refuses what cannot work. */
function settingsOf(given: Given, before: EndpointSettings, address: AddressRules): EndpointSettings {
  const fault = given.event_types?.map(faultOfFilter).find((one) => one !== undefined);
  if (fault !== undefined) throw new Refusal('invalid_request', `event_types: ${fault}. GET /v1/event-types lists them.`);
  return {
    url: given.url === undefined ? before.url : checkAddress(given.url, address),
    description: given.description ?? before.description,
    event_types: given.event_types ?? before.event_types,
    rate_limit: given.rate_limit === undefined ? before.rate_limit : given.rate_limit,
    max_in_flight: given.max_in_flight ?? before.max_in_flight,
    ordered: given.ordered ?? before.ordered,
    timeout_ms: given.timeout_ms ?? before.timeout_ms,
    retry_schedule_ms: given.retry_schedule_s === undefined ? before.retry_schedule_ms : (given.retry_schedule_s?.map((s) => Math.round(s * 1000)) ?? null),
    contact_email: given.contact_email === undefined ? before.contact_email : given.contact_email,
    header_names: given.headers === undefined ? before.header_names : Object.keys(checkHeaders(given.headers)),
  };
}

function createRoute({ pool, vault, now, address }: EndpointRouteParts): Route {
  return route({
    method: 'POST',
    path: '/v1/endpoints',
    summary: 'Make an endpoint; its secret is shown this once',
    tag: 'outbound',
    access: 'write',
    audit: { action: 'endpoint.create' },
    schema: { body: EndpointRequest, response: { 201: EndpointCreated } },
    async handle({ body, caller, reply }) {
      const tenantId = body.tenant_id ?? null;
      if (caller.tenantId !== null && caller.tenantId !== tenantId) throw new Refusal('forbidden', `This key belongs to tenant ${caller.tenantId}: make endpoints with that tenant_id.`);
      const settings = settingsOf(body, { ...defaultSettings, url: '', event_types: [], header_names: [] }, address);
      const { id, secret } = await transaction(pool, async (client) => {
        if (tenantId !== null) await ensureTenant(client, tenantId);
        const made = await insertEndpoint(client, tenantId, settings);
        if (body.headers !== undefined) await storeHeaders(client, vault, made, checkHeaders(body.headers));
        return { id: made, secret: await addSecret(client, vault, made, { kind: body.signature ?? 'hmac', given: body.secret }) };
      });
      reply.code(201);
      return { ...shownEndpoint(await requireEndpoint(pool, id, caller), now()), secret };
    },
  });
}

function listRoute({ pool, now }: EndpointRouteParts): Route {
  return route({
    method: 'GET',
    path: '/v1/endpoints',
    summary: 'List endpoints, newest first',
    tag: 'outbound',
    access: 'read',
    audit: { none: 'reads only' },
    schema: { query: EndpointQuery, response: { 200: EndpointList } },
    async handle({ query, caller }) {
      if (caller.tenantId !== null && query.tenant_id !== undefined && query.tenant_id !== caller.tenantId) throw new Refusal('forbidden', `This key sees endpoints of tenant ${caller.tenantId} only.`);
      const limit = query.limit ?? 50;
      const rows = await listEndpoints(pool, { tenantId: caller.tenantId ?? query.tenant_id ?? null, before: decodeCursor(query.cursor, 'string'), limit: limit + 1 });
      return pageOf(rows, limit, ({ id }) => id, (row) => shownEndpoint(row, now()));
    },
  });
}

function showRoute({ pool, now }: EndpointRouteParts): Route {
  return route({
    method: 'GET',
    path: '/v1/endpoints/:id',
    summary: 'One endpoint, and how it fares',
    tag: 'outbound',
    access: 'read',
    audit: { none: 'reads only' },
    schema: { params: EndpointParams, response: { 200: Endpoint } },
    handle: async ({ params, caller }) => shownEndpoint(await requireEndpoint(pool, params.id, caller), now()),
  });
}

function updateRoute({ pool, vault, now, address }: EndpointRouteParts): Route {
  return route({
    method: 'PATCH',
    path: '/v1/endpoints/:id',
    summary: 'Change an endpoint; disable or enable it',
    tag: 'outbound',
    access: 'write',
    audit: { action: 'endpoint.update' },
    schema: { params: EndpointParams, body: EndpointUpdate, response: { 200: Endpoint } },
    async handle({ params, body, caller }) {
      await transaction(pool, async (client) => {
        const before = await requireEndpoint(client, params.id, caller, 'for update of e');
        await updateEndpoint(client, before.id, settingsOf(body, before, address));
        if (body.headers !== undefined) await storeHeaders(client, vault, before.id, checkHeaders(body.headers));
        if (body.enabled === true && before.disabled_at !== null) await markEnabled(client, before.id);
        if (body.enabled === false && (await markDisabled(client, before.id, 'manual'))) await queueJob(client, closeDeliveriesJob, { endpointId: before.id }, { key: `close-deliveries ${before.id}` });
      });
      return shownEndpoint(await requireEndpoint(pool, params.id, caller), now());
    },
  });
}

function deleteRoute({ pool }: EndpointRouteParts): Route {
  return route({
    method: 'DELETE',
    path: '/v1/endpoints/:id',
    summary: 'Delete an endpoint; what is pending is cancelled, its deliveries stay readable',
    tag: 'outbound',
    access: 'write',
    audit: { action: 'endpoint.delete' },
    schema: { params: EndpointParams, response: { 204: null } },
    async handle({ params, caller, reply }) {
      await transaction(pool, async (client) => {
        const { id } = await requireEndpoint(client, params.id, caller, 'for update of e');
        await markDeleted(client, id);
        await queueJob(client, closeDeliveriesJob, { endpointId: id }, { key: `close-deliveries ${id}` });
      });
      return reply.code(204).send();
    },
  });
}

function rotateRoute({ pool, vault }: EndpointRouteParts): Route {
  return route({
    method: 'POST',
    path: '/v1/endpoints/:id/rotate-secret',
    summary: 'Sign with a new secret, and for a while with the former ones as well',
    tag: 'outbound',
    access: 'write',
    audit: { action: 'endpoint.rotate_secret' },
    schema: { params: EndpointParams, body: RotateSecretRequest, response: { 200: SecretRotated } },
    handle: ({ params, body, caller }) =>
      transaction(pool, async (client) => {
        const { id } = await requireEndpoint(client, params.id, caller, 'for update of e');
        const until = await expireSecrets(client, id, body.overlap_s ?? 86_400);
        const secret = await addSecret(client, vault, id, { kind: body.signature ?? 'hmac', given: body.secret });
        await touchEndpoint(client, id);
        return { secret, former_until: until?.toISOString() ?? null };
      }),
  });
}

function statisticsRoute({ pool, now }: EndpointRouteParts): Route {
  return route({
    method: 'GET',
    path: '/v1/endpoints/:id/statistics',
    summary: 'Attempts and deliveries of an endpoint by hour or day',
    tag: 'outbound',
    access: 'read',
    audit: { none: 'reads only' },
    schema: { params: EndpointParams, query: EndpointStatisticsQuery, response: { 200: EndpointStatistics } },
    async handle({ params, query, caller }) {
      const { id } = await requireEndpoint(pool, params.id, caller);
      const sinceMs = now() - (query.days ?? 7) * 86_400_000;
      return readStatistics(pool, id, new Date(Math.floor(sinceMs / 3_600_000) * 3_600_000), query.interval ?? 'hour');
    },
  });
}

function testRoute({ pool }: EndpointRouteParts): Route {
  return route({
    method: 'POST',
    path: '/v1/endpoints/:id/test',
    summary: 'Send an example event to this endpoint now, whatever its filters',
    tag: 'outbound',
    access: 'write',
    audit: { action: 'endpoint.test' },
    schema: { params: EndpointParams, body: EndpointTestRequest, response: { 202: Delivery } },
    async handle({ params, body, caller, reply }) {
      const endpoint = await requireEndpoint(pool, params.id, caller);
      if (endpoint.disabled_at !== null) throw new Refusal('conflict', `The endpoint ${endpoint.id} is disabled: enable it first with PATCH /v1/endpoints/${endpoint.id} {"enabled": true}.`);
      const wanted = body.event_type ?? 'endpoint:test';
      const type = eventTypeNamed(wanted);
      if (type === undefined) throw new Refusal('invalid_request', `There is no event type "${wanted}". GET /v1/event-types lists them.`);
      const id = await transaction(pool, (client) => queueTest(client, endpoint, type));
      const delivery = await findDelivery(pool, id, caller.tenantId);
      if (delivery === undefined) throw new Error(`the delivery ${id} that was just queued is not there`);
      reply.code(202);
      return shownDelivery(delivery);
    },
  });
}
