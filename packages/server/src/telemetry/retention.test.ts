/** What the hourly job leaves of counts and calls, day by day, and of series of which nothing is counted any more. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createTestDatabase } from '@evenkeel/tests/harness/database.ts';
import { removeUnusedSeries, resolveSeries } from './counting/series-store.ts';
import type { SeriesKey } from './observation.ts';
import { prepareTelemetry, telemetryRetentionJob } from './retention.ts';

const { pool } = await createTestDatabase();
const dayMs = 86_400_000;
const beginMs = Date.parse('2031-01-01T00:00:00Z');
const signal = AbortSignal.timeout(60_000);
let nowMs = beginMs;
const retention = telemetryRetentionJob(pool, { callsDays: 35, minutesDays: 35, hoursDays: 400 }, () => nowMs);
const series = (endpoint: string): SeriesKey => ({ kind: 'call', surface: 'proxy', tenantId: 'acme', accountId: 'acc_1', connectorId: 'vendor', category: 'crm', endpoint, vendorEndpoint: endpoint });

/** Days ago of what is left in a table, oldest first. */
async function daysLeft(table: string, column: string): Promise<number[]> {
  const { rows } = await pool.query<{ at: Date }>(`select ${column} as at from ${table} order by 1`);
  return rows.map(({ at }) => (nowMs - at.getTime()) / dayMs);
}

test('minutes are kept 35 days and hours 400, by partitions made ahead and dropped whole', async () => {
  const [id] = await resolveSeries(pool, [series('contacts.list')]);
  // As the hourly job of these days would have: months long ago, days at the end.
  for (let day = 0; day <= 450; day += day < 390 ? 28 : 4) await prepareTelemetry(pool, beginMs + day * dayMs);
  nowMs = beginMs + 450 * dayMs;
  const days = `from generate_series($1::timestamptz, $2::timestamptz, interval '1 day') as at`;
  const [lately, ever] = [[new Date(nowMs - 45 * dayMs), new Date(nowMs)], [new Date(beginMs), new Date(nowMs)]];
  await pool.query(`insert into minute_counts (minute, series_id, total, success) select at, $3, 1, 1 ${days}`, [...lately, id]);
  await pool.query(`insert into minute_amendments (minute, series_id, total, success, reason) select at, $3, 1, 1, 'late' ${days}`, [...lately, id]);
  await pool.query(`insert into hour_counts (hour, series_id, total, success) select at, $3, 1, 1 ${days}`, [...ever, id]);
  await pool.query(`insert into telemetry_minutes (minute, covered_seconds, lost_seconds) select at, 60, 0 ${days}`, ever);
  await pool.query(`insert into telemetry_hours (hour, covered_seconds, lost_seconds, amended_to) select at, 3600, 0, 0 ${days}`, ever);
  const { rows: fallen } = await pool.query<{ n: number }>('select (select count(*) from minute_counts_default) + (select count(*) from hour_counts_default) as n');
  assert.equal(Number(fallen[0]?.n), 0, 'each day found its partition');
  await retention.execute(undefined, signal);
  await retention.execute(undefined, signal);
  const upTo = (days: number): number[] => Array.from({ length: days + 1 }, (_, at) => days - at);
  assert.deepEqual(await daysLeft('minute_counts', 'minute'), upTo(35));
  assert.deepEqual(await daysLeft('minute_amendments', 'minute'), upTo(35));
  // Partitions of hours are months: the one that day 400 falls into is whole.
  const hours = await daysLeft('hour_counts', 'hour');
  assert.deepEqual(hours, upTo(hours[0] ?? 0));
  assert.ok((hours[0] ?? 0) >= 400 && (hours[0] ?? 0) <= 431, `${hours[0]} days`);
  assert.deepEqual(await daysLeft('telemetry_minutes', 'minute'), upTo(400));
  assert.deepEqual(await daysLeft('telemetry_hours', 'hour'), upTo(400));
});

test('a series goes when nothing was counted of it for as long as hours are kept, and comes back as a new one', async () => {
  await pool.query('truncate minute_counts, hour_counts, telemetry_series restart identity');
  nowMs = Date.now();
  const keys = ['rests', 'counted', 'asked', 'recent'].map(series);
  const ids = await resolveSeries(pool, keys);
  const unusedSince = async (days: number, ...some: number[]) => pool.query(`update telemetry_series set used_at = $1 where id = any($2)`, [new Date(nowMs - days * dayMs), some]);
  await unusedSince(500, ...ids);
  await unusedSince(399, ids[3] ?? 0);
  await pool.query('insert into hour_counts (hour, series_id, total, success) values ($1, $2, 1, 1)', [new Date(nowMs - 300 * dayMs), ids[1]]);
  assert.deepEqual(await resolveSeries(pool, [series('asked')]), [ids[2]], 'who asks uses it');
  await retention.execute(undefined, signal);
  const { rows } = await pool.query<{ endpoint: string }>('select endpoint from telemetry_series order by endpoint');
  assert.deepEqual(rows.map(({ endpoint }) => endpoint), ['asked', 'counted', 'recent']);
  const again = await resolveSeries(pool, keys);
  assert.deepEqual(again.slice(1), ids.slice(1));
  assert.ok(!ids.includes(again[0] ?? 0) && (again[0] ?? 0) > 0);
});

test('thousands of them go in one run, while nodes ask for them', async () => {
  await pool.query('truncate minute_counts, hour_counts, telemetry_series restart identity');
  const keys = Array.from({ length: 2_500 }, (_, at) => series(`endpoint-${at}`));
  const before = await resolveSeries(pool, keys);
  await pool.query(`update telemetry_series set used_at = now() - interval '500 days'`);
  const asked = keys.slice(0, 500);
  const [removed, first, second] = await Promise.all([removeUnusedSeries(pool, new Date(Date.now() - 400 * dayMs)), resolveSeries(pool, asked), resolveSeries(pool, asked.toReversed())]);
  assert.deepEqual(first, second.toReversed(), 'every node counts under the same id');
  const { rows } = await pool.query<{ id: number }>('select id from telemetry_series');
  const left = new Set(rows.map(({ id }) => id));
  assert.ok(first.every((id) => left.has(id)), 'no id is handed out that is not stored');
  assert.equal(removed, before.filter((id) => !left.has(id)).length);
  assert.ok(removed >= 2_000, `${removed} removed`);
});
