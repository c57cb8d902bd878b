/** The routes of unified models. They answer on the raw response, as all routes that reach vendors do. */
import { ModelList, UnifiedListQuery, UnifiedParams, UnifiedQuery, UnifiedRecordParams } from '@evenkeel/contract/api/unified.ts';
import { modelNamed, modelNames } from '@evenkeel/contract/unified/models.ts';
import { headerMap } from '@evenkeel/core/connectors/answers/upstream-answer.ts';
import type { UnifiedMethod } from '@evenkeel/core/gateway/unified-query.ts';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Caller } from '../access/keys.ts';
import type { Unadmitted } from '../http/authentication.ts';
import { route, type Route } from '../http/route.ts';
import { accountOf } from './named-account.ts';
import type { UnifiedGateway } from './unified.ts';

const audit = { none: 'kept as a call record' } as const;
const bodyLimit = 10 * 1024 * 1024;
const collection = '/v1/unified/:category/:resource';
const record = '/v1/unified/:category/:resource/:id';

export function unifiedRoutes(gateway: UnifiedGateway): Route[] {
  const carry = (method: UnifiedMethod) => ({ raw, reply, caller }: { raw: FastifyRequest; reply: FastifyReply; caller: Caller }): FastifyReply => {
    const { category, resource, id } = raw.params as { category: string; resource: string; id?: string };
    reply.hijack();
    const query = raw.query as Record<string, unknown>;
    const call = { model: `${category}.${resource}`, method, id, query, headers: headerMap(raw.headers), ...(raw.body === undefined ? {} : { body: raw.body }) };
    void gateway.carry(call, { requestId: raw.id, response: reply.raw, accountId: accountOf(raw), caller });
    return reply;
  };
  const unadmitted: Unadmitted = (raw, caller, failure) => {
    const { category, resource } = raw.params as { category: string; resource: string };
    gateway.notAdmitted({ model: `${category}.${resource}`, httpMethod: raw.method, requestId: raw.id, accountId: accountOf(raw) }, caller, failure);
  };
  const common = { tag: 'unified', access: 'write', audit, answersRaw: true, unadmitted } as const;
  return [
    modelsRoute(),
    route({ ...common, access: 'read', method: 'GET', path: collection, summary: 'List records of a unified model', schema: { params: UnifiedParams, query: UnifiedListQuery, response: { 200: null } }, handle: carry('list') }),
    route({ ...common, method: 'POST', path: collection, summary: 'Create a record', bodyLimit, schema: { params: UnifiedParams, query: UnifiedQuery, response: { 201: null } }, handle: carry('create') }),
    route({ ...common, access: 'read', method: 'GET', path: record, summary: 'Get a record', schema: { params: UnifiedRecordParams, query: UnifiedQuery, response: { 200: null } }, handle: carry('get') }),
    route({ ...common, method: 'PATCH', path: record, summary: 'Change fields of a record; null clears one', bodyLimit, schema: { params: UnifiedRecordParams, query: UnifiedQuery, response: { 200: null } }, handle: carry('update') }),
    route({ ...common, method: 'DELETE', path: record, summary: 'Delete a record', schema: { params: UnifiedRecordParams, query: UnifiedQuery, response: { 204: null } }, handle: carry('delete') }),
  ];
}

function modelsRoute(): Route {
  return route({
    method: 'GET',
    path: '/v1/unified',
    summary: 'The unified models: their JSON Schemas, filters and sortings',
    tag: 'unified',
    access: 'read',
    audit: { none: 'reads only' },
    schema: { response: { 200: ModelList } },
    handle: () => ({
      results: modelNames.flatMap((name) => {
        const model = modelNamed(name);
        return model === undefined ? [] : [{ model: name, filters: [...model.filters], sort: [...model.sort], schema: model.schema as unknown }];
      }),
      next_cursor: null,
    }),
  });
}
