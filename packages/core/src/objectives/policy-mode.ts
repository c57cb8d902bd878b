/** The mode a budget puts the team in. Worse is taken at once; better only when the budget is clear of the edge. */
import { policyModes, type PolicyMode } from '@evenkeel/contract/playbook/budget-policy.ts';
import type { MinuteRange } from './calendar.ts';
import type { BudgetPolicy, ObjectiveWindow } from './definition.ts';
import { compare, fraction, whole, type Fraction } from './share.ts';

/** By what remains: above the first edge normal; from the second up caution; from the third up restricted; below critical; nothing: exhausted. */
export function modeOf(remaining: Fraction, { edges }: Pick<BudgetPolicy, 'edges'>): PolicyMode {
  const against = (edge: bigint): number => compare(remaining, fraction(edge, whole));
  if (remaining.num <= 0n) return 'exhausted';
  if (against(edges.critical) < 0) return 'critical';
  if (against(edges.restricted) < 0) return 'restricted';
  return against(edges.caution) > 0 ? 'normal' : 'caution';
}

/** `current` is null for a budget seen for the first time. */
export function nextMode(current: PolicyMode | null, remaining: Fraction, policy: Pick<BudgetPolicy, 'edges' | 'hysteresis'>): PolicyMode {
  const plain = modeOf(remaining, policy);
  if (current === null || rank(plain) >= rank(current)) return plain;
  // What would be left if the hysteresis had been spent as well: better than now only when clear of the edge.
  const cautious = modeOf(fraction(remaining.num * whole - policy.hysteresis * remaining.den, remaining.den * whole), policy);
  return rank(cautious) < rank(current) ? cautious : current;
}

/** 0 is the best. */
export const rank = (mode: PolicyMode): number => policyModes.indexOf(mode);

/**
 * Whether a mode that present data does not bear out any more is over: nothing it was judged by is in the window. Until
 * then the last known mode holds. `since` is the end of the minute that began it, in minutes since the epoch; `total` what
 * the window holds now.
 */
export function hasExpired({ kind }: Pick<ObjectiveWindow, 'kind'>, since: number, range: MinuteRange, total: number): boolean {
  return total === 0 || (kind === 'calendar' && since <= range.from);
}
