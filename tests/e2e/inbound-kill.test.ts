/**
 * Work that is under way at a vendor when its process is killed: a backfill goes on with the page it had come to, thin
 * events fetch their records again, and nothing is told twice. Leases of the dead process end at once here; in life they
 * run out by themselves (half a minute for a backfill, one for an event).
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { atEnd, createTestDatabase } from '../harness/database.ts';
import { freePort } from '../harness/evenkeel.ts';
import { ServerProcess } from '../harness/ingest-crash.ts';
import { serve } from '../harness/loopback-servers.ts';
import { bodyOf, plantAddress, sign, signatureHeader, webhookManifest } from '../harness/webhook-vendor.ts';

const records = 60;
const pageRecords = 4;
const contacts = Array.from({ length: records }, (_, index) => ({ id: String(index), name: `Contact ${index}`, created: '2026-01-01T00:00:00Z', updated: '2026-01-02T00:00:00Z' }));

/** By cursor or id: what happens the first time it is asked for. `answer`: it is answered, and the kill follows at once. */
const first = new Map<string, 'hang' | 'answer'>([['8', 'hang'], ['20', 'answer'], ['40', 'hang']]);
const asked: string[] = [];
let reached = Promise.withResolvers<void>();
let hanging = 0;
let killed = false;
const thin = Array.from({ length: 20 }, (_, index) => `thin-${index}`);

const vendorUrl = await serve((request, response) => {
  const url = new URL(request.url ?? '/', 'http://vendor');
  const reply = (body: unknown): void => void response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  const id = url.pathname.split('/')[2];
  if (id !== undefined) {
    asked.push(id);
    if (killed || Number(id.split('-')[1]) % 2 === 0) return reply({ id, name: `Fetched ${id}` });
    hanging += 1;
    if (hanging === 5) reached.resolve();
    return;
  }
  const cursor = url.searchParams.get('cursor') ?? '0';
  asked.push(`page ${cursor}`);
  const how = first.get(cursor);
  first.delete(cursor);
  const from = Number(cursor);
  if (how !== 'hang') reply({ items: contacts.slice(from, from + pageRecords), next: from + pageRecords < records ? String(from + pageRecords) : null });
  if (how !== undefined) reached.resolve();
});

const database = await createTestDatabase();
const { pool } = database;
const [port, masterKey, key] = [await freePort(), randomBytes(32).toString('base64'), randomBytes(24).toString('hex')];
const server = new ServerProcess({
  PORT: String(port), DATABASE_URL: database.url, EVENKEEL_MASTER_KEY: masterKey, EVENKEEL_ADMIN_KEY: key, EVENKEEL_DATA_DIR: tmpdir(), EVENKEEL_LOG_LEVEL: 'fatal',
  EVENKEEL_BACKFILL: 'on', EVENKEEL_HOST_MAP: JSON.stringify({ 'api.inbox-crm.example': vendorUrl }),
});
await server.start(port);
atEnd(() => server.kill());
const put = await fetch(`http://127.0.0.1:${port}/v1/connectors/inbox-crm`, { method: 'PUT', headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' }, body: JSON.stringify(webhookManifest({ extra: { backfill: [{ id: 'contacts', model: 'crm.contacts' }] } })) });
assert.equal(put.status, 201);

async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  for (const deadlineMs = Date.now() + 90_000; !(await holds()); await sleep(20)) if (Date.now() > deadlineMs) assert.fail(`not within 90 s: ${what}; asked: ${asked.join(', ')}`);
}

/** Kills the process where the vendor says, and starts the next one, for which the dead one's leases are over. */
async function killWhenReached(): Promise<void> {
  await reached.promise;
  await server.kill();
  killed = hanging > 0;
  reached = Promise.withResolvers();
  await pool.query('update inbound_tasks set lease_until = now() where lease_until is not null');
  await pool.query('update inbound_work set lease_until = now() where lease_until is not null');
  await server.start(port);
}

/** How often each record was told of. */
async function told(accountId: string, source: string): Promise<Map<string, number>> {
  const { rows } = await pool.query<{ id: string; n: number }>(`select payload ->> 'record_id' as id, count(*) as n from events where account_id = $1 and payload ->> 'source' = $2 group by 1`, [accountId, source]);
  return new Map(rows.map(({ id, n }) => [id, n]));
}

test('a backfill whose process is killed again and again goes on where it was, and tells of every record once', { timeout: 240_000 }, async () => {
  const { accountId } = await plantAddress(pool, masterKey);
  for (let kill = 0; kill < 3; kill += 1) await killWhenReached();
  const task = async () => (await pool.query<{ state: string; pages: number; records: number }>(`select state, pages, records from inbound_tasks where account_id = $1 and kind = 'backfill'`, [accountId])).rows[0];
  await until('the backfill is done', async () => (await task())?.state === 'done');
  await until('all is told', async () => (await told(accountId, 'backfill')).size === records);
  await until('nothing waits', async () => (await pool.query('select from inbound_queue')).rows.length === 0);
  assert.deepEqual([...(await told(accountId, 'backfill')).values()].filter((n) => n !== 1), []);
  assert.deepEqual(await task(), { state: 'done', pages: records / pageRecords, records }, 'progress counts every page once');
  const times = (cursor: number): number => asked.filter((page) => page === `page ${cursor}`).length;
  const pages = Array.from({ length: records / pageRecords }, (_, index) => index * pageRecords);
  // What was answered just before a kill may have been committed or not.
  assert.deepEqual(pages.filter((cursor) => times(cursor) !== 1 && ![8, 20, 40].includes(cursor) && !(cursor === 24 && times(cursor) === 2)), [], 'a page that was stored is not asked for again');
  assert.deepEqual([times(8), times(40)], [2, 2], 'the kills came in the middle');
});

test('thin events whose process is killed while it fetches their records are told of once each', { timeout: 180_000 }, async () => {
  const address = await plantAddress(pool, masterKey);
  for (const id of thin) {
    const body = bodyOf({ type: 'contact.touched', contact: { id } });
    const sent = await fetch(`http://127.0.0.1:${port}${address.path}`, { method: 'POST', body, headers: { 'content-type': 'application/json', [signatureHeader]: sign(address.secret, body) } });
    assert.equal(sent.status, 200);
  }
  await killWhenReached();
  await until('all is told', async () => (await told(address.accountId, 'webhook')).size === thin.length);
  await until('nothing waits', async () => (await pool.query('select from inbound_work where account_id = $1', [address.accountId])).rows.length === 0);
  assert.deepEqual([...(await told(address.accountId, 'webhook')).values()].filter((n) => n !== 1), []);
  assert.ok(thin.filter((id) => asked.filter((one) => one === id).length > 1).length >= 5, 'the kill came in the middle');
});
