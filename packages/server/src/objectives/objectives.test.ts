import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AgreementView, Exclusion, StatementView } from '@evenkeel/contract/api/agreements.ts';
import type { Call } from '@evenkeel/contract/api/calls.ts';
import type { BurnAlertView, Deployment, GateAnswer, ObjectiveDetail, ObjectiveSummary } from '@evenkeel/contract/api/objectives.ts';
import { decideGate } from '@evenkeel/core/objectives/deploy-gate.ts';
import { plantSeries, sealMinute, type PlantedCounts } from '../../../../tests/harness/sealed-minutes.ts';
import { startTestEvenkeel } from '../../../../tests/harness/evenkeel.ts';
import { insertCalls, type CallRow } from '../telemetry/call-store.ts';
import { newId } from '../identifier.ts';
import { readPlaybook } from '../playbook/playbook.ts';
import { definitionsOf } from './definitions.ts';
import { AlertWatch } from '../alerts/alert-watch.ts';
import { createLog } from '../log.ts';
import { readBudgetFacts } from './evaluation/budget-facts.ts';
import { ensureTenant } from '../access/keys.ts';
import { lockCounting } from './counting/counting.ts';
import { tick } from './tick.ts';

/** The first minute that is written here; what the running server seals itself comes after all of it. */
const start = Math.floor(Date.UTC(2025, 8, 30, 20, 0) / 60_000);

const good = (id: number, total = 1000): PlantedCounts => ({ series: id, counts: { total, success: total } });
const failing = (id: number, failed: number, by: 'platform' | 'upstream', total = 1000): PlantedCounts => ({ series: id, counts: { total, success: total - failed, [by]: failed, [`${by}_5xx`]: failed } });

const call = (atMs: number, changed: Partial<CallRow> = {}): CallRow & { evidence: null } => ({
  id: newId('call', atMs), at: new Date(atMs), request_id: newId('req', atMs), tenant_id: 'acme', account_id: null, connector_id: 'one', connector_version: 1, surface: 'proxy', resource: 'contacts', method: 'list',
  status: 500, outcome: 'failure', origin: 'platform', code: 'internal', reason: 'planted', upstream_status: null, upstream_us: 0, total_us: 1000, request_bytes: 0, response_bytes: 0, sampled: false, evidence: null, ...changed,
});

const dir = await mkdtemp(join(tmpdir(), 'evenkeel-playbook-'));
await writeFile(
  join(dir, 'objectives.yaml'),
  `version: 1
indicators:
  platform: { measure: availability, upstream: excluded }
  customer: { measure: availability, upstream: included }
objectives:
  - { id: platform, title: Ours, indicator: platform, target: 99.9, window: { rolling_days: 1 }, method: events, scopes: [overall, tenant, connector], terms: standard, minimum: { events: 100, bad: 5, measured: 1m } }
  - { id: customer, title: Theirs too, indicator: customer, target: 99.9, window: { rolling_days: 1 }, method: events, scopes: [overall, tenant], minimum: { events: 100, bad: 5, measured: 1m } }
`,
);
// An api node evaluates nothing by itself: the ticks are the test's.
const evenkeel = await startTestEvenkeel({ EVENKEEL_PLAYBOOK_DIR: dir, EVENKEEL_ROLE: 'api' });
const reading = await readPlaybook(dir);
assert.ok(reading.ok);
const definitions = definitionsOf(reading.playbook);
const { pool } = evenkeel.database;
const series = { acme: await plantSeries(pool, { tenantId: 'acme', connectorId: 'one', category: 'crm' }), globex: await plantSeries(pool, { tenantId: 'globex', connectorId: 'two', category: 'crm' }) };
for (const tenant of ['acme', 'globex']) await pool.query('insert into tenants (id) values ($1) on conflict do nothing', [tenant]);
const key = await evenkeel.call('POST', '/v1/api-keys', { body: { name: 'acme', scope: 'admin', tenant_id: 'acme' } });
const tenantKey = String(key.json?.['key']);
after(() => rm(dir, { recursive: true }));

interface List<Item> {
  readonly results: readonly Item[];
  readonly next_cursor: string | null;
}

const seal = async (from: number, to: number, of: (minute: number) => PlantedCounts[]): Promise<void> => {
  for (let minute = from; minute < to; minute += 1) await sealMinute(evenkeel.database.pool, minute, of(minute));
};
async function get<Answer>(path: string, key?: string): Promise<Answer> {
  const answer = await evenkeel.call('GET', path, key === undefined ? {} : { key });
  assert.equal(answer.status, 200, answer.text);
  return answer.json as Answer;
}

test('before anything is sealed every answer says so', async () => {
  const { results } = await get<List<ObjectiveSummary>>('/v1/objectives');
  assert.deepEqual(results.map((one) => [one.id, one.evaluated_to, one.overall?.budget.state]), [['platform', null, 'insufficient_data'], ['customer', null, 'insufficient_data']]);
  const gate = await get<GateAnswer>('/v1/deploy-gate?objective=platform');
  assert.deepEqual([gate.decision, gate.reason], ['allow', 'platform: nothing was evaluated yet; the policy says allow.']);
});

test('a vendor\'s failures burn the customer\'s budget and not ours; alerts fire in the predicted minute and end', async () => {
  // Three quiet hours, then half of the calls fail at the vendor.
  await seal(start, start + 180, () => [good(series.acme), good(series.globex)]);
  await tick(evenkeel.database.pool, definitions);
  const outage = start + 180;
  // 1 h window: 60·2000 events, 1.44 % of them are 1728: the second minute with 1000 bad ones is above, the first is not.
  await seal(outage, outage + 1, () => [failing(series.acme, 500, 'upstream'), failing(series.globex, 500, 'upstream')]);
  assert.equal((await tick(evenkeel.database.pool, definitions)).fired, 0);
  await seal(outage + 1, outage + 2, () => [failing(series.acme, 500, 'upstream'), failing(series.globex, 500, 'upstream')]);
  const watch = new AlertWatch({ pool, log: createLog('silent'), rules: { version: 1, alerts: [] }, facts: { shapeChanges: async () => [], budgets: (client) => readBudgetFacts(client, definitions) }, budgetPolicy: definitions.policy });
  const done = await tick(evenkeel.database.pool, definitions);
  assert.ok(done.fired > 0);
  await watch.evaluateDue();
  const open = await get<List<{ title: string; severity: string; state: string; connector: string | null; origin: string | null; findings: readonly { rule: string; key: string }[] }>>('/v1/alerts?state=firing');
  // Both vendors fail, each with its tenant: two causes, what neither explains alone, and the mode of all budgets at once.
  assert.deepEqual(open.results.map(({ severity, connector, origin, findings }) => [severity, connector, origin, ...findings.map(({ key }) => key)].join('|')).toSorted(), [
    'P1|one|upstream|calls customer tenant:acme',
    'P1|two|upstream|calls customer tenant:globex',
    'P1||upstream|calls customer overall',
    'P1|||customer overall|customer tenant:acme|customer tenant:globex',
  ]);
  // A tenant hears of what met it, and of nobody else's figures.
  const seen = await get<List<{ findings: readonly { key: string }[] }>>('/v1/alerts', tenantKey);
  assert.deepEqual(seen.results.flatMap(({ findings }) => findings.map(({ key: one }) => one)).filter((one) => one !== 'calls customer tenant:acme'), []);
  const { results } = await get<List<BurnAlertView>>('/v1/burn-alerts?scope=overall&state=firing');
  const [alert] = results;
  assert.deepEqual([alert?.objective, alert?.tier, alert?.severity, alert?.fired_minute, alert?.long], ['customer', 'fast-burn', 'P1', new Date((outage + 1) * 60_000).toISOString(), { bad: 2000, total: 120_000 }]);
  assert.equal(results.length, 1, 'six hours are not covered yet, so the slow tier says nothing');
  const platform = await get<ObjectiveDetail>('/v1/objectives/platform');
  assert.deepEqual([platform.budget.consumed_percent, platform.policy.mode], ['0.0000', 'normal']);
  const customer = await get<ObjectiveDetail>('/v1/objectives/customer');
  const { budget } = customer;
  // 2000 of 364,000 at a budget of 0.1 %: 549.45 %.
  assert.deepEqual([budget.bad, budget.total, budget.consumed_percent, budget.coverage.measured_minutes], [2000, 364_000, '549.4505', 182]);
  assert.deepEqual(budget.consumed_by, [{ cause: 'upstream', bad: 2000, percent: '100.00' }]);
  assert.equal(customer.policy.mode, 'exhausted');
  // Five quiet minutes and the short window is clean.
  await seal(outage + 2, outage + 7, () => [good(series.acme), good(series.globex)]);
  await tick(evenkeel.database.pool, definitions);
  assert.equal((await get<List<BurnAlertView>>('/v1/burn-alerts?scope=overall&state=firing')).results.length, 0);
  await watch.evaluateDue();
  const still = await get<List<{ findings: readonly { rule: string }[] }>>('/v1/alerts?state=firing');
  assert.deepEqual(still.results.map(({ findings }) => findings[0]?.rule), ['budget-mode:exhausted'], 'what burned is over; what it used up is not');
});

test('each change of mode is an event, an audit entry and the actions taken', async () => {
  const { mode_changes: [change] } = await get<ObjectiveDetail>('/v1/objectives/customer?scope=tenant:acme');
  assert.deepEqual([change?.to, change?.incident], ['exhausted', 'P1']);
  assert.ok((change?.actions.length ?? 0) > 0);
  const { rows } = await evenkeel.database.pool.query<{ type: string; tenant_id: string; payload: { change_id: string; to: string } }>('select type, tenant_id, payload from events where id = $1', [change?.event_id]);
  assert.deepEqual(rows.map((row) => [row.type, row.tenant_id, row.payload.change_id, row.payload.to]), [['budget:mode_changed', 'acme', change?.id, 'exhausted']]);
  const audit = await evenkeel.call('GET', '/v1/audit-log');
  assert.match(audit.text, new RegExp(`"budget.mode_changed:[a-z]+:exhausted".*${change?.id ?? 'none'}`));
  const { rows: whole } = await evenkeel.database.pool.query(`select 1 from events where type = 'budget:mode_changed' and tenant_id is null`);
  assert.ok(whole.length > 0, 'the overall budget belongs to no tenant');
});

test('the gate closes with the budget, opens for reliability fixes, and for an override with reason and end', async () => {
  const gate = (query: string) => get<GateAnswer>(`/v1/deploy-gate?objective=customer${query}`);
  // The minutes of this test are old: by the clock nothing can be said any more.
  assert.match((await gate('')).reason, /the last evaluated minute is \d+ minutes old; the policy says allow/);
  assert.equal((await gate('')).mode, null, 'a mode of more than a window ago has expired');
  const { policy: { mode, freeze } } = await get<ObjectiveDetail>('/v1/objectives/customer');
  assert.deepEqual([mode, decideGate({ objective: 'customer', change: 'normal', mode, missing: null, remaining: '0', freeze, lagMinutes: 0, policy: definitions.policy.gate, override: null }).decision], ['exhausted', 'deny']);
  const soon = new Date(Date.now() + 3_600_000).toISOString();
  const made = await evenkeel.call('POST', '/v1/deploy-gate/overrides', { body: { objective: 'customer', reason: 'the fix of the outage itself', expires_at: soon } });
  assert.equal(made.status, 201);
  assert.equal((await gate('')).override?.reason, 'the fix of the outage itself');
  for (const [body, status] of [[{ reason: 'short' }, 400], [{ expires_at: '2020-01-01T00:00:00Z' }, 422], [{ objective: 'nothing' }, 404]] as const) {
    assert.equal((await evenkeel.call('POST', '/v1/deploy-gate/overrides', { body: { objective: 'customer', reason: 'long enough a reason', expires_at: soon, ...body } })).status, status);
  }
  assert.equal((await evenkeel.call('GET', '/v1/deploy-gate?objective=nothing')).status, 404);
});

test('an objective has figures in scopes it is not kept in, and no mode there', async () => {
  const detail = await get<ObjectiveDetail>('/v1/objectives/customer?scope=category:crm');
  const kept = await get<ObjectiveDetail>('/v1/objectives/customer');
  assert.deepEqual([detail.scope, detail.scopes, detail.available_scopes.includes('category:crm')], ['category:crm', ['overall', 'tenant'], true]);
  assert.deepEqual([detail.budget.total, detail.budget.bad, detail.budget.consumed_percent], [kept.budget.total, 2000, kept.budget.consumed_percent]);
  assert.deepEqual(detail.policy, { mode: null, held: false, since: null, freeze: 'none', notify: [], actions: [] });
  assert.equal((await evenkeel.call('GET', '/v1/deploy-gate?objective=customer&scope=category:crm')).status, 404, 'what has no mode opens and closes nothing');
});

test('a deployment is shown with the error rate it brought', async () => {
  const at = start + 180;
  const made = await evenkeel.call('POST', '/v1/deployments', { body: { version: '1.2.3', deployed_at: new Date((at - 1) * 60_000 + 30_000).toISOString() } });
  assert.equal(made.status, 201, made.text);
  const { results: [deployment] } = await get<List<Deployment>>('/v1/deployments');
  assert.deepEqual(deployment?.effects.map(({ objective, verdict, after: { bad } }) => [objective, verdict, bad]), [['platform', 'too_early', 0], ['customer', 'worse', 2000]]);
  assert.equal((await evenkeel.call('POST', '/v1/deployments', { body: { version: '2', deployed_at: new Date(Date.now() + 600_000).toISOString() } })).status, 422);
});

test('from a credit to the calls that caused it: five bad minutes over midnight of the month\'s end in New York', async () => {
  const put = await evenkeel.call('PUT', '/v1/agreements/acme-2025', { body: { tenant_id: 'acme', terms: 'standard', time_zone: 'America/New_York', starts: '2025-01-01', monthly_fee_minor: 500_000, currency: 'USD' } });
  assert.equal(put.status, 200, put.text);
  // September ends at 04:00 UTC there.
  const monthEnd = Math.floor(Date.UTC(2025, 9, 1, 4, 0) / 60_000);
  const bad = (minute: number): boolean => minute >= monthEnd - 3 && minute < monthEnd + 2;
  await seal(start + 187, monthEnd + 61, (minute) => [bad(minute) ? failing(series.acme, 60, 'platform') : good(series.acme), good(series.globex)]);
  const planted = Array.from({ length: 5 }, (_, at) => call((monthEnd - 3 + at) * 60_000 + 1_000));
  // None of these is in it: a vendor's failure, another tenant's, one that ended before the run, and what Evenkeel read for itself.
  const others = [call((monthEnd - 3) * 60_000 + 2_000, { origin: 'upstream', code: 'upstream_unavailable', upstream_status: 500, status: 502 }), call((monthEnd - 3) * 60_000 + 3_000, { tenant_id: 'globex' }), call((monthEnd - 4) * 60_000), call((monthEnd - 3) * 60_000 + 4_000, { surface: 'background' })];
  await insertCalls(evenkeel.database.pool, [...planted, ...others]);
  const { statements } = await tick(evenkeel.database.pool, definitions);
  assert.deepEqual(statements, ['acme-2025 2025-09']);
  const { results: months } = await get<List<StatementView>>('/v1/agreements/acme-2025/periods');
  assert.deepEqual(months.map(({ month, state, revision, downtime_minutes: minutes }) => [month, state, revision, minutes]), [['2025-10', 'open', null, 2], ['2025-09', 'closed', 1, 3]]);
  assert.deepEqual([months[1]?.credit_minor, months[1]?.downtime[0]?.failed_requests, months[1]?.downtime[0]?.run.minutes], [125_000, 180, 5]);
  const { results: calls } = await get<List<Call>>('/v1/agreements/acme-2025/periods/2025-09/calls');
  assert.deepEqual(calls.map(({ id }) => id).toSorted(), planted.slice(0, 3).map(({ id }) => id).toSorted());
  const behind = await get<List<Call>>('/v1/objectives/platform/calls?scope=tenant:acme');
  assert.equal(behind.results.length, 6);
  const first = await get<List<Call>>('/v1/objectives/platform/calls?scope=tenant:acme&limit=4');
  const rest = await get<List<Call>>(`/v1/objectives/platform/calls?scope=tenant:acme&limit=4&cursor=${first.next_cursor ?? ''}`);
  assert.deepEqual([...first.results, ...rest.results].map(({ id }) => id), behind.results.map(({ id }) => id));
});

test('an exclusion needs a clause, evidence that exists and an approver; approving it revises the statement', async () => {
  const monthEnd = Math.floor(Date.UTC(2025, 9, 1, 4, 0) / 60_000);
  const at = (monthEnd - 3) * 60_000 + 2_000;
  const { rows } = await evenkeel.database.pool.query<{ id: string; origin: string }>(`select id, origin from calls where tenant_id = 'acme' and at >= $1 and at < $2`, [new Date((monthEnd - 3) * 60_000), new Date((monthEnd - 2) * 60_000)]);
  const ofVendor = rows.find(({ origin }) => origin === 'upstream')?.id;
  const ofUs = rows.find(({ origin }) => origin === 'platform')?.id;
  const body = { agreement_id: 'acme-2025', clause: 'upstream', from: new Date((monthEnd - 3) * 60_000).toISOString(), to: new Date((monthEnd - 1) * 60_000).toISOString(), reason: 'the vendor was down', evidence: { call_ids: [ofVendor] } };
  const propose = (changed: object) => evenkeel.call('POST', '/v1/exclusions', { body: { ...body, ...changed } });
  for (const [changed, status, message] of [
    [{ evidence: { call_ids: [] } }, 422, /name some of them/],
    [{ evidence: { call_ids: [ofUs] } }, 422, /attributed to platform/],
    [{ evidence: { call_ids: [newId('call', at)] } }, 422, /no recorded call/],
    [{ to: body.from }, 422, /ends before it begins/],
    [{ clause: 'maintenance' }, 422, /announced/],
    [{ clause: 'maintenance', announced_at: new Date(at - 100 * 3_600_000).toISOString(), evidence: {} }, 422, /where the maintenance was announced/],
    [{ clause: 'maintenance', announced_at: new Date(at - 72 * 3_600_000 + 3_000).toISOString() }, 422, /asks for 72 hours/],
    [{ agreement_id: 'nothing' }, 404, /no agreement/],
  ] as const) {
    const answer = await propose(changed);
    assert.equal(answer.status, status, answer.text);
    assert.match(answer.text, message);
  }
  const made = await propose({});
  assert.equal(made.status, 201, made.text);
  const exclusion = made.json as unknown as Exclusion;
  assert.deepEqual([exclusion.state, exclusion.evidence.calls[0]?.upstream_status], ['proposed', 500]);
  assert.equal((await get<StatementView>('/v1/agreements/acme-2025/periods/2025-09')).downtime_minutes, 3, 'a proposal changes nothing');
  const decided = await evenkeel.call('POST', `/v1/exclusions/${exclusion.id}/decision`, { body: { decision: 'approve', note: 'seen the status page' } });
  assert.equal(decided.json?.['state'], 'approved');
  const revised = await get<StatementView>('/v1/agreements/acme-2025/periods/2025-09');
  assert.deepEqual([revised.revision, revised.downtime_minutes, revised.excluded_minutes], [2, 1, 2]);
  assert.match(revised.working.join('\n'), new RegExp(`− 2 excluded \\(upstream, ${exclusion.id}\\) = 1`));
  assert.equal((await get<StatementView>('/v1/agreements/acme-2025/periods/2025-09?revision=1')).downtime_minutes, 3);
  const { results: left } = await get<List<Call>>('/v1/agreements/acme-2025/periods/2025-09/calls');
  assert.deepEqual(left.map(({ at: began }) => began), [new Date((monthEnd - 1) * 60_000 + 1_000).toISOString()], 'behind the credit are the calls of the minute that still counts');
  assert.equal((await evenkeel.call('POST', `/v1/exclusions/${exclusion.id}/decision`, { body: { decision: 'reject' } })).status, 409);
});

test('a tenant\'s key sees its own budgets, agreement and calls, and changes nothing', async () => {
  const own = await get<List<ObjectiveSummary>>('/v1/objectives', tenantKey);
  assert.deepEqual(own.results.map(({ overall }) => overall?.scope), ['tenant:acme', 'tenant:acme']);
  assert.deepEqual((await get<ObjectiveDetail>('/v1/objectives/platform', tenantKey)).available_scopes, ['tenant:acme']);
  assert.equal((await get<List<AgreementView>>('/v1/agreements', tenantKey)).results.length, 1);
  const status = async (method: string, path: string, body?: object) => (await evenkeel.call(method, path, { key: tenantKey, ...(body === undefined ? {} : { body }) })).status;
  assert.equal(await status('GET', '/v1/objectives/platform?scope=overall'), 403);
  assert.equal(await status('GET', '/v1/objectives/platform/calls?scope=tenant:globex'), 403);
  assert.equal(await status('GET', '/v1/deployments'), 403);
  assert.equal(await status('GET', '/v1/deploy-gate/overrides'), 403);
  const agreement = { tenant_id: 'acme', terms: 'standard', time_zone: 'UTC', starts: '2025-01-01', monthly_fee_minor: 1, currency: 'USD' };
  assert.equal(await status('PUT', '/v1/agreements/acme-2025', agreement), 403);
  assert.equal((await evenkeel.call('PUT', '/v1/agreements/globex-2025', { body: { ...agreement, tenant_id: 'globex' } })).status, 200);
  assert.equal(await status('GET', '/v1/agreements/globex-2025/periods'), 404);
  assert.equal((await evenkeel.call('PUT', '/v1/agreements/acme-again', { body: agreement })).status, 409);
  const handedOn = await evenkeel.call('PUT', '/v1/agreements/acme-2025', { body: { ...agreement, tenant_id: 'initech' } });
  assert.equal(handedOn.status, 409);
  assert.match(handedOn.text, /statements of another tenant/);
  const wrong = await evenkeel.call('PUT', '/v1/agreements/initech', { body: { ...agreement, tenant_id: 'initech', terms: 'standart' } });
  assert.match(wrong.text, /"suggestion":"standard"/);
});

test('an agreement whose maintenance was announced too late is made, and says so', async () => {
  const body = { tenant_id: 'late-notice', terms: 'standard', time_zone: 'UTC', starts: '2026-01-01', monthly_fee_minor: 1000, currency: 'EUR', maintenance: [{ announced_at: '2026-03-01T00:00:00Z', from: '2026-03-02T00:00:00Z', to: '2026-03-02T02:00:00Z' }] };
  const made = await evenkeel.call('PUT', '/v1/agreements/late-notice', { body });
  assert.deepEqual([made.status, made.json?.['warnings']], [200, ['maintenance[0].announced_at: Announced 24 h ahead, and the terms ask for 72 h: it excludes no downtime.']]);
});

test('of two agreements for the same days that are made at once one is refused, with whichever tick is under way', async () => {
  const body = { tenant_id: 'twice', terms: 'standard', time_zone: 'UTC', starts: '2026-01-01', monthly_fee_minor: 1000, currency: 'EUR' };
  const ticking = await pool.connect();
  await ticking.query('begin');
  await lockCounting(ticking);
  const both = ['twice-1', 'twice-2'].map((id) => evenkeel.call('PUT', `/v1/agreements/${id}`, { body }));
  const deadline = Date.now() + 10_000;
  for (let waiting = 0; waiting < 2; ) {
    assert.ok(Date.now() < deadline, `${waiting} of 2 wait for the tick`);
    const { rows } = await pool.query<{ n: number }>('select count(*)::int as n from pg_locks where not granted and database = (select oid from pg_database where datname = current_database())');
    waiting = rows[0]?.n ?? 0;
  }
  // A tick writes tenants that a mode belongs to: this would be a deadlock if a request held the tenant while it waits.
  await ensureTenant(ticking, 'twice');
  await ticking.query('commit');
  ticking.release();
  assert.deepEqual((await Promise.all(both)).map(({ status }) => status).toSorted((one, other) => one - other), [200, 409]);
});
