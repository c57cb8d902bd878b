/** A metric as Prometheus reads it. Labels are bounded: never accounts or tenants. */

export type Sample = readonly [labels: Readonly<Record<string, string>>, value: number];

export interface Metric {
  readonly name: string;
  readonly type: 'counter' | 'gauge';
  readonly help: string;
  readonly samples: readonly Sample[];
}

/** What a room has to tell at the moment of a scrape; reads memory only. */
export type MetricSource = () => readonly Metric[];
