import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { decideRefresh, nextAttempt, type FailedRefresh } from './refresh-decision.ts';

const now = 1_000_000_000;
const rotation = fc.constantFrom('none' as const, 'rotates' as const, 'single_use' as const, undefined);
const failed: fc.Arbitrary<FailedRefresh> = fc.record({
  rotation,
  inDoubt: fc.boolean(),
  expiresAtMs: fc.option(fc.integer({ min: now - 7_200_000, max: now + 7_200_000 })),
  tokenFailed: fc.boolean(),
  nowMs: fc.constant(now),
  failure: fc.record({ answerLost: fc.boolean(), retryAfterS: fc.option(fc.integer({ min: 0, max: 100_000 })) }),
  failures: fc.nat(100),
  random: fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
});

test('a refresh is held back exactly when a single-use token is in doubt and its access token may still serve', () => {
  fc.assert(
    fc.property(failed, (one) => {
      const { rotation: kind, inDoubt, expiresAtMs, tokenFailed } = one;
      const serves = !tokenFailed && (expiresAtMs === null || expiresAtMs > now);
      const decision = decideRefresh(one);
      assert.equal(decision.kind, kind === 'single_use' && inDoubt && serves ? 'hold' : 'ask');
      if (decision.kind === 'hold') assert.equal(decision.untilMs, expiresAtMs);
    }),
  );
});

test('the next attempt comes after half a second to an hour, or at the end of a token that is spared; never sooner than asked', () => {
  fc.assert(
    fc.property(failed, (one) => {
      const { atMs, inDoubt } = nextAttempt(one);
      const wait = atMs - now;
      assert.equal(inDoubt, one.inDoubt || one.failure.answerLost === true);
      assert.ok(wait >= 499, `${wait}`);
      assert.ok(wait >= Math.min(3_600, one.failure.retryAfterS ?? 0) * 1000);
      const spared = decideRefresh({ ...one, inDoubt });
      if (spared.kind === 'hold' && spared.untilMs !== null) assert.ok(atMs >= spared.untilMs);
      else assert.ok(wait <= Math.max(60_000, Math.min(3_600, one.failure.retryAfterS ?? 0) * 1000));
    }),
  );
});

test('under a living token there is always one more attempt before its end', () => {
  fc.assert(
    fc.property(failed, fc.integer({ min: 6_001, max: 300_000 }), (one, left) => {
      const { atMs } = nextAttempt({ ...one, rotation: 'rotates', expiresAtMs: now + left, failure: { retryAfterS: null } });
      assert.ok(atMs <= now + left - 5_000);
    }),
  );
});

test('waits double with the failures and are spread by chance', () => {
  const base = { rotation: 'rotates' as const, inDoubt: false, expiresAtMs: null, tokenFailed: false, nowMs: now, failure: { retryAfterS: null } };
  const waits = (random: number): number[] => [0, 1, 2, 3, 6, 50].map((failures) => nextAttempt({ ...base, failures, random }).atMs - now);
  assert.deepEqual(waits(0), [500, 1_000, 2_000, 4_000, 30_000, 30_000]);
  assert.deepEqual(waits(0.5), [750, 1_500, 3_000, 6_000, 45_000, 45_000]);
});
