import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { Check } from 'typebox/schema';
import type { AccountEventType } from '@evenkeel/contract/accounts.ts';
import { eventPayloads } from '@evenkeel/contract/events.ts';
import { startAccountsNode } from '@evenkeel/tests/harness/accounts-node.ts';
import { startAuthorizationServer, testClient } from '@evenkeel/tests/harness/authorization-server.ts';
import { Browser, type Visited } from '@evenkeel/tests/harness/browser.ts';
import { createTestDatabase } from '@evenkeel/tests/harness/database.ts';

const database = await createTestDatabase();
const hosts: Record<string, string> = { 'idp.example': 'http://127.0.0.1:1' };
const masterKey = randomBytes(32);
const node = await startAccountsNode({ database, masterKey, hosts });
const second = await startAccountsNode({ database, masterKey, hosts });
const idp = await startAuthorizationServer(`${node.url}/oauth/callback`);
hosts['idp.example'] = idp.url;

const manifest = {
  manifest: 1,
  id: 'idp',
  name: 'Acme <Identity>',
  categories: ['crm'],
  auth: [
    {
      type: 'oauth2_code',
      id: 'oauth',
      fields: [
        { name: 'region', label: 'Region', required: false },
        { name: 'note', label: 'Secret note', secret: true, required: false },
      ],
      authorize_url: 'https://idp.example/auth',
      authorize_params: { prompt: 'consent' },
      token_url: 'https://idp.example/token',
      scopes: ['openid', 'offline_access'],
      apply: { headers: { authorization: 'Bearer {{token.access_token}}' } },
      capture: { captured: { subject: '{{claims.sub}}' } },
      refresh: { rotation: 'single_use' },
      revoke: { method: 'POST', url: 'https://idp.example/token/revocation', body: { type: 'form', value: { token: '{{token.refresh_token}}', client_id: '{{app.client_id}}', client_secret: '{{app.client_secret}}' } } },
    },
  ],
  http: { base_url: 'https://idp.example' },
  resources: {},
  validation: { request: { method: 'GET', path: '/me' }, capture: { captured: { user: '{{response.body.sub}}' } } },
  account: { external_id: '{{captured.user}}', label: 'User {{captured.user}}' },
};
await node.registry.put('idp', manifest, 100, { actor: 'key:test' });
const app = await node.registry.apps.write('idp', testClient, { actor: 'key:test' });
assert.equal(app.connectorId, 'idp');
while (second.registry.get('idp') === undefined) await new Promise((resolve) => setTimeout(resolve, 5));

interface Account {
  id: string;
  state: string;
  message: string | null;
  external_id: string | null;
  label: string | null;
  credential: { version: number; expires_at: string } | null;
}

async function session(body: object = {}): Promise<string> {
  const { status, body: made } = await node.call('POST', '/v1/connect-sessions', { tenant_id: 'acme', connector: 'idp', ...body });
  assert.equal(status, 201, JSON.stringify(made));
  return String(made['url']);
}

async function connect(body: object = {}, browser = new Browser()): Promise<{ account: Account; page: Visited; browser: Browser; url: string }> {
  const url = await session(body);
  const page = await browser.submit(url, { region: 'eu', note: 'planted-secret-note' });
  const { body: listed } = await node.call('GET', '/v1/accounts?limit=1');
  return { account: (listed['results'] as Account[])[0] as Account, page, browser, url };
}

async function show(id: string): Promise<Account> {
  return (await node.call('GET', `/v1/accounts/${id}`)).body as unknown as Account;
}
async function transitionsOf(id: string): Promise<string[]> {
  const { body } = await node.call('GET', `/v1/accounts/${id}/transitions`);
  return (body['results'] as { from: string | null; to: string | null; cause: string }[]).map(({ from, to, cause }) => `${from ?? '-'} ${to ?? '-'} ${cause}`).toReversed();
}
const eventsOf = async (id: string): Promise<string[]> =>
  (await node.pool.query<{ type: string }>('select e.type from events e join account_transitions t on t.event_id = e.id where e.account_id = $1 order by t.seq', [id])).rows.map(({ type }) => type.replace('integrated_account:', ''));

test('a whole connection through the pages: form, consent, callback, validation, active', async () => {
  const url = await session({ return_url: 'https://product.example/done?a=1&b=2' });
  const browser = new Browser();
  const form = await browser.get(url);
  assert.equal(form.status, 200);
  assert.match(form.text, /Connect Acme &lt;Identity&gt;/);
  const policy = form.headers.get('content-security-policy') ?? '';
  assert.ok(policy.includes("default-src 'none'") && policy.includes(`form-action 'self' ${idp.url}`) && !policy.includes('unsafe'), policy);
  assert.equal(form.headers.get('referrer-policy'), 'no-referrer');
  const done = await browser.submit(url, { region: 'eu', note: 'planted-secret-note' });
  assert.match(done.text, /is connected/);
  assert.match(done.text, /User owner-1/);
  assert.match(done.text, /href="https:\/\/product\.example\/done\?a=1&amp;b=2"/);
  const { body } = await node.call('GET', '/v1/accounts?state=active&connector=idp&tenant_id=acme');
  const [account] = body['results'] as Account[];
  assert.ok(account);
  assert.deepEqual([account.external_id, account.label, account.message], ['owner-1', 'User owner-1', null]);
  assert.deepEqual(await transitionsOf(account.id), ['- connecting credentials_submitted', 'connecting active setup_passed']);
  assert.deepEqual(await eventsOf(account.id), ['connecting', 'active']);
  // The link is used up: it shows what became of it, and takes nothing more.
  assert.match((await browser.submit(url, { region: 'us' })).text, /is connected/);
  const { rows } = await node.pool.query('select 1 from accounts');
  assert.equal(rows.length, 1);
});

test('forged and expired links are refused in words', async () => {
  const browser = new Browser();
  const forged = await browser.get(`${node.url}/connect/${'x'.repeat(43)}`);
  assert.equal(forged.status, 404);
  assert.match(forged.text, /not valid/);
  const url = await session();
  await node.pool.query(`update connect_sessions set expires_at = now() - interval '1 second'`);
  assert.equal((await browser.get(url)).status, 410);
  assert.equal((await browser.submit(url, {})).status, 410);
  const counted = await node.pool.query(`select 1 from oauth_states where used_at is null`);
  assert.equal(counted.rows.length, 0);
});

test('a callback counts once, from the browser that left, before its time is over, and only if it began here', async () => {
  const url = await session();
  const browser = new Browser();
  const state = `${node.url}/oauth/callback?code=c&state=`;
  assert.equal((await browser.get(`${state}forged`)).status, 400);
  assert.equal((await browser.get(`${node.url}/oauth/callback`)).status, 400);
  const done = await browser.submit(url, {});
  assert.match(done.text, /is connected/);
  const callback = browser.trail.find((address) => address.includes('/oauth/callback?'));
  assert.ok(callback);
  const before = idp.tokenRequests();
  const again = await browser.get(callback);
  assert.equal(again.status, 409);
  assert.match(again.text, /used already/);
  assert.equal(idp.tokenRequests(), before);

  const victim = await fetch(await session(), { method: 'POST', redirect: 'manual', body: new URLSearchParams({}) });
  const left = new URL(victim.headers.get('location') ?? '');
  const elsewhere = await new Browser().get(`${state}${left.searchParams.get('state')}`);
  assert.equal(elsewhere.status, 400);
  assert.match(elsewhere.text, /another browser/);
  await node.pool.query(`update oauth_states set expires_at = now() - interval '1 second' where used_at is null`);
  assert.equal((await browser.get(`${state}${left.searchParams.get('state')}`)).status, 410);
});

test('two callbacks at once make one account', async () => {
  const url = await session();
  const first = await fetch(url, { method: 'POST', redirect: 'manual', body: new URLSearchParams({}) });
  const cookie = first.headers.getSetCookie()[0]?.split(';')[0] ?? '';
  const vendor = new Browser();
  // The vendor's pages in one browser; the way back is then taken twice by hand, with the cookie that belongs to it.
  await vendor.get(first.headers.get('location') ?? '');
  const callback = vendor.trail.find((address) => address.includes('/oauth/callback?')) ?? '';
  const count = async (): Promise<number> => (await node.pool.query('select 1 from accounts')).rows.length;
  const before = await count();
  const answers = await Promise.all([1, 2, 3].map(() => fetch(callback, { redirect: 'manual', headers: { cookie } })));
  assert.deepEqual(answers.map(({ status }) => status).toSorted((a, b) => a - b), [303, 409, 409]);
  assert.equal(await count(), before + 1);
});

test('a declined consent leads back to the form, which says so and works again', async () => {
  idp.decline(true);
  const { page, browser, url } = await connect();
  assert.match(page.text, /declined/);
  assert.match(page.text, /Continue to Acme/);
  idp.decline(false);
  assert.match((await browser.submit(url, {})).text, /is connected/);
});

test('what a vendor says on the way back is told, whatever characters it holds', async () => {
  const url = await session();
  const answer = await fetch(url, { method: 'POST', redirect: 'manual', body: new URLSearchParams() });
  const state = new URL(answer.headers.get('location') ?? '').searchParams.get('state') ?? '';
  const cookie = answer.headers.getSetCookie()[0]?.split(';')[0] ?? '';
  const back = new URLSearchParams({ state, error: 'access_denied', error_description: 'a\0<b>' });
  const page = await fetch(`${node.url}/oauth/callback?${back.toString()}`, { headers: { cookie } });
  assert.equal(page.status, 200);
  assert.match(await page.text(), /a&lt;b&gt;|declined/);
});

test('fifty callers on two nodes at the end of a token cause one token request', async () => {
  const { account } = await connect();
  for (const one of [node, second]) one.advance(3600_000 - 10_000);
  const before = idp.tokenRequests();
  const results = await Promise.all(Array.from({ length: 50 }, async (_, index) => (index % 2 === 0 ? node : second).room.access.open(account.id, { tenantId: 'acme' })));
  assert.equal(idp.tokenRequests() - before, 1);
  const versions = new Set(results.map((result) => (result.ok ? result.opened.credentialVersion : 0)));
  assert.deepEqual([...versions], [2]);
  assert.deepEqual(idp.errors.filter((error) => /reuse|consumed/i.test(error)), []);
  // Open and fresh (once the news of the refresh have arrived): the very same answer, made beforehand.
  const deadline = performance.now() + 5_000;
  for (;;) {
    await node.room.access.open(account.id, { tenantId: null });
    if (node.room.access.open(account.id, { tenantId: null }) === node.room.access.open(account.id, { tenantId: 'acme' })) break;
    assert.ok(performance.now() < deadline, 'an open account is loaded again and again');
  }
  assert.ok(!(await node.room.access.open(account.id, { tenantId: 'other' })).ok);
  for (const one of [node, second]) one.advance(-(3600_000 - 10_000));
});

test('a failing token endpoint changes no state and is not hammered; the old token serves to its end', async () => {
  const { account } = await connect();
  idp.failTokens(503);
  node.advance(3600_000 - 5_000);
  const before = idp.tokenRequests();
  for (let call = 0; call < 20; call += 1) assert.ok((await node.room.access.open(account.id, { tenantId: null })).ok);
  assert.equal(idp.tokenRequests() - before, 1);
  node.advance(6_000);
  const ended = await node.room.access.open(account.id, { tenantId: null });
  assert.ok(!ended.ok && ended.failure.code === 'upstream_unavailable', JSON.stringify(ended));
  assert.ok(ended.failure.retryAfterS !== undefined);
  assert.equal((await show(account.id)).state, 'active');
  const asked = await node.call('POST', `/v1/accounts/${account.id}/refresh`);
  assert.equal(asked.body['code'], 'upstream_unavailable');
  idp.failTokens(null);
  assert.equal((await node.call('POST', `/v1/accounts/${account.id}/refresh`)).status, 200);
  assert.ok((await node.room.access.open(account.id, { tenantId: null })).ok);
  node.advance(-(3600_000 + 1_000));
});

test('a dead grant is answered locally with a link; re-authorisation brings the account back by itself', async () => {
  const { account } = await connect();
  const opened = await node.room.access.open(account.id, { tenantId: null });
  assert.ok(opened.ok);
  const { refresh_token: token } = opened.opened.scope.token as { refresh_token: string };
  await fetch(`${idp.url}/token/revocation`, { method: 'POST', body: new URLSearchParams({ token, ...testClient }) });
  const renewed = await node.room.access.renew(opened.opened);
  assert.ok(!renewed.ok && renewed.failure.code === 'reauth_required');
  assert.equal((await show(account.id)).state, 'needs_reauth');
  const before = idp.tokenRequests();
  const [refused, again] = await Promise.all([1, 2].map(async () => second.room.access.open(account.id, { tenantId: 'acme' })));
  assert.ok(refused !== undefined && !refused.ok && again !== undefined && !again.ok);
  assert.equal(idp.tokenRequests(), before);
  assert.equal((await node.call('POST', `/v1/accounts/${account.id}/retry`)).body['code'], 'reauth_required');

  const url = renewed.failure.connectUrl ?? '';
  assert.ok(url.startsWith(`${node.url}/connect/`));
  const browser = new Browser();
  idp.signInAs('somebody-else');
  const mixedUp = await browser.submit(url, {});
  assert.match(mixedUp.text, /another account/);
  assert.equal((await show(account.id)).state, 'needs_reauth');
  idp.signInAs('owner-1');
  assert.match((await new Browser().submit(url, {})).text, /is connected/);
  assert.equal((await show(account.id)).state, 'active');
  assert.deepEqual((await eventsOf(account.id)).slice(-2), ['needs_reauth', 'reactivated']);
  assert.ok((await node.room.access.open(account.id, { tenantId: null })).ok);
});

test('a 401 condemns only after the probe, and only the version it was about', async () => {
  const { account } = await connect();
  const opened = await node.room.access.open(account.id, { tenantId: null });
  assert.ok(opened.ok);
  const { access_token: token, refresh_token: refreshToken } = opened.opened.scope.token as { access_token: string; refresh_token: string };
  const renewed = await node.room.access.renew(opened.opened);
  assert.ok(renewed.ok && renewed.opened.credentialVersion === 2);
  assert.equal(await node.room.access.refused(opened.opened, { path: '/x' }), 'alive');
  assert.equal(await node.room.access.refused(renewed.opened, { path: '/x' }), 'alive');
  // Proven alive: an endpoint that goes on answering 401 causes neither refreshes nor probes.
  const before = idp.tokenRequests();
  for (let call = 0; call < 5; call += 1) {
    const again = await node.room.access.renew(renewed.opened);
    assert.ok(again.ok && again.opened.credentialVersion === 2);
  }
  assert.equal(idp.tokenRequests(), before);
  node.advance(61_000);
  for (const one of [refreshToken, token]) await fetch(`${idp.url}/token/revocation`, { method: 'POST', body: new URLSearchParams({ token: one, ...testClient }) });
  const later = await node.room.access.open(account.id, { tenantId: null });
  assert.ok(later.ok);
  const { access_token: fresh } = later.opened.scope.token as { access_token: string };
  await fetch(`${idp.url}/token/revocation`, { method: 'POST', body: new URLSearchParams({ token: fresh, ...testClient }) });
  const verdicts = await Promise.all([node, node].map((one) => one.room.access.refused(later.opened, { path: '/x' })));
  assert.deepEqual(verdicts, ['dead', 'dead']);
  assert.deepEqual((await eventsOf(account.id)).slice(-1), ['needs_reauth']);
  node.advance(-61_000);
});

test('deleting revokes at the vendor; a vendor that fails does not keep the account', async () => {
  const { account } = await connect();
  const opened = await node.room.access.open(account.id, { tenantId: null });
  assert.ok(opened.ok);
  const removed = await node.call('DELETE', `/v1/accounts/${account.id}`);
  assert.deepEqual(removed.body, { id: account.id, deleted: true, revocation: 'done' });
  const { refresh_token: token } = opened.opened.scope.token as { refresh_token: string };
  const used = await fetch(`${idp.url}/token`, { method: 'POST', body: new URLSearchParams({ grant_type: 'refresh_token', refresh_token: token, ...testClient }) });
  assert.equal(used.status, 400);
  assert.equal((await node.call('GET', `/v1/accounts/${account.id}`)).status, 404);
  assert.equal((await transitionsOf(account.id)).at(-1), 'active - deleted');
  assert.deepEqual((await eventsOf(account.id)).slice(-1), ['deleted']);
  assert.ok(!(await node.room.access.open(account.id, { tenantId: null })).ok);

  const { account: other } = await connect();
  const { [`idp.example`]: address } = hosts;
  await node.registry.put('idp', { ...manifest, auth: [{ ...manifest.auth[0], revoke: { method: 'POST', path: '/no-such-page' } }] }, 100, { actor: 'key:test' });
  assert.ok(address);
  assert.equal((await node.call('DELETE', `/v1/accounts/${other.id}`)).body['revocation'], 'failed');
  assert.equal((await node.call('GET', `/v1/accounts/${other.id}`)).status, 404);
  await node.registry.put('idp', manifest, 100, { actor: 'key:test' });
});

test('a key of one tenant sees and makes nothing of another', async () => {
  const { account } = await connect();
  const key = await node.tenantKey('globex');
  const asked = [
    await node.call('GET', `/v1/accounts/${account.id}`, undefined, key),
    await node.call('GET', `/v1/accounts/${account.id}/transitions`, undefined, key),
    await node.call('DELETE', `/v1/accounts/${account.id}`, undefined, key),
    await node.call('POST', `/v1/accounts/${account.id}/refresh`, undefined, key),
    await node.call('POST', '/v1/connect-sessions', { tenant_id: 'globex', connector: 'idp', account_id: account.id }, key),
  ];
  assert.deepEqual(asked.map(({ status }) => status), [404, 404, 404, 404, 404]);
  assert.equal((await node.call('POST', '/v1/connect-sessions', { tenant_id: 'acme', connector: 'idp' }, key)).status, 403);
  assert.equal((await node.call('GET', '/v1/accounts?tenant_id=acme', undefined, key)).status, 403);
  assert.deepEqual((await node.call('GET', '/v1/accounts', undefined, key)).body['results'], []);
});

test('every event stored has the payload its type promises', async () => {
  const { rows } = await node.pool.query<{ type: string; payload: unknown }>('select type, payload from events');
  assert.ok(new Set(rows.map(({ type }) => type)).size >= 5);
  for (const { type, payload } of rows) {
    const schema = eventPayloads[type as AccountEventType];
    assert.ok(Check(schema, payload), `${type}: ${JSON.stringify(payload)}`);
  }
});

test('no secret can be read anywhere in the database', async () => {
  const { account, url } = await connect();
  const opened = await node.room.access.open(account.id, { tenantId: null });
  assert.ok(opened.ok);
  const { access_token: accessToken, refresh_token: refreshToken } = opened.opened.scope.token as { access_token: string; refresh_token: string };
  const planted = [accessToken, refreshToken, testClient.client_secret, 'planted-secret-note', url.slice(url.lastIndexOf('/') + 1)];
  const tables = await node.pool.query<{ name: string }>(`select quote_ident(schemaname) || '.' || quote_ident(tablename) as name from pg_tables where schemaname not in ('pg_catalog', 'information_schema')`);
  let rows = 0;
  for (const { name } of tables.rows) {
    const dump = await node.pool.query<{ text: string }>(`select t::text as text from ${name} t`);
    rows += dump.rows.length;
    for (const { text } of dump.rows) {
      for (const secret of planted) {
        for (const form of [secret, Buffer.from(secret).toString('hex'), Buffer.from(secret).toString('base64').slice(0, -4)]) assert.ok(!text.includes(form), `${name} shows a planted secret`);
      }
    }
  }
  assert.ok(rows > 20);
  const shown = JSON.stringify((await node.call('GET', '/v1/accounts')).body);
  for (const secret of planted) assert.ok(!shown.includes(secret));
});
