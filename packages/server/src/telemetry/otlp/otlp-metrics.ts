/** Metrics as OTLP/HTTP's JSON wants them (opentelemetry-proto metrics/v1): sums and histograms that grow since the start. */
import type { Labels, Metric, Sample } from '../metrics/exposition.ts';

const cumulative = 2;

export const attribute = (key: string, value: string | number): object => ({ key, value: typeof value === 'number' ? { intValue: String(value) } : { stringValue: value } });
const attributesOf = (labels: Labels): object[] => Object.entries(labels).map(([key, value]) => attribute(key, value));
export const nanoseconds = (ms: number): string => `${BigInt(Math.round(ms * 1000)) * 1000n}`;

/** A histogram in the making, with upper bounds in seconds. */
export class DurationHistogram {
  readonly attributes: readonly object[];
  readonly #bounds: readonly number[];
  readonly #counts: number[];
  #sum = 0;

  constructor(attributes: readonly object[], bounds: readonly number[]) {
    this.attributes = attributes;
    this.#bounds = bounds;
    this.#counts = [...bounds, Number.POSITIVE_INFINITY].map(() => 0);
  }

  record(seconds: number): void {
    const found = this.#bounds.findIndex((bound) => seconds <= bound);
    const at = found === -1 ? this.#bounds.length : found;
    this.#counts[at] = (this.#counts[at] ?? 0) + 1;
    this.#sum += seconds;
  }

  point(startMs: number, nowMs: number): object {
    const count = this.#counts.reduce((all, one) => all + one, 0);
    return { attributes: this.attributes, startTimeUnixNano: nanoseconds(startMs), timeUnixNano: nanoseconds(nowMs), count: String(count), sum: this.#sum, bucketCounts: this.#counts.map(String), explicitBounds: this.#bounds };
  }
}

export function histogramMetric(name: string, description: string, histograms: Iterable<DurationHistogram>, startMs: number, nowMs: number): object {
  return { name, unit: 's', description, histogram: { aggregationTemporality: cumulative, dataPoints: [...histograms].map((one) => one.point(startMs, nowMs)) } };
}

/** A metric of `/metrics` under its own name. */
export function otlpMetric({ name, type, help, samples }: Metric, startMs: number, nowMs: number): object {
  const point = ([labels, value]: Sample): object => ({ attributes: attributesOf(labels), startTimeUnixNano: nanoseconds(startMs), timeUnixNano: nanoseconds(nowMs), asDouble: value });
  if (type === 'gauge') return { name, description: help, gauge: { dataPoints: samples.map(point) } };
  if (type === 'counter') return { name, description: help, sum: { aggregationTemporality: cumulative, isMonotonic: true, dataPoints: samples.map(point) } };
  return { name, unit: 's', description: help, histogram: { aggregationTemporality: cumulative, dataPoints: histogramPoints(samples, startMs, nowMs) } };
}

/** From Prometheus' steps, each of which holds those below it, to counts of each bucket. */
function histogramPoints(samples: readonly Sample[], startMs: number, nowMs: number): object[] {
  const groups = Map.groupBy(samples, ([labels]) => JSON.stringify(Object.entries(labels).filter(([key]) => key !== 'le')));
  return [...groups].map(([key, own]) => {
    const steps = own.filter(([, , suffix]) => suffix === '_bucket');
    return {
      attributes: (JSON.parse(key) as [string, string][]).map(([name, value]) => attribute(name, value)),
      startTimeUnixNano: nanoseconds(startMs),
      timeUnixNano: nanoseconds(nowMs),
      count: String(own.find(([, , suffix]) => suffix === '_count')?.[1] ?? 0),
      sum: own.find(([, , suffix]) => suffix === '_sum')?.[1] ?? 0,
      bucketCounts: steps.map(([, value], at) => String(value - (steps[at - 1]?.[1] ?? 0))),
      explicitBounds: steps.slice(0, -1).map(([labels]) => Number(labels['le'])),
    };
  });
}
