/**
 * A webhook that ends the process which looks into it: its JSON takes more memory than the process may have. Vendors'
 * requests beside it are worked on, it is put aside with its reason after a few deaths, and the process lives on. The
 * test plays the supervisor that starts the server again.
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { atEnd, createTestDatabase } from '../harness/database.ts';
import { freePort } from '../harness/evenkeel.ts';
import { ServerProcess } from '../harness/ingest-crash.ts';
import { bodyOf, plantAddress, sign, signatureHeader, webhookManifest } from '../harness/webhook-vendor.ts';

const database = await createTestDatabase();
const { pool } = database;
const [port, masterKey, key] = [await freePort(), randomBytes(32).toString('base64'), randomBytes(24).toString('hex')];
const server = new ServerProcess({
  PORT: String(port), DATABASE_URL: database.url, EVENKEEL_MASTER_KEY: masterKey, EVENKEEL_ADMIN_KEY: key, EVENKEEL_DATA_DIR: tmpdir(), EVENKEEL_LOG_LEVEL: 'fatal', NODE_OPTIONS: '--max-old-space-size=256',
}, 'ignore');
await server.start(port);
atEnd(() => server.kill());

const at = (path: string): string => `http://127.0.0.1:${port}${path}`;
const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
const put = await fetch(at('/v1/connectors/inbox-crm'), { method: 'PUT', headers, body: JSON.stringify(webhookManifest({ extra: { max_body_bytes: 26_214_400 } })) });
assert.equal(put.status, 201, await put.text());
const address = await plantAddress(pool, masterKey);

/** 8 million empty lists: 24 MB of text, and more than 300 MB once parsed. */
const poison = `{"events":[${'[],'.repeat(8_000_000)}[]]}`;
const send = async (body: string): Promise<number> => (await fetch(at(address.path), { method: 'POST', body, headers: { 'content-type': 'application/json', [signatureHeader]: sign(address.secret, body) } })).status;
const innocent = (id: string): string => bodyOf({ id, contact: { id, name: 'Ada' } });

let deaths = 0;
/** Starts the server again whenever it has died, until what is waited for holds. Leases of a dead process, a minute in life, end at once. */
async function superviseUntil(what: string, holds: () => Promise<boolean>): Promise<void> {
  for (const deadlineMs = Date.now() + 150_000; !(await holds()); await sleep(20)) {
    if (Date.now() > deadlineMs) assert.fail(`not within 150 s: ${what}; ${deaths} deaths`);
    if (!server.dead) continue;
    deaths += 1;
    await pool.query('update inbound_work set lease_until = now() where lease_until is not null');
    await server.start(port);
  }
}
const published = async (): Promise<string[]> => (await pool.query<{ id: string }>(`select payload ->> 'record_id' as id from events where account_id = $1 and type not like '%:%' order by 1`, [address.accountId])).rows.map(({ id }) => id);
const dead = async (): Promise<{ id: string; reason: string } | undefined> => (await pool.query<{ id: string; reason: string }>(`select id, reason from inbound_events where state = 'dead'`)).rows[0];

test('a request that ends the process that splits it is put aside with its reason, and those beside it are worked on', { timeout: 300_000 }, async () => {
  // All at once in the queue, whatever is split when.
  await server.kill();
  await server.start(port);
  const sent = await Promise.all([send(innocent('before')), send(poison), send(innocent('after'))]);
  assert.deepEqual(sent, [200, 200, 200]);
  await superviseUntil('the poison is dead', async () => (await dead()) !== undefined);
  assert.match((await dead())?.reason ?? '', /ended over this one 3 times/);
  assert.equal(deaths, 3);
  await superviseUntil('the others are published', async () => (await published()).length === 2);
  assert.equal(await send(innocent('later')), 200);
  await superviseUntil('what comes later is published', async () => (await published()).length === 3);
  assert.deepEqual(await published(), ['after', 'before', 'later']);
  assert.equal((await pool.query('select from inbound_queue')).rows.length, 0);
});

test('replayed, it is put aside once more, and the process lives on', { timeout: 300_000 }, async () => {
  deaths = 0;
  const event = await dead();
  const replay = await fetch(at('/v1/inbound-events/replay'), { method: 'POST', headers, body: JSON.stringify({ since: '2020-01-01T00:00:00Z', account_id: address.accountId, state: 'dead' }) });
  assert.equal(replay.status, 202);
  const state = async (): Promise<{ state: string; reason: string } | undefined> => (await pool.query<{ state: string; reason: string }>('select state, reason from inbound_events where id = $1', [event?.id])).rows[0];
  await superviseUntil('it is taken', async () => (await state())?.state === 'pending');
  await superviseUntil('it is dead again', async () => (await state())?.state === 'dead');
  assert.match((await state())?.reason ?? '', /ended 4 times/);
  assert.equal(deaths, 4);
  assert.equal(await send(innocent('at last')), 200);
  await superviseUntil('the process lives on', async () => (await published()).includes('at last'));
});
