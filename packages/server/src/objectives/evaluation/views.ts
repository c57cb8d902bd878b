/** Figures as the API shows them: integers as they are, shares as decimals that never cross a bound. */
import type { BudgetView, BurnAlertView, BurnView, ObjectiveSummary } from '@evenkeel/contract/api/objectives.ts';
import { burnRate, type WindowFigures } from '@evenkeel/core/objectives/budget.ts';
import { isAbove, isCovered, isTooLittle } from '@evenkeel/core/objectives/burn-alert.ts';
import { detectionSeconds, resetSeconds } from '@evenkeel/core/objectives/burn-time.ts';
import { durationText } from '@evenkeel/core/objectives/calculator.ts';
import { writeMinutes, type ObjectiveDefinition } from '@evenkeel/core/objectives/definition.ts';
import { cutPercent, decimalText, fraction, percentOf, raisedText, type Fraction, type Ppb } from '@evenkeel/core/objectives/share.ts';
import type { Severity } from '@evenkeel/contract/playbook/budget-policy.ts';
import type { Figures, TierFigures } from './figures.ts';
import { writeScope } from './scopes.ts';
import type { BurnAlertRow, ModeChangeRow } from './state-store.ts';

export const isoOf = (minute: number): string => new Date(minute * 60_000).toISOString();
export const remainingText = (remaining: Fraction): string => raisedText({ num: remaining.num * 100n, den: remaining.den }, 4);

/** `exhaustsInMinutes`: where it was asked for. */
export function budgetView({ range, sums, window, budget, causes, burn }: Figures, exhaustsInMinutes: number | null = null): BudgetView {
  const known = budget.state === 'known' ? budget : null;
  return {
    state: budget.state,
    reason: budget.state === 'known' ? null : budget.reason,
    total: window.total,
    bad: window.bad,
    achieved_percent: known === null ? null : cutPercent(known.achieved, 5),
    meets_target: known?.meets ?? null,
    consumed_percent: known === null ? null : cutPercent(known.consumed, 4),
    remaining_percent: known === null ? null : remainingText(known.remaining),
    bad_left: known === null ? null : Number(known.badLeft),
    consumed_by: causes.map(({ cause, bad, share }) => ({ cause, bad, percent: cutPercent(share, 2) })),
    projected_exhaustion: exhaustsInMinutes === null || burn === null ? null : { at: isoOf(range.to + exhaustsInMinutes), burn_rate: raisedText(burn, 2) },
    from: isoOf(range.from),
    to: isoOf(range.to),
    coverage: { measured_minutes: sums.measuredMinutes, window_minutes: sums.windowMinutes, percent: cutPercent(window.coverage, 4) },
  };
}

const whole: Fraction = fraction(1n, 1n);

export function burnView({ tier, long, short }: TierFigures, objective: ObjectiveDefinition, minCoverage: Ppb): BurnView {
  const window = (minutes: number, figures: WindowFigures) => {
    const rate = burnRate(figures, objective.budget);
    return { window: writeMinutes(minutes), total: figures.total, bad: figures.bad, rate: rate === null ? null : raisedText(rate, 2), coverage_percent: cutPercent(figures.coverage, 2) };
  };
  const [fires, resets] = [detectionSeconds(tier, objective.budget, whole), resetSeconds(tier, objective.budget, whole)];
  return {
    tier: tier.id,
    severity: tier.severity,
    factor: decimalText((tier.factor.num * 1_000_000n) / tier.factor.den, 6),
    long: window(tier.longMinutes, long),
    short: window(tier.shortMinutes, short),
    state: [long, short].some((figures) => !isCovered(figures, minCoverage)) || isTooLittle(long, objective.burnMinimum) ? 'insufficient_data' : 'known',
    above: isAbove(long, tier, objective.budget) && isAbove(short, tier, objective.budget),
    fires_after_total_outage: fires === null ? 'never' : durationText(fires),
    resets_after: resets === null ? 'never' : durationText(resets),
  };
}

export function summaryOf(objective: ObjectiveDefinition, evaluatedTo: string | null): Omit<ObjectiveSummary, 'overall'> {
  const { window } = objective;
  return {
    id: objective.id,
    title: objective.title,
    indicator: objective.indicatorName,
    target_percent: percentOf(objective.target),
    method: objective.method,
    window: window.kind === 'rolling' ? `${window.days}d` : `${window.unit} in ${window.timeZone}`,
    scopes: [...objective.scopes],
    evaluated_to: evaluatedTo,
  };
}

export const alertView = (row: BurnAlertRow): BurnAlertView => ({
  id: row.id,
  objective: row.objective_id,
  scope: writeScope({ kind: row.scope_kind, id: row.scope_id }),
  tier: row.tier,
  severity: row.severity as Severity,
  notify: row.notify,
  state: row.resolved_minute === null ? 'firing' : 'resolved',
  fired_minute: isoOf(row.fired_minute),
  resolved_minute: row.resolved_minute === null ? null : isoOf(row.resolved_minute),
  long: { bad: row.long_bad, total: row.long_total },
  short: { bad: row.short_bad, total: row.short_total },
});

export const modeChangeView = (row: ModeChangeRow) => ({
  id: row.id,
  at: row.at.toISOString(),
  minute: isoOf(row.minute),
  from: row.from_mode,
  to: row.to_mode,
  remaining_percent: row.remaining_percent,
  total: row.total,
  bad: row.bad,
  freeze: row.deploy_freeze,
  notify: row.notify,
  incident: row.incident,
  actions: row.actions,
  event_id: row.event_id,
});
