/** Routes for API keys and the audit log. */
import Type from 'typebox';
import { ApiKeyCreated, ApiKeyList, ApiKeyRequest, AuditLog, type ApiKey } from '@evenkeel/contract/api/access.ts';
import { pageQuery } from '@evenkeel/contract/api/list.ts';
import type { Queryable } from '../database/pool.ts';
import { decodeCursor, pageOf } from '../http/cursor.ts';
import { Refusal } from '../http/problem.ts';
import { route, type Route } from '../http/route.ts';
import { listAudit } from './audit.ts';
import { createKey, ensureTenant, listKeys, revokeKey, type KeyLookup, type KeyRow } from './keys.ts';

const shown = (row: KeyRow): ApiKey => ({
  id: row.id,
  name: row.name,
  prefix: row.prefix,
  scope: row.scope,
  tenant_id: row.tenant_id,
  created_at: row.created_at.toISOString(),
  expires_at: row.expires_at?.toISOString() ?? null,
  revoked_at: row.revoked_at?.toISOString() ?? null,
});

export function accessRoutes({ database, keys }: { database: Queryable; keys: KeyLookup }): Route[] {
  return [
    route({
      method: 'POST',
      path: '/v1/api-keys',
      summary: 'Make an API key; it is shown this once',
      tag: 'access',
      access: 'admin',
      audit: { action: 'api_key.create' },
      schema: { body: ApiKeyRequest, response: { 201: ApiKeyCreated } },
      async handle({ body, reply, caller }) {
        // An admin of one tenant must not make a key that sees others.
        if (caller.tenantId !== null && body.tenant_id !== caller.tenantId) {
          throw new Refusal('forbidden', `This key belongs to tenant ${caller.tenantId}: it can only make keys with that tenant_id.`);
        }
        if (body.tenant_id !== undefined) await ensureTenant(database, body.tenant_id);
        const expiresAt = body.expires_at === undefined ? null : new Date(body.expires_at);
        const { row, key } = await createKey(database, { name: body.name, scope: body.scope, tenantId: body.tenant_id ?? null, expiresAt });
        reply.code(201);
        return { ...shown(row), key };
      },
    }),
    route({
      method: 'GET',
      path: '/v1/api-keys',
      summary: 'List API keys',
      tag: 'access',
      access: 'admin',
      audit: { none: 'reads only' },
      schema: { query: Type.Object(pageQuery), response: { 200: ApiKeyList } },
      async handle({ query, caller }) {
        const limit = query.limit ?? 50;
        const rows = await listKeys(database, { tenantId: caller.tenantId, limit: limit + 1, after: decodeCursor(query.cursor, 'string') });
        return pageOf(rows, limit, ({ id }) => id, shown);
      },
    }),
    route({
      method: 'DELETE',
      path: '/v1/api-keys/:id',
      summary: 'Revoke an API key',
      tag: 'access',
      access: 'admin',
      audit: { action: 'api_key.revoke' },
      schema: { params: Type.Object({ id: Type.String() }), response: { 204: null } },
      async handle({ params, reply, caller }) {
        if (!(await revokeKey(database, params.id, caller.tenantId))) throw new Refusal('not_found', `There is no API key ${params.id}.`);
        keys.forget();
        return reply.code(204).send();
      },
    }),
    route({
      method: 'GET',
      path: '/v1/audit-log',
      summary: 'What was done, by which key, newest first',
      tag: 'access',
      access: 'admin',
      audit: { none: 'reads only' },
      schema: { query: Type.Object(pageQuery), response: { 200: AuditLog } },
      async handle({ query, caller }) {
        const limit = query.limit ?? 50;
        const rows = await listAudit(database, { tenantId: caller.tenantId, limit: limit + 1, before: decodeCursor(query.cursor, 'number') });
        return pageOf(
          rows,
          limit,
          ({ id }) => id,
          (row) => ({ ...row, at: row.at.toISOString() }),
        );
      },
    }),
  ];
}
