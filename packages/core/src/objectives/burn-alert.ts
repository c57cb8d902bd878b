/**
 * Whether a burn-rate alert fires, stays or ends: both windows strictly above the factor fire it, one known to be at or
 * below it ends it. What was not measured decides nothing: an alert freezes rather than resolves.
 */
import type { Minimum } from '@evenkeel/contract/playbook/objectives.ts';
import type { WindowFigures } from './budget.ts';
import type { BurnTier } from './definition.ts';
import { compare, fraction, whole, type Ppb } from './share.ts';

export interface BurnInput {
  readonly tier: Pick<BurnTier, 'factor'>;
  readonly budget: Ppb;
  readonly long: WindowFigures;
  readonly short: WindowFigures;
  /** Of the long window. */
  readonly minimum: Minimum;
  readonly minCoverage: Ppb;
  readonly firing: boolean;
}

export type BurnDecision = 'fire' | 'resolve' | 'keep';

export function decideBurn({ tier, budget, long, short, minimum, minCoverage, firing }: BurnInput): BurnDecision {
  const known = (figures: WindowFigures): boolean => isCovered(figures, minCoverage);
  if (firing) return (known(short) && !isAbove(short, tier, budget)) || (known(long) && !isAbove(long, tier, budget)) ? 'resolve' : 'keep';
  if (!known(long) || !known(short) || isTooLittle(long, minimum)) return 'keep';
  return isAbove(long, tier, budget) && isAbove(short, tier, budget) ? 'fire' : 'keep';
}

/** So much of the window was measured that it says something. */
export const isCovered = ({ coverage }: WindowFigures, minCoverage: Ppb): boolean => compare(coverage, fraction(minCoverage, whole)) >= 0;

/** Too few events, or too few bad ones, for a long window to page anyone. */
export const isTooLittle = (long: WindowFigures, minimum: Minimum): boolean => long.total < minimum.events || long.bad < minimum.bad;

/** bad/total > B·b, by cross-multiplication. A window without a bad event is never above. */
export function isAbove({ total, bad }: WindowFigures, { factor }: Pick<BurnTier, 'factor'>, budget: Ppb): boolean {
  return BigInt(bad) * whole * factor.den > factor.num * budget * BigInt(total);
}
