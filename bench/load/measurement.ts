/** The line a benchmark prints for each metric, and the statistics of its rounds. */

export type Bar = { readonly atLeast: number } | { readonly below: number } | { readonly exactly: number } | null;

export function report(bench: string, metric: string, value: number, unit: string, bar: Bar = null): void {
  const shown = bar === null ? null : 'exactly' in bar ? bar.exactly : 'atLeast' in bar ? `>= ${bar.atLeast}` : `< ${bar.below}`;
  console.log(JSON.stringify({ bench, metric, value: Number(value.toPrecision(4)), unit, bar: shown }));
}

export const note = (text: string): void => console.error(text);

export function median(values: readonly number[]): number {
  return quantile(values.toSorted((a, b) => a - b), 0.5);
}

/** Linear interpolation between order statistics; `sorted` ascends. NaN when empty. */
export function quantile(sorted: readonly number[], q: number): number {
  const at = (sorted.length - 1) * q;
  const low = sorted[Math.floor(at)] ?? Number.NaN;
  const high = sorted[Math.ceil(at)] ?? Number.NaN;
  return low + (high - low) * (at - Math.floor(at));
}
