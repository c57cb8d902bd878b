/**
 * From one fact (a call, a refresh, an inbound event, a delivery) to what is counted of it. The columns are those of
 * `minute_counts`, in their order; every sum over them is a sum of integers.
 */
import { errorRegistry, type Origin } from '@evenkeel/contract/errors.ts';

export type Outcome = 'success' | 'failure' | 'aborted';

/** What became of something, and how long it took. Times are in microseconds; `lagUs` only where something waited. */
export interface Fact {
  readonly outcome: Outcome;
  /** Whose failure; null unless it is one. */
  readonly origin: Origin | null;
  /** A code of the error registry, or one of the kind's own. */
  readonly code: string | null;
  readonly totalUs: number;
  /** Of it, time spent at the vendor or receiver. */
  readonly upstreamUs: number;
  readonly lagUs?: number;
}

export const countColumns = ['total', 'success', 'caller', 'account', 'platform', 'upstream', 'aborted', 'platform_5xx', 'upstream_5xx', 'rate_limited', 'slow', 'overhead_slow'] as const;
export type CountColumn = (typeof countColumns)[number];

/** From this total on an answer counts as slow, in microseconds. */
export const slowUs = 500_000;

/** Codes whose answer has a status of 500 or more. A failure without a code counts as one: nobody got an answer. */
const serverErrors: ReadonlySet<string> = new Set(Object.entries(errorRegistry).flatMap(([code, { status }]) => (status >= 500 ? [code] : [])));
const isServerError = (code: string | null): boolean => code === null || serverErrors.has(code) || /^5\d\d$/.test(code);

/** Adds one fact to `counts`, an array with a place for each of `countColumns`. On the path of every call. */
export function addFact(counts: Int32Array | Float64Array | number[], fact: Fact): void {
  increment(counts, 0);
  if (fact.outcome === 'success') {
    increment(counts, 1);
    if (fact.totalUs >= slowUs) increment(counts, 10);
    if (fact.totalUs - fact.upstreamUs >= slowUs) increment(counts, 11);
    return;
  }
  if (fact.outcome === 'aborted') return increment(counts, 6);
  addFailure(counts, fact);
}

function addFailure(counts: Int32Array | Float64Array | number[], { origin, code, totalUs, upstreamUs }: Fact): void {
  const serverError = isServerError(code);
  switch (origin) {
    case 'caller':
      increment(counts, 2);
      break;
    case 'account':
      increment(counts, 3);
      break;
    case 'upstream':
      increment(counts, 5);
      if (serverError) increment(counts, 8);
      break;
    // A failure that nobody is named for is ours until somebody is.
    case 'platform':
    case null:
      increment(counts, 4);
      if (serverError) increment(counts, 7);
  }
  if (code === 'rate_limited') increment(counts, 9);
  // Slow are answers: a 5xx is bad already, and a sum of the two must count no call twice.
  if (serverError) return;
  if (totalUs >= slowUs) increment(counts, 10);
  if (totalUs - upstreamUs >= slowUs) increment(counts, 11);
}

function increment(counts: Int32Array | Float64Array | number[], at: number): void {
  counts[at] = (counts[at] ?? 0) + 1;
}
