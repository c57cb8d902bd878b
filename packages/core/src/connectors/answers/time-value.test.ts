import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseHttpDate, parseIsoDate } from '../values/dates.ts';
import { maxWaitS, parseTime, type TimeUnit } from './time-value.ts';

const nowMs = Date.UTC(2026, 9, 1, 12, 0, 0);
const units: TimeUnit[] = ['s', 'ms', 'epoch_s', 'epoch_ms', 'iso', 'http_date', 'auto'];

test('each unit is read', () => {
  assert.equal(parseTime('30', 's', nowMs), 30);
  assert.equal(parseTime(1500, 'ms', nowMs), 1.5);
  assert.equal(parseTime(nowMs / 1000 + 90, 'epoch_s', nowMs), 90);
  assert.equal(parseTime(String(nowMs + 2500), 'epoch_ms', nowMs), 2.5);
  assert.equal(parseTime('2026-10-01T12:01:00Z', 'iso', nowMs), 60);
  assert.equal(parseTime('Thu, 01 Oct 2026 12:00:45 GMT', 'http_date', nowMs), 45);
  assert.equal(parseTime('12s', 'auto', nowMs), 12);
  assert.equal(parseTime('60, 60;w=60', 'auto', nowMs), 60);
});

test('auto, and a wrongly declared unit: above a billion is an instant, below it a duration', () => {
  for (const unit of units) {
    assert.equal(parseTime(nowMs / 1000 + 5, unit === 'ms' ? 'auto' : unit, nowMs), 5, unit);
    assert.equal(parseTime(nowMs + 5000, unit, nowMs), 5, unit);
  }
  assert.equal(parseTime(59, 'auto', nowMs), 59);
  assert.equal(parseTime(59, 'epoch_s', nowMs), 59);
});

test('what is past is now, what is absurd is capped, what is no time is nothing', () => {
  assert.equal(parseTime(nowMs / 1000 - 500, 'epoch_s', nowMs), 0);
  assert.equal(parseTime(-20, 's', nowMs), 0);
  assert.equal(parseTime(999_999_999, 's', nowMs), maxWaitS);
  for (const value of ['soon', '', null, undefined, {}, [], Number.NaN, true, '2026-13-45T00:00:00Z']) assert.equal(parseTime(value, 'auto', nowMs), undefined);
});

test('the three HTTP date forms name one instant', () => {
  const instant = Date.UTC(1994, 10, 6, 8, 49, 37);
  for (const text of ['Sun, 06 Nov 1994 08:49:37 GMT', 'Sunday, 06-Nov-94 08:49:37 GMT', 'Sun Nov  6 08:49:37 1994']) assert.equal(parseHttpDate(text), instant, text);
  assert.equal(parseHttpDate('Sun, 31 Feb 2026 00:00:00 GMT'), undefined);
});

test('ISO dates with offsets, and without one as UTC', () => {
  assert.equal(parseIsoDate('2026-10-01T14:00:00+02:00'), nowMs);
  assert.equal(parseIsoDate('2026-10-01 12:00:00'), nowMs);
  assert.equal(parseIsoDate('2026-10-01T12:00:00.250Z'), nowMs + 250);
  assert.equal(parseIsoDate('2026-10-01'), Date.UTC(2026, 9, 1));
});

test('reading a time is total and within bounds', () => {
  fc.assert(
    fc.property(fc.oneof(fc.anything(), fc.string(), fc.double(), fc.date({ noInvalidDate: true }).map((date) => date.toISOString())), fc.constantFrom(...units), (value, unit) => {
      const seconds = parseTime(value, unit, nowMs);
      return seconds === undefined || (seconds >= 0 && seconds <= maxWaitS);
    }),
  );
});

test('the same wait comes back from every unit it is written in', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: maxWaitS }), (wait) => {
      const at = nowMs + wait * 1000;
      assert.equal(parseTime(wait, 's', nowMs), wait);
      if (wait < 1e6) assert.equal(parseTime(wait * 1000, 'ms', nowMs), wait);
      assert.equal(parseTime(at / 1000, 'epoch_s', nowMs), wait);
      assert.equal(parseTime(at, 'epoch_ms', nowMs), wait);
      assert.equal(parseTime(new Date(at).toISOString(), 'iso', nowMs), wait);
      assert.equal(parseTime(new Date(at).toUTCString(), 'http_date', nowMs), wait);
      for (const written of [at / 1000, at, new Date(at).toUTCString(), new Date(at).toISOString()]) assert.equal(parseTime(written, 'auto', nowMs), wait);
    }),
  );
});
