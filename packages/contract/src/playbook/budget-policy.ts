/** `playbook/budget-policy.yaml`: what follows from the state of an error budget: modes, burn-rate alerts, the deploy gate. */
import Type from 'typebox';
import { Strict } from '../manifest/value.ts';
import { Minimum } from './objectives.ts';
import { Duration, OneOf, Percent, Role, Slug } from './share.ts';

export const policyModes = ['normal', 'caution', 'restricted', 'critical', 'exhausted'] as const;
export type PolicyMode = (typeof policyModes)[number];
export const PolicyMode = OneOf(policyModes, 'From the fullest budget to none.');

export const deployFreezes = ['none', 'non_critical', 'all_but_reliability'] as const;
export type DeployFreeze = (typeof deployFreezes)[number];

export const severities = ['P1', 'P2', 'P3', 'P4'] as const;
export type Severity = (typeof severities)[number];
export const Severity = OneOf(severities);

export const ModeRule = Strict({
  freeze: OneOf(deployFreezes, 'none: everything is deployed. non_critical: critical and reliability changes only. all_but_reliability: reliability fixes only.'),
  notify: Type.Array(Role),
  incident: Type.Optional(Severity),
  actions: Type.Array(Type.String({ minLength: 1, maxLength: 300 }), { description: 'What people do in this mode, one thing each.' }),
});
export type ModeRule = Type.Static<typeof ModeRule>;

export const BurnAlert = Strict({
  id: Slug(),
  factor: Type.Union([Type.Number({ minimum: 0.1, maximum: 100_000 }), Type.String({ pattern: '^\\d{1,6}(\\.\\d{1,6})?$' })], { description: 'Fires when the burn rate is above this over both windows.' }),
  long_window: Duration('Minutes, hours or days: 5m, 6h, 3d.'),
  short_window: Duration('Minutes, hours or days: 5m, 6h, 3d.'),
  severity: Severity,
  notify: Type.Array(Role),
  enabled: Type.Optional(Type.Boolean()),
});
export type BurnAlert = Type.Static<typeof BurnAlert>;

export const BudgetPolicyFile = Strict(
  {
    $schema: Type.Optional(Type.String()),
    version: Type.Literal(1),
    edges: Strict(
      {
        caution: Percent('Not more than this share of the budget remains: caution.'),
        restricted: Percent('Less than this remains: restricted.'),
        critical: Percent('Less than this remains: critical. With nothing left: exhausted.'),
      },
      { description: 'Shares of the budget, in percent, at which the mode changes.' },
    ),
    hysteresis: Percent('A mode is left towards a better one only this many points above its edge, so that a budget at the edge does not flap.'),
    modes: Strict({ normal: ModeRule, caution: ModeRule, restricted: ModeRule, critical: ModeRule, exhausted: ModeRule }),
    burn_alerts: Type.Array(BurnAlert),
    minimum: Minimum,
    min_coverage: Percent('A window of which less was measured says nothing: alerts keep their state, modes stay.'),
    gate: Strict({
      when_unknown: Type.Union([Type.Literal('allow'), Type.Literal('deny')], { description: 'The answer while there is insufficient data, or the evaluation lags.' }),
      stale_after_minutes: Type.Integer({ minimum: 2, maximum: 1440 }),
      max_override_hours: Type.Integer({ minimum: 1, maximum: 720 }),
    }),
    deployments: Strict(
      {
        compare_minutes: Type.Integer({ minimum: 5, maximum: 1440, description: 'Minutes after a deployment that are compared with as many before it.' }),
        factor: Type.Integer({ minimum: 1, maximum: 1000, description: 'The share of errors after is at least so many times the one before…' }),
        min_bad: Type.Integer({ minimum: 1, description: '…with at least so many bad events after…' }),
        max_p: Type.Number({ minimum: 0, maximum: 1, description: '…and chance explains it with at most this probability (Fisher, one-sided).' }),
      },
      { description: 'When a deployment is said to have changed the error rate.' },
    ),
  },
  { $id: 'https://evenkeel.dev/schemas/budget-policy.v1.json', title: 'Evenkeel playbook: budget policy, format 1' },
);
export type BudgetPolicyFile = Type.Static<typeof BudgetPolicyFile>;
