import assert from 'node:assert/strict';
import { test } from 'node:test';
import { afterRefreshFailure, allowance, isClosed, released, type Brake } from './refresh-brake.ts';

const fail = (brake: Brake, nowMs: number, retryAfterS: number | null = null): Brake => afterRefreshFailure(brake, { retryAfterS, nowMs });

test('the brake closes at the fifth failure in a row and lets one probe through at a time', () => {
  let brake = released;
  for (let count = 1; count <= 4; count += 1) brake = fail(brake, 1_000);
  assert.deepEqual([isClosed(brake), allowance(brake, 32, 1_000)], [false, 32]);
  brake = fail(brake, 1_000);
  assert.ok(isClosed(brake));
  assert.equal(allowance(brake, 32, 1_499), 0);
  assert.equal(allowance(brake, 32, 1_500), 1);
});

test('failures of what was under way do not lengthen the pause; those of probes double it, up to a bound', () => {
  let brake = released;
  for (let count = 1; count <= 40; count += 1) brake = fail(brake, 1_000);
  assert.equal(brake.untilMs, 1_500);
  const pauses: number[] = [];
  for (let probe = 0; probe < 8; probe += 1) {
    const at = brake.untilMs;
    brake = fail(brake, at);
    pauses.push(brake.untilMs - at);
  }
  assert.deepEqual(pauses, [1_000, 2_000, 4_000, 8_000, 15_000, 15_000, 15_000, 15_000]);
});

test('a wait that the vendor names is kept, within reason', () => {
  let brake = released;
  for (let count = 1; count <= 5; count += 1) brake = fail(brake, 0, 60);
  assert.equal(brake.untilMs, 60_000);
  assert.equal(fail(brake, 60_000, 86_400).untilMs, 360_000);
});
