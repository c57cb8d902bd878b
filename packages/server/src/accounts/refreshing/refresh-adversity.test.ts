/** Refreshes when vendors, clocks and the pace of many nodes do what they should not. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { startAccountsNode } from '@evenkeel/tests/harness/accounts-node.ts';
import { createTestDatabase } from '@evenkeel/tests/harness/database.ts';
import { plantAccount } from '@evenkeel/tests/harness/planted-account.ts';
import { startTokenVendor, type TokenFault, type TokenVendor } from '@evenkeel/tests/harness/token-vendor.ts';
import { openCredential, readCredential } from '../credential-store.ts';
import { openVault } from '../vault/vault-keys.ts';
import { createLog } from '../../log.ts';
import { RefreshPace } from './refresh-pace.ts';

const database = await createTestDatabase();
const hosts: Record<string, string> = {};
const masterKey = randomBytes(32);
const node = await startAccountsNode({ database, masterKey, hosts });
const second = await startAccountsNode({ database, masterKey, hosts });
const vault = await openVault(node.pool, masterKey);
const { pool } = node;
let offset = 0;
const nowMs = (): number => Date.now() + offset;
function advance(ms: number): void {
  offset += ms;
  for (const one of [node, second]) one.advance(ms);
}
const minute = 60_000;
const hour = 60 * minute;

async function vendorOf(id: string, options: Omit<Parameters<typeof startTokenVendor>[0], 'id'>): Promise<TokenVendor> {
  const vendor = await startTokenVendor({ id, ...options });
  vendor.nowMs = nowMs;
  hosts[`${id}.example`] = vendor.url;
  await node.registry.put(id, vendor.manifest, 100, { actor: 'key:test' });
  await node.registry.apps.write(id, { client_id: id, client_secret: 'planted-app-secret-0123456789' }, { actor: 'key:test' });
  while (second.registry.get(id) === undefined) await new Promise((resolve) => setTimeout(resolve, 5));
  return vendor;
}

/** Granted an hour ago; `dueInMs` and `endsInMs` count from now. */
function plant(vendor: TokenVendor, connectorId: string, name: string, times: { dueInMs: number; endsInMs: number }): Promise<string> {
  const at = nowMs();
  return plantAccount(pool, vault, { connectorId, token: vendor.grant(name), grantedAtMs: at - hour, expiresAtMs: at + times.endsInMs, refreshDueAtMs: at + times.dueInMs });
}

async function drain(): Promise<void> {
  while ((await node.room.scheduler.tick()) > 0) await node.room.scheduler.settled();
  await node.room.scheduler.settled();
}

const stateOf = async (id: string): Promise<string> => (await pool.query<{ state: string }>('select state from accounts where id = $1', [id])).rows[0]?.state ?? '';
async function stored(id: string) {
  const row = await readCredential(pool, id);
  assert.ok(row);
  return { row, token: openCredential(vault, row).token };
}
const open = (id: string) => node.room.access.open(id, { tenantId: null });

test('answers of a token endpoint that are none, or half of one, move no account and are asked again', async () => {
  const vendor = await vendorOf('garbled', { rotation: 'rotates' });
  const id = await plant(vendor, 'garbled', 'g', { dueInMs: -1, endsInMs: 3 * hour });
  const texts = ['', 'null', '[]', '"token"', '{', '{"access_token":null}', '{"access_token":{"a":1}}', '{"error":"\\ud800\\u0000 odd"}', '{"error":{"code":7}}', '{"ok":false,"message":"no"}', '<html>', `{"pad":"${'x'.repeat(3 * 1024 * 1024)}"}`];
  for (const text of texts) {
    const faults: TokenFault[] = [{ status: 200, text }];
    vendor.fault = () => faults.shift();
    await drain();
    assert.deepEqual([await stateOf(id), (await stored(id)).row.version], ['active', 1], text.slice(0, 60));
    assert.equal(faults.length, 0, 'it was asked');
    advance(2 * minute);
  }
  await drain();
  const { row, token } = await stored(id);
  assert.deepEqual([row.version, row.refresh_failures], [2, 0]);
  assert.ok(vendor.accepts(token.access_token ?? ''));
});

test('an end that is omitted once is that of the token before; nonsense in its place neither', async () => {
  const vendor = await vendorOf('omits', { rotation: 'rotates' });
  for (const expires of [undefined, null, 'soon', -5, 0, {}]) {
    const id = await plant(vendor, 'omits', `o-${String(expires)}`, { dueInMs: -1, endsInMs: minute });
    vendor.alter = (body) => ({ ...body, expires_in: expires });
    await drain();
    const { row, token } = await stored(id);
    const lifetimeMs = (row.expires_at?.getTime() ?? 0) - (row.refreshed_at?.getTime() ?? 0);
    assert.ok(Math.abs(lifetimeMs - hour - minute) < 1_000, `${String(expires)}: ${lifetimeMs}`);
    assert.equal(token.expires_at, row.expires_at?.toISOString());
    assert.ok(row.refresh_due_at !== null && row.refresh_due_at < (row.expires_at ?? 0));
  }
});

test('an omitted refresh token means that the old one stays', async () => {
  const vendor = await vendorOf('keeps', { rotation: 'none' });
  const id = await plant(vendor, 'keeps', 'k', { dueInMs: -1, endsInMs: minute });
  const before = (await stored(id)).token.refresh_token;
  vendor.alter = ({ ...body }: { refresh_token?: string }) => {
    delete body.refresh_token;
    return body;
  };
  await drain();
  advance(2 * hour);
  await drain();
  const { row, token } = await stored(id);
  assert.deepEqual([row.version, token.refresh_token], [3, before]);
});

test('tokens whose stated end has passed already are used, not renewed over and over', async () => {
  const claims = (exp: number): string => `h.${Buffer.from(JSON.stringify({ exp })).toString('base64url')}.s`;
  const behind = await vendorOf('behind', { rotation: 'rotates', scheme: { expiry: { from: 'jwt' } } });
  behind.alter = (body) => ({ ...body, access_token: claims(Math.floor(nowMs() / 1000) - 3_600) });
  const inactive = await vendorOf('inactive', { rotation: 'rotates', scheme: { expiry: { from: 'introspection', request: { method: 'POST', path: '/session' } } } });
  inactive.alter = (body) => ({ ...body, expires_in: undefined });
  inactive.fault = (account) => (account.startsWith('session') ? { status: 200, text: '{"active":false}' } : undefined);
  for (const [name, vendor] of Object.entries({ behind, inactive })) {
    const id = await plant(vendor, name, name, { dueInMs: hour, endsInMs: 1_000 });
    for (let call = 0; call < 20; call += 1) assert.ok((await open(id)).ok);
    advance(10 * minute);
    for (let look = 0; look < 20; look += 1) {
      await node.room.scheduler.tick();
      assert.ok((await open(id)).ok);
    }
    assert.equal(vendor.seen.requests.length, 1, name);
  }
});

test('an introspection that is down leaves the end to the token response', async () => {
  const vendor = await vendorOf('blind', { rotation: 'rotates', scheme: { expiry: { from: 'introspection', request: { method: 'POST', path: '/session' } } } });
  vendor.fault = (account) => (account.startsWith('session') ? { status: 503 } : undefined);
  vendor.expiresInS = 900;
  const id = await plant(vendor, 'blind', 'b', { dueInMs: -1, endsInMs: minute });
  await drain();
  const { row } = await stored(id);
  assert.equal(row.version, 2);
  assert.ok(Math.abs((row.expires_at?.getTime() ?? 0) - (row.refreshed_at?.getTime() ?? 0) - 900_000) < 1_000);
});

test('a client that the vendor refuses: the installation\'s brakes its connector and moves nobody, the account\'s own ends the account', async () => {
  const vendor = await vendorOf('badapp', { rotation: 'rotates' });
  const ids: string[] = [];
  for (let index = 0; index < 40; index += 1) ids.push(await plant(vendor, 'badapp', `a${index}`, { dueInMs: -1, endsInMs: 2 * minute }));
  vendor.fault = () => ({ status: 401, text: '{"error":"invalid_client"}' });
  for (let passed = 0; passed < 60; passed += 1) {
    await drain();
    advance(minute);
  }
  for (const id of ids) assert.equal(await stateOf(id), 'active');
  assert.ok(vendor.seen.requests.length < 40 + 60 * 3, `${vendor.seen.requests.length} requests in an hour`);
  assert.ok(node.room.scheduler.counts().braked.includes('badapp'));
  vendor.fault = undefined;
  for (let passed = 0; passed < 3; passed += 1) {
    await drain();
    advance(minute);
  }
  for (const id of ids) assert.equal((await stored(id)).row.version, 2);

  const auth = [{ type: 'oauth2_client_credentials', id: 'cc', fields: [{ name: 'client_secret', label: 'Secret', secret: true }], client_id: 'them', client_secret: '{{secret.client_secret}}', token_url: 'https://ownapp.example/token', apply: { headers: { authorization: 'Bearer {{token.access_token}}' } } }];
  const own = await vendorOf('ownapp', { rotation: 'none', manifest: { auth } });
  own.fault = () => ({ status: 401, text: '{"error":"invalid_client"}' });
  const at = nowMs();
  const id = await plantAccount(pool, vault, { connectorId: 'ownapp', schemeId: 'cc', token: {}, secret: { client_secret: 'theirs-0123456789' }, grantedAtMs: at - hour, expiresAtMs: at + minute, refreshDueAtMs: at - 1 });
  await drain();
  assert.equal(await stateOf(id), 'needs_reauth');
});

test('the app\'s secret changes while a refresh is on its way: the refusal of the old one moves nobody, the new one is used next', async () => {
  const vendor = await vendorOf('changing', { rotation: 'single_use' });
  const id = await plant(vendor, 'changing', 'c', { dueInMs: -1, endsInMs: 2 * minute });
  const [came, goOn] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  vendor.pause = () => {
    came.resolve();
    return goOn.promise;
  };
  const faults: TokenFault[] = [{ status: 401, text: '{"error":"invalid_client"}' }];
  vendor.fault = () => faults.shift();
  await node.room.scheduler.tick();
  await came.promise;
  await node.registry.apps.write('changing', { client_id: 'changing', client_secret: 'another-app-secret-0123456789' }, { actor: 'key:test' });
  goOn.resolve();
  await node.room.scheduler.settled();
  advance(2_000);
  await drain();
  assert.deepEqual([await stateOf(id), (await stored(id)).row.version, vendor.seen.reuses], ['active', 2, 0]);
});

test('a refusal whose code no database could keep is stored all the same', async () => {
  const vendor = await vendorOf('odd', { rotation: 'rotates', refresh: { terminal: [{ status: [403] }] } });
  const id = await plant(vendor, 'odd', 'o', { dueInMs: -1, endsInMs: 2 * minute });
  vendor.fault = () => ({ status: 403, text: JSON.stringify({ error: `${'x'.repeat(99)}😀\u0000`, error_description: 'no\u0000more\ud800' }) });
  await drain();
  assert.equal(await stateOf(id), 'needs_reauth');
});

test('a token endpoint that hangs delays a call by two seconds at most while the old token serves, and others not at all', async () => {
  const vendor = await vendorOf('hangs', { rotation: 'rotates' });
  const id = await plant(vendor, 'hangs', 'h', { dueInMs: hour, endsInMs: 20_000 });
  const goOn = Promise.withResolvers<void>();
  vendor.pause = () => goOn.promise;
  const begun = performance.now();
  const [one, other] = await Promise.all([open(id), open(id)]);
  assert.ok(one.ok && other.ok && one.opened.credentialVersion === 1);
  assert.ok(performance.now() - begun < 3_500, `${performance.now() - begun} ms`);
  const again = performance.now();
  assert.ok((await open(id)).ok);
  assert.ok(performance.now() - again < 500, 'a second call waits for it again');
  goOn.resolve();
  for (;;) {
    const opened = await open(id);
    assert.ok(opened.ok);
    if (opened.opened.credentialVersion === 2) break;
  }
  assert.equal(vendor.seen.requests.length, 1);
});

test('a probe that was refused the old token, while a refresh has replaced it at the vendor, condemns nobody', async () => {
  const vendor = await vendorOf('crossing', { rotation: 'rotates' });
  const id = await plant(vendor, 'crossing', 'x', { dueInMs: hour, endsInMs: hour });
  const opened = await open(id);
  assert.ok(opened.ok);
  vendor.endEarly('x');
  const [came, goOn] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  vendor.pause = () => {
    came.resolve();
    return goOn.promise;
  };
  const refresh = node.call('POST', `/v1/accounts/${id}/refresh`);
  await came.promise;
  assert.equal(await node.room.access.refused(opened.opened, {}), 'alive');
  goOn.resolve();
  assert.equal((await refresh).status, 200);
  assert.deepEqual([await stateOf(id), (await stored(id)).row.version], ['active', 2]);
});

const quiet = createLog('silent');

test('refreshes that calls wait for are counted and do not wait; a tenth of the pace stays for what nobody calls', async () => {
  const [api, worker] = [new RefreshPace(pool, quiet, 40), new RefreshPace(second.pool, quiet, 40)];
  await pool.query('delete from refresh_pace');
  assert.equal(await worker.take(100), 10, 'a quarter of a second');
  worker.used(10);
  const begun = performance.now();
  for (let n = 0; n < 1_000; n += 1) api.spend();
  await api.settled();
  let total = 0;
  while (performance.now() - begun < 800) {
    const may = await worker.take(1);
    worker.used(may);
    total += may;
  }
  // A second's worth is owed, so that all there is comes from the reserve.
  assert.ok(total >= 2 && total <= (4 * (performance.now() - begun)) / 1_000 + 1, `${total} in 0.8 s`);
  await pool.query('delete from refresh_pace');
  worker.spend();
  await worker.settled();
  assert.equal(await new RefreshPace(second.pool, quiet, 40).take(100), 9, 'one of the ten was spent');
});

test('a refresh that a call waits for is told to the pace', async () => {
  const vendor = await vendorOf('counted', { rotation: 'rotates' });
  const id = await plant(vendor, 'counted', 'a', { dueInMs: hour, endsInMs: -1_000 });
  await pool.query(`delete from refresh_pace`);
  assert.ok((await node.room.access.open(id, { tenantId: null })).ok);
  const bucket = async (): Promise<number | undefined> => (await pool.query<{ tokens: number }>('select tokens from refresh_pace')).rows[0]?.tokens;
  for (let look = 0; (await bucket()) === undefined; look += 1) {
    assert.ok(look < 200, 'never told');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  assert.equal(await bucket(), 99);
});

test('all nodes together keep to one pace, whichever of them asks', async () => {
  const nodes = [new RefreshPace(pool, quiet, 40), new RefreshPace(second.pool, quiet, 40), new RefreshPace(database.pool, quiet, 40)];
  await pool.query('delete from refresh_pace');
  const begun = performance.now();
  let total = 0;
  while (performance.now() - begun < 700) {
    for (const pace of nodes) {
      const may = await pace.take(7);
      pace.used(may);
      total += may;
    }
  }
  const most = 10 + (40 * (performance.now() - begun)) / 1000;
  assert.ok(total <= most + 1 && total >= most * 0.7, `${total} of ${most}`);
  // What was not used is not saved up.
  await new Promise((resolve) => setTimeout(resolve, 600));
  assert.equal(await nodes[0]?.take(100), 10);
});
