/**
 * What the rule of rate changes does over thousands of ordinary days, and how soon it sees a real rise. The figures are
 * printed: they are the ones the guide states.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { seeded } from '@evenkeel/tests/harness/seeded-chance.ts';
import { idle, nextState, type AlertState } from './lifecycle.ts';
import { judgeRateChange, type RateChangeRule } from './rate-change.ts';

const rule: RateChangeRule = { minRatioPpm: 20_000, factor: 4, minBad: 10, minTotal: 100, alpha: 1e-9, assumedRatioPpm: 5000 };
const lifecycle = { fireAfter: 2, resolveAfter: 5 };
const window = 15;

function poisson(random: () => number, mean: number): number {
  if (mean > 40) {
    const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
    return Math.max(0, Math.round(mean + Math.sqrt(mean) * normal));
  }
  const limit = Math.exp(-mean);
  let count = 0;
  for (let product = random(); product > limit; product *= random()) count += 1;
  return count;
}

/** A day of minutes: traffic with a daily curve, a ratio that wanders slowly by up to a half, bursts of retries. */
function alertsOfDay(random: () => number, perMinute: number, ratio: (minute: number) => number, burst = 0): number[] {
  const totals: number[] = [];
  const bads: number[] = [];
  let state: AlertState = idle;
  const fired: number[] = [];
  const sum = (values: readonly number[], from: number, to: number): number => {
    let result = 0;
    for (let at = Math.max(0, from); at < to; at += 1) result += values[at] ?? 0;
    return result;
  };
  let wander = 1;
  for (let minute = 0; minute < 1440; minute += 1) {
    wander = Math.min(1.5, Math.max(0.5, wander + (random() - 0.5) * 0.05));
    const total = poisson(random, perMinute * (1 + 0.6 * Math.sin((minute / 1440) * 2 * Math.PI)));
    const failing = Math.min(total, poisson(random, total * ratio(minute) * wander) + (burst > 0 && random() < 0.01 ? poisson(random, burst) : 0));
    totals.push(total);
    bads.push(failing);
    if (minute < 2 * window) continue;
    const end = minute + 1;
    const earlier = { total: sum(totals, end - 2 * window, end - window), bad: sum(bads, end - 2 * window, end - window) };
    const later = { total: sum(totals, end - window, end), bad: sum(bads, end - window, end) };
    const step = nextState(state, judgeRateChange(earlier, later, rule).kind === 'risen' ? 'bad' : 'good', minute, lifecycle);
    state = step.state;
    if (step.change === 'fired') fired.push(minute);
  }
  return fired;
}

describe('rate changes over simulated days', () => {
  it('10,000 series-days of ordinary traffic raise at most one false alert', (test) => {
    const random = seeded(20_261_124);
    const kinds = [
      { perMinute: 2, ratio: 0.005 },
      { perMinute: 20, ratio: 0.005 },
      { perMinute: 20, ratio: 0.03 },
      { perMinute: 200, ratio: 0.01 },
    ];
    let alerts = 0;
    const days = 10_000;
    for (let day = 0; day < days; day += 1) {
      const kind = kinds[day % kinds.length] ?? { perMinute: 20, ratio: 0.005 };
      alerts += alertsOfDay(random, kind.perMinute, () => kind.ratio).length;
    }
    test.diagnostic(`false alerts: ${alerts} in ${days} series-days`);
    assert.ok(alerts <= 1, `${alerts} false alerts`);
  });

  it('a jump from 0.5 % to 10 % at 100 calls a minute is seen within a window', (test) => {
    const random = seeded(7);
    const delays: number[] = [];
    for (let day = 0; day < 200; day += 1) {
      const [first] = alertsOfDay(random, 100, (minute) => (minute >= 600 ? 0.1 : 0.005));
      assert.ok(first !== undefined && first >= 600, `day ${day}: fired at ${first}`);
      delays.push(first - 600);
    }
    delays.sort((a, b) => a - b);
    test.diagnostic(`minutes until the alert: median ${delays[100]}, longest ${delays.at(-1)}`);
    assert.ok((delays.at(-1) ?? Infinity) <= window, `longest ${delays.at(-1)}`);
  });
});
