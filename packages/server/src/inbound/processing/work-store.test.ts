import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createTestDatabase } from '@evenkeel/tests/harness/database.ts';
import { newId } from '../../identifier.ts';
import { insertEvents, noteKeys, type NewEventRow } from '../event-store.ts';
import { insertRequests } from '../request-store.ts';
import { claimWork, enqueueWork, finishWork, holdAccount, postponeWork } from './work-store.ts';
import { dedupeKey, orderKey } from './event-identity.ts';

const { pool } = await createTestDatabase();
const at = new Date();

async function waiting(name: string, options: { accountId?: string; object?: string; requestId?: string } = {}): Promise<string> {
  const { accountId = `acc_${name}`, object = null, requestId = 'ibr_x' } = options;
  const row: NewEventRow = { received_at: at, id: newId('ibe', at.getTime()), request_id: requestId, position: 0, source: 'webhook', connector_id: 'c', address_id: null, account_id: accountId, tenant_id: 't', type: 'x', vendor_event_id: name, id_signed: true, dedupe_key: dedupeKey('c', accountId, name), order_key: orderKey(accountId, object), occurred_at: null, state: 'pending', reason: null, published: [], unified_type: null };
  await insertEvents(pool, [row]);
  await enqueueWork(pool, [{ receivedAt: at, eventId: row.id, connectorId: 'c', accountId, orderKey: row.order_key, delayMs: 0 }]);
  return row.id;
}
const claim = (owner: string, leaseMs = 60_000, suspects = false) => claimWork(pool, { owner, leaseMs, atMost: 10, atMostBytes: 1_000, suspects });

test('work whose holder stalls is taken over, and the one who stalled finishes nothing', async () => {
  await waiting('stalled');
  const [first] = await claim('node 1', 1);
  assert.ok(first !== undefined);
  await pool.query('select pg_sleep(0.01)');
  const [second] = await claim('node 2');
  assert.equal(second?.seq, first.seq);
  assert.equal(second.attempts, 2, 'an attempt that ended in silence counts');
  assert.deepEqual([...(await finishWork(pool, [first]))], []);
  assert.equal(await postponeWork(pool, first, 1_000, true), false);
  assert.deepEqual([...(await finishWork(pool, [second]))], [second.seq]);
});

test('work that one process after another is lost over is taken by itself, and told how often; a proper end clears it', async () => {
  await waiting('deadly');
  const lostBy = async (owner: string, suspects: boolean): Promise<number | undefined> => {
    const [work] = await claim(owner, 1, suspects);
    await pool.query('select pg_sleep(0.01)');
    return work?.lost;
  };
  assert.equal(await lostBy('node 1', false), 0);
  assert.equal(await lostBy('node 1', false), 0, 'who lives has lost nothing, whatever became of its lease');
  assert.equal(await lostBy('node 2', false), 1);
  assert.equal(await lostBy('node 3', false), undefined, 'not among others any more');
  assert.equal(await lostBy('node 3', true), 2);
  const [last] = await claim('node 4', 60_000, true);
  assert.equal(last?.lost, 3);
  assert.ok(await postponeWork(pool, last, 0, true));
  const [again] = await claim('node 5');
  assert.equal(again?.lost, 0);
  await finishWork(pool, [again]);
});

test('of one object only the first can be taken, and the next when it is done', async () => {
  const ids = [await waiting('a', { accountId: 'acc_o', object: '7' }), await waiting('b', { accountId: 'acc_o', object: '7' })];
  const other = await waiting('c', { accountId: 'acc_o', object: '8' });
  const taken = await claim('node 1');
  assert.deepEqual(taken.map(({ event }) => event.id), [ids[0], other]);
  assert.deepEqual(await claim('node 2'), [], 'also not by another node');
  await finishWork(pool, taken);
  const next = await claim('node 2');
  assert.deepEqual(next.map(({ event }) => event.id), [ids[1]]);
  await finishWork(pool, next);
});

test('an account that is to wait makes nobody else wait, and its attempt is not counted', async () => {
  await waiting('limited', { accountId: 'acc_l' });
  const [one] = await claim('node 1');
  assert.ok(one !== undefined);
  const free = await waiting('free');
  await waiting('behind', { accountId: 'acc_l' });
  assert.ok(await postponeWork(pool, one, 60_000, false));
  await holdAccount(pool, 'acc_l', 60_000);
  const taken = await claim('node 1');
  assert.deepEqual(taken.map(({ event }) => event.id), [free]);
  const { rows } = await pool.query<{ attempts: number }>('select attempts from inbound_work where seq = $1', [one.seq]);
  assert.equal(rows[0]?.attempts, 0);
});

test('of events with one key, in one batch or in two at once, one is new and the others are counted', async () => {
  const key = dedupeKey('c', 'acc_k', 'same');
  const others = Array.from({ length: 20 }, (_, index) => dedupeKey('c', 'acc_k', `own-${index}`));
  const batch = (name: string) => noteKeys(pool, [...others.map((own, index) => ({ key: own, eventId: `${name}-${index}` })), { key, eventId: `${name}-x` }, { key, eventId: `${name}-y` }].toSorted(() => Math.random() - 0.5));
  const fresh = await Promise.all(['p', 'q', 'r'].map(batch));
  assert.equal(fresh.reduce((sum, one) => sum + one.size, 0), 21);
  const { rows } = await pool.query<{ duplicates: number }>('select duplicates from inbound_event_keys where key = $1::uuid', [key.toString('hex')]);
  assert.equal(rows[0]?.duplicates, 5);
});

test('parts of a key are told apart', () => {
  assert.notDeepEqual(dedupeKey('a', 'bc', 'd'), dedupeKey('ab', 'c', 'd'));
  assert.notDeepEqual(dedupeKey('c', 'x', 'd'), orderKey('x', 'd'));
});

test('of what waits no more is taken than its requests may hold of memory, what is small before what is large; a request counts once', async () => {
  const sizes = { large: 900, other: 800, small: 10 };
  const bodies = new Map<string, string>();
  for (const [name, size] of Object.entries(sizes)) {
    const requestId = newId('ibr', at.getTime());
    bodies.set(name, requestId);
    await insertRequests(pool, [{ id: requestId, receivedAtMs: at.getTime(), source: 'webhook', lane: null, connectorId: 'c', connectorVersion: 1, addressId: null, accountId: null, tenantId: null, method: 'POST', query: '', headers: '', body: Buffer.alloc(size, 'x'), verification: '{}' }]);
  }
  const ids: Record<string, string> = {};
  for (const name of ['large', 'large-too', 'other', 'small']) ids[name] = await waiting(name, { requestId: bodies.get(name.split('-')[0] ?? '') ?? '' });
  const named = (works: Awaited<ReturnType<typeof claim>>): string[] => works.map(({ event }) => Object.keys(ids).find((name) => ids[name] === event.id) ?? '?').toSorted();
  const first = await claim('node 1');
  assert.deepEqual(named(first), ['other', 'small'], '810 of 1,000 bytes: the large one does not fit beside them');
  const second = await claim('node 1');
  assert.deepEqual(named(second), ['large', 'large-too'], 'two events, one request of 900 bytes');
  await finishWork(pool, [...first, ...second]);
});
