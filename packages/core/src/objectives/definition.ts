/** The playbook's objectives and policy as exact values: what the arithmetic of this room takes. */
import type { BudgetPolicyFile, ModeRule, PolicyMode, Severity } from '@evenkeel/contract/playbook/budget-policy.ts';
import type { CalendarUnit, Indicator, Minimum, Objective, ObjectivesFile, ScopeKind } from '@evenkeel/contract/playbook/objectives.ts';
import { fraction, readDecimal, readPercent, whole, type Fraction, type Ppb } from './share.ts';

export type ObjectiveWindow = { readonly kind: 'rolling'; readonly days: number } | { readonly kind: 'calendar'; readonly unit: CalendarUnit; readonly timeZone: string };

export interface ObjectiveDefinition {
  readonly id: string;
  readonly title: string;
  readonly description: string | null;
  readonly indicatorName: string;
  readonly indicator: Indicator;
  readonly target: Ppb;
  /** What is left to 100 %; above 0. */
  readonly budget: Ppb;
  readonly window: ObjectiveWindow;
  readonly method: 'events' | 'time_slices';
  /** Of time slices: a minute is bad above this share of bad events. */
  readonly sliceBadAbove: Ppb;
  readonly scopes: readonly ScopeKind[];
  readonly minimum: Minimum;
  /** Of the window, before the budget of a part of it says anything of the whole. 0 in minutes, whose budget is for the whole window from its beginning. */
  readonly minMeasuredMinutes: number;
  /** `minimum` for the long window of a burn-rate alert: in minutes a short window never has many. */
  readonly burnMinimum: Minimum;
  readonly service: string;
  readonly terms: string | null;
  readonly openslo: Readonly<Record<string, unknown>> | null;
}

export interface BurnTier {
  readonly id: string;
  /** Exact: 14.4 is 72/5. */
  readonly factor: Fraction;
  readonly longMinutes: number;
  readonly shortMinutes: number;
  readonly severity: Severity;
  readonly notify: readonly string[];
}

export interface BudgetPolicy {
  readonly edges: { readonly caution: Ppb; readonly restricted: Ppb; readonly critical: Ppb };
  readonly hysteresis: Ppb;
  readonly modes: Readonly<Record<PolicyMode, ModeRule>>;
  readonly tiers: readonly BurnTier[];
  readonly minimum: Minimum;
  readonly minCoverage: Ppb;
  readonly gate: BudgetPolicyFile['gate'];
  readonly deployments: BudgetPolicyFile['deployments'];
}

/** Of a file and a policy without faults; throws a TypeError on one that has them. */
export function defineObjectives(file: ObjectivesFile, policy: BudgetPolicy): ObjectiveDefinition[] {
  return file.objectives.map((objective) => define(objective, file, policy));
}

function define(objective: Objective, file: ObjectivesFile, policy: BudgetPolicy): ObjectiveDefinition {
  const indicator = file.indicators[objective.indicator];
  if (indicator === undefined) throw new TypeError(`objective ${objective.id} names the indicator ${objective.indicator}, which does not exist`);
  const target = exact(readPercent(objective.target), `target of ${objective.id}`);
  const { rolling_days: days, calendar: unit, time_zone: timeZone = 'UTC' } = objective.window;
  const window: ObjectiveWindow = unit === undefined ? { kind: 'rolling', days: days ?? 30 } : { kind: 'calendar', unit, timeZone };
  const minimum = objective.minimum ?? policy.minimum;
  return {
    id: objective.id,
    title: objective.title,
    description: objective.description ?? null,
    indicatorName: objective.indicator,
    indicator,
    target,
    budget: whole - target,
    window,
    method: objective.method,
    sliceBadAbove: objective.slice === undefined ? 0n : exact(readPercent(objective.slice.bad_above), `slice of ${objective.id}`),
    scopes: objective.scopes,
    minimum,
    minMeasuredMinutes: objective.method === 'events' ? minMeasuredMinutes(minimum.measured ?? policy.minimum.measured ?? defaultMeasured, window) : 0,
    burnMinimum: burnMinimum(objective.method, minimum),
    service: objective.service ?? 'evenkeel',
    terms: objective.terms ?? null,
    openslo: objective.openslo ?? null,
  };
}

/** Every hour of the week once. One outage then weighs at most 30/7 of what it will in a full window of 30 days, not thousands. */
const defaultMeasured = '7d';
const shortestDays = { week: 7, month: 28, quarter: 90 } as const;

/** Half of the window at most: all of it is hardly ever measured. */
function minMeasuredMinutes(written: string, window: ObjectiveWindow): number {
  const days = window.kind === 'rolling' ? window.days : shortestDays[window.unit];
  return Math.min(exact(readMinutes(written), 'minimum.measured'), days * 720);
}

/** Of minutes, how many of the window were measured decides, not how many there are. */
const burnMinimum = (method: Objective['method'], minimum: Minimum): Minimum => (method === 'events' ? minimum : { ...minimum, events: 1 });

/** Of a file without faults. Tiers that are not enabled are left out. */
export function definePolicy(file: BudgetPolicyFile): BudgetPolicy {
  const share = (written: number | string, name: string): Ppb => exact(readPercent(written), name);
  return {
    edges: { caution: share(file.edges.caution, 'edges.caution'), restricted: share(file.edges.restricted, 'edges.restricted'), critical: share(file.edges.critical, 'edges.critical') },
    hysteresis: share(file.hysteresis, 'hysteresis'),
    modes: file.modes,
    tiers: file.burn_alerts.filter(({ enabled }) => enabled !== false).map((tier) => ({
      id: tier.id,
      factor: fraction(exact(readDecimal(tier.factor, 6), `factor of ${tier.id}`), 1_000_000n),
      longMinutes: exact(readMinutes(tier.long_window), `long_window of ${tier.id}`),
      shortMinutes: exact(readMinutes(tier.short_window), `short_window of ${tier.id}`),
      severity: tier.severity,
      notify: tier.notify,
    })),
    minimum: file.minimum,
    minCoverage: share(file.min_coverage, 'min_coverage'),
    gate: file.gate,
    deployments: file.deployments,
  };
}

const minutesOf = { m: 1, h: 60, d: 1440 } as const;

/** `5m`, `6h`, `3d` in minutes; undefined for anything else. */
export function readMinutes(written: string): number | undefined {
  const [, count, unit] = /^([1-9]\d{0,4})([mhd])$/.exec(written) ?? [];
  return count === undefined || unit === undefined ? undefined : Number(count) * minutesOf[unit as keyof typeof minutesOf];
}

/** The shortest way to write minutes: 300 → 5h. */
export function writeMinutes(minutes: number): string {
  if (minutes % 1440 === 0) return `${minutes / 1440}d`;
  return minutes % 60 === 0 ? `${minutes / 60}h` : `${minutes}m`;
}

function exact<T>(value: T | undefined, name: string): T {
  if (value === undefined) throw new TypeError(`the playbook was used before it was checked: ${name} cannot be read`);
  return value;
}
