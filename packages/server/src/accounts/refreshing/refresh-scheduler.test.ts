import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { startAccountsNode } from '@evenkeel/tests/harness/accounts-node.ts';
import { createTestDatabase } from '@evenkeel/tests/harness/database.ts';
import { plantAccount } from '@evenkeel/tests/harness/planted-account.ts';
import { startTokenVendor, type TokenVendor } from '@evenkeel/tests/harness/token-vendor.ts';
import { openCredential, readCredential } from '../credential-store.ts';
import { readRefreshHealth } from './refresh-queue.ts';
import { openVault } from '../vault/vault-keys.ts';

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

/** `dueInMs` and `endsInMs` count from now. */
function plant(vendor: TokenVendor, connectorId: string, name: string, times: { dueInMs: number | null; endsInMs: number | null }): Promise<string> {
  const at = nowMs();
  return plantAccount(pool, vault, {
    connectorId,
    token: vendor.grant(name),
    grantedAtMs: at - hour,
    expiresAtMs: times.endsInMs === null ? null : at + times.endsInMs,
    refreshDueAtMs: times.dueInMs === null ? null : at + times.dueInMs,
  });
}

/** Begins what is due on the node until nothing is left, and waits for it. */
async function drain(one = node): Promise<number> {
  let begun = 0;
  for (;;) {
    const more = await one.room.scheduler.tick();
    await one.room.scheduler.settled();
    if (more === 0) return begun;
    begun += more;
  }
}

const stateOf = async (id: string): Promise<string> => (await pool.query<{ state: string }>('select state from accounts where id = $1', [id])).rows[0]?.state ?? '';
async function stored(id: string) {
  const row = await readCredential(pool, id);
  assert.ok(row);
  return { row, token: openCredential(vault, row).token, secret: openCredential(vault, row).secret };
}
/** As if the time of a lease had passed. */
const endLeases = (): Promise<unknown> => pool.query(`update credentials set lease_until = clock_timestamp() - interval '1 second' where lease_until is not null`);
async function timeline(id: string): Promise<string[]> {
  const { body } = await node.call('GET', `/v1/accounts/${id}`);
  return (body['timeline'] as { outcome: string; version: number; attempts: number; actor: string }[]).map(({ outcome, version, attempts }) => `${outcome} ${version} x${attempts}`);
}

test('what is due is refreshed without traffic, the rest is left alone, and the next time is 60 to 180 s before the end', async () => {
  const vendor = await vendorOf('plain', { rotation: 'rotates' });
  const due = await plant(vendor, 'plain', 'due', { dueInMs: -1_000, endsInMs: 90_000 });
  const later = await plant(vendor, 'plain', 'later', { dueInMs: 10 * minute, endsInMs: 12 * minute });
  assert.equal(await drain(), 1);
  assert.deepEqual(vendor.seen.requests, ['due']);
  const { row, token } = await stored(due);
  assert.ok(vendor.accepts(token.access_token ?? ''));
  assert.deepEqual([row.version, row.refresh_failures, row.lease_until], [2, 0, null]);
  const lead = (row.expires_at?.getTime() ?? 0) - (row.refresh_due_at?.getTime() ?? 0);
  assert.ok(lead >= 60_000 && lead <= 180_001, `${lead}`);
  assert.equal((await stored(later)).row.version, 1);
  assert.deepEqual(await timeline(due), ['refreshed 2 x1', 'granted 1 x1']);
  assert.doesNotMatch(JSON.stringify((await node.call('GET', `/v1/accounts/${due}`)).body), /at\.due|rt\.due/);
  assert.equal(node.room.scheduler.counts().refreshed, 1);
});

test('after downtime the soonest to end come first, within the connector\'s limit on all nodes together', async () => {
  const vendor = await vendorOf('limited', { rotation: 'rotates', refresh: { max_concurrent: 3 } });
  vendor.latencyMs = 15;
  const ends = [5, 1, 9, -20, 3, -2, 7, 11, 2, 30, 12, 13];
  for (const end of ends) await plant(vendor, 'limited', `ends-${end}`, { dueInMs: -hour, endsInMs: end * minute });
  await Promise.all([drain(node), drain(second)]);
  await drain();
  assert.equal(vendor.seen.requests.length, ends.length);
  assert.equal(new Set(vendor.seen.requests).size, ends.length);
  assert.deepEqual(new Set(vendor.seen.requests.slice(0, 3)), new Set(['ends--20', 'ends--2', 'ends-1']));
  assert.ok(vendor.seen.maxConcurrent <= 3, `${vendor.seen.maxConcurrent} at once`);
});

test('the rate of a node spreads a backlog', async () => {
  const vendor = await vendorOf('backlog', { rotation: 'rotates' });
  for (let index = 0; index < 40; index += 1) await plant(vendor, 'backlog', `b${index}`, { dueInMs: -minute, endsInMs: minute });
  // A quarter of a second's worth at once (100 of 400 a second), limited here by the connector's default of 32.
  const begun = await node.room.scheduler.tick();
  assert.ok(begun > 0 && begun <= 32, `${begun}`);
  await node.room.scheduler.settled();
  await drain();
  assert.equal(vendor.seen.requests.length, 40);
});

test('an outage of an hour at refresh time: no state changes, a bounded number of requests, everything works after', async () => {
  const vendor = await vendorOf('down', { rotation: 'single_use' });
  const ids: string[] = [];
  for (let index = 0; index < 12; index += 1) ids.push(await plant(vendor, 'down', `d${index}`, { dueInMs: index * 1_000, endsInMs: 2 * minute }));
  const kinds = [{ status: 503 }, { status: 429, retryAfterS: 5 }, 'unheard', { status: 500 }, 'unheard', { status: 504 }] as const;
  vendor.fault = (_account, request) => kinds[request % kinds.length];
  for (let passed = 0; passed < 60; passed += 1) {
    await drain();
    await Promise.all(ids.slice(0, 2).map(async (id) => node.room.access.open(id, { tenantId: null })));
    advance(minute);
  }
  for (const id of ids) assert.equal(await stateOf(id), 'active');
  const [health] = await readRefreshHealth(pool, nowMs()).then((all) => all.filter(({ connectorId }) => connectorId === 'down'));
  assert.ok(health !== undefined && health.failing > 0 && health.ended === health.failing);
  assert.ok(node.room.scheduler.counts().braked.includes('down'));
  // Held back by the brake: about one probe each time the clock moves, and what calls ask for by themselves.
  assert.ok(vendor.seen.requests.length < 60 * 6, `${vendor.seen.requests.length} requests`);
  vendor.fault = undefined;
  for (let passed = 0; passed < 5; passed += 1) {
    await drain();
    advance(minute);
  }
  for (const id of ids) {
    const { row, token } = await stored(id);
    assert.equal(row.refresh_failures, 0);
    assert.ok(vendor.accepts(token.access_token ?? ''), id);
  }
  assert.equal(vendor.seen.reuses, 0);
  assert.deepEqual(node.room.scheduler.counts().braked, []);
});

test('the brake is one for all nodes: each adds its failures, one probe goes out at a time, and one good answer releases all', async () => {
  const vendor = await vendorOf('braked', { rotation: 'rotates', refresh: { max_concurrent: 1 } });
  for (let index = 0; index < 8; index += 1) await plant(vendor, 'braked', `x${index}`, { dueInMs: -1_000, endsInMs: hour + index * minute });
  vendor.fault = () => ({ status: 503 });
  const fails = async (of: typeof node): Promise<void> => {
    assert.equal(await of.room.scheduler.tick(), 1);
    await of.room.scheduler.settled();
  };
  for (const each of [node, second, node, second]) await fails(each);
  assert.ok(!second.room.scheduler.counts().braked.includes('braked'), 'four failures');
  await fails(node);
  for (const each of [second, node]) assert.equal(await each.room.scheduler.tick(), 0);
  assert.ok(second.room.scheduler.counts().braked.includes('braked'));
  advance(10_000);
  const release = Promise.withResolvers<void>();
  vendor.pause = () => release.promise;
  const begun = await Promise.all([node.room.scheduler.tick(), second.room.scheduler.tick()]);
  assert.equal(begun[0] + begun[1], 1, 'a single probe');
  vendor.fault = undefined;
  release.resolve();
  await Promise.all([node.room.scheduler.settled(), second.room.scheduler.settled()]);
  vendor.pause = undefined;
  while ((await drain(node)) + (await drain(second)) > 0) advance(minute);
  assert.equal((await readRefreshHealth(pool, nowMs())).find(({ connectorId }) => connectorId === 'braked'), undefined);
  for (const each of [node, second]) assert.deepEqual(each.room.scheduler.counts().braked, []);
});

test('a call that gets a token releases the brake as well', async () => {
  const vendor = await vendorOf('called', { rotation: 'rotates' });
  for (let index = 0; index < 6; index += 1) await plant(vendor, 'called', `x${index}`, { dueInMs: -1_000, endsInMs: hour });
  const id = await plant(vendor, 'called', 'wanted', { dueInMs: hour, endsInMs: -1_000 });
  vendor.fault = () => ({ status: 503 });
  await drain();
  assert.ok(node.room.scheduler.counts().braked.includes('called'));
  vendor.fault = undefined;
  assert.ok((await second.room.access.open(id, { tenantId: null })).ok);
  advance(minute);
  assert.ok((await drain()) >= 6);
  assert.deepEqual(node.room.scheduler.counts().braked, []);
});

test('a terminal refusal moves the account at once, and nobody asks again', async () => {
  const vendor = await vendorOf('dead', { rotation: 'single_use' });
  const id = await plant(vendor, 'dead', 'gone', { dueInMs: -1, endsInMs: 2 * minute });
  vendor.revoke('gone');
  await drain();
  assert.equal(await stateOf(id), 'needs_reauth');
  const events = await pool.query<{ type: string; actor: string }>(`select e.type, t.actor from events e join account_transitions t on t.event_id = e.id where e.account_id = $1 order by t.seq desc limit 1`, [id]);
  assert.deepEqual(events.rows[0], { type: 'integrated_account:needs_reauth', actor: 'system:scheduler' });
  for (let passed = 0; passed < 5; passed += 1) {
    advance(hour);
    await drain();
    const opened = await node.room.access.open(id, { tenantId: null });
    assert.ok(!opened.ok && opened.failure.code === 'reauth_required' && opened.failure.connectUrl !== undefined);
  }
  assert.equal(vendor.seen.requests.length, 1);
  assert.deepEqual((await timeline(id))[0], 'refused 1 x1');
});

test('a lost answer: where a retry is allowed it is made, where a token works once the access token is used to its end', async () => {
  const rotating = await vendorOf('lossy', { rotation: 'rotates' });
  const once = await vendorOf('once', { rotation: 'single_use' });
  const [a, b] = [await plant(rotating, 'lossy', 'a', { dueInMs: -1, endsInMs: 2 * minute }), await plant(once, 'once', 'b', { dueInMs: -1, endsInMs: 2 * minute })];
  for (const vendor of [rotating, once]) vendor.fault = (_account, request) => (request === 1 ? 'lost' : undefined);
  await drain();
  advance(3_000);
  await drain();
  const renewed = await stored(a);
  assert.ok(renewed.row.version === 2 && rotating.accepts(renewed.token.access_token ?? ''));
  assert.deepEqual(once.seen.requests, ['b']);
  const before = await stored(b);
  assert.ok(before.row.in_doubt_since !== null && once.accepts(before.token.access_token ?? ''));
  advance(85_000);
  await drain();
  const opened = await node.room.access.open(b, { tenantId: null });
  assert.ok(opened.ok, 'the access token serves');
  assert.deepEqual([once.seen.requests.length, once.seen.reuses], [1, 0]);
  advance(35_000);
  await drain();
  // The end has come: one last attempt, which this vendor refuses.
  assert.deepEqual([once.seen.requests.length, once.seen.reuses], [2, 1]);
  assert.equal(await stateOf(b), 'needs_reauth');
  const { rows } = await pool.query<{ evidence: { earlier_answer_lost?: boolean } }>('select evidence from account_transitions where account_id = $1 order by seq desc limit 1', [b]);
  assert.equal(rows[0]?.evidence.earlier_answer_lost, true);
});

test('a node that died with a request on its way: the same rules, found by the next one', async () => {
  const vendor = await vendorOf('crash', { rotation: 'single_use' });
  const id = await plant(vendor, 'crash', 'c', { dueInMs: -1, endsInMs: 2 * minute });
  // The lease of a process that is no more.
  await pool.query(`update credentials set lease_owner = 'dead', lease_until = clock_timestamp() - interval '1 second', lease_fence = lease_fence + 1 where account_id = $1`, [id]);
  await drain();
  assert.equal(vendor.seen.requests.length, 0);
  assert.ok((await timeline(id)).includes('held 1 x1'));
  // Nothing was sent in truth: at the end of the access token the attempt succeeds.
  advance(2 * minute);
  await drain();
  assert.equal(vendor.seen.requests.length, 1);
  const { row, token } = await stored(id);
  assert.ok(row.version === 2 && row.in_doubt_since === null && vendor.accepts(token.access_token ?? ''));
});

test('a node that only stood still: its late answer counts, since nobody else used the token', async () => {
  const vendor = await vendorOf('stall', { rotation: 'single_use' });
  const id = await plant(vendor, 'stall', 's', { dueInMs: -1, endsInMs: 2 * minute });
  const [came, goOn] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  vendor.pause = () => {
    came.resolve();
    return goOn.promise;
  };
  await node.room.scheduler.tick();
  await came.promise;
  await endLeases();
  advance(46_000);
  assert.equal(await drain(second), 1);
  goOn.resolve();
  await node.room.scheduler.settled();
  const { row, token } = await stored(id);
  assert.ok(row.version === 2 && row.in_doubt_since === null && vendor.accepts(token.access_token ?? ''));
  assert.equal(vendor.seen.requests.length, 1);
});

test('a rotated token is kept although the exchange after it fails', async () => {
  const exchange = [{ id: 'session', request: { method: 'POST', path: '/session' }, capture: { secret: { session: '{{response.body.session}}' } } }];
  const vendor = await vendorOf('twostep', { rotation: 'single_use', scheme: { exchange } });
  const id = await plant(vendor, 'twostep', 't', { dueInMs: -1, endsInMs: 2 * minute });
  vendor.fault = (account) => (account.startsWith('session') && vendor.seen.exchanges === 1 ? { status: 503 } : undefined);
  await drain();
  assert.deepEqual([(await stored(id)).row.version, vendor.seen.requests.length], [1, 1]);
  advance(3_000);
  await drain();
  const { row, token, secret } = await stored(id);
  assert.deepEqual([row.version, vendor.seen.requests.length, vendor.seen.reuses], [2, 2, 0]);
  assert.equal(secret['session'], `session for ${token.access_token}`);
});

test('secrets that set-up adds while a refresh is under way survive it, and so does the rotated token', async () => {
  const vendor = await vendorOf('both', { rotation: 'single_use' });
  const id = await plant(vendor, 'both', 'x', { dueInMs: -1, endsInMs: 2 * minute });
  const [came, goOn] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  vendor.pause = () => {
    came.resolve();
    return goOn.promise;
  };
  await node.room.scheduler.tick();
  await came.promise;
  const { swapCredential } = await import('../credential-store.ts');
  const { row, token } = await stored(id);
  assert.ok(await swapCredential(pool, vault, { accountId: id, slot: 'current', version: row.version, credential: { token, secret: { hook: 'h1' }, obtained: true }, times: { grantedAtMs: nowMs(), expiresAtMs: null, refreshDueAtMs: null } }));
  goOn.resolve();
  await node.room.scheduler.settled();
  const after = await stored(id);
  assert.equal(after.row.version, 3);
  assert.equal(after.secret['hook'], 'h1');
  assert.ok(vendor.accepts(after.token.access_token ?? ''));
});

test('client credentials, assertions and sessions are refreshed alike; short tokens at half their life; idle ones kept alive', async () => {
  const vendor = await vendorOf('others', {
    rotation: 'none',
    manifest: {
      auth: [
        { type: 'oauth2_client_credentials', id: 'cc', token_url: 'https://others.example/token', apply: { headers: { authorization: 'Bearer {{token.access_token}}' } } },
        { type: 'jwt_bearer', id: 'jwt', fields: [{ name: 'key', label: 'Key', secret: true }], assertion: { alg: 'HS256', key: '{{secret.key}}', claims: { iss: 'me' }, lifetime_s: 120 }, grant: { type: 'direct' }, apply: { headers: { authorization: 'Bearer {{token.access_token}}' } } },
        {
          type: 'session',
          id: 'session',
          login: [{ id: 'login', request: { method: 'POST', path: '/session' }, capture: { secret: { session: '{{response.body.session}}' } } }],
          expiry: { from: 'assumed', lifetime_s: 600 },
          apply: { headers: { authorization: 'Bearer {{secret.session}}' } },
        },
        { type: 'oauth2_code', id: 'idle', authorize_url: 'https://others.example/auth', token_url: 'https://others.example/token', expiry: { from: 'on_401' }, refresh: { rotation: 'none', idle_lifetime_s: 1_000 } },
        { type: 'oauth2_code', id: 'cut', authorize_url: 'https://others.example/auth', token_url: 'https://others.example/token', refresh: { rotation: 'none', effective_lifetime_s: 1_800 } },
      ],
    },
  });
  const at = nowMs();
  const planted = { connectorId: 'others', grantedAtMs: at - hour, expiresAtMs: at + minute, refreshDueAtMs: at - 1 };
  const ids: Record<string, string> = {};
  for (const schemeId of ['cc', 'jwt', 'session', 'idle', 'cut']) {
    ids[schemeId] = await plantAccount(pool, vault, { ...planted, schemeId, token: schemeId === 'idle' || schemeId === 'cut' ? vendor.grant(schemeId) : {}, secret: { key: 'k'.repeat(32) } });
  }
  await drain();
  const life = async (id: string | undefined): Promise<[number | null, number | null]> => {
    const { row } = await stored(id ?? '');
    assert.equal(row.version, 2);
    const from = row.refreshed_at?.getTime() ?? 0;
    const seconds = (date: Date | null): number | null => (date === null ? null : Math.round((date.getTime() - from) / 1000));
    return [seconds(row.expires_at), seconds(row.refresh_due_at)];
  };
  const [signedFor, signedAgain] = await life(ids['jwt']);
  // Claims count whole seconds.
  assert.ok(signedFor !== null && signedAgain !== null && Math.abs(signedFor - 120) <= 1 && Math.abs(signedAgain - 60) <= 1, `${signedFor} ${signedAgain}`);
  assert.deepEqual(await life(ids['idle']), [null, 800]);
  for (const [scheme, lifetime] of [['cc', 3600], ['session', 600], ['cut', 1800]] as const) {
    const [ends, due] = await life(ids[scheme]);
    assert.equal(ends, lifetime, scheme);
    assert.ok(due !== null && due >= lifetime - 180 && due <= lifetime - 60, `${scheme} ${due}`);
  }
});

test('a token refused before its end is counted against the connector, once a call has passed with the next one', async () => {
  const vendor = await vendorOf('early', { rotation: 'rotates' });
  const id = await plant(vendor, 'early', 'e', { dueInMs: 10 * minute, endsInMs: 12 * minute });
  vendor.endEarly('e');
  const opened = await node.room.access.open(id, { tenantId: null });
  assert.ok(opened.ok);
  const renewed = await node.room.access.renew(opened.opened);
  assert.ok(renewed.ok && renewed.opened.credentialVersion === 2);
  const recorded = async () => (await pool.query<{ connector_id: string; drift_s: number }>('select connector_id, drift_s from token_drift')).rows;
  assert.deepEqual(await recorded(), []);
  node.room.access.succeeded(renewed.opened);
  let drift = await recorded();
  while (drift.length === 0) drift = await recorded();
  const [found] = drift;
  assert.ok(found !== undefined && found.connector_id === 'early' && found.drift_s > 700 && found.drift_s <= 720, JSON.stringify(drift));
  assert.ok((await timeline(id)).includes('ended_early 1 x1'));
});

test('a connector that is not installed any more harms nothing and is looked at without hurry', async () => {
  const vendor = await vendorOf('known', { rotation: 'rotates' });
  const id = await plantAccount(pool, vault, { connectorId: 'removed', token: vendor.grant('r'), grantedAtMs: nowMs(), expiresAtMs: nowMs() + minute, refreshDueAtMs: nowMs() - 1 });
  assert.equal(await drain(), 1);
  const { row } = await stored(id);
  assert.ok((row.refresh_due_at?.getTime() ?? 0) > nowMs() + 30_000);
  assert.equal(await stateOf(id), 'active');
});

test('once started it wakes by itself, at the due time', async () => {
  const vendor = await vendorOf('clockwork', { rotation: 'rotates' });
  const woken = Promise.withResolvers<number>();
  vendor.pause = () => Promise.resolve(woken.resolve(nowMs()));
  const dueAt = nowMs() + 400;
  await plant(vendor, 'clockwork', 'one', { dueInMs: 400, endsInMs: 2 * minute });
  second.room.scheduler.start();
  const at = await woken.promise;
  assert.ok(at >= dueAt && at - dueAt < 1_500, `${at - dueAt} ms late`);
  await second.room.scheduler.close();
});
