/** The budget of one objective in one scope, as it stands at the end of a minute: for the evaluation and for the API. */
import { budgetOf, burnRate, causesOf, figuresOf, type Budget, type WindowFigures, type WindowSums } from '@evenkeel/core/objectives/budget.ts';
import { calendarUnit, type MinuteRange } from '@evenkeel/core/objectives/calendar.ts';
import type { BudgetPolicy, BurnTier, ObjectiveDefinition } from '@evenkeel/core/objectives/definition.ts';
import type { Fraction } from '@evenkeel/core/objectives/share.ts';
import type { Tally } from '@evenkeel/core/objectives/tally.ts';
import { budgetWindow, type Track, type WindowReader } from './scopes.ts';

export interface TierFigures {
  readonly tier: BurnTier;
  readonly long: WindowFigures;
  readonly short: WindowFigures;
  /** Whose fault most of what is bad in the long window is. */
  readonly origin: 'platform' | 'upstream';
}

export interface Figures {
  readonly range: MinuteRange;
  readonly sums: WindowSums;
  readonly window: WindowFigures;
  readonly budget: Budget;
  readonly causes: ReturnType<typeof causesOf>;
  readonly tiers: readonly TierFigures[];
  /** Over the last six hours. */
  readonly burn: Fraction | null;
}

/** The burn rate that a projection goes by. */
export const projectionMinutes = 360;

export const back = (end: number, minutes: number): MinuteRange => ({ from: end - minutes, to: end });

/** Every window that `figuresAt` looks at. */
export function rangesOf(objective: ObjectiveDefinition, tiers: readonly BurnTier[], end: number): MinuteRange[] {
  return [budgetWindow(objective, end).range, back(end, projectionMinutes), ...tiers.flatMap(({ longMinutes, shortMinutes }) => [back(end, longMinutes), back(end, shortMinutes)])];
}

export function figuresAt(objective: ObjectiveDefinition, track: Track, reader: WindowReader, policy: BudgetPolicy, end: number): Figures {
  const { range } = budgetWindow(objective, end);
  const figures = (minutes: MinuteRange): WindowFigures => figuresOf(objective.method, reader.sums(track, minutes));
  const sums = reader.sums(track, range);
  const window = figuresOf(objective.method, sums);
  const budget = budgetOf(objective, window, policy.minCoverage, periodUnits(objective, sums, end));
  const burn = burnRate(figures(back(end, projectionMinutes)), objective.budget);
  return {
    range,
    sums,
    window,
    budget,
    causes: objective.method === 'events' ? causesOf(sums.tally) : [],
    tiers: policy.tiers.map((tier) => ({ tier, long: figures(back(end, tier.longMinutes)), short: figures(back(end, tier.shortMinutes)), origin: originOf(reader.sums(track, back(end, tier.longMinutes)).tally) })),
    burn,
  };
}

/** What is slow is ours as well. */
const originOf = ({ platform, slow, upstream }: Tally): TierFigures['origin'] => (upstream > platform + slow ? 'upstream' : 'platform');

/** Of windows counted in minutes: all of the window or period, less what was not measured of it so far. */
export function periodUnits(objective: ObjectiveDefinition, { measuredMinutes, windowMinutes, existedMinutes, tally }: WindowSums, end: number): number | undefined {
  if (objective.method === 'events') return undefined;
  if (objective.window.kind === 'rolling') return windowMinutes - (existedMinutes - measuredMinutes - tally.blindMinutes);
  const period = calendarUnit(objective.window.unit, objective.window.timeZone, end - 1);
  return period.to - period.from - (windowMinutes - measuredMinutes - tally.blindMinutes);
}
