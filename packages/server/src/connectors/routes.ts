/** Routes for connectors: what they offer, their versions, who gets which, and the installation's app. */
import Type from 'typebox';
import {
  AppQuery, AppRequest, AppState, ConnectorDetail, ConnectorDetailQuery, ConnectorList, ConnectorParams, ConnectorPut, ConnectorPutQuery, ConnectorQuery, ConnectorRollout,
  ConnectorVersionList, ConnectorVersionQuery, RollbackRequest, RolloutRequest, type ConnectorVersion,
} from '@evenkeel/contract/api/connectors.ts';
import type { Rollout } from '@evenkeel/core/connectors/rollout.ts';
import type { Caller } from '../access/keys.ts';
import type { Queryable } from '../database/pool.ts';
import { decodeCursor, pageOf } from '../http/cursor.ts';
import { Refusal } from '../http/problem.ts';
import { route, type Route } from '../http/route.ts';
import { appFaults } from './app-fields.ts';
import type { ServedConnector } from './catalogue.ts';
import type { ConnectorOverrides } from './connector-overrides.ts';
import { readExpectation } from './expectation.ts';
import { shownDetail, type OfferingConnector, shownRollout, shownSummary } from './offer.ts';
import { manifestPart, tenantOf } from './override-store.ts';
import { unknownConnector, type ConnectorRegistry } from './registry.ts';
import { listVersions, type VersionRow } from './store.ts';

const tag = 'connectors';
/** A manifest with many operations and long GraphQL documents; the largest of ours has a fiftieth of it. */
const manifestLimit = 2 * 1_048_576;

export function connectorRoutes({ registry, overrides, database }: { registry: ConnectorRegistry; overrides: ConnectorOverrides; database: Queryable }): Route[] {
  return [...readingRoutes(registry, overrides, database), ...changingRoutes(registry), appRoute(registry)];
}

function readingRoutes(registry: ConnectorRegistry, overrides: ConnectorOverrides, database: Queryable): Route[] {
  return [
    route({
      method: 'GET',
      path: '/v1/connectors',
      summary: 'List connectors',
      tag,
      access: 'read',
      audit: { none: 'reads only' },
      schema: { query: ConnectorQuery, response: { 200: ConnectorList } },
      async handle({ query }) {
        const limit = query.limit ?? 50;
        const after = decodeCursor(query.cursor, 'string');
        const wanted = registry
          .list()
          .filter(({ row, stable }) => (after === null || row.id > after) && (query.category === undefined || stable.connector.manifest.categories.includes(query.category)))
          .slice(0, limit + 1);
        const apps = await registry.apps.list(wanted.map(({ row }) => row.id));
        return pageOf(wanted, limit, ({ row }) => row.id, (served) => shownSummary(served, apps.get(served.row.id)?.fields ?? []));
      },
    }),
    route({
      method: 'GET',
      path: '/v1/connectors/:id',
      summary: 'What a connector offers: schemes, fields, resources, methods, filters',
      tag,
      access: 'read',
      audit: { none: 'reads only' },
      schema: { params: ConnectorParams, query: ConnectorDetailQuery, response: { 200: ConnectorDetail } },
      async handle({ params, query, caller, reply }) {
        const served = requireServed(registry, params.id);
        const apps = await registry.apps.list([params.id]);
        reply.header('etag', `"${served.row.revision}"`);
        const effective = query.account_id === undefined ? undefined : await forAccount({ registry, overrides, database }, params.id, query.account_id, caller);
        return shownDetail(served, apps.get(params.id)?.fields ?? [], effective);
      },
    }),
    route({
      method: 'GET',
      path: '/v1/connectors/:id/versions',
      summary: 'Every version of a connector, newest first',
      tag,
      access: 'read',
      audit: { none: 'reads only' },
      schema: { params: ConnectorParams, query: ConnectorVersionQuery, response: { 200: ConnectorVersionList } },
      async handle({ params, query }) {
        const { row } = requireServed(registry, params.id);
        const limit = query.limit ?? 50;
        const withManifest = query.include === 'manifest';
        const rows = await listVersions(database, params.id, { limit: limit + 1, before: decodeCursor(query.cursor, 'number'), withManifest });
        return pageOf(rows, limit, ({ version }) => version, (one) => shownVersion(one, row.rollout, withManifest));
      },
    }),
  ];
}

function changingRoutes(registry: ConnectorRegistry): Route[] {
  return [
    route({
      method: 'PUT',
      path: '/v1/connectors/:id',
      summary: 'Put a manifest: a new version, checked whole and in effect on every node',
      tag,
      access: 'admin',
      audit: { action: 'connector.put' },
      bodyLimit: manifestLimit,
      schema: { params: ConnectorParams, query: ConnectorPutQuery, body: Type.Unknown({ description: 'A manifest, see the JSON Schema manifest.v1.json.' }), response: { 200: ConnectorPut, 201: ConnectorPut } },
      async handle({ params, query, body, caller, raw, reply }) {
        requireInstallation(caller);
        const { version, created, warnings, row } = await registry.put(params.id, body, query.percent ?? 100, { actor: `key:${caller.keyId}`, expected: readExpectation(raw.headers) });
        reply.code(created ? 201 : 200).header('etag', `"${row.revision}"`);
        return { id: params.id, version, created, warnings: warnings.map(({ path, message, suggestion }) => ({ path, message, ...(suggestion === undefined ? {} : { suggestion }) })), rollout: shownRollout(row) };
      },
    }),
    route({
      method: 'POST',
      path: '/v1/connectors/:id/rollout',
      summary: 'Give a version to a share of the accounts, or to all',
      tag,
      access: 'admin',
      audit: { action: 'connector.rollout' },
      schema: { params: ConnectorParams, body: RolloutRequest, response: { 200: ConnectorRollout } },
      async handle({ params, body, caller, raw, reply }) {
        requireInstallation(caller);
        const row = await registry.rollOut(params.id, body.version, body.percent, { actor: `key:${caller.keyId}`, expected: readExpectation(raw.headers) });
        reply.header('etag', `"${row.revision}"`);
        return shownRollout(row);
      },
    }),
    route({
      method: 'POST',
      path: '/v1/connectors/:id/rollback',
      summary: 'End a trial, or go back to an earlier version',
      tag,
      access: 'admin',
      audit: { action: 'connector.rollback' },
      schema: { params: ConnectorParams, body: Type.Union([RollbackRequest, Type.Null()]), response: { 200: ConnectorRollout } },
      async handle({ params, body, caller, raw, reply }) {
        requireInstallation(caller);
        const row = await registry.rollBack(params.id, body?.version, { actor: `key:${caller.keyId}`, expected: readExpectation(raw.headers) });
        reply.header('etag', `"${row.revision}"`);
        return shownRollout(row);
      },
    }),
  ];
}

function appRoute(registry: ConnectorRegistry): Route {
  return route({
    method: 'PUT',
    path: '/v1/connectors/:id/app',
    summary: 'Set the OAuth client and other settings of your app at the vendor',
    tag,
    access: 'admin',
    audit: { action: 'connector.app' },
    schema: { params: ConnectorParams, query: AppQuery, body: AppRequest, response: { 200: AppState } },
    async handle({ params, query, body, caller, raw, reply }) {
      requireInstallation(caller);
      const { stable, candidate } = requireServed(registry, params.id);
      const errors = appFaults([stable, ...(candidate === undefined ? [] : [candidate])].map(({ connector }) => connector.manifest), body);
      if (errors.length > 0) throw new Refusal('validation_failed', `The app of ${params.id} was not changed: ${errors[0]?.path ?? ''} ${errors[0]?.message ?? ''}.`, { errors });
      const expected = readExpectation(raw.headers);
      const overlapUntil = query.overlap_s === undefined || query.overlap_s === 0 ? undefined : new Date(Date.now() + query.overlap_s * 1000);
      const app = await registry.apps.write(params.id, body, { actor: `key:${caller.keyId}`, expected: expected === 'absent' ? 0 : expected?.revision, overlapUntil });
      reply.header('etag', `"${app.revision}"`);
      return { connector: params.id, fields: [...app.fields], revision: app.revision, updated_at: app.updatedAt.toISOString(), previous_secret_until: app.previousSecretUntil?.toISOString() ?? null };
    },
  });
}

/** The connector as the account's calls see it: its version, its overrides. */
async function forAccount({ registry, overrides, database }: { registry: ConnectorRegistry; overrides: ConnectorOverrides; database: Queryable }, id: string, accountId: string, caller: Caller): Promise<OfferingConnector> {
  const tenantId = await tenantOf(database, accountId, id);
  const active = registry.get(id, accountId);
  if (tenantId === undefined || active === undefined || (caller.tenantId !== null && caller.tenantId !== tenantId)) throw new Refusal('not_found', `There is no account ${accountId} of ${id}.`);
  const owner = { tenantId, accountId };
  const { connector } = overrides.connectorFor(active.connector, owner);
  const models = new Set([...Object.keys(connector.manifest.mappings ?? {}), ...overrides.partsOf(id).filter((part) => part !== manifestPart)]);
  return { connector, version: active.version, models: [...models], mapping: (model) => overrides.mappingFor(connector, model, owner) };
}

function requireServed(registry: ConnectorRegistry, id: string): ServedConnector {
  const served = registry.served(id);
  if (served === undefined) throw unknownConnector(id);
  return served;
}

/** A connector serves every tenant: a key of one tenant must not change it. */
function requireInstallation({ tenantId }: Caller): void {
  if (tenantId !== null) throw new Refusal('forbidden', `This key belongs to tenant ${tenantId}, and connectors serve every tenant. Use an admin key without a tenant.`);
}

function shownVersion({ version, source, sha256, createdBy, createdAt, manifest }: VersionRow, { stable, candidate }: Rollout, withManifest: boolean): ConnectorVersion {
  const onTrial = candidate?.percent ?? 0;
  const percent = version === stable ? 100 - onTrial : version === candidate?.version ? onTrial : 0;
  return { version, source, sha256, created_by: createdBy, created_at: createdAt.toISOString(), percent, ...(withManifest ? { manifest } : {}) };
}
