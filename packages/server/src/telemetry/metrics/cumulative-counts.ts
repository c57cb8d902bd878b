/**
 * What this node has counted since its start, as Prometheus wants it: counters and histograms that only grow, under
 * labels without tenants and accounts. Filled as each half second ends, so that the path of a call pays nothing.
 */
import type { Measurements } from '@evenkeel/core/telemetry/measurements.ts';
import type { Counts } from '@evenkeel/core/telemetry/counts.ts';
import { valueOf, type Sketch } from '@evenkeel/core/telemetry/sketch.ts';
import type { LiveSeries } from '../counting/series-counter.ts';
import type { SeriesKey } from '../observation.ts';
import type { Labels, Metric, Sample } from './exposition.ts';

/** Upper bounds in seconds. */
const bounds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300] as const;
/** Of `countColumns`: where each outcome stands. */
const outcomes = [['success', 1], ['caller', 2], ['account', 3], ['platform', 4], ['upstream', 5], ['aborted', 6]] as const;
/** Surfaces whose calls reach an endpoint in a way of their own; all others call the vendor's directly. */
const ways: ReadonlySet<string> = new Set(['unified', 'background', 'external']);
/** Sets of labels of one metric at most; beyond, the label that varies most says `other`. */
const maxLabelSets = 2_000;

/** For each bucket of a sketch the first bound it is within. */
const boundOfBucket: number[] = [];
function boundOf(bucket: number): number {
  const known = boundOfBucket[bucket];
  if (known !== undefined) return known;
  const seconds = valueOf(bucket) / 1e6;
  const found = bounds.findIndex((bound) => seconds <= bound);
  return (boundOfBucket[bucket] = found === -1 ? bounds.length : found);
}

class Histogram {
  readonly labels: Labels;
  readonly counts = new Float64Array(bounds.length + 1);
  sumS = 0;

  constructor(labels: Labels) {
    this.labels = labels;
  }

  add(measurements: Measurements): void {
    for (let index = 0; index < measurements.length; index += 1) this.#count(measurements.at(index), 1);
  }

  addAll(sketch: Sketch): void {
    for (const [bucket, times] of sketch.buckets) this.#count(bucket, times);
  }

  #count(bucket: number, times: number): void {
    const at = boundOf(bucket);
    this.counts[at] = (this.counts[at] ?? 0) + times;
    this.sumS += (times * valueOf(bucket)) / 1e6;
  }

  samples(): Sample[] {
    let total = 0;
    const steps = [...bounds, Number.POSITIVE_INFINITY].map((bound, at): Sample => {
      total += this.counts[at] ?? 0;
      return [{ ...this.labels, le: bound === Number.POSITIVE_INFINITY ? '+Inf' : String(bound) }, total, '_bucket'];
    });
    return [...steps, [this.labels, Number(this.sumS.toFixed(6)), '_sum'], [this.labels, total, '_count']];
  }
}

interface Counted {
  readonly labels: Labels;
  readonly outcomes: Float64Array;
}

export class CumulativeCounts {
  readonly #observations = new Map<string, Counted>();
  readonly #endpoints = new Map<string, Counted>();
  readonly #histograms = new Map<string, Map<string, Histogram>>();
  #capped = 0;

  /** What a series came to in the half second that ends. */
  add({ key, columns, total, overhead, lag }: LiveSeries): void {
    const connector = key.connectorId ?? 'none';
    this.#outcomes(key, columns);
    if (key.kind === 'call') {
      this.#histogram('evenkeel_call_duration_seconds', { surface: key.surface }).add(total);
      this.#histogram('evenkeel_call_overhead_seconds', { surface: key.surface }).add(overhead);
    }
    if (key.kind === 'inbound') this.#histogram('evenkeel_webhook_lag_seconds', { connector }).add(lag);
    if (key.kind === 'delivery') this.#histogram('evenkeel_delivery_lag_seconds', {}).add(lag);
  }

  /** Calls that others made and told of. Their own time is not known, so they are in no overhead. */
  addExternal(key: SeriesKey, { columns, total }: Counts): void {
    this.#outcomes(key, columns);
    this.#histogram('evenkeel_call_duration_seconds', { surface: key.surface }).addAll(total);
  }

  #outcomes(key: SeriesKey, columns: ArrayLike<number>): void {
    const connector = key.connectorId ?? 'none';
    this.#count(this.#observations, { kind: key.kind, surface: key.surface, connector }, 'connector', columns);
    if (key.kind !== 'call') return;
    const way = ways.has(key.surface) ? key.surface : 'direct';
    this.#count(this.#endpoints, { connector, endpoint: key.endpoint ?? 'none', way }, 'endpoint', columns);
  }

  metrics(): Metric[] {
    return [
      { name: 'evenkeel_observations_total', type: 'counter', help: 'Calls, refreshes, inbound events and deliveries by outcome: success, aborted, or whose failure.', samples: byOutcome(this.#observations) },
      { name: 'evenkeel_endpoint_calls_total', type: 'counter', help: 'Calls by endpoint, the unified ones and the vendor\'s, by outcome or whose failure.', samples: byOutcome(this.#endpoints) },
      ...histogramNames.map(([name, help]): Metric => ({ name, type: 'histogram', help, samples: [...(this.#histograms.get(name)?.values() ?? [])].flatMap((one) => one.samples()) })),
      { name: 'evenkeel_metrics_capped_total', type: 'counter', help: 'Half seconds of series that were counted under "other", because a metric had all the label sets it may have.', samples: [[{}, this.#capped]] },
    ];
  }

  #count(into: Map<string, Counted>, labels: Labels, varying: string, columns: ArrayLike<number>): void {
    const entry = this.#entry(into, labels, varying, (own) => ({ labels: own, outcomes: new Float64Array(outcomes.length) }));
    for (let at = 0; at < outcomes.length; at += 1) entry.outcomes[at] = (entry.outcomes[at] ?? 0) + (columns[at + 1] ?? 0);
  }

  #histogram(name: string, labels: Labels): Histogram {
    let histograms = this.#histograms.get(name);
    if (histograms === undefined) this.#histograms.set(name, (histograms = new Map<string, Histogram>()));
    return this.#entry(histograms, labels, 'connector', (own) => new Histogram(own));
  }

  #entry<Entry>(into: Map<string, Entry>, labels: Labels, varying: string, make: (labels: Labels) => Entry): Entry {
    const key = Object.values(labels).join('\u001f');
    const known = into.get(key);
    if (known !== undefined) return known;
    if (into.size >= maxLabelSets && labels[varying] !== 'other') {
      this.#capped += 1;
      return this.#entry(into, { ...labels, [varying]: 'other' }, varying, make);
    }
    const made = make(labels);
    into.set(key, made);
    return made;
  }
}

const histogramNames = [
  ['evenkeel_call_duration_seconds', 'Time of calls from their arrival to their answer.'],
  ['evenkeel_call_overhead_seconds', 'The share of that time that was not the vendor\'s.'],
  ['evenkeel_webhook_lag_seconds', 'From the vendor\'s time of an event, of a polled one from its reading, to its processing.'],
  ['evenkeel_delivery_lag_seconds', 'From the acceptance of an event to its delivery.'],
] as const;

function byOutcome(counted: ReadonlyMap<string, Counted>): Sample[] {
  return [...counted.values()].flatMap(({ labels, outcomes: counts }) => outcomes.map(([outcome], at): Sample => [{ ...labels, outcome }, counts[at] ?? 0]));
}
