import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createTestDatabase } from '@evenkeel/tests/harness/database.ts';
import { transaction } from '../../database/pool.ts';
import { newId } from '../../identifier.ts';
import { insertRequests, laneOf, type NewRequest } from '../request-store.ts';
import { makeInboundPartitions } from '../retention.ts';
import { leaveQueue, takeRequests, type Taken } from './split-queue.ts';

const { pool } = await createTestDatabase();
await makeInboundPartitions(pool, Date.now());

const request = (lane: number | null): NewRequest => {
  const receivedAtMs = Date.now();
  return { id: newId('ibr', receivedAtMs), receivedAtMs, source: 'webhook', lane, connectorId: 'c', connectorVersion: 1, addressId: null, accountId: null, tenantId: null, method: 'POST', query: '', headers: '', body: Buffer.from('{}'), verification: '{}' };
};
const store = async (...lanes: (number | null)[]): Promise<string[]> => {
  const rows = lanes.map(request);
  await insertRequests(pool, rows);
  return rows.map(({ id }) => id);
};
/** Takes as `owner` does, and comes to an end with it. */
const split = (owner: string, atMost = 400): Promise<Taken> =>
  transaction(pool, async (client) => {
    const taken = await takeRequests(client, { pool, owner, atMost });
    await leaveQueue(client, taken, owner);
    return taken;
  });
const idsOf = ({ requests }: Taken): string[] => requests.map(({ id }) => id);
const groups = async (): Promise<number> => (await pool.query('select from inbound_queue')).rows.length;
/** Takes as a process does that dies over it. */
const dieOver = async (owner: string): Promise<Taken> => {
  const died: { taken?: Taken } = {};
  await transaction(pool, async (client) => {
    died.taken = await takeRequests(client, { pool, owner, atMost: 400 });
    throw new Error('dead');
  }).catch(() => undefined);
  assert.ok(died.taken);
  return died.taken;
};

test('what is stored together takes one place, but for what keeps an order, and comes out in the order it came', async () => {
  const ordered = laneOf('iba_ordered');
  const free = await store(null, null, null);
  assert.equal(await groups(), 1);
  assert.deepEqual(idsOf(await split('node 1')), free);
  const mixed = await store(ordered, null, ordered, null);
  const later = await store(ordered);
  const taken: string[] = [];
  while ((await groups()) > 0) taken.push(...idsOf(await split('node 1')));
  const inOrder = [mixed[0], mixed[2], later[0]];
  assert.deepEqual(taken.filter((id) => inOrder.includes(id)), inOrder);
  assert.deepEqual(taken.toSorted(), [...mixed, ...later].toSorted());
});

test('one at a time, a group loses its first request each time', async () => {
  const ids = await store(3, 3, 3);
  for (const id of ids) assert.deepEqual(idsOf(await split('node 1', 1)), [id]);
  assert.equal(await groups(), 0);
});

test('of a group over which a process died each request is tried by itself, and only that which more die over is put aside', async () => {
  const [innocent, poison, last] = await store(5, 5, 5);
  assert.equal((await dieOver('node 1')).requests.length, 3);
  assert.deepEqual(idsOf(await split('node 2')), [innocent]);
  for (const node of ['node 2', 'node 3']) assert.deepEqual(idsOf(await dieOver(node)), [poison]);
  const aside = await split('node 4');
  assert.match(aside.poisoned ?? '', /ended over this one 3 times/);
  assert.deepEqual(idsOf(aside), [poison]);
  assert.equal(aside.requests[0]?.body.length, 0, 'its bytes are not read');
  const after = await split('node 4');
  assert.deepEqual([idsOf(after), after.poisoned], [[last], undefined]);
  const ids = await store(5, 5);
  assert.deepEqual(idsOf(await split('node 4')), ids, 'what comes later is under no suspicion');
});

test('a place whose requests are not kept any more goes by itself', async () => {
  const ids = await store(1, 1);
  await pool.query('delete from inbound_requests where id = any($1)', [ids]);
  assert.deepEqual(idsOf(await split('node 1')), []);
  assert.equal(await groups(), 0);
});
