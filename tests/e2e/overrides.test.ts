/** Overrides of mappings and manifests in layers: what they change for whom, what is refused, and what is shown. */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { demoConnections } from '@evenkeel/sandbox/demonstration.ts';
import { registerApps } from 'evenkeel/demo/cast.ts';
import { connectAccount } from 'evenkeel/demo/connect.ts';
import { evenkeel as runCli } from '../../packages/cli/test/command-line.ts';
import { startTestEvenkeel, type RawAnswer } from '../harness/evenkeel.ts';

type Json = Record<string, unknown>;
const { client, call, sandbox, database, url, adminKey } = await startTestEvenkeel();
const signal = AbortSignal.timeout(60_000);
await registerApps(client, signal);
const [mine, other] = await Promise.all(demoConnections.filter(({ connector }) => connector === 'hubspot').slice(0, 2).map(async (plan) => ({ tenant: plan.tenant, id: (await connectAccount(client, plan, undefined, signal)).id })));
assert.ok(mine !== undefined && other !== undefined && mine.tenant !== other.tenant);

async function ok(pending: Promise<RawAnswer>, status = 200): Promise<Json> {
  const answer = await pending;
  assert.equal(answer.status, status, answer.text.slice(0, 800));
  return answer.json ?? {};
}
const as = (account: string) => ({ headers: { 'evenkeel-account': account } });
const contacts = (account: string, query = '?limit=1'): Promise<RawAnswer> => call('GET', `/v1/unified/crm/contacts${query}`, as(account));
const pathsOf = (answer: RawAnswer): unknown[] => ((answer.json?.['errors'] ?? []) as Json[]).map(({ path }) => path);

describe('overrides of a mapping', () => {
  const at = '/v1/connectors/hubspot/mappings/crm.contacts';
  const title = async (account: string): Promise<unknown> => ((await ok(contacts(account)))['results'] as Json[])[0]?.['title'];
  const read = (path: string) => ({ fields: { title: { read: path } } });

  it('apply in layers, the narrower over the wider, and are shown with what they change', async () => {
    await ok(call('PUT', `${at}/override`, { body: read('properties.company') }));
    await ok(call('PUT', `${at}/override?tenant_id=${other.tenant}`, { body: read('properties.email') }));
    const shown = await ok(call('PUT', `${at}/override?account_id=${mine.id}`, { body: read('properties.lifecyclestage') }));
    assert.deepEqual((shown['layers'] as Json[]).map(({ layer }) => layer), ['installation', 'account']);
    assert.deepEqual(shown['changes'], [{ path: 'fields.title', before: 'properties.jobtitle', after: { read: 'properties.lifecyclestage' } }]);
    assert.match(String(await title(mine.id)), /^(lead|customer|opportunity|subscriber)$/);
    assert.match(String(await title(other.id)), /@|null/);
    const whole = await ok(call('GET', `/v1/connectors/hubspot/manifest?account_id=${mine.id}`));
    assert.deepEqual((whole['layers'] as Json[]).map(({ part, layer }) => [part, layer]), [['crm.contacts', 'installation'], ['crm.contacts', 'account']]);
    assert.deepEqual((whole['changes'] as Json[]).map(({ path }) => path), ['mappings["crm.contacts"].fields.title']);
    for (const query of [`?account_id=${mine.id}`, `?tenant_id=${other.tenant}`, '']) await ok(call('DELETE', `${at}/override${query}`));
    const plain = await ok(call('GET', `${at}?account_id=${mine.id}`));
    assert.deepEqual([plain['layers'], plain['changes']], [[], []]);
    assert.deepEqual(plain['effective'], plain['built_in']);
  });

  it('are refused whole when the mapping would be faulty, and never for another model or a tenant\'s key', async () => {
    const refused = await call('PUT', `${at}/override`, { body: { fields: { id: null, titel: 'x' } } });
    assert.equal(refused.json?.['code'], 'connector_invalid');
    assert.deepEqual(pathsOf(refused), ['fields.id', 'fields.titel']);
    for (const body of [{ model: 'crm.deals' }, [], 'x']) assert.equal((await call('PUT', `${at}/override`, { body })).json?.['code'], 'validation_failed');
    assert.equal((await call('GET', '/v1/connectors/hubspot/mappings/crm.unicorns')).json?.['code'], 'not_found');
    assert.equal((await call('GET', `${at}?account_id=acc_unknown`)).json?.['code'], 'not_found');
    const key = (await call('POST', '/v1/api-keys', { body: { name: 't', scope: 'admin', tenant_id: 'tenant' } })).json?.['key'];
    for (const path of [at, '/v1/connectors/hubspot/manifest']) assert.equal((await call('GET', path, { key: String(key) })).status, 403);
  });

  it('can add a model that the connector lacks, discoverable for the account alone', async () => {
    const tickets = '/v1/connectors/hubspot/mappings/ticketing.users';
    const body = { methods: { list: [{ operation: 'owners.list' }] }, fields: { id: 'id', email: 'email' } };
    await ok(call('PUT', `${tickets}/override?account_id=${mine.id}`, { body }));
    const unified = async (query: string): Promise<string[]> => Object.keys((await ok(call('GET', `/v1/connectors/hubspot${query}`)))['unified'] as Json);
    assert.ok((await unified(`?account_id=${mine.id}`)).includes('ticketing.users'));
    assert.ok(!(await unified('')).includes('ticketing.users'));
    assert.ok((((await ok(call('GET', '/v1/unified/ticketing/users', as(mine.id))))['results'] as Json[]).length) > 0);
    assert.equal((await call('GET', '/v1/unified/ticketing/users', as(other.id))).json?.['code'], 'unsupported_operation');
    await ok(call('DELETE', `${tickets}/override?account_id=${mine.id}`));
  });

  it('make a record that lacks a required field mapping_failed, platform, with its place', async () => {
    await ok(call('PUT', `${at}/override`, { body: { fields: { id: 'properties.nowhere' } } }));
    const answer = await contacts(mine.id, '?limit=2');
    await ok(call('DELETE', `${at}/override`));
    assert.deepEqual([answer.status, answer.json?.['code'], answer.json?.['origin'], pathsOf(answer)[0]], [502, 'mapping_failed', 'platform', 'results[0].id']);
    const record = await recorded(String(answer.json?.['request_id']));
    assert.deepEqual([record['surface'], record['resource'], record['method'], record['code'], record['origin'], record['upstream_status']], ['unified', 'crm.contacts', 'list', 'mapping_failed', 'platform', 200]);
  });
});

describe('changing an override that somebody else may change', () => {
  const at = '/v1/connectors/hubspot/mappings/crm.deals';
  const body = { fields: { name: 'properties.other_name' } };
  const put = (match: Record<string, string>, query = ''): Promise<RawAnswer> => call('PUT', `${at}/override${query}`, { body, headers: match });

  it('goes through with the ETag of the layer last seen, and is refused with 412 otherwise, also over other layers', async () => {
    const none = await call('GET', at);
    assert.deepEqual([none.headers.get('etag'), none.json?.['revision']], ['"0"', 0]);
    const first = await put({ 'if-match': '"0"' });
    assert.equal(first.status, 200, first.text);
    const seen = first.headers.get('etag') ?? '';
    assert.deepEqual([seen, (await call('GET', at)).headers.get('etag')], [`"${String(first.json?.['revision'])}"`, seen]);
    for (const match of [{ 'if-match': '"0"' }, { 'if-none-match': '*' }, { 'if-match': '"7"' }]) {
      const refused = await put(match as Record<string, string>);
      assert.deepEqual([refused.status, refused.json?.['code']], [412, 'conflict'], JSON.stringify(match));
    }
    // The layer of a tenant has an ETag of its own.
    assert.equal((await call('GET', `${at}?tenant_id=${mine.tenant}`)).headers.get('etag'), '"0"');
    const second = await put({ 'if-match': seen });
    assert.equal(second.status, 200);
    assert.notEqual(second.headers.get('etag'), seen);
    assert.equal((await call('DELETE', `${at}/override`, { headers: { 'if-match': seen } })).status, 412);
    assert.equal((await call('DELETE', `${at}/override`, { headers: { 'if-match': second.headers.get('etag') ?? '' } })).status, 200);
    assert.equal((await put({ 'if-match': seen })).status, 412, 'it is gone');
    assert.equal((await put({ 'if-match': 'nonsense' })).json?.['code'], 'invalid_request');
  });

  it('lets one of many through who have seen the same', async () => {
    const answers = await Promise.all(Array.from({ length: 8 }, () => put({ 'if-match': '"0"' })));
    assert.deepEqual(answers.map(({ status }) => status).toSorted((a, b) => a - b), [200, ...Array.from({ length: 7 }, () => 412)]);
    const { revision } = await client.overrides.mapping('hubspot', 'crm.deals');
    const both = await Promise.allSettled([1, 2].map(async () => client.overrides.putMapping('hubspot', 'crm.deals', body, {}, { ifMatch: revision })));
    assert.deepEqual(both.map(({ status }) => status).toSorted(), ['fulfilled', 'rejected']);
    await client.overrides.removeMapping('hubspot', 'crm.deals');
  });

  it('from the client and the command line', async () => {
    const patch = { error_message: ['message', 'status'] };
    const put = await client.overrides.putManifest('hubspot', patch, { tenant_id: mine.tenant }, { ifMatch: 0 });
    assert.deepEqual((await client.overrides.manifest('hubspot', { tenant_id: mine.tenant })).layers.map(({ patch: stored }) => stored), [patch]);
    await assert.rejects(client.overrides.removeManifest('hubspot', { tenant_id: mine.tenant }, { ifMatch: put.revision - 1 }), { code: 'conflict', status: 412 });
    const cwd = await mkdtemp(join(tmpdir(), 'evenkeel-overrides-'));
    after(() => rm(cwd, { recursive: true, force: true }));
    const run = (args: readonly string[]) => runCli(args, { cwd, environment: { EVENKEEL_URL: url, EVENKEEL_API_KEY: adminKey } });
    const shown = await run(['overrides', 'show', 'hubspot', '--tenant', mine.tenant]);
    assert.equal(shown.code, 0, shown.stderr);
    assert.match(shown.stdout, new RegExp(`revision ${put.revision} of this layer\\ntenant ${mine.tenant}: manifest, revision ${put.revision}, by key:[^ ]+ at [^\\n]+\\n  error_message: \\["message"\\] → \\["message","status"\\]`));
    await writeFile(join(cwd, 'good.json'), JSON.stringify({ error_message: ['message'] }));
    await writeFile(join(cwd, 'bad.json'), JSON.stringify({ auth: [] }));
    const tenant = ['--tenant', mine.tenant];
    assert.equal((await run(['overrides', 'put', 'hubspot', 'good.json', ...tenant, '--if-match', '1'])).code, 4);
    const bad = await run(['overrides', 'put', 'hubspot', 'bad.json', ...tenant]);
    assert.deepEqual([bad.code, /^bad\.json: ?auth/m.test(bad.stdout)], [1, true], bad.stdout);
    assert.equal((await run(['overrides', 'put', 'hubspot', 'good.json', ...tenant, '--if-match', String(put.revision)])).code, 0);
    assert.equal((await run(['overrides', 'remove', 'hubspot', ...tenant])).code, 0);
    assert.match((await run(['overrides', 'show', 'hubspot', ...tenant])).stderr, /Nothing is overridden/);
  });
});

describe('overrides of a manifest', () => {
  const at = '/v1/connectors/hubspot/manifest';
  const properties = async (account: string): Promise<unknown> => (((await ok(call('GET', '/v1/proxy/contacts?limit=1', as(account))))['results'] as Json[])[0]?.['properties'] as Json | undefined);

  it('change the calls of whom they are for, proxied and unified, and are shown with the difference', async () => {
    const before = Object.keys((await properties(mine.id)) as Json);
    assert.ok(before.includes('lastname'));
    const shown = await ok(call('PUT', `${at}/override?tenant_id=${mine.tenant}`, { body: { resources: { contacts: { list: { query: { properties: 'email' } } } } } }));
    assert.deepEqual((shown['changes'] as Json[]).map(({ path, after }) => [path, after]), [['resources.contacts.list.query.properties', 'email']]);
    assert.deepEqual([shown['faults'], (shown['effective'] as Json)['id']], [[], 'hubspot']);
    assert.ok(!Object.keys((await properties(mine.id)) as Json).includes('lastname'));
    assert.ok(Object.keys((await properties(other.id)) as Json).includes('lastname'), 'another tenant is not touched');
    await ok(call('PUT', `${at}/override?account_id=${mine.id}`, { body: { resources: { contacts: { list: { query: { properties: 'lastname' } } } } } }));
    assert.ok(Object.keys((await properties(mine.id)) as Json).includes('lastname'), 'the account\'s own layer wins');
    for (const query of [`?tenant_id=${mine.tenant}`, `?account_id=${mine.id}`]) await ok(call('DELETE', `${at}/override${query}`));
    assert.deepEqual(Object.keys((await properties(mine.id)) as Json), before);
    assert.equal((await call('DELETE', `${at}/override`)).json?.['code'], 'not_found');
    const { rows } = await database.pool.query<{ action: string }>(`select distinct action from audit_log where action like 'manifest.%' order by action`);
    assert.deepEqual(rows.map(({ action }) => action), ['manifest.override', 'manifest.override_removed']);
  });

  it('are refused with every fault, and keep auth, hosts and secrets out of reach', async () => {
    const refused = await call('PUT', `${at}/override`, { body: { auth: [], http: { base_url: 'https://evil.example' }, resources: {} } });
    assert.deepEqual([refused.json?.['code'], pathsOf(refused)], ['validation_failed', ['auth', 'http.base_url']]);
    const narrow = await call('PUT', `${at}/override?tenant_id=${mine.tenant}`, { body: { http: { headers: { 'x-leak': '{{token.access_token}}' } }, resources: { contacts: { list: { url: 'https://evil.example' } } } } });
    assert.deepEqual(pathsOf(narrow), ['resources.contacts.list.url', 'http.headers.x-leak']);
    const faulty = await call('PUT', `${at}/override`, { body: { resources: { contacts: { list: { pathh: '/x', query: { a: '{{nowhere.b}}' } } } }, mappings: null } });
    assert.deepEqual([faulty.json?.['code'], pathsOf(faulty)], ['validation_failed', ['mappings']]);
    const linted = await call('PUT', `${at}/override`, { body: { resources: { contacts: { list: { pathh: '/x', query: { a: '{{nowhere.b}}' } } }, owners: null } } });
    assert.equal(linted.json?.['code'], 'connector_invalid');
    assert.ok(pathsOf(linted).includes('resources.contacts.list.pathh') && pathsOf(linted).includes('resources.contacts.list.query.a'), linted.text);
    const broken = await call('PUT', `${at}/override`, { body: { resources: { owners: null } } });
    assert.ok(pathsOf(broken).some((path) => String(path).startsWith('mappings["crm.users"]')), 'a mapping would lose its operation');
    assert.deepEqual((await ok(call('GET', at)))['layers'], []);
  });

  it('of a wider layer are refused when a narrower one would no longer fit, and whose is said', async () => {
    const extra = { list: { method: 'GET', path: '/crm/v3/owners', response: { records: 'results' }, pagination: { type: 'none' } } };
    await ok(call('PUT', `${at}/override`, { body: { resources: { extra } } }));
    await ok(call('PUT', `${at}/override?account_id=${mine.id}`, { body: { resources: { extra: { list: { path: '/crm/v3/owners/' } } } } }));
    const apart = await call('PUT', `${at}/override`, { body: { name: 'HubSpot' } });
    assert.deepEqual([apart.json?.['code'], pathsOf(apart).includes('resources.extra.list.method')], ['connector_invalid', true], apart.text);
    assert.match(String(apart.json?.['detail']), new RegExp(`account ${mine.id}`));
    assert.equal((await call('GET', '/v1/proxy/extra?limit=1', as(mine.id))).status, 200, 'nothing was changed');
    await ok(call('PUT', `${at}/override?tenant_id=${other.tenant}`, { body: { errors: [] } }));
    for (const query of [`?tenant_id=${other.tenant}`, `?account_id=${mine.id}`, '']) await ok(call('DELETE', `${at}/override${query}`));
    const mapping = '/v1/connectors/hubspot/mappings/ticketing.users';
    const users = { methods: { list: [{ operation: 'owners.list' }] }, fields: { id: 'id', email: { path: 'email' } } };
    await ok(call('PUT', `${mapping}/override`, { body: users }));
    await ok(call('PUT', `${mapping}/override?tenant_id=${mine.tenant}`, { body: { fields: { email: { as: 'text' } } } }));
    const without = await call('PUT', `${mapping}/override`, { body: { ...users, fields: { id: 'id' } } });
    assert.deepEqual([without.json?.['code'], pathsOf(without)], ['connector_invalid', ['fields.email']], without.text);
    assert.match(String(without.json?.['detail']), new RegExp(`tenant ${mine.tenant}`));
    await ok(call('PUT', `${mapping}/override`, { body: { ...users, fields: { id: 'id', email: { path: 'userId' } } } }));
    for (const query of [`?tenant_id=${mine.tenant}`, '']) await ok(call('DELETE', `${mapping}/override${query}`));
  });

  it('that no longer fit a new version answer connector_invalid, platform, until they are mended', async () => {
    const manifest = (await ok(call('GET', at)))['effective'] as Json;
    const limits = { ten_secondly: { limit: 1_000_000, window_ms: 10_000 } };
    await fetch(`${sandbox.url}/_sandbox/limits/hubspot`, { method: 'PUT', body: JSON.stringify(limits) });
    await ok(call('PUT', '/v1/connectors/hubspot', { body: { ...manifest, resources: { ...(manifest['resources'] as Json), extra: { list: { method: 'GET', path: '/crm/v3/owners', response: { records: 'results' }, pagination: { type: 'none' } } } } } }), 201);
    await ok(call('PUT', `${at}/override?account_id=${mine.id}`, { body: { resources: { extra: { list: { path: '/crm/v3/owners/' } } } } }));
    await ok(call('POST', '/v1/connectors/hubspot/rollback', { body: {} }));
    const answer = await call('GET', '/v1/proxy/contacts?limit=1', as(mine.id));
    assert.deepEqual([answer.json?.['code'], answer.json?.['origin']], ['connector_invalid', 'platform'], answer.text);
    assert.match(String(answer.json?.['detail']), /resources\.extra/);
    assert.equal((await call('GET', '/v1/proxy/contacts?limit=1', as(other.id))).status, 200);
    assert.ok(((await ok(call('GET', `${at}?account_id=${mine.id}`)))['faults'] as Json[]).length > 0);
    await ok(call('DELETE', `${at}/override?account_id=${mine.id}`));
    assert.equal((await call('GET', '/v1/proxy/contacts?limit=1', as(mine.id))).status, 200);
  });
});

/** Records are written behind the answers. */
async function recorded(requestId: string): Promise<Json> {
  for (;;) {
    const page = await ok(call('GET', `/v1/calls?request_id=${requestId}`));
    const [record] = page['results'] as Json[];
    if (record !== undefined) return record;
    signal.throwIfAborted();
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
