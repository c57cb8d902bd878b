/** One node's metrics out of those of its processes. */
import type { Labels, Metric, Sample } from './exposition.ts';

/**
 * Counters and histograms are added up; of a gauge the largest value counts, or the sum where it says so. Metrics and
 * label sets come in the order in which they are met first.
 */
export function mergeMetrics(reports: readonly (readonly Metric[])[]): Metric[] {
  const merged = new Map<string, { readonly metric: Metric; readonly samples: Map<string, Sample> }>();
  for (const metric of reports.flat()) {
    const known = merged.get(metric.name) ?? { metric, samples: new Map<string, Sample>() };
    merged.set(metric.name, known);
    const combine = metric.type === 'gauge' && metric.across !== 'sum' ? Math.max : add;
    for (const sample of metric.samples) {
      const [labels, value, suffix] = sample;
      const key = keyOf(labels, suffix);
      const present = known.samples.get(key);
      known.samples.set(key, present === undefined ? sample : suffix === undefined ? [labels, combine(present[1], value)] : [labels, combine(present[1], value), suffix]);
    }
  }
  return [...merged.values()].map(({ metric, samples }) => ({ ...metric, samples: [...samples.values()] }));
}

/** What of a process that is gone still counts. */
export function onlyGrowing(metrics: readonly Metric[]): Metric[] {
  return metrics.filter(({ type }) => type !== 'gauge');
}

const add = (one: number, other: number): number => one + other;

function keyOf(labels: Labels, suffix = ''): string {
  return [suffix, ...Object.entries(labels).toSorted(([one], [other]) => (one < other ? -1 : 1)).flat()].join('\u001f');
}
