import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { compileRateLimits, readRetryAfter, type RateLimitState } from './rate-limit.ts';
import { rateLimitHeaders } from './rate-limit-headers.ts';
import type { UpstreamAnswer } from './upstream-answer.ts';

const nowMs = Date.UTC(2026, 9, 1);
const answer = (headers: Record<string, string>, body?: unknown): UpstreamAnswer => ({ status: 200, headers, body });

test('epoch seconds, used-of-limit in one header, and a daily window beside a short one', async () => {
  const limits = compileRateLimits([
    { name: 'core', limit: { header: 'X-RateLimit-Limit' }, remaining: { header: 'X-RateLimit-Remaining' }, reset: { header: 'X-RateLimit-Reset', unit: 'epoch_s' }, window_s: 3600 },
    { name: 'daily', used: { header: 'Usage-Info', pattern: 'usage=(\\d+)/' }, limit: { header: 'Usage-Info', pattern: '/(\\d+)' }, window_s: 86_400 },
    { name: 'absent', limit: { header: 'x-nothing' }, window_s: 1 },
  ]);
  assert.equal(limits.needsBody, false);
  const states = await limits.read(answer({ 'x-ratelimit-limit': '5000', 'x-ratelimit-remaining': '4999', 'x-ratelimit-reset': String(nowMs / 1000 + 600), 'usage-info': 'api-usage=4990/5000' }), nowMs);
  assert.deepEqual(states, [
    { name: 'core', limit: 5000, remaining: 4999, resetS: 600, windowS: 3600 },
    { name: 'daily', limit: 5000, remaining: 10, windowS: 86_400 },
  ]);
  assert.deepEqual(rateLimitHeaders(states), {
    'ratelimit-limit': '5000',
    'ratelimit-remaining': '10',
    'ratelimit-reset': '86400',
    ratelimit: '"core";r=4999;t=600, "daily";r=10;t=86400',
    'ratelimit-policy': '"core";q=5000;w=3600, "daily";q=5000;w=86400',
  });
});

test('quotas in the body, by path and by expression', async () => {
  const limits = compileRateLimits([
    { name: 'points', limit: { body: 'extensions.cost.max' }, remaining: { body: { $expr: 'body.extensions.cost.max - body.extensions.cost.spent' } } },
  ]);
  assert.equal(limits.needsBody, true);
  assert.deepEqual(await limits.read(answer({}, { extensions: { cost: { max: 1000, spent: 52 } } }), nowMs), [{ name: 'points', limit: 1000, remaining: 948 }]);
  assert.deepEqual(await limits.read(answer({}, 'garbage'), nowMs), []);
});

test('what a vendor reports wrongly is clamped', async () => {
  const limits = compileRateLimits([{ name: 'x', limit: { header: 'l' }, remaining: { header: 'r' }, reset: { header: 't', unit: 'auto' } }]);
  assert.deepEqual(await limits.read(answer({ l: '10', r: '-3', t: '1' }), nowMs), [{ name: 'x', limit: 10, remaining: 0, resetS: 1 }]);
  assert.deepEqual(await limits.read(answer({ l: '10', r: '25', t: String(nowMs / 1000 - 9) }), nowMs), [{ name: 'x', limit: 10, remaining: 10, resetS: 0 }]);
  assert.deepEqual(await limits.read(answer({ l: 'many', r: '', t: 'later' }), nowMs), []);
});

test('without a declaration the three headers of the IETF drafts are read', async () => {
  const limits = compileRateLimits(undefined);
  assert.deepEqual(await limits.read(answer({ 'ratelimit-limit': '100, 100;w=60', 'ratelimit-remaining': '7', 'ratelimit-reset': '20' }), nowMs), [{ name: 'default', limit: 100, remaining: 7, resetS: 20 }]);
});

test('a refusal carries a Retry-After, given or derived, of at least a second', () => {
  const spent: RateLimitState[] = [
    { name: 'second', limit: 10, remaining: 10, resetS: 1 },
    { name: 'minute', limit: 100, remaining: 0, resetS: 42 },
  ];
  assert.equal(rateLimitHeaders(spent, { limited: true })['retry-after'], '42');
  assert.equal(rateLimitHeaders(spent, { limited: true, retryAfterS: 7 })['retry-after'], '7');
  assert.equal(rateLimitHeaders(spent, { limited: true, retryAfterS: 0 })['retry-after'], '1');
  assert.equal(rateLimitHeaders(spent)['retry-after'], undefined);
  assert.deepEqual(rateLimitHeaders([], { limited: true }), { 'retry-after': '30', 'ratelimit-reset': '30' });
  assert.equal(readRetryAfter(answer({ 'retry-after': new Date(nowMs + 9000).toUTCString() }), nowMs), 9);
  assert.equal(readRetryAfter(answer({ 'retry-after': '0.4' }), nowMs), 1);
});

test('headers are well formed whatever was reported', () => {
  const state = fc.record(
    { name: fc.stringMatching(/^[a-z][a-z0-9-]{0,10}$/), limit: fc.nat(), remaining: fc.nat(), resetS: fc.nat(), windowS: fc.integer({ min: 1 }), retryAfterS: fc.nat() },
    { requiredKeys: ['name'] },
  );
  const member = /^"[a-z][a-z0-9-]*"(;[rtqw]=\d+)+(, "[a-z][a-z0-9-]*"(;[rtqw]=\d+)+)*$/;
  fc.assert(
    fc.property(fc.array(state, { maxLength: 4 }), fc.boolean(), (states, limited) => {
      const headers = rateLimitHeaders(states as RateLimitState[], { limited });
      for (const name of ['ratelimit', 'ratelimit-policy']) if (headers[name] !== undefined) assert.match(headers[name], member);
      for (const name of ['ratelimit-limit', 'ratelimit-remaining', 'ratelimit-reset', 'retry-after']) if (headers[name] !== undefined) assert.match(headers[name], /^\d+$/);
      if (limited) assert.ok(Number(headers['retry-after']) >= 1);
    }),
  );
});

test('the legacy form shows the quota with the smallest share left', () => {
  fc.assert(
    fc.property(fc.array(fc.record({ limit: fc.integer({ min: 1, max: 1000 }), share: fc.integer({ min: 0, max: 100 }) }), { minLength: 1, maxLength: 5 }), (quotas) => {
      const states = quotas.map(({ limit, share }, index) => ({ name: `q${index}`, limit, remaining: Math.floor((limit * share) / 100), resetS: 1 }));
      const headers = rateLimitHeaders(states);
      const shown = Number(headers['ratelimit-remaining']) / Number(headers['ratelimit-limit']);
      assert.equal(shown, Math.min(...states.map((state) => state.remaining / state.limit)));
    }),
  );
});
