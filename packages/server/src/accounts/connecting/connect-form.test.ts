import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, beforeEach, test } from 'node:test';
import { startAccountsNode } from '@evenkeel/tests/harness/accounts-node.ts';
import { Browser } from '@evenkeel/tests/harness/browser.ts';
import { createTestDatabase } from '@evenkeel/tests/harness/database.ts';
import { ensureTenant } from '../../access/keys.ts';
import { createSession } from './connect-session-store.ts';
import { takeCredentials } from './taking-credentials.ts';
import { MasterKeyRefused, openVault } from '../vault/vault-keys.ts';

/** A vendor that knows one key and one password, counts what it is asked, and fails on demand. */
const vendor = { name: 'Acme Inc', key: 'key-good-planted', password: 'pass-good', me: 200, hook: 201, asked: [] as string[], sessions: 0 };
const server = createServer((request, response) => {
  const { pathname } = new URL(request.url ?? '/', 'http://vendor');
  vendor.asked.push(`${request.method} ${pathname}`);
  const reply = (status: number, body: object): void => void response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  const authorised = request.headers['x-key'] === vendor.key || request.headers['x-session'] === `session-${vendor.sessions}`;
  if (pathname === '/login') {
    const given = Buffer.from(String(request.headers.authorization).slice(6), 'base64').toString();
    if (!given.endsWith(`:${vendor.password}`)) return reply(401, { message: 'Wrong password' });
    vendor.sessions += 1;
    return reply(200, { session: `session-${vendor.sessions}` });
  }
  if (pathname === '/me') return !authorised ? reply(401, { message: `No such key: ${String(request.headers['x-key'])}` }) : reply(vendor.me, vendor.me === 200 ? { id: 7, name: vendor.name } : { message: 'Down' });
  if (pathname === '/hooks') return reply(vendor.hook, vendor.hook === 201 ? { id: 'hook-1', secret: 'planted-hook-secret' } : { message: 'Hooks need the big plan' });
  reply(404, {});
});
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
after(() => {
  server.closeAllConnections();
  server.close();
});

const database = await createTestDatabase();
const masterKey = randomBytes(32);
const node = await startAccountsNode({ database, masterKey, hosts: { 'api.vendor.example': `http://127.0.0.1:${(server.address() as AddressInfo).port}` } });
const base = {
  manifest: 1,
  categories: ['crm'],
  http: { base_url: 'https://api.vendor.example' },
  resources: {},
  validation: { request: { method: 'GET', path: '/me' }, capture: { captured: { company: '{{response.body.name}}', id: '{{response.body.id}}' } } },
  account: { external_id: '{{captured.id}}', label: '{{captured.company}}' },
};
await node.registry.put('keyed', {
  ...base,
  id: 'keyed',
  name: 'Keyed',
  auth: [
    {
      type: 'api_key',
      id: 'key',
      fields: [
        { name: 'subdomain', label: 'Subdomain', pattern: '[a-z]+', help: 'As in your address.', placeholder: 'acme' },
        { name: 'api_key', label: 'API key', secret: true },
        { name: 'plan', label: 'Plan', options: [{ value: 's', label: 'Small' }, { value: 'l', label: 'Large' }], default: 'l' },
      ],
      apply: { headers: { 'x-key': '{{secret.api_key}}' } },
    },
  ],
  post_install: [{ id: 'hook', request: { method: 'POST', path: '/hooks' }, capture: { captured: { hook: '{{response.body.id}}' }, secret: { hook_secret: '{{response.body.secret}}' } } }],
}, 100, { actor: 'key:test' });
await node.registry.put('sessions', {
  ...base,
  id: 'sessions',
  name: 'Sessions',
  auth: [
    {
      type: 'session',
      id: 'login',
      fields: [{ name: 'user', label: 'User' }, { name: 'password', label: 'Password', secret: true }],
      login: [{ id: 'login', request: { method: 'POST', path: '/login', headers: { authorization: { $expr: '"Basic " & $base64encode(config.user & ":" & secret.password)' } } }, capture: { secret: { session: '{{response.body.session}}' } } }],
      apply: { headers: { 'x-session': '{{secret.session}}' } },
      expiry: { from: 'assumed', lifetime_s: 600 },
    },
  ],
}, 100, { actor: 'key:test' });

beforeEach(() => Object.assign(vendor, { name: 'Acme Inc', key: 'key-good-planted', password: 'pass-good', me: 200, hook: 201, asked: [] }));

interface Shown {
  id: string;
  state: string;
  message: string | null;
  label: string | null;
  captured: Record<string, unknown>;
  config: Record<string, unknown>;
  setup_pending: boolean;
}
const session = async (connector: string, body: object = {}): Promise<string> => String((await node.call('POST', '/v1/connect-sessions', { tenant_id: 'acme', connector, ...body })).body['url']);
const latest = async (): Promise<Shown> => ((await node.call('GET', '/v1/accounts?limit=1')).body['results'] as Shown[])[0] as Shown;
const show = async (id: string): Promise<Shown> => (await node.call('GET', `/v1/accounts/${id}`)).body as unknown as Shown;
const causes = async (id: string): Promise<string[]> => ((await node.call('GET', `/v1/accounts/${id}/transitions`)).body['results'] as { cause: string; to: string | null }[]).map(({ cause, to }) => `${cause}:${to}`).toReversed();
const good = { subdomain: 'acme', api_key: 'key-good-planted', plan: 's' };

test('the form is checked field by field; what is not secret is kept, and no secret comes back', async () => {
  const url = await session('keyed');
  const browser = new Browser();
  const bad = await browser.submit(url, { subdomain: 'ACME<1>', api_key: 'planted-in-form', plan: 'x' });
  assert.equal(bad.status, 422);
  assert.match(bad.text, /value="ACME&lt;1&gt;"/);
  assert.match(bad.text, /aria-invalid="true"/);
  assert.match(bad.text, /Choose one of the options/);
  assert.ok(!bad.text.includes('planted-in-form'));
  const done = await browser.submit(url, good);
  assert.match(done.text, /Acme Inc/);
  const account = await latest();
  assert.deepEqual([account.state, account.config, account.captured], ['active', { subdomain: 'acme', plan: 's' }, { company: 'Acme Inc', id: 7, hook: 'hook-1' }]);
  const opened = await node.room.access.open(account.id, { tenantId: 'acme' });
  assert.ok(opened.ok);
  assert.deepEqual(opened.opened.scope.secret, { api_key: 'key-good-planted', hook_secret: 'planted-hook-secret' });
});

test('refused credentials: validation_error with the vendor\'s words, without the key in them; corrected on the same page', async () => {
  const url = await session('keyed');
  const browser = new Browser();
  const refused = await browser.submit(url, { ...good, api_key: 'key-wrong-planted' });
  assert.match(refused.text, /No such key: \[redacted\]/);
  assert.match(refused.text, /value="acme"/);
  const failed = await latest();
  assert.equal(failed.state, 'validation_error');
  assert.equal(failed.message, 'No such key: [redacted]');
  const answer = await node.room.access.open(failed.id, { tenantId: null });
  assert.ok(!answer.ok && answer.failure.code === 'account_not_ready');
  assert.match((await browser.submit(url, good)).text, /is connected/);
  assert.deepEqual(await causes(failed.id), ['credentials_submitted:connecting', 'validation_failed:validation_error', 'setup_passed:active']);
});

test('a failing post-install step is told and retried, from the page and over the API; passed steps do not run again', async () => {
  vendor.hook = 402;
  const url = await session('keyed');
  const browser = new Browser();
  const failed = await browser.submit(url, good);
  assert.match(failed.text, /Hooks need the big plan/);
  const account = await latest();
  assert.equal(account.state, 'post_install_error');
  await browser.submit(`${url}/retry`);
  assert.equal((await show(account.id)).state, 'post_install_error');
  vendor.hook = 201;
  const retried = await node.call('POST', `/v1/accounts/${account.id}/retry`);
  assert.equal(retried.status, 202);
  while ((await show(account.id)).setup_pending) await new Promise((resolve) => setImmediate(resolve));
  assert.equal((await show(account.id)).state, 'active');
  assert.deepEqual((await causes(account.id)).slice(-2), ['post_install_failed:post_install_error', 'setup_passed:active']);
  assert.equal((await node.call('POST', `/v1/accounts/${account.id}/retry`)).status, 409);
  assert.equal((await node.call('POST', `/v1/accounts/${account.id}/refresh`)).status, 409);
});

test('an account left in connecting by a node that died is picked up again', async () => {
  await ensureTenant(node.pool, 'acme');
  const { id } = await createSession(node.pool, { tenantId: 'acme', connectorId: 'keyed', schemeId: 'key', accountId: null, returnUrl: null, createdBy: 'test' });
  const vault = await openVault(node.pool, masterKey);
  const scheme = node.registry.get('keyed')?.connector.scheme('key');
  assert.ok(scheme);
  const taken = await takeCredentials({ pool: node.pool, vault, now: Date.now }, { id }, scheme, { config: { subdomain: 'acme' }, secret: { api_key: 'key-good-planted' } });
  assert.ok(taken.ok);
  assert.ok(!(await takeCredentials({ pool: node.pool, vault, now: Date.now }, { id }, scheme, { config: {}, secret: {} })).ok);
  // Its lease is still running: nobody else touches it. After its end somebody does.
  await node.pool.query(`update accounts set setup_owner = 'dead', setup_until = now() + interval '1 minute' where id = $1`, [taken.accountId]);
  assert.equal(await node.room.resume(), 0);
  assert.equal((await show(taken.accountId)).state, 'connecting');
  await node.pool.query(`update accounts set setup_until = now() - interval '1 second' where id = $1`, [taken.accountId]);
  assert.equal(await node.room.resume(), 1);
  assert.equal((await show(taken.accountId)).state, 'active');
});

test('a vendor that is down while connecting is asked again before the account fails', async () => {
  vendor.me = 503;
  const url = await session('keyed');
  await fetch(url, { method: 'POST', redirect: 'manual', body: new URLSearchParams(good) });
  const account = await latest();
  assert.equal(account.state, 'connecting');
  assert.match((await new Browser().get(url)).text, /http-equiv="refresh"/);
  vendor.me = 200;
  while ((await show(account.id)).setup_pending) await new Promise((resolve) => setTimeout(resolve, 20));
  assert.deepEqual(await causes(account.id), ['credentials_submitted:connecting', 'setup_passed:active']);
});

test('what a vendor names its account is stored, whatever characters it holds', async () => {
  vendor.name = `A\0B\ud800${'x'.repeat(600)}`;
  await new Browser().submit(await session('keyed'), good);
  const account = await latest();
  assert.equal(account.state, 'active');
  assert.equal(account.label, `AB\ufffd${'x'.repeat(497)}`);
});

test('an address that may not be called fails at once and is told', async () => {
  await node.registry.put('inside', { ...base, id: 'inside', name: 'Inside', auth: [{ type: 'api_key', id: 'key', fields: [{ name: 'host', label: 'Host' }], apply: { headers: { 'x-host': '{{config.host}}' } } }], http: { base_url: 'https://{{config.host}}' } }, 100, { actor: 'key:test' });
  await new Browser().submit(await session('inside'), { host: '127.0.0.1' });
  const account = await latest();
  assert.equal(account.state, 'validation_error');
  assert.match(account.message ?? '', /may not be called/);
});

test('re-authorising a working account with a wrong key breaks nothing', async () => {
  await new Browser().submit(await session('keyed'), good);
  const account = await latest();
  const url = await session('keyed', { account_id: account.id });
  const browser = new Browser();
  assert.match((await browser.get(url)).text, /Connect Keyed again/);
  assert.match((await browser.submit(url, { ...good, api_key: 'mistyped' })).text, /No such key/);
  assert.equal((await show(account.id)).state, 'active');
  const opened = await node.room.access.open(account.id, { tenantId: null });
  assert.ok(opened.ok && (opened.opened.scope.secret as { api_key: string }).api_key === 'key-good-planted');
  await browser.submit(url, { ...good, plan: 'l' });
  assert.deepEqual((await show(account.id)).config, { subdomain: 'acme', plan: 'l' });
  assert.equal((await node.call('GET', '/v1/accounts?connector=keyed')).body['next_cursor'], null);
});

test('without account_id a second connection is another account', async () => {
  const before = (await node.pool.query('select 1 from accounts')).rows.length;
  for (const _ of [1, 2]) await new Browser().submit(await session('keyed'), good);
  assert.equal((await node.pool.query('select 1 from accounts')).rows.length, before + 2);
  const page = await node.call('GET', '/v1/accounts?limit=1&connector=keyed');
  const next = await node.call('GET', `/v1/accounts?limit=1&connector=keyed&cursor=${String(page.body['next_cursor'])}`);
  assert.notEqual((next.body['results'] as Shown[])[0]?.id, (page.body['results'] as Shown[])[0]?.id);
});

test('a static key that the vendor takes back is condemned by the probe; a new one reactivates', async () => {
  await new Browser().submit(await session('keyed'), good);
  const account = await latest();
  const opened = await node.room.access.open(account.id, { tenantId: null });
  assert.ok(opened.ok);
  vendor.key = 'key-new-planted';
  const same = await node.room.access.renew(opened.opened);
  assert.ok(same.ok && same.opened.credentialVersion === opened.opened.credentialVersion);
  assert.equal(await node.room.access.refused(opened.opened, { path: '/contacts' }), 'dead');
  assert.equal((await show(account.id)).state, 'needs_reauth');
  const url = await session('keyed', { account_id: account.id });
  assert.match((await new Browser().submit(url, { ...good, api_key: 'key-new-planted' })).text, /is connected/);
  assert.deepEqual((await causes(account.id)).slice(-2), ['grant_rejected:needs_reauth', 'call_succeeded:active']);
});

test('the first successful call reactivates where there is no probe', async () => {
  const { validation: _validation, account: _account, ...plain } = base;
  await node.registry.put('unproven', { ...plain, id: 'unproven', name: 'Unproven', auth: [{ type: 'api_key', id: 'key', fields: [{ name: 'api_key', label: 'Key', secret: true }], apply: { headers: { 'x-key': '{{secret.api_key}}' } } }] }, 100, { actor: 'key:test' });
  await new Browser().submit(await session('unproven'), { api_key: 'first' });
  const account = await latest();
  const opened = await node.room.access.open(account.id, { tenantId: null });
  assert.ok(opened.ok && opened.opened.state === 'active');
  assert.equal(await node.room.access.refused(opened.opened, {}), 'dead');
  node.room.access.succeeded({ ...opened.opened, state: 'needs_reauth' });
  await node.call('GET', '/v1/accounts');
  const url = await session('unproven', { account_id: account.id });
  assert.match((await new Browser().submit(url, { api_key: 'second' })).text, /authorised again/);
  assert.equal((await show(account.id)).state, 'needs_reauth');
  const again = await node.room.access.open(account.id, { tenantId: null });
  assert.ok(again.ok && again.opened.state === 'needs_reauth');
  node.room.access.succeeded(again.opened);
  while ((await show(account.id)).state !== 'active') await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual((await causes(account.id)).slice(-1), ['call_succeeded:active']);
});

test('a session login: wrong password told, right one logs in, its end logs in again', async () => {
  const url = await session('sessions');
  const browser = new Browser();
  assert.match((await browser.submit(url, { user: 'u', password: 'pass-wrong' })).text, /Wrong password/);
  assert.equal((await latest()).state, 'validation_error');
  assert.match((await browser.submit(url, { user: 'u', password: 'pass-good' })).text, /is connected/);
  const account = await latest();
  const logins = vendor.sessions;
  node.advance(580_000);
  const opened = await node.room.access.open(account.id, { tenantId: null });
  assert.ok(opened.ok);
  assert.equal(vendor.sessions, logins + 1);
  assert.equal((opened.opened.scope.secret as { session: string }).session, `session-${vendor.sessions}`);
  vendor.password = 'changed';
  node.advance(580_000);
  const dead = await node.room.access.open(account.id, { tenantId: null });
  assert.ok(!dead.ok && dead.failure.code === 'reauth_required');
  node.advance(-1_160_000);
});

test('missing scopes are noted once and leave the state; re-authorisation forgets them', async () => {
  await new Browser().submit(await session('keyed'), good);
  const account = await latest();
  const opened = await node.room.access.open(account.id, { tenantId: null });
  assert.ok(opened.ok);
  node.room.access.missingScopes(opened.opened, ['b', 'a'], {});
  node.room.access.missingScopes(opened.opened, ['a'], {});
  const scopes = async (): Promise<unknown> => ((await node.call('GET', `/v1/accounts/${account.id}`)).body['missing_scopes']);
  while (JSON.stringify(await scopes()) !== '["a","b"]') await new Promise((resolve) => setImmediate(resolve));
  assert.equal((await show(account.id)).state, 'active');
  await new Browser().submit(await session('keyed', { account_id: account.id }), good);
  assert.deepEqual(await scopes(), []);
});

test('another master key is refused at start, and nothing is written', async () => {
  const before = await node.pool.query('select * from vault_keys');
  await assert.rejects(openVault(node.pool, randomBytes(32)), (error) => error instanceof MasterKeyRefused && /give the former back/.test(error.message));
  assert.deepEqual((await node.pool.query('select * from vault_keys')).rows, before.rows);
  await openVault(node.pool, masterKey);
});

test('bad requests for a link say what is wrong', async () => {
  const ask = async (body: object) => (await node.call('POST', '/v1/connect-sessions', body)).body['code'];
  assert.equal(await ask({ tenant_id: 'acme', connector: 'nothing' }), 'not_found');
  assert.equal(await ask({ tenant_id: 'acme', connector: 'keyed', scheme: 'other' }), 'invalid_request');
  assert.equal(await ask({ tenant_id: 'acme', connector: 'keyed', account_id: 'acc_none' }), 'not_found');
  assert.equal(await ask({ tenant_id: 'acme', connector: 'keyed', return_url: 'javascript:alert(1)' }), 'invalid_request');
  assert.equal(await ask({ connector: 'keyed' }), 'invalid_request');
});
