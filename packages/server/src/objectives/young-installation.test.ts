/** The first minutes of an installation with the playbook that comes with it: one vendor fails, and that is an alert, not a budget of 30 days used up. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { BurnAlertView, GateAnswer, ObjectiveDetail } from '@evenkeel/contract/api/objectives.ts';
import { startTestEvenkeel } from '../../../../tests/harness/evenkeel.ts';
import { plantSeries, sealMinute } from '../../../../tests/harness/sealed-minutes.ts';
import { readPlaybook } from '../playbook/playbook.ts';
import { definitionsOf } from './definitions.ts';
import { tick } from './tick.ts';

// An api node evaluates nothing by itself: the ticks are the test's.
const { call, database: { pool } } = await startTestEvenkeel({ EVENKEEL_ROLE: 'api' });
const reading = await readPlaybook(undefined);
assert.ok(reading.ok);
const definitions = definitionsOf(reading.playbook);
const series = await plantSeries(pool, { tenantId: 'acme', connectorId: 'one', category: 'crm' });
const begin = Math.floor(Date.now() / 60_000) - 40;
const seal = async (from: number, to: number, bad: number): Promise<void> => {
  for (let minute = from; minute < to; minute += 1) await sealMinute(pool, begin + minute, [{ series, counts: { total: 400, success: 400 - bad, upstream: bad, upstream_5xx: bad } }]);
};
const detail = async (scope: string) => (await call('GET', `/v1/objectives/customer-availability?scope=${scope}`)).json as ObjectiveDetail;

test('eight minutes old, one vendor failing: no mode, no P1, and the gate says what it lacks', async () => {
  await seal(0, 7, 0);
  await seal(7, 8, 27);
  assert.deepEqual([(await tick(pool, definitions)).modeChanges], [0]);
  for (const scope of ['overall', 'connector:one', 'category:crm', 'tenant:acme']) {
    const { budget, policy } = await detail(scope);
    assert.deepEqual([budget.state, budget.bad, budget.total, budget.reason, policy.mode], ['insufficient_data', 27, 3200, '8m of at least 7d of the window measured', null], scope);
  }
});

test('it goes on failing: the fast burn pages as soon as half of its hour is measured', async () => {
  await seal(8, 40, 27);
  const { modeChanges, fired } = await tick(pool, definitions);
  assert.equal(modeChanges, 0);
  assert.ok(fired > 0);
  const { results } = (await call('GET', '/v1/burn-alerts?scope=overall')).json as { results: readonly BurnAlertView[] };
  assert.deepEqual(results.map(({ objective, tier, severity, fired_minute: at }) => [objective, tier, severity, at]), [['customer-availability', 'fast-burn', 'P1', new Date((begin + 29) * 60_000).toISOString()]]);
  const gate = (await call('GET', '/v1/deploy-gate?objective=customer-availability')).json as GateAnswer;
  assert.deepEqual([gate.decision, gate.reason], ['allow', 'customer-availability: insufficient data (40m of at least 7d of the window measured); the policy says allow.']);
});
