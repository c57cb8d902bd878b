import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { exhaustsInMinutes, type Remainder } from './exhaustion.ts';

const step = 1440;
const days = 30;
const budget = 1_000_000n; // 0.1 %

/** What is left of a window of days, oldest first, each with as many events and bad ones a minute. */
function remaindersOf(window: readonly { readonly total: number; readonly bad: number }[], stepMinutes: number): Remainder[] {
  return Array.from({ length: window.length + 1 }, (_, gone) => {
    const kept = window.slice(gone);
    return { afterMinutes: gone * stepMinutes, total: kept.reduce((sum, one) => sum + one.total * stepMinutes, 0), bad: kept.reduce((sum, one) => sum + one.bad * stepMinutes, 0) };
  });
}

const steady = (bad: number, count = days) => Array.from({ length: count }, () => ({ total: 10_000, bad }));
const course = (bad: number) => ({ total: 10_000 * 360, bad: bad * 360, minutes: 360 });

test('a full window: half a budget spent at the end lasts a quarter of the period at twice the sustainable rate, and a steady rate under it for ever', () => {
  // 10 a minute are the budget: 150 a minute on the last day are half of that of 30 days.
  const late = [...steady(0, days - 1), { total: 10_000, bad: 150 }];
  assert.equal(exhaustsInMinutes(budget, remaindersOf(late, step), course(20)), 10_800);
  for (const rate of [0, 1, 5, 9]) assert.equal(exhaustsInMinutes(budget, remaindersOf(steady(rate), step), course(rate)), null);
});

test('what an outage left is used up at less than the sustainable rate, until the window forgets the outage', () => {
  // 95 % went five days ago; at 0.9 of the rate the rest lasts for 0.05/0.9 of the period.
  const after = (daysAgo: number) => steady(0).map((one, at) => (at === days - daysAgo ? { ...one, bad: 285 } : one));
  assert.equal(exhaustsInMinutes(budget, remaindersOf(after(5), step), course(9)), 2400);
  assert.equal(exhaustsInMinutes(budget, remaindersOf(after(30), step), course(9)), null, 'the outage leaves first');
});

test('a window that grows: two clean days at twice the rate are used up after two more, not after half of the period', () => {
  const grown = { total: 10_000 * 2 * step, bad: 0 };
  const to = (afterMinutes: number) => [{ afterMinutes: 0, ...grown }, { afterMinutes, ...grown }];
  assert.equal(exhaustsInMinutes(budget, to(28 * step), course(20)), 2 * step);
  assert.equal(exhaustsInMinutes(budget, to(2 * step - 1), course(20)), null, 'the period ends before');
  assert.equal(exhaustsInMinutes(budget, to(28 * step), course(10)), null);
  // In minutes the budget is for the whole month: 43.2 bad ones, at two an hour and 10 gone.
  assert.equal(exhaustsInMinutes(budget, [{ afterMinutes: 0, total: 2880, bad: 10 }, { afterMinutes: 40_320, total: 2880, bad: 10 }], { total: 360, bad: 12, minutes: 360 }, 43_200), 996);
});

test('agrees with adding and forgetting minute by minute', () => {
  const minute = fc.record({ total: fc.integer({ min: 0, max: 50 }), share: fc.integer({ min: 0, max: 20 }) }).map(({ total, share }) => ({ total, bad: Math.floor((total * share) / 100) }));
  fc.assert(
    fc.property(fc.array(minute, { minLength: 1, maxLength: 8 }), fc.integer({ min: 1, max: 6 }), minute, (window, stepMinutes, going) => {
      const allowed = 100_000_000n; // 10 %
      const found = exhaustsInMinutes(allowed, remaindersOf(window, stepMinutes), { total: going.total * 7, bad: going.bad * 7, minutes: 7 });
      const minutes = window.flatMap((one) => Array.from({ length: stepMinutes }, () => one));
      const gone = (after: number): boolean => {
        const held = [...minutes.slice(after), ...Array.from({ length: after }, () => going)];
        const [total, bad] = [held.reduce((sum, one) => sum + one.total, 0), held.reduce((sum, one) => sum + one.bad, 0)];
        return bad * 10 >= total;
      };
      const expected = gone(0) ? 0 : going.bad === 0 ? undefined : Array.from({ length: minutes.length }, (_, at) => at + 1).find(gone);
      assert.equal(found, expected ?? null);
    }),
    { numRuns: 2_000 },
  );
});
