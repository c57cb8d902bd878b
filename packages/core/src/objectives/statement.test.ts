import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { Agreement, Terms } from '@evenkeel/contract/playbook/agreements.ts';
import { defineAgreement, isBadMinute } from './agreement.ts';
import { calendarUnit, monthRange, monthsBetween, windowRange } from './calendar.ts';
import { contractText } from './contract-text.ts';
import { findRuns } from './downtime.ts';
import { creditOf, moneyText, stateMonth, tierOf, type StatementInput } from './statement.ts';
import { fraction, readPercent } from './share.ts';

const terms: Terms = {
  title: 'Standard',
  target: 99.99,
  downtime: { consecutive_minutes: 5, above: 5, errors: 'platform', unmeasured: 'downtime' },
  maintenance_notice_hours: 72,
  exclusions: ['maintenance', 'upstream', 'customer', 'force_majeure'],
  credits: [{ below: 99.99, credit: 10 }, { below: 99.9, credit: 25 }, { below: 99, credit: 50 }],
  cap: 50,
};
const agree = (changed: Partial<Agreement> = {}) =>
  defineAgreement({ id: 'acme', tenant_id: 'acme', terms: 'standard', time_zone: 'UTC', starts: '2020-01-01', monthly_fee_minor: 500_000, currency: 'USD', ...changed }, { standard: terms });
const minuteAt = (iso: string): number => Temporal.Instant.from(iso).epochMilliseconds / 60_000;
const run = (from: number, length: number) => Array.from({ length }, (_, at) => ({ minute: from + at, requests: 100, failed: 50 }));
const base: StatementInput = { agreement: agree(), month: '2026-04', badMinutes: [], unmeasured: [], exclusions: [], firstMinute: 0, sealedTo: minuteAt('2027-01-01T00:00Z') };
const stated = (changed: Partial<StatementInput>) => {
  const statement = stateMonth({ ...base, ...changed });
  assert.ok(statement !== null);
  return statement;
};
const april = minuteAt('2026-04-01T00:00Z');

describe('months', () => {
  const lengths = [
    ['2026-02', 'UTC', 40_320], ['2028-02', 'UTC', 41_760], ['2026-04', 'UTC', 43_200], ['2026-01', 'UTC', 44_640],
    ['2026-03', 'America/New_York', 44_580], ['2026-11', 'America/New_York', 43_260],
    ['2026-03', 'Europe/Berlin', 44_580], ['2026-10', 'Europe/Berlin', 44_700],
    ['2026-04', 'Australia/Lord_Howe', 43_230], ['2026-10', 'Australia/Lord_Howe', 44_610],
  ] as const;
  for (const [month, zone, minutes] of lengths) {
    test(`${month} in ${zone} has ${minutes} minutes`, () => {
      const range = monthRange(month, zone);
      assert.ok(range !== undefined);
      assert.equal(range.to - range.from, minutes);
      assert.deepEqual(calendarUnit('month', zone, range.from), range);
      assert.deepEqual(calendarUnit('month', zone, range.to - 1), range);
    });
  }
  test('no minute is lost or counted twice between months, in any of these zones', () => {
    for (const zone of ['America/New_York', 'Europe/Berlin', 'Australia/Lord_Howe', 'America/Sao_Paulo', 'Asia/Beirut', 'Pacific/Apia']) {
      const months = monthsBetween('2009-01', '2030-12');
      months.forEach((month, at) => {
        const next = months[at + 1];
        if (next !== undefined) assert.equal(monthRange(month, zone)?.to, monthRange(next, zone)?.from, `${month} in ${zone}`);
      });
    }
  });
  test('a rolling window is elapsed time, a calendar window begins with its unit', () => {
    const end = minuteAt('2026-03-20T12:00Z');
    assert.deepEqual(windowRange({ kind: 'rolling', days: 30 }, end).range, { from: end - 43_200, to: end });
    const month = windowRange({ kind: 'calendar', unit: 'month', timeZone: 'America/New_York' }, end);
    assert.deepEqual([month.range.from, month.range.to, month.periodMinutes], [minuteAt('2026-03-01T05:00Z'), end, 44_580]);
    assert.equal(calendarUnit('week', 'UTC', end).from, minuteAt('2026-03-16T00:00Z'));
    assert.equal(calendarUnit('quarter', 'UTC', end).from, minuteAt('2026-01-01T00:00Z'));
  });
  for (const wrong of ['2026-13', '2026-1', '2026', '26-01']) test(`${wrong} is no month`, () => assert.equal(monthRange(wrong, 'UTC'), undefined));
});

describe('downtime', () => {
  test('four bad minutes are none, five are five', () => {
    assert.equal(stated({ badMinutes: run(april + 100, 4) }).downtimeMinutes, 0);
    assert.equal(stated({ badMinutes: run(april + 100, 5) }).downtimeMinutes, 5);
  });
  test('exactly 5 % of the requests is not bad, one more is', () => {
    assert.equal(isBadMinute(base.agreement, 100, 5), false);
    assert.equal(isBadMinute(base.agreement, 100, 6), true);
    assert.equal(isBadMinute(base.agreement, 0, 0), false);
  });
  test('a run over the month\'s end is judged whole, then cut: 2 minutes here and 3 there', () => {
    const end = minuteAt('2026-05-01T00:00Z');
    const badMinutes = run(end - 2, 5);
    const [before, after] = [stated({ badMinutes }), stated({ badMinutes, month: '2026-05' })];
    assert.deepEqual([before.downtimeMinutes, after.downtimeMinutes], [2, 3]);
    assert.match(before.working.join('\n'), /5 minutes, of which 2 are in this period/);
  });
  test('a run across midnight is one run', () => {
    const midnight = april + 1440;
    assert.deepEqual(stated({ badMinutes: run(midnight - 3, 6) }).runs.map(({ counted }) => counted), [6]);
  });
  test('a month is closed when no run that touches its end can still grow', () => {
    const end = minuteAt('2026-05-01T00:00Z');
    assert.equal(stated({ sealedTo: end }).state, 'closed');
    assert.equal(stated({ sealedTo: end - 1 }).state, 'open');
    assert.equal(stated({ badMinutes: run(end - 2, 2), sealedTo: end }).state, 'open');
    assert.equal(stated({ badMinutes: run(end - 2, 2), sealedTo: end + 1 }).state, 'closed');
  });
  test('minutes nobody measured are bad, left out, or before the first day of measuring, and never up', () => {
    const unmeasured = [...Array(10).keys()].map((at) => april + 50 + at);
    const counted = stated({ unmeasured });
    assert.deepEqual([counted.downtimeMinutes, counted.totalMinutes, counted.unmeasuredMinutes], [10, 43_200, 10]);
    const leftOut = stated({ unmeasured, agreement: agree({ downtime: { ...terms.downtime, unmeasured: 'left_out' } }) });
    assert.deepEqual([leftOut.downtimeMinutes, leftOut.totalMinutes, leftOut.leftOutMinutes], [0, 43_190, 10]);
    const young = stated({ firstMinute: april + 1000 });
    assert.deepEqual([young.totalMinutes, young.leftOutMinutes], [42_200, 1000]);
  });
  test('a gap joins the failures around it to one run', () => {
    const found = stated({ badMinutes: [...run(april + 10, 2), ...run(april + 14, 1)], unmeasured: [april + 12, april + 13] });
    assert.deepEqual([found.downtimeMinutes, found.runs[0]?.unmeasured], [5, 2]);
  });
  test('exclusions take whole minutes out after the run has qualified', () => {
    const exclusion = { id: 'exc_1', clause: 'upstream', fromMs: (april + 100) * 60_000 + 1, toMs: (april + 104) * 60_000, approver: 'key_1' } as const;
    const found = stated({ badMinutes: run(april + 100, 6), exclusions: [exclusion] });
    assert.deepEqual([found.downtimeMinutes, found.excludedMinutes], [3, 3]);
  });
  test('the agreement\'s first and last day cut the period', () => {
    const statement = stated({ agreement: agree({ starts: '2026-04-11', ends: '2026-04-20' }) });
    assert.equal(statement.periodMinutes, 14_400);
    assert.equal(stateMonth({ ...base, month: '2026-05', agreement: agree({ ends: '2026-04-20' }) }), null);
  });
  test('runs agree with a count minute by minute, over thousands of histories', () => {
    fc.assert(
      fc.property(fc.array(fc.boolean(), { maxLength: 120 }), fc.integer({ min: 1, max: 7 }), fc.integer({ min: 0, max: 120 }), (history, atLeast, cut) => {
        const minutes = history.flatMap((bad, at) => (bad ? [at] : []));
        const counted = (from: number, to: number) => findRuns(minutes, atLeast).reduce((sum, one) => sum + Math.max(0, Math.min(one.to, to) - Math.max(one.from, from)), 0);
        // The oracle asks of each minute how many bad ones stand around it.
        const isDown = (at: number): boolean => {
          let [from, to] = [at, at];
          while (history[from - 1] === true) from -= 1;
          while (history[to + 1] === true) to += 1;
          return history[at] === true && to - from + 1 >= atLeast;
        };
        const oracle = (from: number, to: number) => history.filter((_, at) => at >= from && at < to && isDown(at)).length;
        assert.equal(counted(0, cut), oracle(0, cut));
        assert.equal(counted(0, cut) + counted(cut, 1e9), oracle(0, 1e9));
      }),
      { numRuns: 3_000 },
    );
  });
});

describe('credits', () => {
  test('$5,000 at 99.92 % are $500', () => {
    const tier = tierOf(base.agreement.tiers, fraction(9992n, 10_000n));
    assert.equal(creditOf(base.agreement, tier), 50_000n);
  });
  const edges = [['99.99', null], ['99.9899999', '10'], ['99.9', '10'], ['99.8999999', '25'], ['99', '25'], ['98.9999999', '50'], ['0', '50'], ['100', null]] as const;
  for (const [uptime, credit] of edges) {
    test(`uptime of ${uptime} %: ${credit ?? 'no'} credit`, () => assert.equal(tierOf(base.agreement.tiers, fraction(readPercent(uptime) ?? 0n, 1_000_000_000n))?.credit ?? null, credit === null ? null : readPercent(credit)));
  }
  test('a real month exactly on the edge: 432 of 43,200 minutes are 99.00 %, one more is under it', () => {
    const exactly = stated({ badMinutes: run(april, 432) });
    assert.deepEqual([exactly.tier?.credit, exactly.creditMinor], [readPercent('25'), 125_000n]);
    assert.match(exactly.working.join('\n'), /99\.00000 % \(cut, not rounded\)/);
    assert.equal(stated({ badMinutes: run(april, 433) }).creditMinor, 250_000n);
  });
  test('what looks like 99.99 % after rounding is below it', () => {
    // 5 of 44,640 minutes: 99.98880 %.
    const statement = stated({ month: '2026-05', badMinutes: run(minuteAt('2026-05-03T00:00Z'), 5) });
    assert.deepEqual([statement.meets, statement.creditMinor], [false, 50_000n]);
  });
  test('fractions of a cent go to the customer, the cap holds, currencies have their own decimals', () => {
    assert.equal(creditOf({ feeMinor: 4_999n, cap: readPercent('50') ?? 0n }, { below: 1n, credit: readPercent('25') ?? 0n }), 1_250n);
    assert.equal(creditOf({ feeMinor: 10_000n, cap: readPercent('20') ?? 0n }, { below: 1n, credit: readPercent('50') ?? 0n }), 2_000n);
    assert.deepEqual([moneyText(500_000n, 'USD'), moneyText(500n, 'JPY'), moneyText(1_234n, 'KWD')], ['5000.00 USD', '500 JPY', '1.234 KWD']);
  });
  test('the sample contract states the configured terms', () => {
    const text = contractText(agree({ target: 99.95 }));
    for (const part of ['at least 99.95 %', '5 or more bad minutes', 'at least 72 hours', '| less than 99 % | 50 % |', '5000.00 USD']) assert.ok(text.includes(part), part);
  });
});
