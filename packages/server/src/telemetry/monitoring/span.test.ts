import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createTestDatabase } from '@evenkeel/tests/harness/database.ts';
import { readSpans } from './span.ts';

const { pool } = await createTestDatabase();
const at = (minute: number) => new Date(Date.parse('2026-11-24T09:00:00Z') + minute * 60_000);

async function sufficientWith(lostSeconds: number, takenBack = 0): Promise<boolean> {
  await pool.query('truncate telemetry_minutes, minute_amendments');
  await pool.query(`insert into telemetry_minutes (minute, covered_seconds, lost_seconds) select $1::timestamptz + m * interval '1 minute', 60, $2 from generate_series(0, 19) m`, [at(0), lostSeconds]);
  await pool.query(`insert into minute_amendments (minute, covered_seconds, lost_seconds, reason) select $1::timestamptz + m * interval '1 minute', 0, -$2::int, 'late' from generate_series(0, 19) m`, [at(0), takenBack]);
  return (await readSpans(pool, { from: at(0), mid: at(10), to: at(20), grain: 'minute' })).sufficient;
}

test('a window of which counts are lost is not sufficient, however well it was covered; what came late makes it so again', async () => {
  assert.equal(await sufficientWith(0), true);
  assert.equal(await sufficientWith(3), true);
  assert.equal(await sufficientWith(4), false);
  assert.equal(await sufficientWith(40, 40), true);
});
