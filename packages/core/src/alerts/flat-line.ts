/**
 * Silence as a failure: a stream that has stopped, told from one that is quiet at this hour. The expectation comes from
 * the same hours of past weeks; how long a silence has to last follows from the chance that it means nothing.
 */
import { logChanceOfSilence } from './exact-tests.ts';

/** Hours of a week, from Monday 00:00 UTC. */
export const hoursOfWeek = 168;

export function hourOfWeek(ms: number): number {
  // The epoch was a Thursday.
  return (Math.floor(ms / 3_600_000) + 72) % hoursOfWeek;
}

export interface Baseline {
  /** Events expected in each hour of the week. */
  readonly expected: readonly number[];
  /** Of the negative binomial; Infinity where counts vary no more than Poisson's. */
  readonly dispersion: number;
  /** Weeks it is made from. */
  readonly weeks: number;
}

/**
 * From counts by hour of several weeks, oldest first; null marks an hour to leave out (an incident, or not measured).
 * The median of the weeks, so that one week's outage or campaign moves nothing.
 */
export function makeBaseline(weeks: readonly (readonly (number | null)[])[]): Baseline {
  const expected: number[] = [];
  const residuals: { mean: number; squared: number }[] = [];
  for (let hour = 0; hour < hoursOfWeek; hour += 1) {
    const counts = weeks.flatMap((week) => week[hour] ?? []);
    const middle = median(counts);
    expected.push(middle);
    if (counts.length >= 2 && middle > 0) for (const count of counts) residuals.push({ mean: middle, squared: (count - middle) ** 2 });
  }
  return { expected, dispersion: dispersionOf(residuals), weeks: weeks.length };
}

/** Method of moments over all hours: variance = mean + mean²/k. */
function dispersionOf(residuals: readonly { readonly mean: number; readonly squared: number }[]): number {
  let excess = 0;
  let squares = 0;
  for (const { mean, squared } of residuals) {
    excess += squared - mean;
    squares += mean * mean;
  }
  return excess <= 0 || squares === 0 ? Number.POSITIVE_INFINITY : squares / excess;
}

function median(counts: readonly number[]): number {
  if (counts.length === 0) return 0;
  const sorted = counts.toSorted((a, b) => a - b);
  const half = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? (sorted[half] ?? 0) : ((sorted[half - 1] ?? 0) + (sorted[half] ?? 0)) / 2;
}

/** Events expected from `fromMs` to `toMs`; hours count by their share. `measured` tells which share of an hour was watched at all, by its start. */
export function expectedBetween(baseline: Baseline, fromMs: number, toMs: number, measured: (hourStartMs: number) => number = () => 1): number {
  let sum = 0;
  for (let at = fromMs; at < toMs; ) {
    const start = Math.floor(at / 3_600_000) * 3_600_000;
    const end = Math.min(start + 3_600_000, toMs);
    sum += (baseline.expected[hourOfWeek(at)] ?? 0) * ((end - at) / 3_600_000) * measured(start);
    at = end;
  }
  return sum;
}

export interface FlatLineRule {
  /** Largest chance that the silence means nothing. */
  readonly alpha: number;
  /** Fewer weeks of history say nothing. */
  readonly minWeeks: number;
}

export type Silence =
  | { readonly kind: 'quiet'; readonly why: 'insufficient_history' | 'may_be_chance'; readonly expected: number }
  | { readonly kind: 'flat'; readonly expected: number; readonly logChance: number };

/** Of a stream without one event since `lastEventMs`. Poisson: flat as soon as -ln α events were expected. */
export function judgeSilence(baseline: Baseline, lastEventMs: number, nowMs: number, rule: FlatLineRule, measured?: (hourStartMs: number) => number): Silence {
  const expected = expectedBetween(baseline, lastEventMs, nowMs, measured);
  if (baseline.weeks < rule.minWeeks) return { kind: 'quiet', why: 'insufficient_history', expected };
  const logChance = logChanceOfSilence(expected, baseline.dispersion);
  return logChance <= Math.log(rule.alpha) ? { kind: 'flat', expected, logChance } : { kind: 'quiet', why: 'may_be_chance', expected };
}
