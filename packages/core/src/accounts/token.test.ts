import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { carriedExpiry, refreshDue, renewFrom } from './token.ts';

const nowMs = Date.UTC(2026, 10, 23, 12);
const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

test('the scheduler comes before the caller, both before the end, for any lifetime of ten seconds and more', () => {
  fc.assert(
    fc.property(fc.integer({ min: 10, max: 10_000_000 }), random, (lifetimeS, chance) => {
      const times = { grantedAtMs: nowMs, expiresAtMs: nowMs + lifetimeS * 1000, refresh: undefined };
      const due = refreshDue({ ...times, random: chance });
      const from = renewFrom(times);
      assert.ok(due !== null && due > nowMs && due <= times.expiresAtMs);
      assert.ok(from > nowMs && from < times.expiresAtMs && due <= from);
      if (lifetimeS > 360) assert.ok(times.expiresAtMs - due >= 60_000 && times.expiresAtMs - due <= 180_001);
    }),
  );
  assert.equal(refreshDue({ grantedAtMs: nowMs, expiresAtMs: null, refresh: undefined, random: 0 }), null);
  assert.equal(refreshDue({ grantedAtMs: nowMs, expiresAtMs: null, refresh: { idle_lifetime_s: 100 }, random: 0 }), nowMs + 80_000);
});

test('whatever end is stated, a token just given is not renewed again at once', () => {
  const end = fc.option(fc.integer({ min: -4_000_000_000, max: 4_000_000_000 }), { nil: null });
  const refresh = fc.option(fc.record({ idle_lifetime_s: fc.integer({ min: 1, max: 10 }), effective_lifetime_s: fc.integer({ min: 1, max: 10 }) }, { requiredKeys: [] }), { nil: undefined });
  fc.assert(
    fc.property(end, refresh, random, (left, rules, chance) => {
      const times = { grantedAtMs: nowMs, expiresAtMs: left === null ? null : nowMs + left, refresh: rules };
      assert.ok(renewFrom(times) >= nowMs + 1_000);
      const due = refreshDue({ ...times, random: chance });
      assert.ok(due === null || due >= nowMs + 5_000);
    }),
  );
});

test('an end before the grant says nothing: the clock is wrong, or the introspection', () => {
  for (const left of [0, -1, -3_600_000]) {
    const times = { grantedAtMs: nowMs, expiresAtMs: nowMs + left, refresh: undefined };
    assert.equal(renewFrom(times), Infinity);
    assert.equal(refreshDue({ ...times, random: 0 }), null);
  }
});

test('a lifetime that is cut by the manifest is cut for tokens granted before it was', () => {
  const times = { grantedAtMs: nowMs, expiresAtMs: nowMs + 3_600_000, refresh: { effective_lifetime_s: 1_800 } };
  assert.equal(renewFrom(times), nowMs + 1_770_000);
  assert.equal(refreshDue({ ...times, random: 0 }), nowMs + 1_740_000);
});

test('an omitted end is that of the token before it, unless none is stated as a rule', () => {
  const before = { grantedAtMs: nowMs - 3_500_000, expiresAtMs: nowMs + 100_000 };
  assert.equal(carriedExpiry(undefined, before, nowMs), nowMs + 3_600_000);
  assert.equal(carriedExpiry({ from: 'jwt' }, before, nowMs), nowMs + 3_600_000);
  for (const from of ['never', 'on_401'] as const) assert.equal(carriedExpiry({ from }, before, nowMs), null);
  for (const expiresAtMs of [null, before.grantedAtMs, before.grantedAtMs - 1]) assert.equal(carriedExpiry(undefined, { ...before, expiresAtMs }, nowMs), null);
});
