/**
 * Failure ratios watched by their change: two adjacent windows, and a rise that is large enough to matter, large
 * against what was before, and too large for chance. A steady ratio of failures raises nothing, whatever its height.
 */
import { binomialUpperTail, fisherExact } from './exact-tests.ts';

export interface WindowCounts {
  readonly total: number;
  readonly bad: number;
}

export interface RateChangeRule {
  /** Floor of the later ratio, in parts per million: 20 000 is 2 %. */
  readonly minRatioPpm: number;
  /** The later ratio against the earlier one. */
  readonly factor: number;
  readonly minBad: number;
  readonly minTotal: number;
  /** Largest chance that the rise is none. Tiny, because very many series are judged every minute. */
  readonly alpha: number;
  /** Ratio taken as the earlier one where there was no traffic earlier, in parts per million. */
  readonly assumedRatioPpm: number;
}

export type RateChange =
  | { readonly kind: 'quiet'; readonly why: 'insufficient_volume' | 'below_floor' | 'no_rise' | 'may_be_chance'; readonly chance?: number }
  | { readonly kind: 'risen'; readonly chance: number };

/** Pure and total for counts with 0 <= bad <= total. The comparisons are of products of integers, so that 0.5 % to 2 % is a rise of exactly four times. */
export function judgeRateChange(earlier: WindowCounts, later: WindowCounts, rule: RateChangeRule): RateChange {
  if (!worthTesting(earlier.total, earlier.bad, later.total, later.bad, rule)) return { kind: 'quiet', why: whyQuiet(later, rule) };
  const chance = earlier.total === 0 ? binomialUpperTail(later.total, later.bad, rule.assumedRatioPpm / 1e6) : fisherExact(earlier, later);
  return chance < rule.alpha ? { kind: 'risen', chance } : { kind: 'quiet', why: 'may_be_chance', chance };
}

/** The cheap part, all that most series of a scan come to. */
export function worthTesting(earlierTotal: number, earlierBad: number, laterTotal: number, laterBad: number, rule: RateChangeRule): boolean {
  if (laterBad < rule.minBad || laterTotal < rule.minTotal) return false;
  if (laterBad * 1e6 < rule.minRatioPpm * laterTotal) return false;
  return earlierTotal === 0
    ? laterBad * 1e6 >= rule.factor * rule.assumedRatioPpm * laterTotal
    : // No bad one earlier is taken as half a one: a first failure is no infinite rise.
      2 * laterBad * earlierTotal >= rule.factor * Math.max(2 * earlierBad, 1) * laterTotal;
}

function whyQuiet(later: WindowCounts, rule: RateChangeRule): 'insufficient_volume' | 'below_floor' | 'no_rise' {
  if (later.total < rule.minTotal) return 'insufficient_volume';
  return later.bad < rule.minBad || later.bad * 1e6 < rule.minRatioPpm * later.total ? 'below_floor' : 'no_rise';
}

/**
 * Whether an alert that has fired still has its reason. Its earlier window fills with failures meanwhile, so the later
 * one is held against the ratio before the rise: over half the floor and over half of the rise, it goes on.
 */
export function stillRisen(before: WindowCounts, later: WindowCounts, rule: RateChangeRule): boolean {
  if (later.total === 0) return false;
  const overFloor = 2 * later.bad * 1e6 >= rule.minRatioPpm * later.total;
  const reference = before.total === 0 ? rule.assumedRatioPpm / 1e6 : Math.max(before.bad, 0.5) / before.total;
  return overFloor && later.bad / later.total >= (rule.factor / 2) * reference;
}
