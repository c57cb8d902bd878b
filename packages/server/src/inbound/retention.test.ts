import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { createTestDatabase } from '@evenkeel/tests/harness/database.ts';
import { dropPartitions, makePartitions } from '../database/time-partitions.ts';
import { createLog } from '../log.ts';
import { newId } from '../identifier.ts';
import { insertRequests, readRequests, type NewRequest } from './request-store.ts';
import { forgetKeys, inboundRetentionJob, makeInboundPartitions } from './retention.ts';

const { pool } = await createTestDatabase();
const log = createLog('silent');
const dayMs = 86_400_000;
const requestAt = (receivedAtMs: number, body = 'x'): NewRequest => ({ id: newId('ibr', receivedAtMs), receivedAtMs, source: 'webhook', lane: 0, connectorId: 'c', connectorVersion: 1, addressId: null, accountId: null, tenantId: null, method: 'POST', query: '', headers: 'A: ä\r\n', body: Buffer.from(body), verification: '{}' });

test('requests of a group come back byte for byte, whatever is in them', async () => {
  const bodies = [randomBytes(3_000), Buffer.alloc(0), Buffer.from([0, 255, 254]), Buffer.from('{"ü":1}')];
  const nowMs = Date.now();
  const rows = bodies.map((body) => ({ ...requestAt(nowMs), body }));
  await insertRequests(pool, rows);
  const read = await readRequests(pool, rows.map(({ id }) => id));
  for (const { id, body, headers } of rows) {
    assert.ok(Buffer.from(body).equals(read.get(id)?.body ?? Buffer.of(1)), id);
    assert.equal(read.get(id)?.headers.toString('latin1'), headers);
    assert.equal(read.get(id)?.received_at.getTime(), nowMs);
  }
});

test('whole days are dropped when their time is over, and what came before its partition was made is moved into it', async () => {
  const of = { table: 'inbound_requests', column: 'received_at', unit: 'day' } as const;
  const nowMs = Date.parse('2031-05-10T12:00:00Z');
  const [old, kept] = [requestAt(nowMs - 10 * dayMs), requestAt(nowMs)];
  await insertRequests(pool, [old, kept]);
  await makePartitions(pool, of, nowMs - 10 * dayMs);
  await makeInboundPartitions(pool, nowMs);
  await makeInboundPartitions(pool, nowMs);
  const { rows } = await pool.query<{ place: string }>(`select tableoid::regclass::text as place from inbound_requests where id = $1`, [kept.id]);
  assert.equal(rows[0]?.place, 'inbound_requests_20310510');
  const dropped = await dropPartitions(pool, of, nowMs, 7);
  assert.ok(dropped.includes('inbound_requests_20310430'), dropped.join(' '));
  assert.deepEqual([...(await readRequests(pool, [old.id, kept.id])).keys()], [kept.id]);
});

test('keys are forgotten after the window, and never before the vendor that repeats longest has given up', async () => {
  const noted = async (days: number): Promise<void> => {
    await pool.query(`insert into inbound_event_keys (key, event_id, seen_at) values (gen_random_uuid(), 'ibe_x', now() - $1 * interval '1 day')`, [days]);
  };
  for (const days of [1, 20, 40]) await noted(days);
  const parts = { pool, log, now: Date.now, keepDays: 30, dedupeDays: 14 };
  const patient = { manifest: { webhooks: { scope: 'account', redelivery_s: 30 * 86_400 } } } as unknown as ReturnType<Parameters<typeof forgetKeys>[0]['connectors']>[number];
  assert.equal(await forgetKeys({ ...parts, connectors: () => [patient] }), 1, 'only what is older than the vendor\'s patience');
  assert.equal(await forgetKeys({ ...parts, connectors: () => [] }), 1);
  assert.equal(await forgetKeys({ ...parts, connectors: () => [] }), 0);
});

test('retention that died after its first step is finished by the next run, and a run after that finds nothing', async () => {
  const nowMs = Date.parse('2032-03-10T12:00:00Z');
  const oldMs = nowMs - 40 * dayMs;
  for (const table of ['inbound_requests', 'inbound_events']) await makePartitions(pool, { table, column: 'received_at', unit: 'day' }, oldMs);
  const [old, kept] = [requestAt(oldMs), requestAt(nowMs)];
  await insertRequests(pool, [old, kept]);
  await pool.query(`insert into inbound_work (received_at, event_id, connector_id) values ($1, 'ibe_old', 'c'), ($2, 'ibe_kept', 'c')`, [new Date(oldMs), new Date(nowMs)]);
  // As a process leaves it that died when the events were gone.
  await dropPartitions(pool, { table: 'inbound_events', column: 'received_at', unit: 'day' }, nowMs, 30);
  const run = inboundRetentionJob({ pool, log, now: () => nowMs, keepDays: 30, dedupeDays: 14, connectors: () => [] });
  for (let round = 0; round < 2; round += 1) {
    await run.execute(undefined, AbortSignal.timeout(60_000));
    assert.deepEqual([...(await readRequests(pool, [old.id, kept.id])).keys()], [kept.id]);
    assert.deepEqual((await pool.query<{ event_id: string }>(`select event_id from inbound_work where event_id like 'ibe_%'`)).rows.map(({ event_id: id }) => id), ['ibe_kept']);
  }
});
