import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { readExhaustedMs, readHeaderWaitMs, readResetMs, readRetryAfterMs } from './header-wait.ts';

const nowMs = Date.parse('2026-10-01T12:00:00Z');
const nowS = nowMs / 1000;
const answer = (status: number, headers: Record<string, string>) => ({ status, headers: new Headers(headers) });

test('Retry-After is seconds or an HTTP date', () => {
  assert.equal(readRetryAfterMs('120', nowMs), 120_000);
  assert.equal(readRetryAfterMs(' 1.5 ', nowMs), 1500);
  assert.equal(readRetryAfterMs('Thu, 01 Oct 2026 12:00:30 GMT', nowMs), 30_000);
  assert.equal(readRetryAfterMs('Thursday, 01-Oct-26 12:00:30 GMT', nowMs), 30_000);
});

test('a reset is a delta when small, an epoch when above 10^9, milliseconds when above 10^12', () => {
  assert.equal(readResetMs('30', nowMs), 30_000);
  assert.equal(readResetMs(String(nowS + 30), nowMs), 30_000);
  assert.equal(readResetMs(String(nowMs + 30_000), nowMs), 30_000);
});

test('a delta is never taken for a moment, which would make every wait zero', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 10_000_000 }), (seconds) => {
      assert.equal(readResetMs(String(seconds), nowMs), seconds * 1000);
      assert.equal(readResetMs(String(nowS + seconds), nowMs), seconds * 1000);
    }),
  );
});

test('RateLimit counts the quotas that are exhausted, and the slowest of them', () => {
  assert.equal(readExhaustedMs('"burst";r=0;t=5'), 5000);
  assert.equal(readExhaustedMs('"burst";r=0;t=5, "daily";r=0;t=3600'), 3_600_000);
  assert.equal(readExhaustedMs('"burst";r=0;t=5, "daily";r=100;t=3600'), 5000);
  assert.equal(readExhaustedMs('"daily";r=100;t=3600'), null);
  assert.equal(readExhaustedMs('"burst"; t=7; r=0'), 7000);
});

test('Retry-After comes before RateLimit, RateLimit before ratelimit-reset', () => {
  const all = { 'retry-after': '1', ratelimit: '"a";r=0;t=2', 'ratelimit-reset': '3' };
  assert.equal(readHeaderWaitMs(answer(429, all), nowMs), 1000);
  assert.equal(readHeaderWaitMs(answer(429, { ratelimit: all.ratelimit, 'ratelimit-reset': '3' }), nowMs), 2000);
  assert.equal(readHeaderWaitMs(answer(429, { 'ratelimit-reset': '3' }), nowMs), 3000);
});

test('outside 429 a quota says nothing about when the failure ends', () => {
  assert.equal(readHeaderWaitMs(answer(503, { 'ratelimit-reset': '3600' }), nowMs), null);
  assert.equal(readHeaderWaitMs(answer(503, { 'retry-after': '4' }), nowMs), 4000);
});

test('what is past, absent or unreadable is no answer', () => {
  for (const value of ['0', '-5', 'soon', '', '1e999', 'NaN', String(nowS - 100), 'Thu, 01 Oct 2020 12:00:30 GMT']) {
    assert.equal(readHeaderWaitMs(answer(429, { 'retry-after': value }), nowMs), null, value);
  }
  assert.equal(readHeaderWaitMs(answer(429, {}), nowMs), null);
});

test('no header text makes it throw or return something that is not a positive number', () => {
  fc.assert(
    fc.property(fc.stringMatching(/^[\x21-\x7e]([\x20-\x7e]{0,40}[\x21-\x7e])?$/), fc.constantFrom('retry-after', 'ratelimit', 'ratelimit-reset'), (value, name) => {
      const wait = readHeaderWaitMs(answer(429, { [name]: value }), nowMs);
      assert.ok(wait === null || (Number.isFinite(wait) && wait > 0));
    }),
  );
});
