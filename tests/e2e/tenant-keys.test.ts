/**
 * A key of one tenant against every route there is, with everything of another tenant's named wherever a name fits: no
 * route answers with what belongs to the other, and none changes it. Routes come from the OpenAPI document, so that a
 * new one is held to it without a line here.
 */
import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { exampleOf } from '@evenkeel/contract/schema-example.ts';
import { demoConnections } from '@evenkeel/sandbox/demonstration.ts';
import { registerApps } from 'evenkeel/demo/cast.ts';
import { connectAccount } from 'evenkeel/demo/connect.ts';
import { startTestEvenkeel } from '../harness/evenkeel.ts';

const { client, call, database } = await startTestEvenkeel();
const signal = AbortSignal.timeout(120_000);
const theirs = 'planted-tenant';

interface Operation {
  readonly security?: readonly unknown[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: object } | undefined>> };
}

/** Ids of what belongs to the other tenant, by the first segment of the path that names one. */
const owned: Record<string, string> = { tenants: theirs };
let intruder = '';
let operations: { method: string; path: string; operation: Operation }[] = [];

before(async () => {
  await registerApps(client, signal);
  // Before the account, so that its events are deliveries.
  const endpoint = await call('POST', '/v1/endpoints', { body: { tenant_id: theirs, url: 'https://hooks.example.com/in', event_types: ['*'] } });
  assert.equal(endpoint.status, 201, endpoint.text);
  owned['endpoints'] = String(endpoint.json?.['id']);
  const plan = demoConnections.find(({ connector }) => connector === 'hubspot');
  assert.ok(plan);
  const account = await connectAccount(client, { ...plan, tenant: theirs }, undefined, signal);
  owned['accounts'] = account.id;
  const failed = await call('GET', '/v1/proxy/contacts/none', { headers: { 'evenkeel-account': account.id } });
  assert.equal(failed.status, 404, failed.text);
  const key = await call('POST', '/v1/api-keys', { body: { name: 'theirs', scope: 'admin', tenant_id: theirs } });
  owned['api-keys'] = String(key.json?.['id']);
  for (const area of ['calls', 'deliveries']) owned[area] = await firstId(`/v1/${area}?tenant_id=${theirs}`);
  intruder = String((await call('POST', '/v1/api-keys', { body: { name: 'intruder', scope: 'admin', tenant_id: 'intruder' } })).json?.['key']);
  const { json } = await call('GET', '/openapi.json');
  operations = Object.entries(json?.['paths'] as Record<string, Record<string, Operation>>).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ method: method.toUpperCase(), path, operation })),
  );
  operations = operations.filter(({ operation }) => operation.security?.length !== 0);
  assert.ok(operations.length > 60, `${operations.length} operations`);
});

/** Records of calls and deliveries are written behind the answer. */
async function firstId(path: string): Promise<string> {
  for (let turn = 0; turn < 200; turn += 1) {
    const first = ((await call('GET', path)).json?.['results'] as { id: string }[] | undefined)?.[0];
    if (first !== undefined) return first.id;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  return assert.fail(`nothing at ${path}`);
}

/** Of a path with placeholders: the other tenant's ids where there are any, else words that the connector knows. */
function filled(path: string): string {
  const area = path.split('/')[2] ?? '';
  const words: Record<string, string> = { category: 'crm', resource: 'contacts', '*': 'x', id: area === 'connectors' ? 'hubspot' : 'x', model: 'crm.contacts', tenant_id: theirs, account_id: owned['accounts'] ?? '' };
  return path.replaceAll(/\{([^}]+)\}/g, (_placeholder, name: string) => (name === 'id' ? owned[area] : undefined) ?? words[name] ?? 'x');
}

const soon = new Date(Date.now() + 3_600_000).toISOString();
const fitting: Record<string, unknown> = { tenant_id: theirs, account_id: '', connector: 'hubspot', name: 'intruder', scope: 'read', reason: 'because it seemed possible', minutes: 5, version: 1, percent: 50, expires_at: soon, since: '2026-01-01T00:00:00Z', url: 'https://intruder.example/in', event_types: ['*'], client_id: 'intruder', client_secret: 'intruder' };

/** Where a name alone does not say what fits. */
const special: Readonly<Record<string, object>> = {
  '/v1/alert-silences': { matchers: { tenant_id: theirs } },
  '/v1/alerts/alertmanager': { version: '4', alerts: [{ status: 'firing', labels: { alertname: 'x', tenant_id: theirs } }] },
  '/v1/deploy-gate/overrides': { objective: 'platform-availability', scope: `tenant:${theirs}` },
  '/v1/deployments': { version: '1' },
};

function bodyOf(path: string, { requestBody }: Operation): object | undefined {
  const schema = requestBody?.content['application/json']?.schema as { properties?: object } | undefined;
  if (schema === undefined) return requestBody === undefined ? undefined : {};
  const known = Object.entries({ ...fitting, account_id: owned['accounts'] }).filter(([name]) => Object.hasOwn(schema.properties ?? {}, name));
  return { ...exampleOf(schema), ...Object.fromEntries(known), ...special[path] };
}

/** All that is stored of the other tenant and changes by nobody's hand in the meantime. */
async function stored(): Promise<unknown> {
  const { rows } = await database.pool.query(
    `select (select jsonb_agg(to_jsonb(a) - 'updated_at' order by id) from accounts a where tenant_id = $1) as accounts,
            (select jsonb_agg(c.account_id order by account_id) from credentials c join accounts a on a.id = c.account_id where a.tenant_id = $1) as credentials,
            (select jsonb_agg(jsonb_build_array(id, url, event_types) order by id) from endpoints where tenant_id = $1) as endpoints,
            (select jsonb_agg(to_jsonb(s) order by endpoint_id) from endpoint_secrets s join endpoints e on e.id = s.endpoint_id where e.tenant_id = $1) as secrets,
            (select count(*) from connect_sessions where tenant_id = $1) as sessions,
            (select count(*) from api_keys where tenant_id = $1 and revoked_at is null) as keys,
            (select jsonb_agg(to_jsonb(r)) from connector_rollouts r) as rollouts,
            (select count(*) from connector_versions) as versions,
            (select jsonb_agg(to_jsonb(p) order by connector_id) from connector_apps p) as apps,
            (select count(*) from mapping_overrides) as overrides,
            (select count(*) from alert_silences) as silences,
            (select count(*) from gate_overrides) as gate_overrides,
            (select count(*) from inbound_replays) as replays`,
    [theirs],
  );
  return rows[0];
}

describe('a key of one tenant', () => {
  it('is given nothing of another\'s, and changes nothing of it, at any route', async () => {
    const before = await stored();
    for (const { method, path, operation } of operations) {
      const own = filled(path);
      for (const query of [`account_id=${owned['accounts']}&tenant_id=${theirs}`, `account_id=${owned['accounts']}`, `tenant_id=${theirs}`, '']) {
        const address = query === '' ? own : `${own}?${query}`;
        const body = method === 'GET' || method === 'DELETE' ? undefined : bodyOf(path, operation);
        const answer = await call(method, address, { key: intruder, ...(body === undefined ? {} : { body }) });
        const told = `${method} ${address} → ${answer.status} ${answer.text.slice(0, 300)}`;
        assert.ok(answer.status !== 500, told);
        // What a refusal, or the log of its own acts, repeats of the intruder's requests tells nobody anything.
        const ownActs = path === '/v1/audit-log' && ((answer.json?.['results'] ?? []) as { tenant_id: string }[]).every(({ tenant_id: tenant }) => tenant === 'intruder');
        const shown = answer.status >= 400 || ownActs ? '' : answer.text;
        assert.ok(!shown.includes(theirs), told);
        for (const id of Object.values(owned)) assert.ok(!shown.includes(id), told);
        if (answer.status < 300 && Object.values(owned).some((id) => own.includes(id))) assert.fail(`a success where another's id is named: ${told}`);
      }
    }
    assert.deepEqual(await stored(), before);
  });

  it('cannot take over an account by a connect session of its own', async () => {
    const { accounts: account } = owned;
    const stolen = await call('POST', '/v1/connect-sessions', { key: intruder, body: { tenant_id: 'intruder', connector: 'hubspot', account_id: account } });
    assert.deepEqual([stolen.status, stolen.json?.['code']], [404, 'not_found'], stolen.text);
    const mistaken = await call('POST', '/v1/connect-sessions', { body: { tenant_id: 'intruder', connector: 'hubspot', account_id: account } });
    assert.ok(mistaken.status >= 400, mistaken.text);
    const otherVendor = await call('POST', '/v1/connect-sessions', { body: { tenant_id: theirs, connector: 'slack', account_id: account } });
    assert.ok(otherVendor.status >= 400, otherVendor.text);
  });

  it('cannot tell what exists of another\'s from what does not', async () => {
    for (const { path } of operations.filter(({ method, path: one }) => method === 'GET' && one.endsWith('/{id}'))) {
      const area = path.split('/')[2] ?? '';
      const id = owned[area];
      if (id === undefined) continue;
      const missing = id.slice(0, -2) + (id.endsWith('00') ? '11' : '00');
      const [real, none] = await Promise.all([id, missing].map((one) => call('GET', path.replace('{id}', one), { key: intruder })));
      assert.deepEqual([real?.status, String(real?.json?.['detail']).replace(id, '')], [none?.status, String(none?.json?.['detail']).replace(missing, '')]);
    }
  });
});
