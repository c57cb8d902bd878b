/**
 * When a burn-rate alert fires and ends, after a step to a constant share of bad events: the closed forms behind the
 * multi-window alerts of the SRE Workbook (chapter 5). All exact; b is the budget, e the share of bad events, B the
 * factor, L and S the windows.
 */
import { compare, fraction, whole, type Fraction, type Ppb } from './share.ts';

export interface Tier {
  readonly factor: Fraction;
  readonly longMinutes: number;
  readonly shortMinutes: number;
}

/** B·b: the share of bad events above which the tier fires. */
export const threshold = ({ factor }: Tier, budget: Ppb): Fraction => fraction(factor.num * budget, factor.den * whole);

/** Seconds from the step to the alert, starting clean: (B·b/e)·L. Null: never, since e is not above B·b. */
export function detectionSeconds(tier: Tier, budget: Ppb, errors: Fraction): Fraction | null {
  const bound = threshold(tier, budget);
  if (compare(errors, bound) <= 0) return null;
  return fraction(bound.num * errors.den * BigInt(tier.longMinutes * 60), bound.den * errors.num);
}

/** Seconds from the recovery to the alert's end, both windows full of errors before: S·(1 − B·b/e). */
export function resetSeconds(tier: Tier, budget: Ppb, errors: Fraction): Fraction | null {
  const bound = threshold(tier, budget);
  if (compare(errors, bound) <= 0) return null;
  const den = bound.den * errors.num;
  return fraction((den - bound.num * errors.den) * BigInt(tier.shortMinutes * 60), den);
}

/** Share of the budget of a period that is spent when the alert fires: B·L/P. */
export function spentAtDetection(tier: Tier, periodMinutes: number): Fraction {
  return fraction(tier.factor.num * BigInt(tier.longMinutes), tier.factor.den * BigInt(periodMinutes));
}

/** Seconds in which a burn rate of the factor uses up the whole budget of a period: P/B. */
export function exhaustionSeconds(tier: Tier, periodMinutes: number): Fraction {
  return fraction(BigInt(periodMinutes * 60) * tier.factor.den, tier.factor.num);
}
