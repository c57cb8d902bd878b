/** The API of objectives: budgets by scope, burn rates, modes, alerts; the deploy gate and deployments. */
import Type from 'typebox';
import { deployFreezes, PolicyMode, Severity } from '../playbook/budget-policy.ts';
import { OneOf } from '../playbook/share.ts';
import { listOf, pageQuery } from './list.ts';

const orNull = <T extends Type.TSchema>(schema: T) => Type.Union([schema, Type.Null()]);
const when = Type.String({ format: 'date-time' });
const percent = (description: string) => Type.String({ description });

const scopeText = Type.String({ pattern: '^(overall|(connector|category|tenant):.{1,128})$', description: 'overall, connector:<id>, category:<id> or tenant:<id>.' });

export const Coverage = Type.Object({
  measured_minutes: Type.Integer(),
  window_minutes: Type.Integer(),
  percent: percent('Measured share of the window, cut to four decimals. What was not measured is in no sum.'),
});

export const BudgetView = Type.Object(
  {
    state: OneOf(['known', 'insufficient_data']),
    reason: orNull(Type.String({ description: 'Why nothing can be said.' })),
    total: Type.Integer({ description: 'Events, or minutes by the time-slice method, in the window.' }),
    bad: Type.Integer(),
    achieved_percent: orNull(percent('Share of good ones, cut (not rounded) to five decimals.')),
    meets_target: orNull(Type.Boolean()),
    consumed_percent: orNull(percent('Of the budget, cut to four decimals; may be above 100.')),
    remaining_percent: orNull(percent('Of the budget, raised to the next step of four decimals; negative when overspent.')),
    bad_left: orNull(Type.Integer({ description: 'Bad ones that may still come before the budget is gone.' })),
    consumed_by: Type.Array(Type.Object({ cause: OneOf(['platform', 'upstream', 'slow']), bad: Type.Integer(), percent: percent('Of what is consumed.') })),
    projected_exhaustion: orNull(Type.Object({ at: when, burn_rate: Type.String({ description: 'Over the last six hours, which the projection goes by.' }) }, { description: 'If the last six hours go on, and the window forgets what it holds. Null: not within the window or period.' })),
    from: when,
    to: when,
    coverage: Coverage,
  },
);
export type BudgetView = Type.Static<typeof BudgetView>;

const BurnWindow = Type.Object({ window: Type.String(), total: Type.Integer(), bad: Type.Integer(), rate: orNull(Type.String({ description: 'Raised to the next step of two decimals; null when nothing was measured.' })), coverage_percent: Type.String() });

export const BurnView = Type.Object({
  tier: Type.String(),
  severity: Severity,
  factor: Type.String(),
  long: BurnWindow,
  short: BurnWindow,
  state: OneOf(['known', 'insufficient_data'], 'insufficient_data: a window is not measured well enough, or holds less than the minimum: no alert fires on it.'),
  above: Type.Boolean({ description: 'Both windows are strictly above the factor.' }),
  fires_after_total_outage: Type.String({ description: 'When it fires if every event is bad from now on, starting clean.' }),
  resets_after: Type.String({ description: 'When it ends after such an outage.' }),
});
export type BurnView = Type.Static<typeof BurnView>;

export const ModeView = Type.Object({
  mode: orNull(PolicyMode),
  held: Type.Boolean({ description: 'There is insufficient data now, and this is the last known mode: it holds until data says otherwise or nothing it was judged by is in the window any more.' }),
  since: orNull(when),
  freeze: OneOf(deployFreezes),
  notify: Type.Array(Type.String()),
  actions: Type.Array(Type.String()),
});

export const ObjectiveScope = Type.Object({ scope: Type.String(), mode: orNull(PolicyMode), budget: BudgetView });

export const ObjectiveSummary = Type.Object(
  {
    id: Type.String(),
    title: Type.String(),
    indicator: Type.String(),
    target_percent: percent('Exactly as configured.'),
    method: OneOf(['events', 'time_slices']),
    window: Type.String({ description: '30d, or a calendar unit with its time zone.' }),
    scopes: Type.Array(Type.String(), { description: 'Kinds of scope it is kept in.' }),
    evaluated_to: orNull(when),
    overall: orNull(ObjectiveScope),
  },
  { $id: 'ObjectiveSummary' },
);
export type ObjectiveSummary = Type.Static<typeof ObjectiveSummary>;
export const ObjectiveList = listOf(ObjectiveSummary);

export const ModeChangeView = Type.Object({
  id: Type.String(),
  at: when,
  minute: when,
  from: orNull(PolicyMode),
  to: PolicyMode,
  remaining_percent: orNull(Type.String({ description: 'Null when the mode has expired.' })),
  total: Type.Integer(),
  bad: Type.Integer(),
  freeze: Type.String(),
  notify: Type.Array(Type.String()),
  incident: orNull(Type.String()),
  actions: Type.Array(Type.String()),
  event_id: Type.String(),
});

export const BurnAlertView = Type.Object(
  {
    id: Type.String(),
    objective: Type.String(),
    scope: Type.String(),
    tier: Type.String(),
    severity: Severity,
    notify: Type.Array(Type.String()),
    state: OneOf(['firing', 'resolved']),
    fired_minute: when,
    resolved_minute: orNull(when),
    long: Type.Object({ bad: Type.Integer(), total: Type.Integer() }),
    short: Type.Object({ bad: Type.Integer(), total: Type.Integer() }),
  },
);
export type BurnAlertView = Type.Static<typeof BurnAlertView>;
export const BurnAlertList = listOf(BurnAlertView);

export const ObjectiveDetail = Type.Object(
  {
    ...ObjectiveSummary.properties,
    scope: Type.String(),
    available_scopes: Type.Array(Type.String()),
    budget: BudgetView,
    burn: Type.Array(BurnView),
    policy: ModeView,
    history: Type.Array(Type.Object({ at: when, budget: BudgetView }), { description: 'The budget as it stood at the end of each of the last days, oldest first.' }),
    mode_changes: Type.Array(ModeChangeView),
    alerts: Type.Array(BurnAlertView),
  },
  { $id: 'ObjectiveDetail' },
);
export type ObjectiveDetail = Type.Static<typeof ObjectiveDetail>;

export const ObjectiveParams = Type.Object({ id: Type.String({ maxLength: 63 }) });
export const ObjectiveQuery = Type.Object({ scope: Type.Optional(scopeText), history_days: Type.Optional(Type.Integer({ minimum: 0, maximum: 90, default: 30 })) });
export const ObjectiveCallsQuery = Type.Object({ scope: Type.Optional(scopeText), ...pageQuery });
export const BurnAlertQuery = Type.Object({ objective: Type.Optional(Type.String({ maxLength: 63 })), scope: Type.Optional(scopeText), state: Type.Optional(OneOf(['firing', 'resolved'])), ...pageQuery });

const changeKind = OneOf(['normal', 'critical', 'reliability'], 'What kind of change is deployed.');

export const GateQuery = Type.Object({ objective: Type.String({ maxLength: 63 }), scope: Type.Optional(scopeText), change: Type.Optional(changeKind) });

export const GateOverride = Type.Object({
  id: Type.String(),
  objective: Type.String(),
  scope: Type.String(),
  reason: Type.String(),
  created_by: Type.String(),
  created_at: when,
  expires_at: when,
});
export type GateOverride = Type.Static<typeof GateOverride>;
export const GateOverrideList = listOf(GateOverride);

export const GateOverrideRequest = Type.Object({
  objective: Type.String({ maxLength: 63 }),
  scope: Type.Optional(scopeText),
  reason: Type.String({ minLength: 10, maxLength: 500, description: 'Why this deployment cannot wait; recorded.' }),
  expires_at: when,
});

export const GateAnswer = Type.Object(
  {
    objective: Type.String(),
    scope: Type.String(),
    change: changeKind,
    decision: OneOf(['allow', 'deny']),
    reason: Type.String({ description: 'One line.' }),
    mode: orNull(PolicyMode),
    remaining_percent: orNull(Type.String()),
    evaluated_to: orNull(when),
    override: orNull(GateOverride),
  },
  { $id: 'GateAnswer' },
);
export type GateAnswer = Type.Static<typeof GateAnswer>;

export const DeploymentRequest = Type.Object({
  service: Type.Optional(Type.String({ minLength: 1, maxLength: 63 })),
  version: Type.String({ minLength: 1, maxLength: 200 }),
  change: Type.Optional(changeKind),
  description: Type.Optional(Type.String({ maxLength: 1000 })),
  url: Type.Optional(Type.String({ maxLength: 2000, pattern: '^https?://' })),
  deployed_at: Type.Optional(when),
});

export const DeploymentEffectView = Type.Object({
  objective: Type.String(),
  verdict: OneOf(['worse', 'no_change', 'too_early', 'insufficient_data']),
  before: Type.Object({ events: Type.Integer(), bad: Type.Integer() }),
  after: Type.Object({ events: Type.Integer(), bad: Type.Integer() }),
  p: orNull(Type.Number({ description: 'Fisher\'s exact test, one-sided.' })),
  explanation: Type.String(),
});

export const Deployment = Type.Object(
  {
    id: Type.String(),
    service: Type.String(),
    version: Type.String(),
    change: changeKind,
    description: orNull(Type.String()),
    url: orNull(Type.String()),
    deployed_at: when,
    created_by: Type.String(),
    effects: Type.Array(DeploymentEffectView, { description: 'The share of bad events after it against the one before it, for each objective counted in events, overall.' }),
  },
  { $id: 'Deployment' },
);
export type Deployment = Type.Static<typeof Deployment>;
export const DeploymentList = listOf(Deployment);
export const DeploymentQuery = Type.Object({ since: Type.Optional(when), ...pageQuery });
