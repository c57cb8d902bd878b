/**
 * What the rules of rate changes and of silence do over thousands of ordinary days, and how soon a real rise is seen. The figures are
 * printed: they are the ones the guide states.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { seeded } from '@evenkeel/tests/harness/seeded-chance.ts';
import { hoursOfWeek, judgeSilence, makeBaseline } from './flat-line.ts';
import { idle, nextState, type AlertState } from './lifecycle.ts';
import { judgeRateChange, type RateChangeRule } from './rate-change.ts';
import { defaultLifecycle, defaultRateChange, defaultWindowMinutes } from './rules.ts';

/** The defaults, and the rules of playbook/alerts.yaml that ask for less. */
const rules = {
  'the default': defaultRateChange,
  'account-errors-rising, of 20 calls': { ...defaultRateChange, minTotal: 20 },
  'platform-errors-rising, from 1 %': { ...defaultRateChange, minRatioPpm: 10_000 },
} as const satisfies Record<string, RateChangeRule>;
const window = defaultWindowMinutes;

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

/** A day of minutes: traffic with a daily curve, a ratio that wanders slowly by up to a half. */
function alertsOfDay(rule: RateChangeRule, random: () => number, perMinute: number, ratio: (minute: number) => number): number[] {
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
    const failing = Math.min(total, poisson(random, total * ratio(minute) * wander));
    totals.push(total);
    bads.push(failing);
    if (minute < 2 * window) continue;
    const end = minute + 1;
    const earlier = { total: sum(totals, end - 2 * window, end - window), bad: sum(bads, end - 2 * window, end - window) };
    const later = { total: sum(totals, end - window, end), bad: sum(bads, end - window, end) };
    const step = nextState(state, judgeRateChange(earlier, later, rule).kind === 'risen' ? 'bad' : 'good', minute, defaultLifecycle);
    state = step.state;
    if (step.change === 'fired') fired.push(minute);
  }
  return fired;
}

describe('rate changes over simulated days', () => {
  for (const [name, rule] of Object.entries(rules)) it(`10,000 series-days of ordinary traffic raise at most one false alert: ${name}`, (test) => {
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
      alerts += alertsOfDay(rule, random, kind.perMinute, () => kind.ratio).length;
    }
    test.diagnostic(`${name}: false alerts: ${alerts} in ${days} series-days`);
    assert.ok(alerts <= 1, `${alerts} false alerts`);
  });

  it('a jump from 0.5 % to 10 % at 100 calls a minute is seen within a window', (test) => {
    const random = seeded(7);
    const delays: number[] = [];
    for (let day = 0; day < 200; day += 1) {
      const [first] = alertsOfDay(rules['the default'], random, 100, (minute) => (minute >= 600 ? 0.1 : 0.005));
      assert.ok(first !== undefined && first >= 600, `day ${day}: fired at ${first}`);
      delays.push(first - 600);
    }
    delays.sort((a, b) => a - b);
    test.diagnostic(`minutes until the alert: median ${delays[100]}, longest ${delays.at(-1)}`);
    assert.ok((delays.at(-1) ?? Infinity) <= window, `longest ${delays.at(-1)}`);
  });
});

/** Events of one hour of the week: busy by day, quiet at weekends; `bursty`: each hour is a multiple of the usual that is distributed exponentially. */
function eventsOfHour(random: () => number, perHour: number, bursty: boolean, hour: number): number {
  const usual = perHour * (1 + 0.9 * Math.sin(((hour % 24) / 24) * 2 * Math.PI)) * (hour % hoursOfWeek >= 120 ? 0.2 : 1);
  return poisson(random, usual * (bursty ? -Math.log(1 - random()) : 1));
}

describe('silence over simulated weeks', () => {
  it('10,000 series-days of ordinary events raise at most one false alert', (test) => {
    const random = seeded(20_261_124);
    const kinds = [
      { perHour: 0.5, bursty: false },
      { perHour: 10, bursty: false },
      { perHour: 120, bursty: false },
      { perHour: 10, bursty: true },
    ];
    const monday = Date.parse('2026-11-23T00:00:00Z');
    const hourMs = 3_600_000;
    const [weeks, series] = [4, Math.ceil(10_000 / 7)];
    let alerts = 0;
    for (let one = 0; one < series; one += 1) {
      const { perHour, bursty } = kinds[one % kinds.length] ?? { perHour: 1, bursty: false };
      const weekOf = (): number[] => Array.from({ length: hoursOfWeek }, (_, hour) => eventsOfHour(random, perHour, bursty, hour));
      const baseline = makeBaseline(Array.from({ length: weeks }, weekOf));
      let last = monday;
      for (const [hour, count] of weekOf().entries()) {
        const minutes = Array.from({ length: count }, () => monday + hour * hourMs + Math.floor(random() * 60) * 60_000).toSorted((a, b) => a - b);
        for (const at of minutes) {
          // A silence only grows more telling: the minute before it ends is the one to judge.
          if (judgeSilence(baseline, last, at, { alpha: 1e-9, minWeeks: 2 }).kind === 'flat') alerts += 1;
          last = at;
        }
      }
    }
    test.diagnostic(`false alerts of silence: ${alerts} in ${series * 7} series-days`);
    assert.ok(alerts <= 1, `${alerts} false alerts`);
  });
});
