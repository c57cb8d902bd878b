/** Prometheus' text format 0.0.4: metrics as data, and how they are written. */

export type Labels = Readonly<Record<string, string>>;
/** `suffix`: of a histogram's parts, `_bucket`, `_sum` or `_count`. */
export type Sample = readonly [labels: Labels, value: number, suffix?: string];

export interface Metric {
  readonly name: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  readonly samples: readonly Sample[];
  /** How gauges of several processes become one of their node: the largest, or their sum. Default `max`. */
  readonly across?: 'sum' | 'max';
}

/** What another room has to tell at the moment of a scrape. Without its database it still tells of its process. */
export type MetricSource = () => readonly Metric[] | Promise<readonly Metric[]>;

export function writeMetric({ name, type, help, samples }: Metric): string {
  const lines = samples.map(([labels, value, suffix = '']) => {
    const pairs = Object.entries(labels).map(([key, label]) => `${key}="${label.replace(/[\\"\n]/g, (character) => (character === '\n' ? '\\n' : `\\${character}`))}"`);
    return `${name}${suffix}${pairs.length === 0 ? '' : `{${pairs.join(',')}}`} ${value}\n`;
  });
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join('')}`;
}
