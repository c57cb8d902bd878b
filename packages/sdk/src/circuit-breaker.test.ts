import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CircuitBreaker, outcomeOfStatus, type BreakerOptions, type BreakerOutcome } from './circuit-breaker.ts';

function breakerAt(options: BreakerOptions = {}) {
  const clock = { nowMs: 0 };
  const breaker = new CircuitBreaker({ failureThreshold: 3, openMs: 1000, now: () => clock.nowMs, ...options });
  const call = (account: string, outcome: BreakerOutcome) => {
    const admission = breaker.enter(account);
    if (admission.ok) admission.settle(outcome);
    return admission;
  };
  return { breaker, clock, call, fail: (account: string, times = 1) => Array.from({ length: times }, () => call(account, { kind: 'failure' })) };
}

test('opens after failures in a row, for one account only', () => {
  const { breaker, call, fail } = breakerAt();
  fail('a', 2);
  call('a', { kind: 'success' });
  fail('a', 2);
  assert.equal(breaker.state('a'), 'closed');
  fail('a');
  assert.equal(breaker.state('a'), 'open');
  assert.deepEqual(breaker.enter('a'), { ok: false, retryAfterMs: 1000 });
  assert.equal(breaker.enter('b').ok, true);
});

test('mistakes of the caller never open it', () => {
  const { breaker, call } = breakerAt();
  for (const status of [200, 400, 401, 403, 404, 409, 422]) for (let n = 0; n < 5; n += 1) call('a', outcomeOfStatus(status));
  assert.equal(breaker.state('a'), 'closed');
  for (const status of [500, 502, 429]) call('a', outcomeOfStatus(status));
  assert.equal(breaker.state('a'), 'open');
});

test('stays open for Retry-After, up to its cap', () => {
  const { breaker, clock, call, fail } = breakerAt({ maxOpenMs: 60_000 });
  fail('a', 2);
  call('a', { kind: 'failure', retryAfterMs: 30_000 });
  clock.nowMs = 29_999;
  assert.equal(breaker.state('a'), 'open');
  clock.nowMs = 30_000;
  assert.equal(breaker.state('a'), 'half_open');
  call('a', { kind: 'failure', retryAfterMs: 1e9 });
  assert.deepEqual(breaker.enter('a'), { ok: false, retryAfterMs: 60_000 });
});

test('half-open lets exactly one probe through; its success closes, its failure opens for twice as long', () => {
  const { breaker, clock, fail } = breakerAt();
  fail('a', 3);
  clock.nowMs = 1000;
  const probe = breaker.enter('a');
  assert.equal(breaker.enter('a').ok, false);
  assert.ok(probe.ok);
  probe.settle({ kind: 'failure' });
  assert.deepEqual(breaker.enter('a'), { ok: false, retryAfterMs: 2000 });
  clock.nowMs = 3000;
  const second = breaker.enter('a');
  assert.ok(second.ok);
  second.settle({ kind: 'success' });
  assert.equal(breaker.state('a'), 'closed');
  fail('a', 2);
  assert.equal(breaker.state('a'), 'closed');
});

test('an abandoned probe makes room for the next, a lost one does after its time', () => {
  const { breaker, clock, call, fail } = breakerAt({ probeTimeoutMs: 5000 });
  fail('a', 3);
  clock.nowMs = 1000;
  call('a', { kind: 'abandoned' });
  const lost = breaker.enter('a');
  assert.ok(lost.ok);
  assert.deepEqual(breaker.enter('a'), { ok: false, retryAfterMs: 5000 });
  clock.nowMs = 6000;
  assert.ok(breaker.enter('a').ok);
  lost.settle({ kind: 'success' });
  assert.equal(breaker.state('a'), 'half_open', 'what the lost probe says late does not count');
});

test('calls sent before it opened do not prolong or close it', () => {
  const { breaker, fail } = breakerAt();
  const early = [breaker.enter('a'), breaker.enter('a')];
  fail('a', 3);
  for (const [index, admission] of early.entries()) {
    assert.ok(admission.ok);
    admission.settle({ kind: index === 0 ? 'failure' : 'success' });
  }
  assert.equal(breaker.state('a'), 'open');
  assert.deepEqual(breaker.enter('a'), { ok: false, retryAfterMs: 1000 });
});

test('remembers a bounded number of accounts', () => {
  const { breaker, fail } = breakerAt({ maxAccounts: 2 });
  fail('a', 3);
  fail('b', 3);
  fail('c', 3);
  assert.equal(breaker.state('a'), 'closed', 'the longest untouched is forgotten');
  assert.equal(breaker.state('b'), 'open');
  assert.equal(breaker.state('c'), 'open');
});
