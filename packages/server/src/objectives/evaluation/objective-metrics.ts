/** Counters of each objective for Prometheus: what the rules of `evenkeel export prometheus objectives` read. Overall and by connector, never by tenant. */
import type { ObjectiveDefinition } from '@evenkeel/core/objectives/definition.ts';
import { figuresOf } from '@evenkeel/core/objectives/budget.ts';
import { badMetric, eventsMetric } from '@evenkeel/core/objectives/interchange/prometheus.ts';
import type { Queryable } from '../../database/pool.ts';
import type { Metric } from '../../telemetry/metrics/exposition.ts';
import { readProgress } from '../counting/counting.ts';
import { readTracks, readWindows, tracksOf, writeScope } from './scopes.ts';

/** From the beginning to the last sealed minute. A late fact that takes something back looks like a restart of the counter. */
export async function objectiveMetrics(database: Queryable, objectives: readonly ObjectiveDefinition[]): Promise<Metric[]> {
  const { first_minute: first, last_minute: last } = await readProgress(database);
  const range = { from: first ?? 0, to: (last ?? 0) + 1 };
  const tracks = (await readTracks(database, objectives)).filter(({ kind }) => kind === 'overall' || kind === 'connector');
  const reader = await readWindows(database, tracks, [range]);
  const samples = objectives.flatMap((objective) =>
    tracksOf(objective, tracks).map((track) => ({ labels: { objective: objective.id, scope: writeScope(track) }, figures: figuresOf(objective.method, reader.sums(track, range)) })),
  );
  return [
    { name: eventsMetric, type: 'counter', help: 'Events, or minutes by the time-slice method, of an objective in sealed minutes.', samples: samples.map(({ labels, figures }) => [labels, figures.total]) },
    { name: badMetric, type: 'counter', help: 'The bad ones among them.', samples: samples.map(({ labels, figures }) => [labels, figures.bad]) },
  ];
}
