import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { ConnectorDetail, ConnectorPut } from '@evenkeel/contract/api/connectors.ts';
import type { Problem } from '@evenkeel/contract/errors.ts';
import { atEnd, createTestDatabase } from '@evenkeel/tests/harness/database.ts';
import { createKey, ensureTenant, KeyLookup } from '../access/keys.ts';
import { createVault } from '../accounts/vault/vault.ts';
import { createNotifications } from '../database/notifications.ts';
import { createApplication } from '../http/application.ts';
import { createLog } from '../log.ts';
import { ConnectorOverrides } from './connector-overrides.ts';
import { openRegistry } from './registry.ts';
import { connectorRoutes } from './routes.ts';

const { pool, url: databaseUrl } = await createTestDatabase();
const log = createLog('silent');
const notifications = await createNotifications(databaseUrl, log);
atEnd(() => notifications.close());
const catalogueDir = join(import.meta.dirname, '../../../../connectors');
const registry = await openRegistry({ pool, notifications, log, sealer: createVault(randomBytes(32)), folders: [{ path: catalogueDir, source: 'built_in' }] });
atEnd(async () => registry.close());
const overrides = await ConnectorOverrides.open(pool, notifications, log);
atEnd(() => overrides.close());
const { key: admin } = await createKey(pool, { name: 'admin', scope: 'admin', tenantId: null });
const { key: reader } = await createKey(pool, { name: 'reader', scope: 'read', tenantId: null });
await ensureTenant(pool, 'acme');
const { key: tenantAdmin } = await createKey(pool, { name: 'acme', scope: 'admin', tenantId: 'acme' });
const application = await createApplication({ database: pool, keys: new KeyLookup(pool, Date.now), log, version: 'test', routes: connectorRoutes({ registry, overrides, database: pool }) });
atEnd(() => application.close());

const manifest = {
  manifest: 1,
  id: 'acme-crm',
  name: 'Acme CRM',
  categories: ['crm'],
  app_fields: [{ name: 'region', label: 'Region', options: [{ value: 'eu', label: 'Europe' }] }],
  auth: [
    { type: 'oauth2_code', id: 'oauth', authorize_url: 'https://acme.example/authorize', token_url: 'https://acme.example/token', scopes: ['read'] },
    { type: 'api_key', id: 'key', fields: [{ name: 'api_key', label: 'Key', secret: true }], apply: { headers: { 'x-key': '{{secret.api_key}}' } } },
  ],
  http: { base_url: 'https://api.acme.example' },
  resources: {
    contacts: {
      category: 'crm',
      list: { method: 'GET', path: '/contacts', query: { q: '{{input.query.search}}' }, response: { records: 'results' }, pagination: { type: 'cursor', next: 'next', limit: { default: 20, max: 100 }, query: { after: '{{page.cursor}}' } } },
      create: { method: 'POST', path: '/contacts', body: { type: 'json', value: '{{input.body}}' } },
      actions: { archive: { method: 'POST', path: '/contacts/{{input.id}}/archive' } },
    },
  },
};

async function call<Answer>(method: 'GET' | 'PUT' | 'POST', path: string, options: { body?: object; key?: string; headers?: Record<string, string> } = {}) {
  const response = await application.inject({ method, url: path, headers: { authorization: `Bearer ${options.key ?? admin}`, ...options.headers }, ...(options.body === undefined ? {} : { payload: options.body }) });
  return { status: response.statusCode, headers: response.headers, body: response.json<Answer>(), text: response.body };
}
const put = (changes: object = {}, options: { query?: string; key?: string; headers?: Record<string, string> } = {}) =>
  call<ConnectorPut & Problem>('PUT', `/v1/connectors/acme-crm${options.query ?? ''}`, { ...options, body: { ...manifest, ...changes } });

describe('the routes of connectors', () => {
  it('offer the built-in catalogue to readers, page by page', async () => {
    const seen: string[] = [];
    let cursor: string | null = null;
    do {
      const page: { status: number; body: { results: { id: string }[]; next_cursor: string | null } } = await call('GET', `/v1/connectors?limit=3${cursor === null ? '' : `&cursor=${cursor}`}`, { key: reader });
      assert.equal(page.status, 200);
      seen.push(...page.body.results.map(({ id }) => id));
      cursor = page.body.next_cursor;
    } while (cursor !== null);
    assert.deepEqual(seen, registry.list().map(({ row }) => row.id));
    assert.ok(seen.length >= 8);
    for (const id of seen) assert.equal((await call('GET', `/v1/connectors/${id}`, { key: reader })).status, 200, id);
  });

  it('take a new vendor while running and tell what it offers', async () => {
    const created = await put();
    assert.deepEqual([created.status, created.body.version, created.body.created], [201, 1, true]);
    assert.deepEqual([(await put()).status, (await put()).body.created], [200, false]);
    const { body, headers } = await call<ConnectorDetail>('GET', '/v1/connectors/acme-crm', { key: reader });
    assert.equal(headers.etag, `"${created.body.rollout.revision}"`);
    assert.deepEqual(body.offered_schemes.map(({ id, type }) => [id, type]), [['oauth', 'oauth2_code'], ['key', 'api_key']]);
    assert.deepEqual(Object.keys(body.offered_resources['contacts']?.methods ?? {}), ['list', 'create']);
    assert.deepEqual(body.offered_resources['contacts']?.methods['list'], {
      description: null, filters: ['search'], any_query: true, scopes: [], idempotent: true, page: { type: 'cursor', default: 20, max: 100 },
    });
    assert.deepEqual(Object.keys(body.offered_resources['contacts']?.actions ?? {}), ['archive']);
    assert.deepEqual(body.app, { needed: true, fields: [] });
  });

  it('answer a faulty manifest with connector_invalid and every fault', async () => {
    const { status, body } = await put({ id: 'other', http: {}, surplus: 1 });
    assert.deepEqual([status, body.code, body.origin], [422, 'connector_invalid', 'caller']);
    const paths = body.errors?.map(({ path }) => path) ?? [];
    assert.ok(['id', 'http', 'surplus'].every((wanted) => paths.some((path) => path.startsWith(wanted))), JSON.stringify(body.errors));
    const notEvenAnObject = await call<Problem>('PUT', '/v1/connectors/acme-crm', { body: [] });
    assert.equal(notEvenAnObject.body.code, 'connector_invalid');
  });

  it('let only an admin of the installation change anything', async () => {
    assert.equal((await put({}, { key: reader })).body.code, 'forbidden');
    const { status, body } = await put({}, { key: tenantAdmin });
    assert.deepEqual([status, body.code], [403, 'forbidden']);
    assert.match(body.detail, /serve every tenant/);
    for (const path of ['rollout', 'rollback']) {
      assert.equal((await call<Problem>('POST', `/v1/connectors/acme-crm/${path}`, { key: tenantAdmin, body: path === 'rollout' ? { version: 1, percent: 5 } : {} })).status, 403);
    }
    assert.equal((await call('PUT', '/v1/connectors/acme-crm/app', { key: tenantAdmin, body: { client_id: 'x' } })).status, 403);
  });

  it('try, extend and roll back versions, and list them with their shares', async () => {
    const tried = await put({ description: 'next' }, { query: '?percent=25' });
    assert.deepEqual(tried.body.rollout.candidate, { version: 2, percent: 25 });
    const versions = await call<{ results: { version: number; percent: number; source: string; manifest?: { name: string } }[] }>('GET', '/v1/connectors/acme-crm/versions?include=manifest', { key: reader });
    assert.deepEqual(versions.body.results.map(({ version, percent, source }) => [version, percent, source]), [[2, 25, 'api'], [1, 75, 'api']]);
    assert.equal(versions.body.results[0]?.manifest?.name, 'Acme CRM');
    const outdated = await call<Problem>('POST', '/v1/connectors/acme-crm/rollout', { body: { version: 2, percent: 100 }, headers: { 'if-match': '"1"' } });
    assert.deepEqual([outdated.status, outdated.body.code], [412, 'conflict']);
    const all = await call<{ stable: number }>('POST', '/v1/connectors/acme-crm/rollout', { body: { version: 2, percent: 100 }, headers: { 'if-match': `"${tried.body.rollout.revision}"` } });
    assert.deepEqual([all.status, all.body.stable], [200, 2]);
    const back = await call<{ stable: number }>('POST', '/v1/connectors/acme-crm/rollback');
    assert.deepEqual([back.status, back.body.stable], [200, 1]);
    assert.equal((await call<Problem>('POST', '/v1/connectors/acme-crm/rollback')).body.code, 'conflict');
    assert.equal((await call<Problem>('POST', '/v1/connectors/nowhere/rollback', { body: {} })).body.code, 'not_found');
    assert.equal((await call<Problem>('POST', '/v1/connectors/acme-crm/rollout', { body: { version: 0, percent: 101 } })).body.code, 'invalid_request');
    assert.equal((await put({}, { headers: { 'if-match': 'nonsense' } })).body.code, 'invalid_request');
  });

  it('take the app, refuse what does not fit it, and never show a value', async () => {
    const path = '/v1/connectors/acme-crm/app';
    const refused = await call<Problem>('PUT', path, { body: { client_secret: 'planted-app-secret', region: 'mars', surplus: 'x' } });
    assert.deepEqual([refused.status, refused.body.errors?.map((fault) => fault.path).toSorted()], [422, ['client_id', 'region', 'surplus']]);
    const taken = await call<{ fields: string[] }>('PUT', path, { body: { client_id: 'id', client_secret: 'planted-app-secret', region: 'eu' } });
    assert.deepEqual([taken.status, taken.body.fields], [200, ['client_id', 'client_secret', 'region']]);
    assert.equal((await registry.app('acme-crm'))['client_secret'], 'planted-app-secret');
    const renewed = await call<{ previous_secret_until: string }>('PUT', `${path}?overlap_s=3600`, { body: { client_id: 'id', client_secret: 'planted-app-secret-2', region: 'eu' } });
    assert.ok(Math.abs(Date.parse(renewed.body.previous_secret_until) - Date.now() - 3_600_000) < 60_000);
    assert.equal((await registry.app('acme-crm'))['client_secret_previous'], 'planted-app-secret');
    assert.equal((await call<Problem>('PUT', `${path}?overlap_s=2592001`, { body: { client_id: 'id' } })).body.code, 'invalid_request');
    const shown = [refused, taken, renewed, await call('GET', '/v1/connectors'), await call('GET', '/v1/connectors/acme-crm'), await call('GET', '/v1/connectors/acme-crm/versions?include=manifest')];
    for (const { text } of shown) assert.ok(!text.includes('planted-app-secret'));
    assert.ok(shown[4]?.text.includes('"fields":["client_id","client_secret","region"]'));
  });

  it('leave an audit entry for every change', async () => {
    const { rows } = await pool.query<{ action: string; statuses: number[] }>(`select action, array_agg(distinct status order by status) as statuses from audit_log group by action order by action`);
    assert.deepEqual(rows.map(({ action }) => action), ['connector.app', 'connector.put', 'connector.rollback', 'connector.rollout']);
    assert.ok(rows.every(({ statuses }) => statuses.includes(403) && statuses.includes(200)), JSON.stringify(rows));
  });
});
