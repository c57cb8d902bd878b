/**
 * The error budget of one objective in one scope: from the sums of its window to what is consumed, by whom, and when it
 * will be gone. Low traffic and thin coverage are said, not hidden.
 */
import { writeMinutes, type ObjectiveDefinition } from './definition.ts';
import { compare, floor, fraction, whole, type Fraction, type Ppb } from './share.ts';
import type { Tally } from './tally.ts';

/** What a window holds, in the unit of the objective's method: events or minutes. */
export interface WindowFigures {
  readonly total: number;
  readonly bad: number;
  /** Measured share of the window's minutes. */
  readonly coverage: Fraction;
}

/** Those of a budget's window. */
export interface BudgetFigures extends WindowFigures {
  /** Measured share of those minutes of the window in which the scope existed. */
  readonly observed: Fraction;
  readonly measuredMinutes: number;
}

export interface WindowSums {
  readonly tally: Tally;
  /** Measured minutes of the window, of those since the scope was first seen. */
  readonly measuredMinutes: number;
  readonly windowMinutes: number;
  /** Minutes of the window since the scope was first seen. */
  readonly existedMinutes: number;
}

export function figuresOf(method: ObjectiveDefinition['method'], { tally, measuredMinutes, windowMinutes, existedMinutes }: WindowSums): BudgetFigures {
  const measured = { measuredMinutes, coverage: fraction(BigInt(measuredMinutes), BigInt(Math.max(1, windowMinutes))), observed: fraction(BigInt(measuredMinutes), BigInt(Math.max(1, existedMinutes))) };
  if (method === 'events') return { total: tally.events, bad: tally.bad, ...measured };
  // A minute that is bad although not measured is known to be bad; one that is neither is in no sum.
  return { total: measuredMinutes + tally.blindMinutes, bad: tally.badMinutes, ...measured };
}

export type Budget =
  | { readonly state: 'insufficient_data'; /** A phrase: no capital, no full stop. */ readonly reason: string }
  | {
      readonly state: 'known';
      /** Share of good ones. */
      readonly achieved: Fraction;
      readonly meets: boolean;
      /** Share of the budget; may be above 1. */
      readonly consumed: Fraction;
      /** 1 − consumed; negative when more than the budget is gone. */
      readonly remaining: Fraction;
      /** Bad ones that may still come before the budget is gone; 0 when it is. */
      readonly badLeft: bigint;
    };

/**
 * Of a window. `periodUnits`: of a window counted in minutes, the minutes of the whole of it less those that were not
 * measured: its budget is for all of them, not for the part that has passed. Of events nobody knows how many will come:
 * too few of them, or of too little time, or few bad ones where the budget does not even allow that many, say nothing yet.
 * (One vendor that fails in the first minutes of an installation would else have used up what is meant for 30 days.)
 */
export function budgetOf({ target, budget, minimum, minMeasuredMinutes }: Pick<ObjectiveDefinition, 'target' | 'budget' | 'minimum' | 'minMeasuredMinutes'>, figures: BudgetFigures, minCoverage: Ppb, periodUnits?: number): Budget {
  // A young scope is judged by the time it has existed; alerts want their whole window.
  const { total, bad, observed, measuredMinutes } = figures;
  if (total === 0) return { state: 'insufficient_data', reason: 'nothing was measured in the window' };
  if (total < minimum.events) return { state: 'insufficient_data', reason: `${total} of at least ${minimum.events} in the window` };
  if (measuredMinutes < minMeasuredMinutes) return { state: 'insufficient_data', reason: `${writeMinutes(measuredMinutes)} of at least ${writeMinutes(minMeasuredMinutes)} of the window measured` };
  if (compare(observed, fraction(minCoverage, whole)) < 0 && bad < minimum.bad) return { state: 'insufficient_data', reason: 'too little of the window was measured' };
  const allowed = budget * BigInt(Math.max(total, periodUnits ?? 0));
  if (bad > 0 && bad < minimum.bad && allowed < BigInt(minimum.bad) * whole) return { state: 'insufficient_data', reason: `${bad} bad ones of ${total}: the budget of so few allows less than ${minimum.bad}, so that fewer than ${minimum.bad} say nothing` };
  const used = BigInt(bad) * whole;
  const achieved = fraction(BigInt(total - bad), BigInt(total));
  return {
    state: 'known',
    achieved,
    meets: compare(achieved, fraction(target, whole)) >= 0,
    consumed: fraction(used, allowed),
    remaining: fraction(allowed - used, allowed),
    badLeft: used >= allowed ? 0n : floor({ num: allowed - used, den: whole }),
  };
}

/** bad/(b·total): 1 uses up exactly the budget by the end of the period. Null when nothing was measured. */
export function burnRate({ total, bad }: WindowFigures, budget: Ppb): Fraction | null {
  return total === 0 ? null : fraction(BigInt(bad) * whole, budget * BigInt(total));
}

/** Share of the consumed budget that each cause has; empty when nothing is consumed. */
export function causesOf({ bad, platform, upstream, slow }: Tally): readonly { readonly cause: 'platform' | 'upstream' | 'slow'; readonly bad: number; readonly share: Fraction }[] {
  if (bad === 0) return [];
  const of = (cause: 'platform' | 'upstream' | 'slow', count: number) => ({ cause, bad: count, share: fraction(BigInt(count), BigInt(bad)) });
  return [of('platform', platform), of('upstream', upstream), of('slow', slow)].filter(({ bad: count }) => count > 0).toSorted((a, b) => b.bad - a.bad);
}
