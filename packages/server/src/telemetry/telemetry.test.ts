/** Call records from the recorder to the list, on a real PostgreSQL. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createMasker } from '@evenkeel/core/telemetry/masking.ts';
import { createTestDatabase } from '@evenkeel/tests/harness/database.ts';
import type { Queryable } from '../database/pool.ts';
import { newId, timeOfId } from '../identifier.ts';
import { createLog } from '../log.ts';
import { BufferedCallRecorder, type RecorderOptions } from './buffered-recorder.ts';
import { dropPartitions, makePartitions } from '../database/time-partitions.ts';
import { callPartitions } from './retention.ts';
import { excerpt, type CallRecord, type RawEvidence } from './call-record.ts';
import { findCall, listCalls, type CallFilter } from './call-store.ts';

const database = await createTestDatabase();

const log = createLog('silent');
const recorder = (options: Partial<RecorderOptions> = {}) => new BufferedCallRecorder({ database: database.pool, log, flushIntervalMs: 5, ...options });
let requests = 0;

function call(more: Partial<CallRecord> = {}): CallRecord {
  requests += 1;
  return {
    atMs: Date.now(),
    requestId: `req_${requests}`,
    tenantId: 'acme',
    accountId: 'acc_1',
    connectorId: 'vendor',
    connectorVersion: 3,
    surface: 'proxy',
    resource: 'contacts',
    method: 'list',
    endpoint: 'contacts.list',
    vendorEndpoint: 'contacts.list',
    category: 'crm',
    status: 502,
    outcome: 'failure',
    origin: 'upstream',
    code: 'upstream_unavailable',
    reason: 'status 503',
    upstreamStatus: 503,
    upstreamMs: 12.3456,
    totalMs: 13.5,
    sent: null,
    requestBytes: 0,
    responseBytes: 20,
    ...more,
  };
}

const evidence = (body: string | Uint8Array): RawEvidence => ({
  masker: createMasker(['planted-secret']),
  request: { method: 'GET', url: 'https://api.example.com/x?api_key=planted-secret', headers: { authorization: 'Bearer planted-secret' }, body: null },
  response: { status: 503, headers: { 'set-cookie': 'a', 'x-id': '1' }, body: excerpt(body) },
  attempts: 1,
  failure: null,
});

const everything: CallFilter = { tenantId: null, accountId: null, connectorId: null, outcome: null, origin: null, requestId: null, since: null, before: null, limit: 1000 };
const read = (filter: Partial<CallFilter>) => listCalls(database.pool, { ...everything, ...filter });

test('ids lead back to the moment they were made', () => {
  assert.equal(timeOfId(newId('call', 1_790_000_000_123)), 1_790_000_000_123);
  for (const id of ['', 'call_', 'call_0', 'nonsense', `call_${'u'.repeat(26)}`]) assert.equal(timeOfId(id), null);
});

test('a failure is kept with masked evidence', async () => {
  const own = recorder();
  own.record(call({ accountId: 'acc_masked' }), () => evidence('{"message":"planted-secret was wrong"}'));
  await own.flush();
  const [row] = await read({ accountId: 'acc_masked' });
  assert.ok(row !== undefined);
  assert.equal(row.upstream_us, 12_346);
  const whole = await findCall(database.pool, row.id, new Date(timeOfId(row.id) ?? 0), null);
  assert.ok(whole !== null);
  const text = JSON.stringify(whole.evidence);
  assert.doesNotMatch(text, /planted-secret/);
  assert.match(text, /was wrong/);
  assert.equal(await findCall(database.pool, row.id, row.at, 'other-tenant'), null);
});

test('successes are sampled, all are counted', async () => {
  const own = recorder({ sampleEvery: 10 });
  let asked = 0;
  const success = { outcome: 'success', origin: null, code: null, reason: null, status: 200, accountId: 'acc_sampled' } as const;
  for (let at = 0; at < 100; at += 1) {
    own.record(call(success), () => {
      asked += 1;
      return null;
    });
  }
  await own.flush();
  assert.equal(own.counts.calls.success, 100);
  assert.equal(asked, 10, 'evidence is made only for what is kept');
  const rows = await read({ accountId: 'acc_sampled' });
  assert.equal(rows.length, 10);
  assert.ok(rows.every(({ sampled }) => sampled));
});

test('filters and cursors page through without gaps', async () => {
  const own = recorder();
  const start = Date.now() - 60_000;
  for (let at = 0; at < 25; at += 1) {
    own.record(call({ atMs: start + Math.floor(at / 3), connectorId: 'paged', origin: at % 2 === 0 ? 'upstream' : 'account', outcome: at === 24 ? 'aborted' : 'failure' }), () => null);
  }
  await own.flush();
  const seen: string[] = [];
  for (let last: { at: Date; id: string } | null = null; ; ) {
    const rows = await read({ connectorId: 'paged', before: last, limit: 7 });
    seen.push(...rows.map(({ id }) => id));
    const end = rows.at(-1);
    if (end === undefined) break;
    last = { at: end.at, id: end.id };
  }
  assert.equal(new Set(seen).size, 25);
  assert.deepEqual(seen, seen.toSorted().reverse());
  assert.equal((await read({ connectorId: 'paged', origin: 'account' })).length, 12);
  assert.equal((await read({ connectorId: 'paged', outcome: 'aborted' })).length, 1);
  assert.equal((await read({ connectorId: 'paged', since: new Date(start + 8) })).length, 1);
  assert.equal((await read({ connectorId: 'paged', tenantId: 'other' })).length, 0);
});

test('what the database cannot store as it is, is stored as it can be', async () => {
  const own = recorder();
  own.record(call({ accountId: 'acc_odd', resource: 'nul\u0000 and half \ud800' }), () => evidence('\u0000\ud800'));
  own.record(call({ accountId: 'acc_odd' }), () => evidence(Buffer.from([0xff, 0xfe, 0x00, 0x80])));
  await own.flush();
  const rows = await read({ accountId: 'acc_odd' });
  assert.deepEqual(new Set(rows.map(({ resource }) => resource)), new Set(['nul and half \ufffd', 'contacts']));
});

test('one row that is refused does not take the others along', async () => {
  const own = recorder();
  own.record(call({ accountId: 'acc_poison', status: 1e15 }), () => null);
  own.record(call({ accountId: 'acc_poison' }), () => null);
  await own.flush();
  assert.equal((await read({ accountId: 'acc_poison' })).length, 1);
  assert.equal(own.counts.dropped, 1);
});

test('a database that is away costs nothing but memory within its bound; drops are counted', async () => {
  let away = true;
  const flaky: Queryable = {
    async query(config, values) {
      if (away) throw new Error('connection refused');
      return database.pool.query(config as string, values);
    },
  };
  const own = recorder({ database: flaky, maxQueued: 50 });
  for (let at = 0; at < 80; at += 1) own.record(call({ accountId: 'acc_away' }), () => null);
  assert.deepEqual([own.counts.queued, own.counts.dropped], [50, 30]);
  away = false;
  await own.flush();
  assert.equal((await read({ accountId: 'acc_away' })).length, 50);
});

test('the end writes what is queued, within its time', async () => {
  const own = recorder({ flushIntervalMs: 60_000 });
  own.record(call({ accountId: 'acc_end' }), () => null);
  await own.close();
  assert.equal((await read({ accountId: 'acc_end' })).length, 1);
  const stuck = recorder({ database: { query: () => new Promise(() => undefined) } });
  stuck.record(call(), () => null);
  await stuck.close(20);
  assert.equal(stuck.counts.dropped, 1);
});

test('days are partitions: made ahead, once, filled from the default, dropped by age', async () => {
  const now = Date.UTC(2030, 4, 10, 23, 59);
  const own = recorder();
  own.record(call({ atMs: now, accountId: 'acc_day' }), () => null);
  own.record(call({ atMs: now - 40 * 86_400_000, accountId: 'acc_day' }), () => null);
  await own.flush();
  const made = (await Promise.all([makePartitions(database.pool, callPartitions, now), makePartitions(database.pool, callPartitions, now)])).flat();
  assert.deepEqual(made.toSorted(), ['calls_20300510', 'calls_20300511', 'calls_20300512', 'calls_20300513']);
  const { rows } = await database.pool.query<{ name: string }>(`select tableoid::regclass::text as name from calls where account_id = 'acc_day' order by 1`);
  assert.deepEqual(rows.map(({ name }) => name), ['calls_20300510', 'calls_default']);
  assert.deepEqual(await dropPartitions(database.pool, callPartitions, now, 35), []);
  assert.equal((await read({ accountId: 'acc_day' })).length, 1, 'what lay in the default partition went by age too');
  assert.deepEqual(await dropPartitions(database.pool, callPartitions, now + 37 * 86_400_000, 35), ['calls_20300510', 'calls_20300511']);
  assert.equal((await read({ accountId: 'acc_day' })).length, 0);
});
