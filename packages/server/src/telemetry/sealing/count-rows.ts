/** Counts as rows of `minute_counts`, `minute_amendments` and `hour_counts`: the same columns, written and read one way. */
import { noCounts, type Counts } from '@evenkeel/core/telemetry/counts.ts';
import { countColumns, type CountColumn } from '@evenkeel/core/telemetry/outcome.ts';
import { packSketch, unpackSketch } from '@evenkeel/core/telemetry/sketch-codec.ts';

/** Names of the columns, in the order of `countArrays`. */
export const countNames = [...countColumns, 'codes', 'overhead_sketch', 'total_sketch', 'lag_sketch'].join(', ');

export type CountRow = Record<CountColumn, number> & { codes: Record<string, number>; overhead_sketch: Buffer | null; total_sketch: Buffer | null; lag_sketch: Buffer | null };

/** One array a column, for unnest: integers, then codes as JSON, then sketches. */
export function countArrays(counts: readonly Counts[]): unknown[][] {
  const bytes = (packed: Uint8Array | null): Buffer | null => (packed === null ? null : Buffer.from(packed));
  return [
    ...countColumns.map((_, at) => counts.map(({ columns }) => columns[at] ?? 0)),
    counts.map(({ codes }) => (codes.size === 0 ? '{}' : JSON.stringify(Object.fromEntries(codes)))),
    counts.map(({ overhead }) => bytes(packSketch(overhead))),
    counts.map(({ total }) => bytes(packSketch(total))),
    counts.map(({ lag }) => bytes(packSketch(lag))),
  ];
}

/** The source of an insert: parameters from `$first` on, as `countArrays` gives them. */
export function countSource(first: number, integer: 'integer' | 'bigint'): string {
  const types = [...countColumns.map(() => `${integer}[]`), 'jsonb[]', 'bytea[]', 'bytea[]', 'bytea[]'];
  return types.map((type, at) => `$${first + at}::${type}`).join(', ');
}

/** Adds a row to `into`. */
export function addRow(into: Counts, row: CountRow): void {
  countColumns.forEach((name, at) => void (into.columns[at] = (into.columns[at] ?? 0) + row[name]));
  for (const [code, times] of Object.entries(row.codes)) into.codes.set(code, (into.codes.get(code) ?? 0) + times);
  unpackSketch(row.overhead_sketch, into.overhead);
  unpackSketch(row.total_sketch, into.total);
  unpackSketch(row.lag_sketch, into.lag);
}

export function countsAt<Key>(map: Map<Key, Counts>, key: Key): Counts {
  let counts = map.get(key);
  if (counts === undefined) map.set(key, (counts = noCounts()));
  return counts;
}
