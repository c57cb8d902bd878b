import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { expectedBetween, hourOfWeek, judgeSilence, makeBaseline } from './flat-line.ts';

const monday = Date.parse('2026-11-23T00:00:00Z');
const hour = 3_600_000;
const rule = { alpha: 1e-9, minWeeks: 3 };
/** Ten an hour from 8 to 18 on working days, else nothing. */
const officeHours = Array.from({ length: 168 }, (_, at) => (at < 120 && at % 24 >= 8 && at % 24 < 18 ? 10 : 0));

describe('a flat line', () => {
  it('counts hours of the week from Monday 00:00 UTC', () => {
    assert.equal(hourOfWeek(monday), 0);
    assert.equal(hourOfWeek(monday + 25 * hour + 1), 25);
    assert.equal(hourOfWeek(monday - 1), 167);
  });

  it('is silence in working hours, not at night or over the weekend', () => {
    const baseline = makeBaseline([officeHours, officeHours, officeHours, officeHours]);
    const atNight = judgeSilence(baseline, monday + 18 * hour, monday + 32 * hour, rule);
    assert.deepEqual(atNight, { kind: 'quiet', why: 'may_be_chance', expected: 0 });
    // -ln 1e-9 is 20.7: two hours and five minutes of ten an hour.
    assert.equal(judgeSilence(baseline, monday + 9 * hour, monday + 11 * hour, rule).kind, 'quiet');
    assert.equal(judgeSilence(baseline, monday + 9 * hour, monday + 11.1 * hour, rule).kind, 'flat');
    const weekend = judgeSilence(baseline, monday + (4 * 24 + 17) * hour, monday + (7 * 24 + 8) * hour, rule);
    assert.equal(weekend.kind, 'quiet');
  });

  it('takes the median of the weeks: one outage and one campaign move nothing', () => {
    const outage = officeHours.map(() => 0);
    const campaign = officeHours.map((count) => count * 9);
    assert.deepEqual(makeBaseline([officeHours, outage, campaign, officeHours, officeHours]).expected, officeHours);
    assert.deepEqual(makeBaseline([officeHours, officeHours.map(() => null), officeHours]).expected, officeHours);
  });

  it('waits longer for a bursty stream, and says nothing without history', () => {
    const bursty = makeBaseline([officeHours.map((n, at) => (at % 2 === 0 ? n * 3 : 0)), officeHours, officeHours.map((n, at) => (at % 2 === 1 ? n * 3 : 0)), officeHours]);
    assert.ok(Number.isFinite(bursty.dispersion));
    assert.equal(judgeSilence(bursty, monday + 9 * hour, monday + 11.1 * hour, rule).kind, 'quiet');
    const short = makeBaseline([officeHours, officeHours]);
    assert.deepEqual({ ...judgeSilence(short, monday, monday + 160 * hour, rule), expected: 0 }, { kind: 'quiet', why: 'insufficient_history', expected: 0 });
  });

  it('expects nothing of time that was not measured', () => {
    const baseline = makeBaseline([officeHours, officeHours, officeHours]);
    assert.equal(expectedBetween(baseline, monday + 8.5 * hour, monday + 10.5 * hour), 20);
    assert.equal(expectedBetween(baseline, monday + 8.5 * hour, monday + 10.5 * hour, (start) => (start === monday + 9 * hour ? 0 : 1)), 10);
  });
});
