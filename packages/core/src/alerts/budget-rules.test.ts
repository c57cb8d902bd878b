import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ModeRule } from '@evenkeel/contract/playbook/budget-policy.ts';
import type { AlertsFile } from '@evenkeel/contract/playbook/alerts.ts';
import { fraction } from '../objectives/share.ts';
import { AlertEvaluator, type AlertChange } from './evaluator.ts';
import type { BudgetFacts, Burn, CountRow, MinuteFacts } from './facts.ts';

const file: AlertsFile = { version: 1, alerts: [{ id: 'endpoint', title: 'Calls of one endpoint fail', severity: 'P2', watch: 'error-rate', by: 'endpoint' }] };
const mode = (freeze: ModeRule['freeze'], notify: string[], incident?: 'P1'): ModeRule => ({ freeze, notify, actions: [], ...(incident === undefined ? {} : { incident }) });
const policy = {
  tiers: [
    { id: 'fast', factor: fraction(72n, 5n), longMinutes: 60, shortMinutes: 5, severity: 'P1' as const, notify: ['on_call'] },
    { id: 'slow', factor: fraction(6n, 1n), longMinutes: 360, shortMinutes: 30, severity: 'P2' as const, notify: ['team_lead'] },
  ],
  modes: { normal: mode('none', []), caution: mode('none', ['leads']), restricted: mode('non_critical', ['leads']), critical: mode('all_but_reliability', ['vp']), exhausted: mode('all_but_reliability', ['vp'], 'P1') },
};
const newEvaluator = () => new AlertEvaluator(file, policy);

const start = Date.parse('2026-11-23T09:00:00Z');
/** A call row of one account of a tenant at a connector. */
function calls(connectorId: string, tenant: number, counts: Partial<CountRow>): CountRow {
  const all = { success: 0, caller: 0, account: 0, platform: 0, upstream: 0, aborted: 0, lag: null, ...counts };
  const total = all.success + all.caller + all.account + all.platform + all.upstream;
  return { series: { kind: 'call', surface: 'proxy', tenantId: `t${tenant}`, accountId: `${connectorId}-${tenant}`, connectorId, endpoint: 'contacts.list' }, slot: tenant + connectorId.charCodeAt(0) * 1000, total, ...all };
}
const burn = (changed: Partial<Burn>): Burn => ({ objectiveId: 'calls-work', scope: { kind: 'overall', id: '' }, tier: 'fast', measures: 'calls', origin: 'upstream', connectorIds: [], evidence: { factor: '14.4' }, ...changed });
const tenantBurn = (tenant: number, changed: Partial<Burn> = {}): Burn => burn({ scope: { kind: 'tenant', id: `t${tenant}` }, ...changed });

const facts = (at: number, given: Partial<MinuteFacts>): MinuteFacts => ({ minute: start + at * 60_000, measured: true, rows: [], needsReauth: new Map(), earlyEnds: [], shapeChanges: [], ...given });
const minute = (evaluator: AlertEvaluator, at: number, rows: readonly CountRow[], budgets: Partial<BudgetFacts>): AlertChange[] => evaluator.minute(facts(at, { rows, budgets: { burns: [], modes: [], ...budgets } }));
const shown = (changes: readonly AlertChange[]) => changes.map((change) => `${change.kind} ${change.kind === 'resolved' ? `${change.key} → ${change.joined}` : change.cause.key}`);
const quiet = (tenants: number) => Array.from({ length: tenants }, (_, tenant) => calls('a', tenant, { success: 100 }));
const outage = (tenants: number) => Array.from({ length: tenants }, (_, tenant) => calls('a', tenant, { upstream: 100 }));

describe('budgets that burn, among the other alerts', () => {
  it('an outage of one vendor is one alert, however many tenants burn, in whichever order, and with what other rules find', () => {
    const evaluator = newEvaluator();
    for (let at = 0; at < 35; at += 1) assert.deepEqual(minute(evaluator, at, quiet(200), {}), []);
    assert.deepEqual(shown(minute(evaluator, 35, outage(200), { burns: [tenantBurn(3)] })), ['opened failures a'], 'one tenant is found first, and the connector fails for all');
    const all = [burn({}), burn({ tier: 'slow' }), burn({ scope: { kind: 'connector', id: 'a' } }), burn({ scope: { kind: 'category', id: 'crm' }, connectorIds: ['a'] }), ...Array.from({ length: 200 }, (_, tenant) => tenantBurn(tenant))];
    const [change, ...others] = minute(evaluator, 36, outage(200), { burns: all });
    assert.deepEqual(others, []);
    assert.ok(change?.kind === 'updated');
    assert.deepEqual([change.cause.key, change.cause.severity, change.cause.affected.length, change.cause.findings.length], ['failures a', 'P1', 200, 204 + 1], 'the error-rate finding is in it');
    // The failures are over before the windows are: it stays the same alert, and ends once.
    for (let at = 37; at < 80; at += 1) assert.deepEqual(shown(minute(evaluator, at, quiet(200), { burns: all })).filter((one) => !one.startsWith('updated failures a')), [], `minute ${at}`);
    assert.deepEqual(shown(minute(evaluator, 80, quiet(200), {})), ['resolved failures a → null']);
  });

  it('one account that fails is told as that account, and another node goes on with it', () => {
    const evaluator = newEvaluator();
    const rows = quiet(50).map((row, tenant) => (tenant === 7 ? calls('a', 7, { upstream: 100 }) : row));
    const [opened] = minute(evaluator, 0, rows, { burns: [tenantBurn(7)] });
    assert.ok(opened?.kind === 'opened');
    assert.deepEqual([opened.cause.key, opened.cause.scope, opened.cause.subject.tenantId], ['failures a a-7', 'account', 't7']);
    const next = newEvaluator();
    next.resume([opened.cause]);
    assert.deepEqual(minute(next, 1, quiet(50), { burns: [tenantBurn(7)] }), []);
    assert.deepEqual(shown(minute(next, 2, quiet(50), {})), ['resolved failures a a-7 → null']);
  });

  it('our own outage is one alert of the platform, with two connectors as well', () => {
    const evaluator = newEvaluator();
    const down = (tenants: number) => ['a', 'b'].flatMap((connector) => Array.from({ length: tenants }, (_, tenant) => calls(connector, tenant, { platform: 50 })));
    const ours: Partial<Burn> = { origin: 'platform' };
    const burns = [burn(ours), burn({ ...ours, objectiveId: 'other' }), ...['a', 'b'].map((id) => burn({ ...ours, scope: { kind: 'connector', id } })), ...Array.from({ length: 20 }, (_, tenant) => tenantBurn(tenant, ours))];
    const changes = minute(evaluator, 0, down(20), { burns });
    assert.deepEqual(shown(changes), ['opened failures platform']);
  });

  it('tenants that no connector explains are one from three on; deliveries are apart from calls', () => {
    const evaluator = newEvaluator();
    const late: Partial<Burn> = { measures: 'deliveries', objectiveId: 'freshness' };
    assert.deepEqual(shown(minute(evaluator, 0, [], { burns: [tenantBurn(1, late), tenantBurn(2, late)] })), ['opened burn-rate deliveries upstream t1', 'opened burn-rate deliveries upstream t2']);
    assert.deepEqual(shown(minute(evaluator, 1, [], { burns: [tenantBurn(1, late), tenantBurn(2, late), tenantBurn(3, late)] })).toSorted(), [
      'opened burn-rate deliveries upstream',
      'resolved burn-rate deliveries upstream t1 → burn-rate deliveries upstream',
      'resolved burn-rate deliveries upstream t2 → burn-rate deliveries upstream',
    ]);
  });

  it('an unmeasured minute neither begins nor ends anything', () => {
    const evaluator = newEvaluator();
    minute(evaluator, 0, [], { burns: [burn({})] });
    assert.deepEqual(evaluator.minute(facts(1, { measured: false, budgets: { burns: [], modes: [] } })), []);
    assert.deepEqual(shown(minute(evaluator, 2, [], {})), ['resolved burn-rate calls upstream → null']);
  });
});

describe('budgets in a worse mode', () => {
  const standing = (kind: 'overall' | 'tenant', id: string, is: 'exhausted' | 'caution') => ({ objectiveId: 'calls-work', scope: { kind, id }, mode: is, evidence: {} });

  it('many tenants are one alert; the whole budget is a new one, and theirs is part of it', () => {
    const evaluator = newEvaluator();
    const tenants = Array.from({ length: 100 }, (_, n) => standing('tenant', `t${n}`, 'exhausted'));
    const [first] = minute(evaluator, 0, [], { modes: tenants.slice(0, 40) });
    assert.ok(first?.kind === 'opened');
    assert.deepEqual([first.cause.key, first.cause.severity, first.cause.findings.length], ['budget-mode calls-work exhausted scopes', 'P1', 40]);
    const [more] = minute(evaluator, 1, [], { modes: tenants });
    assert.ok(more?.kind === 'updated');
    assert.equal(more.joining.length, 60);
    assert.deepEqual(shown(minute(evaluator, 2, [], { modes: [...tenants, standing('overall', '', 'exhausted')] })).toSorted(), ['opened budget-mode calls-work exhausted', 'resolved budget-mode calls-work exhausted scopes → budget-mode calls-work exhausted']);
    assert.deepEqual(shown(minute(evaluator, 3, [], { modes: [standing('overall', '', 'caution')] })).toSorted(), ['opened budget-mode calls-work caution', 'resolved budget-mode calls-work exhausted → null']);
  });
});
