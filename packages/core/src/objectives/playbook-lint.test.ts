import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Agreement, AgreementsFile } from '@evenkeel/contract/playbook/agreements.ts';
import type { BudgetPolicyFile } from '@evenkeel/contract/playbook/budget-policy.ts';
import type { Objective, ObjectivesFile } from '@evenkeel/contract/playbook/objectives.ts';
import { lintAgreements } from './agreement-lint.ts';
import { lintObjectives, lintPolicy } from './playbook-lint.ts';

const objective: Objective = { id: 'one', title: 'One', indicator: 'calls', target: 99.995, window: { rolling_days: 30 }, method: 'events', scopes: ['overall'], terms: 'standard' };
const objectives = (...list: Partial<Objective>[]): ObjectivesFile => ({
  version: 1,
  indicators: { calls: { measure: 'availability', upstream: 'excluded' }, p95: { measure: 'overhead_latency', percentile: 95, threshold_ms: 50 } },
  objectives: list.map((part) => ({ ...objective, ...part })),
});
const terms = {
  title: 'Standard',
  target: 99.99,
  downtime: { consecutive_minutes: 5, above: 5, errors: 'platform', unmeasured: 'downtime' },
  maintenance_notice_hours: 72,
  exclusions: [],
  credits: [{ below: 99.99, credit: 10 }, { below: 99.9, credit: 25 }],
  cap: 50,
} as const;
const agreements = (list: readonly Partial<Agreement>[] = [], changed: object = {}): AgreementsFile => ({
  version: 1,
  terms: { standard: { ...structuredClone(terms) as unknown as AgreementsFile['terms'][string], ...changed } },
  agreements: list.map((part, index) => ({ id: `a-${index}`, tenant_id: `t-${index}`, terms: 'standard', time_zone: 'UTC', starts: '2026-01-01', monthly_fee_minor: 1, currency: 'USD', ...part })),
});
const rule = { freeze: 'none', notify: [], actions: [] } as const;
const policy = (changed: object = {}): BudgetPolicyFile => ({
  version: 1,
  edges: { caution: 75, restricted: 50, critical: 25 },
  hysteresis: 2,
  modes: { normal: rule, caution: rule, restricted: rule, critical: rule, exhausted: rule } as unknown as BudgetPolicyFile['modes'],
  burn_alerts: [{ id: 'fast', factor: 14.4, long_window: '1h', short_window: '5m', severity: 'P1', notify: [] }],
  minimum: { events: 1, bad: 1 },
  min_coverage: 50,
  gate: { when_unknown: 'allow', stale_after_minutes: 10, max_override_hours: 72 },
  deployments: { compare_minutes: 30, factor: 2, min_bad: 5, max_p: 0.01 },
  ...changed,
});

const places = (faults: readonly { path: string; severity: string }[]): string[] => faults.map(({ path, severity }) => `${severity} ${path}`);

test('a sound playbook has no faults', () => {
  assert.deepEqual(lintObjectives(objectives({}), agreements(), policy()), []);
  assert.deepEqual(lintAgreements(agreements([{}])), []);
  assert.deepEqual(lintPolicy(policy()), []);
});

test('an objective that is not stricter than the agreement is warned about, with a better target', () => {
  const faults = lintObjectives(objectives({ target: 99.99 }), agreements(), policy());
  assert.deepEqual(places(faults), ['warning objectives[0].target', 'warning objectives']);
  assert.equal(faults[0]?.suggestion, '99.995');
  assert.deepEqual(places(lintObjectives(objectives({ target: '99.9900001' }), agreements(), policy())), []);
});

test('names that do not exist, with what was probably meant', () => {
  const [fault] = lintObjectives(objectives({ indicator: 'cals' }), agreements(), policy());
  assert.deepEqual([fault?.path, fault?.suggestion], ['objectives[0].indicator', 'calls']);
  assert.deepEqual(lintAgreements(agreements([{ time_zone: 'Europe/Berlim' }])).map(({ path, suggestion }) => [path, suggestion]), [['agreements[0].time_zone', 'Europe/Berlin']]);
});

const wrong: readonly (readonly [string, Partial<Objective>, string])[] = [
  ['a target of 100', { target: 100 }, 'error objectives[0].target'],
  ['too many decimals', { target: 99.99999999 }, 'error objectives[0].target'],
  ['two windows', { window: { rolling_days: 1, calendar: 'month', time_zone: 'UTC' } }, 'error objectives[0].window'],
  ['a calendar nowhere', { window: { calendar: 'month' } }, 'error objectives[0].window'],
  ['a percentile in events', { indicator: 'p95' }, 'error objectives[0].method'],
  ['slices without a bound', { method: 'time_slices' }, 'error objectives[0].slice'],
  ['an alert that cannot fire', { target: 90 }, 'warning objectives[0].target'],
];
for (const [name, part, place] of wrong) {
  test(`objectives: ${name}`, () => assert.ok(places(lintObjectives(objectives(part), agreements(), policy())).includes(place)));
}

test('agreements: order of tiers, days, overlap, late announcements', () => {
  const found = lintAgreements(
    agreements([
      { credits: [{ below: 99.9, credit: 25 }, { below: 99.99, credit: 10 }] },
      { starts: '2026-02-30' },
      { ends: '2025-12-31' },
      { tenant_id: 't-0' },
      { maintenance: [{ announced_at: '2026-03-01T00:00:01Z', from: '2026-03-04T00:00:00Z', to: '2026-03-04T01:00:00Z' }] },
    ]),
  );
  assert.deepEqual(places(found), [
    'warning agreements[0].credits[0].below',
    'error agreements[0].credits[1].below',
    'error agreements[0].credits[1].credit',
    'error agreements[1].starts',
    'error agreements[2].ends',
    'error agreements[3].starts',
    'warning agreements[4].maintenance[0].announced_at',
  ]);
});

test('policy: edges, hysteresis, windows', () => {
  assert.deepEqual(places(lintPolicy(policy({ edges: { caution: 75, restricted: 80, critical: 25 } }))), ['error edges']);
  assert.deepEqual(places(lintPolicy(policy({ hysteresis: 25 }))), ['error hysteresis']);
  const odd = { id: 'odd', factor: '1.1234567', long_window: '1h', short_window: '1h', severity: 'P1', notify: [] };
  assert.deepEqual(places(lintPolicy(policy({ burn_alerts: [{ ...odd, factor: 2, short_window: '10m' }, odd] }))), [
    'warning burn_alerts[0].short_window',
    'error burn_alerts[1].id',
    'error burn_alerts[1].factor',
    'error burn_alerts[1].short_window',
  ]);
});
