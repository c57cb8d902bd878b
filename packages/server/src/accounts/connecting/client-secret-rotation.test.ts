import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { startAccountsNode } from '@evenkeel/tests/harness/accounts-node.ts';
import { startAuthorizationServer, testClient } from '@evenkeel/tests/harness/authorization-server.ts';
import { Browser } from '@evenkeel/tests/harness/browser.ts';
import { createTestDatabase } from '@evenkeel/tests/harness/database.ts';
import { createLog } from '../../log.ts';

const database = await createTestDatabase();
const hosts: Record<string, string> = { 'idp.example': 'http://127.0.0.1:1' };
const lines: string[] = [];
const log = createLog('info', { write: (line: string) => void lines.push(line) });
const masterKey = randomBytes(32);
const node = await startAccountsNode({ database, masterKey, hosts, log });
const other = await startAccountsNode({ database, masterKey, hosts, log });
const idp = await startAuthorizationServer(`${node.url}/oauth/callback`);
hosts['idp.example'] = idp.url;
await node.registry.put(
  'idp',
  {
    manifest: 1,
    id: 'idp',
    name: 'Identity',
    categories: ['crm'],
    auth: [
      {
        type: 'oauth2_code',
        id: 'oauth',
        authorize_url: 'https://idp.example/auth',
        authorize_params: { prompt: 'consent' },
        token_url: 'https://idp.example/token',
        scopes: ['openid', 'offline_access'],
        apply: { headers: { authorization: 'Bearer {{token.access_token}}' } },
        refresh: { rotation: 'single_use' },
      },
    ],
    http: { base_url: 'https://idp.example' },
    resources: {},
    validation: { request: { method: 'GET', path: '/me' } },
  },
  100,
  { actor: 'key:test' },
);
const alerts = (): string[] => lines.filter((line) => line.includes('"alert":"client_secret_refused"'));
const put = (secret: string, overlapUntil?: Date): Promise<unknown> => node.registry.apps.write('idp', { client_id: testClient.client_id, client_secret: secret }, { actor: 'key:test', overlapUntil });
const hour = 3_600_000;

test('a new client secret that the vendor does not accept yet breaks nothing during its overlap, and is told', async () => {
  await put(testClient.client_secret);
  const { body: made } = await node.call('POST', '/v1/connect-sessions', { tenant_id: 'acme', connector: 'idp' });
  await new Browser().submit(String(made['url']), {});
  const { body: listed } = await node.call('GET', '/v1/accounts?limit=1');
  const [account] = listed['results'] as { id: string; state: string }[];
  assert.equal(account?.state, 'active');
  const refresh = async (from: typeof node): Promise<number> => (await from.call('POST', `/v1/accounts/${account.id}/refresh`)).status;
  const stateOf = async (): Promise<unknown> => (await node.call('GET', `/v1/accounts/${account.id}`)).body['state'];

  await put('planted-wrong-secret-1', new Date(Date.now() + hour));
  assert.equal(await refresh(node), 200);
  assert.equal(alerts().length, 1);
  // Put again, perhaps by another hand: what is kept is still the secret that works.
  await put('planted-wrong-secret-1', new Date(Date.now() + hour));
  // The change reaches every node at once; until then this one has the secret that works.
  while (alerts().length === 1) assert.equal(await refresh(other), 200);

  node.advance(2 * hour);
  assert.notEqual(await refresh(node), 200);
  assert.equal(alerts().length, 2, 'after its overlap the former secret is not tried');
  assert.equal(await stateOf(), 'active', 'a wrong secret of the installation is no fault of the account');

  await put(testClient.client_secret);
  assert.equal((await node.registry.apps.list(['idp'])).get('idp')?.previousSecretUntil, null);
  assert.equal(await refresh(node), 200);
  // Without an overlap the former secret is gone at once.
  await put('planted-wrong-secret-2');
  assert.notEqual(await refresh(node), 200);
  assert.equal(alerts().length, 2);
  for (const secret of [testClient.client_secret, 'planted-wrong-secret-1', 'planted-wrong-secret-2']) assert.ok(!lines.join('').includes(secret));
});
