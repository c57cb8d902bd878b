import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { sandboxApps } from '@evenkeel/sandbox/apps.ts';
import { startSandbox } from '@evenkeel/sandbox/sandbox.ts';
import { startAccountsNode } from '@evenkeel/tests/harness/accounts-node.ts';
import { Browser } from '@evenkeel/tests/harness/browser.ts';
import { atEnd, createTestDatabase } from '@evenkeel/tests/harness/database.ts';
import { readManifestFolders } from '../../connectors/manifest-folder.ts';

const database = await createTestDatabase();
const sandbox = await startSandbox({ port: 0 });
atEnd(() => sandbox.close());
const node = await startAccountsNode({ database, masterKey: randomBytes(32), hosts: { '*': `${sandbox.url}/{host}` } });
const minute = 60_000;
function pass(ms: number): void {
  node.advance(ms);
  sandbox.advance(ms);
}
const control = async (method: string, path: string, body?: unknown): Promise<Record<string, unknown>> => {
  const response = await fetch(`${sandbox.url}/_sandbox/${path}`, { method, ...(body === undefined ? {} : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }) });
  assert.ok(response.ok, `${method} ${path}: ${response.status}`);
  return response.status === 204 ? {} : ((await response.json()) as Record<string, unknown>);
};

const vendors = ['hubspot', 'pipedrive'] as const;
const { found: catalogue } = await readManifestFolders([{ path: fileURLToPath(new URL('../../../../../connectors', import.meta.url)), source: 'built_in' }]);
for (const id of vendors) {
  await node.registry.put(id, catalogue.find((one) => one.id === id)?.manifest, 100, { actor: 'key:test' });
  const { client_id, client_secret } = sandboxApps[id];
  await node.registry.apps.write(id, { client_id, client_secret }, { actor: 'key:test' });
}

async function connect(connector: string): Promise<string> {
  const { body } = await node.call('POST', '/v1/connect-sessions', { tenant_id: 'acme', connector });
  const browser = new Browser();
  const consent = await browser.submit(String(body['url']), {});
  const done = await browser.submit(consent.url, { decision: 'approve' });
  assert.match(done.text, /connected/, `${connector}: ${done.text}`);
  const { body: listed } = await node.call('GET', '/v1/accounts?limit=1');
  const [account] = listed['results'] as { id: string; state: string }[];
  assert.ok(account !== undefined && account.state === 'active', JSON.stringify(account));
  return account.id;
}

async function drain(): Promise<void> {
  for (;;) {
    const begun = await node.room.scheduler.tick();
    await node.room.scheduler.settled();
    if (begun === 0) return;
  }
}

const show = async (id: string): Promise<{ state: string; credential: { version: number; expires_at: string; refresh_failures: number } }> => (await node.call('GET', `/v1/accounts/${id}`)).body as never;

test('two hours without traffic keep every token alive, with one request each time', async () => {
  const ids = [await connect('hubspot'), await connect('pipedrive')];
  await control('DELETE', 'requests');
  for (let passed = 0; passed < 12; passed += 1) {
    pass(10 * minute);
    await drain();
    for (const id of ids) {
      const { state, credential } = await show(id);
      assert.equal(state, 'active');
      assert.equal(credential.refresh_failures, 0);
    }
  }
  for (const id of ids) assert.ok((await node.room.access.open(id, { tenantId: 'acme' })).ok);
  const { counts } = (await control('GET', 'requests')) as { counts: { refresh: number } };
  const versions = await Promise.all(ids.map(async (id) => (await show(id)).credential.version));
  assert.equal(counts.refresh, versions.reduce((sum, version) => sum + version - 1, 0));
});

for (const [kind, params] of [['refresh_outage', { status: 503 }], ['connection_reset', {}], ['rate_limit_storm', {}]] as const) {
  test(`an hour of ${kind} at refresh time moves no account, and is not met with a hail of requests`, async () => {
    const ids = [await connect('hubspot'), await connect('hubspot'), await connect('pipedrive')];
    for (const vendor of ['hubspot', 'pipedrive']) await control('PUT', `faults/${vendor}`, [{ kind, params }]);
    pass(58 * minute);
    await control('DELETE', 'requests');
    for (let passed = 0; passed < 30; passed += 1) {
      await drain();
      pass(2 * minute);
    }
    for (const id of ids) assert.equal((await show(id)).state, 'active');
    const { counts } = (await control('GET', 'requests')) as { counts: { token: number } };
    assert.ok(counts.token > 0 && counts.token < 30 * 8, `${counts.token} requests`);
    for (const vendor of ['hubspot', 'pipedrive']) await control('DELETE', `faults/${vendor}`);
    for (let passed = 0; passed < 3; passed += 1) {
      await drain();
      pass(minute);
    }
    for (const id of ids) {
      const { state, credential } = await show(id);
      assert.deepEqual([state, credential.refresh_failures], ['active', 0]);
      assert.ok((await node.room.access.open(id, { tenantId: 'acme' })).ok);
    }
  });
}

test('tokens the vendor revoked while nobody called: found by the scheduler, said at once, and mended by re-authorisation without a call', async () => {
  const id = await connect('hubspot');
  await control('PUT', 'faults/hubspot', [{ kind: 'revoke_tokens' }]);
  pass(29 * minute);
  await drain();
  assert.equal((await show(id)).state, 'needs_reauth');
  await control('DELETE', 'faults/hubspot');
  const opened = await node.room.access.open(id, { tenantId: 'acme' });
  assert.ok(!opened.ok && opened.failure.connectUrl !== undefined);
  const browser = new Browser();
  const consent = await browser.submit(opened.failure.connectUrl, {});
  await browser.submit(consent.url, { decision: 'approve' });
  assert.equal((await show(id)).state, 'active');
  const { rows } = await node.pool.query<{ type: string }>('select type from events where account_id = $1 order by id desc limit 2', [id]);
  assert.deepEqual(rows.map(({ type }) => type), ['integrated_account:reactivated', 'integrated_account:needs_reauth']);
});
