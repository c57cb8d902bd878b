/** The API of deliveries: what became of each, and trying again. */
import { Delivery, DeliveryDetail, DeliveryList, DeliveryParams, DeliveryQuery } from '@evenkeel/contract/api/deliveries.ts';
import type { Caller } from '../access/keys.ts';
import { transaction, type Pool, type Queryable } from '../database/pool.ts';
import { decodeCursor, pageOf } from '../http/cursor.ts';
import { Refusal } from '../http/problem.ts';
import { route, type Route } from '../http/route.ts';
import { cancelDelivery, findDelivery, listAttempts, listDeliveries, retryDelivery, shownDelivery, type DeliveryRow } from './delivery-store.ts';
import { readEvents } from './delivering/queue.ts';
import { messageOf } from './delivering/sender.ts';
import { visibleEndpoints } from './endpoint-access.ts';
import { findEndpoint } from './endpoint-store.ts';
import { announceDeliveries } from './publish.ts';

export function deliveryRoutes(pool: Pool): Route[] {
  return [listRoute(pool), showRoute(pool), retryRoute(pool), cancelRoute(pool)];
}

async function requireDelivery(database: Queryable, id: string, caller: Caller): Promise<DeliveryRow> {
  const delivery = await findDelivery(database, id, caller.tenantId);
  if (delivery === undefined) throw new Refusal('not_found', `There is no delivery ${id}, or it is beyond retention.`);
  return delivery;
}

function listRoute(pool: Pool): Route {
  return route({
    method: 'GET',
    path: '/v1/deliveries',
    summary: 'List deliveries, newest event first',
    tag: 'outbound',
    access: 'read',
    audit: { none: 'reads only' },
    schema: { query: DeliveryQuery, response: { 200: DeliveryList } },
    async handle({ query, caller }) {
      const limit = query.limit ?? 50;
      const rows = await listDeliveries(pool, {
        endpointIds: await visibleEndpoints(pool, query.endpoint_id, caller),
        eventId: query.event_id ?? null,
        state: query.state ?? null,
        eventType: query.event_type ?? null,
        sinceMs: query.since === undefined ? null : Date.parse(query.since),
        before: decodeCursor(query.cursor, 'string'),
        limit: limit + 1,
      });
      return pageOf(rows, limit, ({ id }) => id, shownDelivery);
    },
  });
}

function showRoute(pool: Pool): Route {
  return route({
    method: 'GET',
    path: '/v1/deliveries/:id',
    summary: 'One delivery with its attempts and what is sent',
    tag: 'outbound',
    access: 'read',
    audit: { none: 'reads only' },
    schema: { params: DeliveryParams, response: { 200: DeliveryDetail } },
    async handle({ params, caller }) {
      const delivery = await requireDelivery(pool, params.id, caller);
      const [attempts, [event]] = await Promise.all([listAttempts(pool, delivery.id), readEvents(pool, [delivery.event_id])]);
      const payload: unknown = event === undefined ? null : JSON.parse(messageOf(event).body.toString('utf8'));
      return { ...shownDelivery(delivery), attempt_list: attempts, payload };
    },
  });
}

function retryRoute(pool: Pool): Route {
  return route({
    method: 'POST',
    path: '/v1/deliveries/:id/retry',
    summary: 'Send it now, in place of the planned attempt; a closed delivery is opened for one more',
    tag: 'outbound',
    access: 'write',
    audit: { action: 'delivery.retry' },
    schema: { params: DeliveryParams, response: { 202: Delivery } },
    async handle({ params, caller, reply }) {
      const { endpoint_id: endpointId, event_id: eventId } = await requireDelivery(pool, params.id, caller);
      const endpoint = await findEndpoint(pool, endpointId, null);
      if (endpoint === undefined) throw new Refusal('conflict', `The endpoint ${endpointId} was deleted: there is nowhere to send this to.`);
      if (endpoint.disabled_at !== null) throw new Refusal('conflict', `The endpoint ${endpointId} is disabled: enable it first with PATCH /v1/endpoints/${endpointId} {"enabled": true}.`);
      const [event] = await readEvents(pool, [eventId]);
      if (event?.is_erased === true) throw new Refusal('conflict', `The record in the event ${eventId} was erased: there is nothing left to send.`);
      // A delivery can close or open between two looks; one of the two then finds it.
      const retried = await transaction(pool, async (client) => {
        const found = (await retryDelivery(client, params.id)) || (await retryDelivery(client, params.id));
        if (found) await announceDeliveries(client);
        return found;
      });
      if (!retried) throw new Refusal('conflict', `The delivery ${params.id} is changing at this moment. Try again.`, { retryable: true });
      reply.code(202);
      return shownDelivery(await requireDelivery(pool, params.id, caller));
    },
  });
}

function cancelRoute(pool: Pool): Route {
  return route({
    method: 'POST',
    path: '/v1/deliveries/:id/cancel',
    summary: 'Plan no more attempts',
    tag: 'outbound',
    access: 'write',
    audit: { action: 'delivery.cancel' },
    schema: { params: DeliveryParams, response: { 200: Delivery } },
    async handle({ params, caller }) {
      await requireDelivery(pool, params.id, caller);
      const cancelled = await cancelDelivery(pool, params.id);
      const delivery = await requireDelivery(pool, params.id, caller);
      if (!cancelled && delivery.state !== 'cancelled') throw new Refusal('conflict', `The delivery ${params.id} is ${delivery.state} already.`);
      return shownDelivery(delivery);
    },
  });
}
