/** `/v1/inbound/{connector}/{token}`: open to everyone, since the signature is the key. */
import Type from 'typebox';
import { route, type Route } from '../../http/route.ts';
import type { Receiver } from './receiver.ts';

const Params = Type.Object({ connector: Type.String({ maxLength: 63 }), token: Type.String({ maxLength: 64 }) });

export function ingestRoute(receiver: Receiver): Route {
  return route({
    method: ['POST', 'GET', 'PUT'],
    path: '/v1/inbound/:connector/:token',
    summary: 'Where vendors send webhooks. The token routes, the signature authenticates; answered with success once the request is committed.',
    tag: 'inbound',
    access: 'open',
    audit: { none: 'kept by the room itself' },
    rawBody: true,
    answersRaw: true,
    schema: { params: Params, response: { 200: null, 401: null, 503: null } },
    handle({ params, raw, reply, requestId }) {
      reply.hijack();
      void receiver.take({ message: raw.raw, response: reply.raw, connectorId: params.connector, token: params.token, requestId });
      return reply;
    },
  });
}
