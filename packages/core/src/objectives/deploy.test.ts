import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decideGate, type GateInput } from './deploy-gate.ts';
import { effectOf, fisherGreater } from './deployment-effect.ts';

const gate: GateInput = { objective: 'availability', change: 'normal', mode: 'normal', missing: null, remaining: '80', freeze: 'none', lagMinutes: 1, policy: { when_unknown: 'deny', stale_after_minutes: 10 }, override: null };
const decision = (changed: Partial<GateInput>) => decideGate({ ...gate, ...changed });

test('the gate answers by what is frozen and what kind of change it is', () => {
  const matrix = (['none', 'non_critical', 'all_but_reliability'] as const).map((freeze) => (['normal', 'critical', 'reliability'] as const).map((change) => decision({ freeze, change }).decision));
  assert.deepEqual(matrix, [['allow', 'allow', 'allow'], ['deny', 'allow', 'allow'], ['deny', 'deny', 'allow']]);
  assert.match(decision({ freeze: 'all_but_reliability', mode: 'critical', remaining: '12' }).reason, /^availability: critical, 12 % of the budget remains; only reliability fixes are deployed\.$/);
});

test('what is not known is decided by the policy, and said', () => {
  assert.deepEqual(decision({ mode: null, remaining: null }), { decision: 'deny', reason: 'availability: insufficient data; the policy says deny.' });
  assert.equal(decision({ lagMinutes: 11 }).decision, 'deny');
  assert.equal(decision({ lagMinutes: 10 }).decision, 'allow');
  assert.equal(decision({ lagMinutes: null, policy: { when_unknown: 'allow', stale_after_minutes: 10 } }).decision, 'allow');
});

test('what is not known does not open what the last known mode closed', () => {
  const closed = { mode: 'exhausted', freeze: 'all_but_reliability', remaining: null, policy: { when_unknown: 'allow', stale_after_minutes: 10 } } as const;
  assert.deepEqual(decision({ ...closed, missing: '8m of at least 1d of the window measured' }), { decision: 'deny', reason: 'availability: insufficient data (8m of at least 1d of the window measured); the last known mode, exhausted, holds: only reliability fixes are deployed.' });
  assert.deepEqual(decision({ ...closed, lagMinutes: 90 }), { decision: 'deny', reason: 'availability: the last evaluated minute is 90 minutes old; the last known mode, exhausted, holds: only reliability fixes are deployed.' });
  assert.equal(decision({ ...closed, missing: '8m of at least 1d of the window measured', change: 'reliability' }).decision, 'allow');
  assert.equal(decision({ ...closed, mode: null, freeze: 'none', missing: '8m of at least 1d of the window measured' }).decision, 'allow', 'one that has expired closes nothing');
  assert.equal(decision({ missing: '8m of at least 1d of the window measured', policy: { when_unknown: 'deny', stale_after_minutes: 10 } }).decision, 'deny', 'a good mode of before opens nothing the policy closes');
});

test('an override opens a closed gate and names itself', () => {
  const override = { id: 'ovr_1', reason: 'the fix of the outage', expiresAt: '2026-11-01T00:00:00Z' };
  const found = decision({ freeze: 'all_but_reliability', override });
  assert.equal(found.decision, 'allow');
  assert.match(found.reason, /overridden until 2026-11-01T00:00:00Z \(the fix of the outage\); without it/);
  assert.doesNotMatch(decision({ override }).reason, /overridden/);
});

test('Fisher\'s test gives the published values', () => {
  const near = (found: number, value: number, tolerance = 0.05) => assert.ok(Math.abs(found / value - 1) < tolerance, `${found} is not near ${value}`);
  near(fisherGreater(20, 1000, 5, 1000), 0.0019);
  near(fisherGreater(80, 4000, 20, 4000), 4.5e-10);
  // The lady tasting tea: 4 of 4, and 3 or more of 4.
  near(fisherGreater(4, 4, 0, 4), 1 / 70, 1e-9);
  near(fisherGreater(3, 4, 1, 4), 17 / 70, 1e-9);
  near(fisherGreater(0, 10, 3, 10), 1, 1e-9);
});

test('a deployment is called worse only with enough evidence', () => {
  const rule = { compare_minutes: 30, factor: 2, min_bad: 5, max_p: 0.01 };
  assert.equal(effectOf({ events: 1000, bad: 5 }, { events: 1000, bad: 20 }, true, rule).verdict, 'worse');
  assert.equal(effectOf({ events: 1000, bad: 5 }, { events: 1000, bad: 9 }, true, rule).verdict, 'no_change');
  assert.equal(effectOf({ events: 1000, bad: 0 }, { events: 1000, bad: 4 }, true, rule).verdict, 'no_change');
  assert.equal(effectOf({ events: 1000, bad: 0 }, { events: 10, bad: 0 }, false, rule).verdict, 'too_early');
  assert.equal(effectOf({ events: 0, bad: 0 }, { events: 10, bad: 0 }, true, rule).verdict, 'insufficient_data');
});
