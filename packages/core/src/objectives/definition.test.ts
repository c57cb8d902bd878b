import assert from 'node:assert/strict';
import { test } from 'node:test';
import { defineObjectives, readMinutes, writeMinutes, type BudgetPolicy } from './definition.ts';
import type { Minimum, Objective, Window } from '@evenkeel/contract/playbook/objectives.ts';

test('minutes are read and written', () => {
  for (const [text, minutes] of [['5m', 5], ['6h', 360], ['3d', 4320], ['90m', 90]] as const) {
    assert.equal(readMinutes(text), minutes);
    assert.equal(writeMinutes(minutes), text);
  }
  for (const wrong of ['', '0m', '5', '5s', '1.5h', '-1d']) assert.equal(readMinutes(wrong), undefined);
});

test('how much has to be measured: by the objective, the policy, a week; half of the window at most; nothing in minutes', () => {
  const measured = (window: Window, { own, policy = { events: 1, bad: 1 }, method = 'events' }: { own?: Minimum; policy?: Minimum; method?: Objective['method'] } = {}) => {
    const objective: Objective = { id: 'one', title: 'One', indicator: 'calls', target: 99.9, window, method, scopes: ['overall'], ...(own === undefined ? {} : { minimum: own }) };
    const [defined] = defineObjectives({ version: 1, indicators: { calls: { measure: 'availability', upstream: 'excluded' } }, objectives: [objective] }, { minimum: policy } as BudgetPolicy);
    return defined?.minMeasuredMinutes;
  };
  const month = { rolling_days: 30 };
  assert.equal(measured(month), 7 * 1440);
  assert.equal(measured(month, { policy: { events: 1, bad: 1, measured: '1d' } }), 1440);
  assert.equal(measured(month, { own: { events: 1, bad: 1 }, policy: { events: 1, bad: 1, measured: '1d' } }), 1440);
  assert.equal(measured(month, { own: { events: 1, bad: 1, measured: '2h' }, policy: { events: 1, bad: 1, measured: '1d' } }), 120);
  assert.deepEqual([measured({ rolling_days: 1 }), measured({ calendar: 'week', time_zone: 'UTC' })], [720, 5040]);
  assert.equal(measured(month, { method: 'time_slices' }), 0);
});
