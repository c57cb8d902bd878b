/** Counts of things that are in a state (accounts that need re-authorisation) watched by their change over a window. */

export interface GaugeChangeRule {
  /** The later count against the earlier one. */
  readonly factor: number;
  /** And by at least this many more. */
  readonly minRise: number;
}

/** 2 → 40 is a rise; 0 → 1 is none, since nothing is taken as one. */
export function hasRisen(earlier: number, later: number, rule: GaugeChangeRule): boolean {
  return later - earlier >= rule.minRise && later >= rule.factor * Math.max(earlier, 1);
}

/** Half of the rise is left: what has fired goes on. */
export function stillElevated(before: number, later: number, rule: GaugeChangeRule): boolean {
  return 2 * (later - before) >= rule.minRise && 2 * later >= rule.factor * Math.max(before, 1);
}
