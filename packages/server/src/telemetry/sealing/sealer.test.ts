/** Sealing on a real PostgreSQL: sums, coverage, late facts, and sealers that die. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { writeCounts, writeSeriesIds } from '@evenkeel/core/telemetry/counts-codec.ts';
import { countFact, noCounts } from '@evenkeel/core/telemetry/counts.ts';
import type { Fact } from '@evenkeel/core/telemetry/outcome.ts';
import { unpackSketch } from '@evenkeel/core/telemetry/sketch-codec.ts';
import { ByteWriter } from '@evenkeel/core/telemetry/varint.ts';
import { createTestDatabase } from '@evenkeel/tests/harness/database.ts';
import type { Pool } from '../../database/pool.ts';
import { createLog } from '../../log.ts';
import { halfMs, insertHalves, insertNode, type HalfSecond } from '../counting/second-store.ts';
import { resolveSeries } from '../counting/series-store.ts';
import { rollUpHours } from './hour-rollup.ts';
import { Sealer } from './sealer.ts';

const database = await createTestDatabase();
const { pool } = database;
const log = createLog('silent');
const sealer = new Sealer({ pool, log });

/** A minute of its own for each test, later than all before, so that each finds its own sealing. */
let minuteAt = Date.UTC(2026, 9, 1);
function nextMinute(): { minute: Date; half: number } {
  minuteAt += 10 * 60_000;
  return { minute: new Date(minuteAt), half: minuteAt / halfMs };
}

const [seriesId = 0] = await resolveSeries(pool, [{ kind: 'call', surface: 'proxy', tenantId: 'acme', accountId: 'acc_1', connectorId: 'vendor', category: null, endpoint: 'contacts.list' }]);

function packed(...facts: Partial<Fact>[]): Uint8Array {
  if (facts.length === 0) return new Uint8Array(0);
  const counts = noCounts();
  for (const fact of facts) countFact(counts, { outcome: 'success', origin: null, code: null, totalUs: 1_000, upstreamUs: 600, ...fact });
  const writer = new ByteWriter();
  writeCounts(writer, counts);
  return Buffer.concat([writeSeriesIds([seriesId]), writer.finish()]);
}

const row = (half: number, more: Partial<HalfSecond> = {}): HalfSecond => ({ half, beat: true, last: false, lost: false, counts: packed(), ...more });
const rows = (from: number, to: number): HalfSecond[] => Array.from({ length: to - from }, (_, at) => row(from + at));
const minuteOf = async (minute: Date) => (await pool.query<{ covered_seconds: number; lost_seconds: number; seq: number }>('select covered_seconds, lost_seconds, seq from telemetry_minutes where minute = $1', [minute])).rows[0];
const countsOf = async (minute: Date) =>
  (await pool.query<{ total: number; success: number; upstream: number; codes: object; overhead_sketch: Buffer | null }>('select total, success, upstream, codes, overhead_sketch from minute_counts where minute = $1 and series_id = $2', [minute, seriesId])).rows[0];

test('nodes are summed, and the minute is immutable', async () => {
  const { minute, half } = nextMinute();
  await insertHalves(pool, 'a', [...rows(half, half + 10), row(half + 10, { counts: packed({}, {}) }), row(half + 11, { counts: packed({ outcome: 'failure', origin: 'upstream', code: 'rate_limited' }) }), row(half + 12, { last: true })]);
  await insertHalves(pool, 'b', [...rows(half, half + 119), row(half + 119, { last: true, counts: packed({}) })]);
  assert.equal(await sealer.sealDue(), 1);
  const counts = await countsOf(minute);
  assert.ok(counts !== undefined);
  assert.deepEqual([counts.total, counts.success, counts.upstream, counts.codes], [4, 3, 1, { rate_limited: 1 }]);
  assert.equal(unpackSketch(counts.overhead_sketch).total, 4);
  assert.deepEqual(await minuteOf(minute).then((one) => [one?.covered_seconds, one?.lost_seconds]), [60, 0]);
  assert.equal(await sealer.sealDue(), 0, 'sealing again does nothing');
  assert.equal((await pool.query('select from telemetry_seconds')).rowCount, 0);
});

test('a minute in which no node lived has no row', async () => {
  const first = nextMinute();
  const later = nextMinute();
  for (const { half } of [first, later]) await insertHalves(pool, `lonely-${half}`, [...rows(half, half + 4), row(half + 4, { last: true })]);
  assert.equal(await sealer.sealDue(), 2);
  const { rows: minutes } = await pool.query('select from telemetry_minutes where minute > $1 and minute < $2', [first.minute, later.minute]);
  assert.equal(minutes.length, 0);
  assert.deepEqual(await minuteOf(later.minute).then((one) => [one?.covered_seconds, one?.lost_seconds]), [2, 0]);
});

test('a node that is killed before its first row has lost what that would have held, and is known to have vanished', async () => {
  const { minute, half } = nextMinute();
  await insertNode(pool, 'stillborn');
  await pool.query(`update telemetry_nodes set started_at = $1::timestamptz + interval '10 seconds' where node_id = 'stillborn'`, [minute]);
  await insertHalves(pool, 'beside', [...rows(half, half + 119), row(half + 119, { last: true })]);
  await sealer.sealDue();
  assert.deepEqual(await minuteOf(minute).then((one) => [one?.covered_seconds, one?.lost_seconds]), [60, 2]);
  assert.equal((await pool.query(`select from telemetry_nodes where node_id = 'stillborn' and vanished_at is not null`)).rowCount, 1);
});

test('rows that come late are amendments, of the counts and of the coverage', async () => {
  const { minute, half } = nextMinute();
  await insertNode(pool, 'slow');
  await insertHalves(pool, 'slow', rows(half, half + 20));
  await sealer.sealDue();
  const sealed = await minuteOf(minute);
  assert.deepEqual([sealed?.covered_seconds, sealed?.lost_seconds], [10, 1]);
  await insertHalves(pool, 'slow', [row(half + 20, { counts: packed({}, {}) }), ...rows(half + 21, half + 120)]);
  await sealer.sealDue();
  assert.deepEqual(await minuteOf(minute), sealed, 'the minute itself stays');
  const { rows: amendments } = await pool.query<{ total: number; covered_seconds: number; lost_seconds: number; series_id: number | null; reason: string }>(
    'select total, covered_seconds, lost_seconds, series_id, reason from minute_amendments where minute = $1 order by seq',
    [minute],
  );
  assert.deepEqual(amendments, [
    { total: 2, covered_seconds: 0, lost_seconds: 0, series_id: seriesId, reason: 'late' },
    { total: 0, covered_seconds: 50, lost_seconds: -1, series_id: null, reason: 'late' },
  ]);
  await insertHalves(pool, 'slow', [row(half + 121, { last: true })]);
  await sealer.sealDue();
});

test('two sealers at once, and one that dies in the middle, leave each minute sealed once', async () => {
  const minutes = Array.from({ length: 5 }, nextMinute);
  for (const { half } of minutes) await insertHalves(pool, `steady-${half}`, [row(half, { counts: packed({}) }), row(half + 1, { last: true, counts: packed({}) })]);
  const dying = dieAt(pool, 'insert-minute-counts');
  await assert.rejects(new Sealer({ pool: dying, log }).sealDue(), /killed/);
  const sealed = await Promise.all([new Sealer({ pool, log }).sealDue(), new Sealer({ pool, log }).sealDue(), sealer.sealDue()]);
  assert.equal(sealed.reduce((a, b) => a + b, 0) + (await sealer.sealDue()), 5);
  for (const { minute } of minutes) assert.equal((await countsOf(minute))?.total, 2);
});

test('a row that cannot be read holds up nothing: its second is lost, and the others are counted', async () => {
  const { minute, half } = nextMinute();
  await insertHalves(pool, 'odd', [...rows(half, half + 10), row(half + 10, { counts: packed({}) }), row(half + 11, { counts: packed({}).subarray(0, 9) }), row(half + 12, { counts: Buffer.from([9, 1]) }), ...rows(half + 13, half + 119), row(half + 119, { last: true })]);
  assert.equal(await sealer.sealDue(), 1);
  assert.equal((await countsOf(minute))?.total, 1);
  assert.deepEqual(await minuteOf(minute).then((one) => [one?.covered_seconds, one?.lost_seconds]), [58, 2]);
});

test('hours are the sums of their minutes and amendments, and follow later amendments', async () => {
  minuteAt = Date.UTC(2026, 9, 2, 5, 50);
  const { minute, half } = nextMinute();
  await insertHalves(pool, 'hourly', [...rows(half, half + 119), row(half + 119, { last: true, counts: packed({}, {}, {}) })]);
  minuteAt += 3_600_000;
  const after = nextMinute();
  await insertHalves(pool, 'hourly-2', [row(after.half, { last: true })]);
  await sealer.sealDue();
  const hour = new Date(Math.floor(minute.getTime() / 3_600_000) * 3_600_000);
  const rolled = async () => (await pool.query<{ total: number; covered: number; sketch: Buffer | null }>('select total, total_sketch as sketch, (select covered_seconds from telemetry_hours hours where hours.hour = $1) as covered from hour_counts where hour = $1', [hour])).rows[0];
  assert.ok((await rollUpHours(pool)).some((one) => one.getTime() === hour.getTime()));
  const before = await rolled();
  assert.deepEqual([before?.total, before?.covered, unpackSketch(before?.sketch ?? null).total], [3, 60, 3]);
  assert.deepEqual(await rollUpHours(pool), [], 'nothing is due twice');
  await insertHalves(pool, 'hourly-late', [row(half, { beat: false, counts: packed({}) })]);
  await sealer.sealDue();
  assert.deepEqual(await rollUpHours(pool), [hour]);
  assert.equal((await rolled())?.total, 4);
});

/** A pool whose connection breaks at the statement of this name, as when the process is killed there. */
function dieAt(inner: Pool, name: string): Pool {
  return {
    query: (config: string) => inner.query(config),
    async connect() {
      const client = await inner.connect();
      return {
        query(config: { name?: string } | string, values?: unknown[]) {
          if (typeof config === 'object' && config.name === name) throw new Error('killed');
          return client.query(config as string, values);
        },
        release: () => client.release(true),
      };
    },
  } as unknown as Pool;
}
