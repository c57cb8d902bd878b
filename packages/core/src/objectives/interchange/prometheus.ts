/**
 * Recording and alert rules for Prometheus, in the layout and with the names that users of Sloth know, over the counters
 * that /metrics shows for each objective. Ratios are taken over summed counts, never as averages of ratios.
 */
import type { PrometheusGroup, PrometheusRule } from '../../telemetry/prometheus-rules.ts';
import { threshold } from '../burn-time.ts';
import { writeMinutes, type BudgetPolicy, type BurnTier, type ObjectiveDefinition } from '../definition.ts';
import { decimalText, type Ppb } from '../share.ts';

/** Counters of /metrics with the labels objective and scope: units (events or minutes) and the bad ones among them. */
export const eventsMetric = 'evenkeel_objective_events_total';
export const badMetric = 'evenkeel_objective_bad_total';

/** The windows Sloth records; those of the policy's alerts are added. */
const knownWindows = [5, 30, 60, 120, 360, 1440, 4320];

/** Of objectives that are kept overall; others have no counters to go by. */
export function objectiveRuleGroups(objectives: readonly ObjectiveDefinition[], policy: BudgetPolicy): PrometheusGroup[] {
  return objectives.filter(({ scopes }) => scopes.includes('overall')).flatMap((objective) => groupsOf(objective, policy));
}

/** `evenkeel-platform-availability`: Sloth's id of an objective. */
export const slothId = ({ service, id }: ObjectiveDefinition): string => `${service}-${id}`;

function groupsOf(objective: ObjectiveDefinition, policy: BudgetPolicy): PrometheusGroup[] {
  const id = slothId(objective);
  return [
    { name: `sloth-slo-sli-recordings-${id}`, rules: recordings(objective, policy.tiers) },
    { name: `sloth-slo-meta-recordings-${id}`, rules: metaRecordings(objective) },
    { name: `sloth-slo-alerts-${id}`, rules: alerts(objective, policy) },
  ];
}

const labelsOf = (objective: ObjectiveDefinition): Record<string, string> => ({ sloth_id: slothId(objective), sloth_service: objective.service, sloth_slo: objective.id, scope: 'overall' });
const selector = ({ id }: ObjectiveDefinition): string => `{objective="${id}",scope="overall"}`;
const slothSelector = (objective: ObjectiveDefinition): string => `{${Object.entries(labelsOf(objective)).map(([name, value]) => `${name}="${value}"`).join(', ')}}`;
const periodDays = ({ window }: ObjectiveDefinition): number => (window.kind === 'rolling' ? window.days : { week: 7, month: 30, quarter: 91 }[window.unit]);

function recordings(objective: ObjectiveDefinition, tiers: readonly BurnTier[]): PrometheusRule[] {
  const period = periodDays(objective) * 1440;
  const minutes = [...new Set([...knownWindows, ...tiers.flatMap(({ longMinutes, shortMinutes }) => [longMinutes, shortMinutes]), period])].toSorted((a, b) => a - b);
  return minutes.map((window) => {
    const range = writeMinutes(window);
    const rate = (metric: string): string => `sum(rate(${metric}${selector(objective)}[${range}]))`;
    return { record: `slo:sli_error:ratio_rate${range}`, expr: `${rate(badMetric)}\n/\n(${rate(eventsMetric)} > 0)`, labels: { ...labelsOf(objective), sloth_window: range } };
  });
}

/** Parts per billion as a ratio, exactly: 50_000n → 0.00005. */
const ratio = (ppb: Ppb): string => decimalText(ppb, 9);

function metaRecordings(objective: ObjectiveDefinition): PrometheusRule[] {
  const labels = labelsOf(objective);
  const own = slothSelector(objective);
  const period = writeMinutes(periodDays(objective) * 1440);
  const burn = (window: string): string => `slo:sli_error:ratio_rate${window}${own}\n/ on(sloth_id, sloth_slo, sloth_service, scope) group_left\nslo:error_budget:ratio${own}`;
  return [
    { record: 'slo:objective:ratio', expr: `vector(${ratio(objective.target)})`, labels },
    { record: 'slo:error_budget:ratio', expr: `vector(${ratio(objective.budget)})`, labels },
    { record: 'slo:time_period:days', expr: `vector(${periodDays(objective)})`, labels },
    { record: 'slo:current_burn_rate:ratio', expr: burn('5m'), labels },
    { record: 'slo:period_burn_rate:ratio', expr: burn(period), labels },
    { record: 'slo:period_error_budget_remaining:ratio', expr: `1 - slo:period_burn_rate:ratio${own}`, labels },
    { record: 'sloth_slo_info', expr: 'vector(1)', labels: { ...labels, sloth_mode: 'evenkeel', sloth_objective: decimalText(objective.target, 7) } },
  ];
}

/** Two alerts, as Sloth has them: page for the tiers of P1, ticket for the others. */
function alerts(objective: ObjectiveDefinition, policy: BudgetPolicy): PrometheusRule[] {
  const kinds = [
    { kind: 'page', tiers: policy.tiers.filter(({ severity }) => severity === 'P1') },
    { kind: 'ticket', tiers: policy.tiers.filter(({ severity }) => severity !== 'P1') },
  ] as const;
  return kinds.filter(({ tiers }) => tiers.length > 0).map(({ kind, tiers }) => ({
    alert: `${slothId(objective)}-${kind}`,
    expr: tiers.map((tier) => tierExpression(objective, tier)).join('\nor\n'),
    labels: { ...labelsOf(objective), sloth_severity: kind, severity: tiers[0]?.severity ?? 'P1' },
    annotations: {
      title: `(${kind}) ${objective.service} ${objective.id}: the error budget burns too fast`,
      summary: `${objective.title}: ${tiers.map((tier) => `more than ${decimalText((tier.factor.num * 1_000_000n) / tier.factor.den, 6)} times over ${writeMinutes(tier.longMinutes)} and ${writeMinutes(tier.shortMinutes)}`).join(', or ')}. To be told: ${[...new Set(tiers.flatMap(({ notify }) => notify))].join(', ')}.`,
    },
  }));
}

/**
 * Both windows strictly above B·b, with at least the minimum of events and of bad ones in the long one: the rule of
 * burn-alert.ts but for coverage, which Prometheus cannot see.
 */
function tierExpression(objective: ObjectiveDefinition, tier: BurnTier): string {
  const bound = threshold(tier, objective.budget);
  // B has at most six decimals and b nine, so that fifteen are exact.
  const text = decimalText((bound.num * 10n ** 15n) / bound.den, 15);
  const above = (minutes: number): string => `max(slo:sli_error:ratio_rate${writeMinutes(minutes)}${slothSelector(objective)} > ${text}) without (sloth_window)`;
  const enough = (metric: string, least: number): string => `max(increase(${metric}${selector(objective)}[${writeMinutes(tier.longMinutes)}])) >= ${least}`;
  const { events, bad } = objective.burnMinimum;
  return `(\n  ${above(tier.shortMinutes)}\n  and\n  ${above(tier.longMinutes)}\n  and on()\n  ${enough(badMetric, bad)}\n  and on()\n  ${enough(eventsMetric, events)}\n)`;
}

