import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { budgetOf, burnRate, causesOf, figuresOf } from './budget.ts';
import { decideBurn, isAbove } from './burn-alert.ts';
import { detectionSeconds } from './burn-time.ts';
import { hasExpired, modeOf, nextMode, rank } from './policy-mode.ts';
import { compare, floor, fraction, readPercent, whole, type Fraction } from './share.ts';
import { noTally } from './tally.ts';

/** The oracle: fractions reduced and compared by subtraction, written without anything of share.ts. */
const minus = (a: Fraction, b: Fraction): bigint => a.num * b.den - b.num * a.den;
const full = fraction(1n, 1n);
const ppb = (percent: string): bigint => readPercent(percent) ?? 0n;
const minimum = { events: 1, bad: 1 };
const anyTime = { minimum, minMeasuredMinutes: 0 };
const measured = (total: number, bad: number, observed = full, measuredMinutes = 43_200) => ({ total, bad, coverage: observed, observed, measuredMinutes });
const policy = { edges: { caution: ppb('75'), restricted: ppb('50'), critical: ppb('25') }, hysteresis: ppb('2') };

test('the budget agrees with rational arithmetic over thousands of windows', () => {
  const targets = fc.constantFrom('90', '99', '99.9', '99.95', '99.99', '99.995', '99.9999999');
  fc.assert(
    fc.property(targets, fc.integer({ min: 1, max: 1_000_000_000 }), fc.double({ min: 0, max: 1, noNaN: true }), (target, total, share) => {
      const bad = Math.floor(total * share ** 8);
      const budget = whole - ppb(target);
      const found = budgetOf({ target: ppb(target), budget, ...anyTime }, measured(total, bad), 0n);
      assert.ok(found.state === 'known');
      // consumed = (bad/total) / (budget/1e9), achieved = 1 − bad/total, as the definitions say.
      const ratio = fraction(BigInt(bad), BigInt(total));
      assert.equal(minus(found.consumed, fraction(ratio.num * whole, ratio.den * budget)), 0n);
      assert.equal(minus(found.achieved, fraction(BigInt(total - bad), BigInt(total))), 0n);
      assert.equal(minus(found.remaining, fraction(found.consumed.den - found.consumed.num, found.consumed.den)), 0n);
      assert.equal(found.meets, BigInt(bad) * whole <= budget * BigInt(total));
      // One bad event more than is left breaks the target; as many as are left do not.
      const after = (more: bigint): boolean => (BigInt(bad) + more) * whole <= budget * BigInt(total);
      if (found.meets) assert.deepEqual([after(found.badLeft), after(found.badLeft + 1n)], [true, false]);
      const rate = burnRate({ total, bad, coverage: full }, budget);
      assert.ok(rate !== null && minus(rate, found.consumed) === 0n, 'over the whole period the burn rate is the consumption');
    }),
    { numRuns: 3_000 },
  );
});

test('99.995 % of a million events: 50 bad ones are exactly the budget, 51 exceed it', () => {
  const objective = { target: ppb('99.995'), budget: 50_000n, ...anyTime };
  const at = (bad: number) => budgetOf(objective, measured(1_000_000, bad), 0n);
  const [exactly, over] = [at(50), at(51)];
  assert.ok(exactly.state === 'known' && over.state === 'known');
  assert.deepEqual([exactly.meets, exactly.remaining.num, exactly.badLeft, over.meets], [true, 0n, 0n, false]);
  assert.equal(modeOf(exactly.remaining, policy), 'exhausted');
});

test('nothing, little and thinly covered traffic is insufficient data; a few early bad ones use up nothing', () => {
  const objective = { target: ppb('99.995'), budget: 50_000n, minimum: { events: 1000, bad: 10 }, minMeasuredMinutes: 0 };
  const state = (total: number, bad: number, coverage = full) => budgetOf(objective, measured(total, bad, coverage), ppb('50')).state;
  assert.equal(state(0, 0), 'insufficient_data');
  assert.equal(state(999, 0), 'insufficient_data');
  assert.equal(state(999, 999), 'insufficient_data', 'below the volume nothing is said, whatever it is');
  assert.equal(state(1000, 0), 'known');
  // The budget of 199,999 events allows 9.99995 bad ones.
  for (const total of [1000, 5000, 199_999]) assert.deepEqual([1, 5, 9, 10].map((bad) => state(total, bad)), ['insufficient_data', 'insufficient_data', 'insufficient_data', 'known'], `${total}`);
  assert.deepEqual([1, 5, 9].map((bad) => state(200_000, bad)), ['known', 'known', 'known']);
  assert.equal(state(1000, 0, fraction(1n, 3n)), 'insufficient_data');
  assert.equal(state(1000, 0, fraction(1n, 2n)), 'known');
});

test('an installation of minutes has used up nothing of 30 days, whatever failed; its alerts do not wait for that', () => {
  const objective = { target: ppb('99.9'), budget: 1_000_000n, minimum: { events: 1000, bad: 10 }, minMeasuredMinutes: 1440 };
  // One vendor of many fails in the eighth minute: 27 bad of 3,173 calls are 851 % of what so few may have.
  const after = (minutes: number) => budgetOf(objective, measured(3173, 27, full, minutes), ppb('50'));
  assert.deepEqual(after(8), { state: 'insufficient_data', reason: '8m of at least 1d of the window measured' });
  assert.deepEqual([1439, 1440].map((minutes) => after(minutes).state), ['insufficient_data', 'known']);
  const hour = { total: 3173, bad: 100, coverage: fraction(1n, 2n) };
  assert.equal(decideBurn({ tier: { factor: fraction(72n, 5n) }, budget: objective.budget, long: hour, short: hour, minimum: objective.minimum, minCoverage: ppb('50'), firing: false }), 'fire');
});

test('five early bad calls page nobody: too few events, or too few bad ones', () => {
  const base = { tier: { factor: fraction(72n, 5n) }, budget: 50_000n, minimum: { events: 1000, bad: 10 }, minCoverage: 0n, firing: false };
  const decide = (total: number, bad: number, minimum = base.minimum) => decideBurn({ ...base, minimum, long: { total, bad, coverage: full }, short: { total, bad, coverage: full } });
  assert.deepEqual([decide(20, 5), decide(999, 999), decide(1000, 9), decide(1000, 10)], ['keep', 'keep', 'keep', 'fire']);
  assert.equal(decide(20, 5, { events: 10, bad: 1 }), 'fire', 'the minimum is configured');
});

test('a mode that data does not bear out any more is over when its window is empty, or another period has begun', () => {
  const range = { from: 1000, to: 2000 };
  assert.deepEqual([hasExpired({ kind: 'rolling' }, 900, range, 1), hasExpired({ kind: 'rolling' }, 1900, range, 0)], [false, true]);
  assert.deepEqual([hasExpired({ kind: 'calendar' }, 1000, range, 5), hasExpired({ kind: 'calendar' }, 1001, range, 5)], [true, false]);
});

test('time slices: unmeasured minutes are neither good nor bad, a bad one is bad even so; a calendar budget is for the whole period', () => {
  const tally = { ...noTally, events: 10, badMinutes: 3, blindMinutes: 1 };
  const figures = figuresOf('time_slices', { tally, measuredMinutes: 100, windowMinutes: 200, existedMinutes: 100 });
  assert.deepEqual([figures.total, figures.bad, figures.coverage], [101, 3, fraction(100n, 200n)]);
  assert.deepEqual(figures.observed, fraction(100n, 100n));
  const month = budgetOf({ target: ppb('99.99'), budget: ppb('0.01'), ...anyTime }, measured(1440, 2, full, 1440), 0n, 43_200);
  assert.ok(month.state === 'known');
  assert.equal(compare(month.consumed, fraction(2n * 10_000n, 43_200n)), 0);
});

test('an alert fires in the first minute after the predicted time, and never at or below the factor', () => {
  const tiers = [{ factor: fraction(72n, 5n), longMinutes: 60, shortMinutes: 5 }, { factor: fraction(6n, 1n), longMinutes: 360, shortMinutes: 30 }];
  const perMinute = 10_000;
  for (const target of ['99.9', '99.99', '99.995'])
    for (const [bad, tier] of [10_000, 500, 144, 145, 100, 61, 60, 10].flatMap((count) => tiers.map((one) => [count, one] as const))) {
      const budget = whole - ppb(target);
      const window = (minutes: number, elapsed: number) => ({ total: minutes * perMinute, bad: Math.min(minutes, elapsed) * bad, coverage: full });
      const fires = Array.from({ length: 400 }, (_, elapsed) => elapsed).find((elapsed) => decideBurn({ tier, budget, long: window(tier.longMinutes, elapsed), short: window(tier.shortMinutes, elapsed), minimum, minCoverage: 0n, firing: false }) === 'fire');
      const predicted = detectionSeconds(tier, budget, fraction(BigInt(bad), BigInt(perMinute)));
      const expected = predicted === null ? undefined : Number(floor({ num: predicted.num, den: predicted.den * 60n })) + 1;
      assert.equal(fires, expected, `${target} % with ${bad} of ${perMinute} bad`);
    }
});

test('strictly above: exactly 14.4 times the budget is not', () => {
  const tier = { factor: fraction(72n, 5n) };
  assert.equal(isAbove({ total: 100_000, bad: 72, coverage: full }, tier, 50_000n), false);
  assert.equal(isAbove({ total: 100_000, bad: 73, coverage: full }, tier, 50_000n), true);
  assert.equal(isAbove({ total: 0, bad: 0, coverage: full }, tier, 50_000n), false);
});

test('what was not measured neither fires nor resolves', () => {
  const blind = { total: 0, bad: 0, coverage: fraction(0n, 5n) };
  const hot = { total: 1000, bad: 1000, coverage: full };
  const quiet = { total: 1000, bad: 0, coverage: full };
  const base = { tier: { factor: fraction(72n, 5n) }, budget: ppb('0.1'), minimum, minCoverage: ppb('50') };
  assert.equal(decideBurn({ ...base, long: hot, short: blind, firing: true }), 'keep');
  assert.equal(decideBurn({ ...base, long: hot, short: quiet, firing: true }), 'resolve');
  assert.equal(decideBurn({ ...base, long: hot, short: { ...hot, coverage: fraction(1n, 5n) }, firing: false }), 'keep');
  assert.equal(decideBurn({ ...base, long: hot, short: hot, firing: false }), 'fire');
  assert.equal(decideBurn({ ...base, minimum: { events: 1, bad: 1001 }, long: hot, short: hot, firing: false }), 'keep');
});

test('modes: edges belong where the policy says, better only beyond the hysteresis', () => {
  const of = (percent: string): Fraction => fraction(ppb(percent), whole);
  assert.deepEqual(['75.0000001', '75', '50', '49.9999999', '25', '24.9999999', '0.0000001', '0'].map((percent) => modeOf(of(percent), policy)), ['normal', 'caution', 'caution', 'restricted', 'restricted', 'critical', 'critical', 'exhausted']);
  assert.equal(modeOf(fraction(-1n, 1000n), policy), 'exhausted');
  assert.equal(nextMode('caution', of('77'), policy), 'caution');
  assert.equal(nextMode('caution', of('77.0000001'), policy), 'normal');
  assert.equal(nextMode('exhausted', of('2'), policy), 'exhausted');
  assert.equal(nextMode('exhausted', of('90'), policy), 'normal');
  assert.equal(nextMode('normal', of('10'), policy), 'critical');
  assert.equal(nextMode(null, of('60'), policy), 'caution');
});

test('around an edge a mode changes once, whatever the path within the hysteresis', () => {
  fc.assert(
    fc.property(fc.constantFrom('75', '50', '25'), fc.array(fc.bigInt(0n, ppb('2') - 1n), { maxLength: 50 }), (edge, path) => {
      let mode = nextMode(null, fraction(ppb(edge) - 1n, whole), policy);
      const start = mode;
      for (const above of path) {
        mode = nextMode(mode, fraction(ppb(edge) + above, whole), policy);
        assert.equal(mode, start);
      }
      assert.equal(rank(nextMode(mode, fraction(ppb(edge) + ppb('2') + 1n, whole), policy)), rank(start) - 1);
    }),
  );
});

test('causes, the largest first', () => {
  assert.deepEqual(causesOf({ ...noTally, bad: 4, platform: 1, upstream: 3 }).map(({ cause, bad }) => [cause, bad]), [['upstream', 3], ['platform', 1]]);
});
