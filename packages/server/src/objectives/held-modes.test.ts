/** What was closed stays closed while nothing is known: the gate through HTTP, with data that stops, thins out and goes. */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { GateAnswer, ObjectiveDetail } from '@evenkeel/contract/api/objectives.ts';
import { startTestEvenkeel } from '../../../../tests/harness/evenkeel.ts';
import { plantSeries, sealMinute } from '../../../../tests/harness/sealed-minutes.ts';
import { readPlaybook } from '../playbook/playbook.ts';
import { definitionsOf } from './definitions.ts';
import { tick } from './tick.ts';

const dir = await mkdtemp(join(tmpdir(), 'evenkeel-playbook-'));
after(() => rm(dir, { recursive: true }));
await writeFile(
  join(dir, 'objectives.yaml'),
  `version: 1
indicators: { ours: { measure: availability, upstream: excluded } }
objectives: [{ id: ours, title: Ours, indicator: ours, target: 99.9, window: { rolling_days: 1 }, method: events, scopes: [overall], minimum: { events: 100, bad: 5, measured: 1m } }]
`,
);
// An api node evaluates nothing by itself: the ticks are the test's.
const evenkeel = await startTestEvenkeel({ EVENKEEL_PLAYBOOK_DIR: dir, EVENKEEL_ROLE: 'api' });
const reading = await readPlaybook(dir);
assert.ok(reading.ok);
const definitions = definitionsOf(reading.playbook);
const { pool } = evenkeel.database;
const series = await plantSeries(pool, { tenantId: 'acme', connectorId: 'one' });
const seal = (minute: number, total: number, bad: number) => sealMinute(pool, minute, total === 0 ? [] : [{ series, counts: { total, success: total - bad, platform: bad, platform_5xx: bad } }]);
const gate = async (change = 'normal') => (await evenkeel.call('GET', `/v1/deploy-gate?objective=ours&change=${change}`)).json as GateAnswer;
const detail = async () => (await evenkeel.call('GET', '/v1/objectives/ours')).json as ObjectiveDetail;

/** The last minute with failures: half an hour ago. */
const last = Math.floor(Date.now() / 60_000) - 30;

test('five bad calls among the first change nothing and close nothing', async () => {
  await seal(last - 10, 20, 5);
  assert.deepEqual((await tick(pool, definitions)).modeChanges, 0);
  const { budget, policy, burn } = await detail();
  assert.deepEqual([budget.state, budget.reason, policy.mode, burn.map(({ state }) => state)], ['insufficient_data', '20 of at least 100 in the window', null, ['insufficient_data', 'insufficient_data']]);
});

test('the evaluation has stopped: what was exhausted stays closed, for all but reliability fixes', async () => {
  await seal(last - 1, 1000, 0);
  await seal(last, 1000, 100);
  await tick(pool, definitions);
  const answer = await gate();
  assert.match(answer.reason, /^ours: the last evaluated minute is (29|30|31) minutes old; the last known mode, exhausted, holds: only reliability fixes are deployed\.$/);
  assert.deepEqual([answer.decision, answer.mode], ['deny', 'exhausted']);
  assert.equal((await gate('reliability')).decision, 'allow');
});

test('too little traffic is left in the window to say anything: the mode holds', async () => {
  await seal(last + 600, 10, 0);
  await seal(last + 1441, 0, 0);
  await tick(pool, definitions);
  const { budget, policy } = await detail();
  assert.deepEqual([budget.state, budget.total, policy.mode, policy.held], ['insufficient_data', 10, 'exhausted', true]);
  const answer = await gate();
  assert.deepEqual([answer.decision, answer.reason, answer.remaining_percent], ['deny', 'ours: insufficient data (10 of at least 100 in the window); the last known mode, exhausted, holds: only reliability fixes are deployed.', null]);
});

test('nothing is left in the window: the mode has expired, and that is a change like any other', async () => {
  await seal(last + 600 + 1441, 0, 0);
  assert.equal((await tick(pool, definitions)).modeChanges, 1);
  const { policy, mode_changes: [change] } = await detail();
  assert.deepEqual([policy.mode, change?.from, change?.to, change?.remaining_percent, change?.total], ['normal', 'exhausted', 'normal', null, 0]);
  const { rows } = await pool.query<{ payload: { to: string; remaining_percent: string | null } }>('select payload from events where id = $1', [change?.event_id]);
  assert.deepEqual([rows[0]?.payload.to, rows[0]?.payload.remaining_percent], ['normal', null]);
  assert.deepEqual([(await gate()).decision, (await gate()).reason], ['allow', 'ours: insufficient data (nothing was measured in the window); the policy says allow.']);
});
