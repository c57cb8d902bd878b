/** The counts of one series over some span of time: integers, failures by code, distributions of durations. All of it adds up. */
import { addFact, countColumns, type Fact } from './outcome.ts';
import { Sketch } from './sketch.ts';

export interface Counts {
  /** A place for each of `countColumns`. */
  readonly columns: Float64Array;
  readonly codes: Map<string, number>;
  /** Of microseconds: the share of the time that was not the vendor's, the whole time, and how long something waited. */
  readonly overhead: Sketch;
  readonly total: Sketch;
  readonly lag: Sketch;
}

export function noCounts(): Counts {
  return { columns: new Float64Array(countColumns.length), codes: new Map(), overhead: new Sketch(), total: new Sketch(), lag: new Sketch() };
}

/** Adds `from` to `into`. Associative and commutative; every column of the sum is the sum of the column. */
export function mergeCounts(into: Counts, from: Counts): void {
  for (let at = 0; at < into.columns.length; at += 1) into.columns[at] = (into.columns[at] ?? 0) + (from.columns[at] ?? 0);
  for (const [code, times] of from.codes) into.codes.set(code, (into.codes.get(code) ?? 0) + times);
  into.overhead.merge(from.overhead);
  into.total.merge(from.total);
  into.lag.merge(from.lag);
}

/** What an amendment or a recount is made of: the same fact as the hot path counts it. */
export function countFact(into: Counts, fact: Fact): void {
  addFact(into.columns, fact);
  if (fact.outcome === 'failure' && fact.code !== null) into.codes.set(fact.code, (into.codes.get(fact.code) ?? 0) + 1);
  if (fact.lagUs !== undefined) into.lag.record(fact.lagUs);
  if (fact.outcome === 'aborted') return;
  into.overhead.record(fact.totalUs - fact.upstreamUs);
  into.total.record(fact.totalUs);
}
