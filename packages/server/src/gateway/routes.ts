/** The routes that reach vendors: proxy and passthrough. They answer on the raw response; bodies are the vendor's. */
import { METHODS } from 'node:http';
import { ProxyActionParams, ProxyListQuery, ProxyQuery, ProxyRecordParams, ProxyResourceParams } from '@evenkeel/contract/api/proxy.ts';
import { headerMap } from '@evenkeel/core/connectors/answers/upstream-answer.ts';
import type { IncomingCall } from '@evenkeel/core/gateway/call.ts';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Caller } from '../access/keys.ts';
import type { Unadmitted } from '../http/authentication.ts';
import { route, type Route } from '../http/route.ts';
import { CallInProgress } from './call-in-progress.ts';
import { takeBody } from './caller-body.ts';
import type { Gateway, TakeBody } from './gateway.ts';
import { accountOf } from './named-account.ts';

const audit = { none: 'kept as a call record' } as const;
const proxyBodyLimit = 10 * 1024 * 1024;
const passthroughPath = '/v1/passthrough/';
/** By what a key must be allowed: reading asks for no more than the read scope. */
const passthroughMethods = { read: ['GET', 'OPTIONS'], write: ['POST', 'PUT', 'PATCH', 'DELETE'] } as const;
/** Beyond what OpenAPI has words for; CalDAV and its like live by them. What they do is the vendor's to say: writing. */
const uncommonMethods = METHODS.filter((method) => !['GET', 'HEAD', 'OPTIONS', 'POST', 'PUT', 'PATCH', 'DELETE', 'CONNECT', 'TRACE'].includes(method));

export function gatewayRoutes(gateway: Gateway, now: () => number): Route[] {
  const carry = (incoming: IncomingCall, raw: FastifyRequest, reply: FastifyReply, caller: Caller, body: TakeBody | null): FastifyReply => {
    reply.hijack();
    const call = new CallInProgress(incoming, raw.id, reply.raw, now());
    void gateway.carry(call, accountOf(raw), caller, body);
    return reply;
  };
  const proxied = (raw: FastifyRequest, reply: FastifyReply, caller: Caller): FastifyReply => carry(proxyCall(raw), raw, reply, caller, null);
  const unadmitted: Unadmitted = (raw, caller, failure) => {
    const surface = raw.routeOptions.url?.startsWith(passthroughPath) === true ? 'passthrough' : 'proxy';
    gateway.notAdmitted({ surface, model: null, httpMethod: raw.method, requestId: raw.id, accountId: accountOf(raw) }, caller, failure);
  };
  const common = { tag: 'proxy', access: 'write', audit, answersRaw: true, unadmitted } as const;
  return [
    route({ ...common, access: 'read', method: 'GET', path: '/v1/proxy/:resource', summary: 'List the records of a resource', schema: { params: ProxyResourceParams, query: ProxyListQuery, response: { 200: null } }, handle: ({ raw, reply, caller }) => proxied(raw, reply, caller) }),
    route({ ...common, method: 'POST', path: '/v1/proxy/:resource', summary: 'Create a record', bodyLimit: proxyBodyLimit, schema: { params: ProxyResourceParams, query: ProxyQuery, response: { 201: null } }, handle: ({ raw, reply, caller }) => proxied(raw, reply, caller) }),
    route({ ...common, access: 'read', method: 'GET', path: '/v1/proxy/:resource/:id', summary: 'Get a record', schema: { params: ProxyRecordParams, query: ProxyQuery, response: { 200: null } }, handle: ({ raw, reply, caller }) => proxied(raw, reply, caller) }),
    route({ ...common, method: 'PATCH', path: '/v1/proxy/:resource/:id', summary: 'Change a record', bodyLimit: proxyBodyLimit, schema: { params: ProxyRecordParams, query: ProxyQuery, response: { 200: null } }, handle: ({ raw, reply, caller }) => proxied(raw, reply, caller) }),
    route({ ...common, method: 'DELETE', path: '/v1/proxy/:resource/:id', summary: 'Delete a record', schema: { params: ProxyRecordParams, query: ProxyQuery, response: { 204: null } }, handle: ({ raw, reply, caller }) => proxied(raw, reply, caller) }),
    route({ ...common, method: 'POST', path: '/v1/proxy/:resource/:id/:action', summary: 'Do what the connector calls an action on a record', bodyLimit: proxyBodyLimit, schema: { params: ProxyActionParams, query: ProxyQuery, response: { 200: null } }, handle: ({ raw, reply, caller }) => proxied(raw, reply, caller) }),
    ...([['read', passthroughMethods.read], ['write', passthroughMethods.write], ['write', uncommonMethods]] as const).map(([access, method]) =>
      route({
        ...common,
        access,
        method,
        path: `${passthroughPath}*`,
        summary: 'Any request to the vendor under the account\'s address; bodies stream both ways as they are',
        rawBody: true,
        schema: { query: ProxyQuery, response: { 200: null } },
        handle: ({ raw, reply, caller }) => carry(passthroughCall(raw), raw, reply, caller, (account) => takeBody(raw.raw, { signed: account.scheme.type === 'aws_sigv4' || account.scheme.type === 'oauth1' })),
      }),
    ),
  ];
}

function proxyCall(raw: FastifyRequest): IncomingCall {
  const { resource, id, action } = raw.params as { resource: string; id?: string; action?: string };
  return { surface: 'proxy', httpMethod: raw.method, resource, id, action, query: raw.query as Record<string, unknown>, headers: headersOf(raw), body: raw.body };
}

/** Path and query stay exactly as they stood in the request line, but for our own account_id. Our own part of the path may have been written in percent codes. */
function passthroughCall(raw: FastifyRequest): IncomingCall {
  const url = raw.raw.url ?? '';
  const mark = url.indexOf('?');
  const path = url.slice(url.indexOf('/', url.indexOf('/', 1) + 1) + 1, mark === -1 ? undefined : mark);
  const query = mark === -1 ? '' : url.slice(mark + 1);
  const kept = query.includes('account_id=') ? query.split('&').filter((pair) => !pair.startsWith('account_id=')).join('&') : query;
  return { surface: 'passthrough', httpMethod: raw.method, path, query: kept, headers: headersOf(raw), body: null };
}

/** Node gives lower-case names with joined values already; only set-cookie, which no caller sends, is a list. */
function headersOf({ headers }: FastifyRequest): Record<string, string> {
  return headers['set-cookie'] === undefined ? (headers as Record<string, string>) : headerMap(headers);
}
