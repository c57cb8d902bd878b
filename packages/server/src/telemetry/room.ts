/** The telemetry room, put together: where the other rooms count and record, and what reads it. */
import type { Manifest } from '@evenkeel/contract/manifest/manifest.ts';
import type { Notifications } from '../database/notifications.ts';
import type { Pool } from '../database/pool.ts';
import type { Route } from '../http/route.ts';
import type { AnyJob } from '../jobs/runner.ts';
import type { Log } from '../log.ts';
import { BufferedCallRecorder } from './buffered-recorder.ts';
import type { CallRecorder } from './call-record.ts';
import { callRoutes } from './call-routes.ts';
import { NodeCounter } from './counting/node-counter.ts';
import { CumulativeCounts } from './metrics/cumulative-counts.ts';
import type { Metric, MetricSource } from './metrics/exposition.ts';
import { metricsRoutes, processMetrics } from './metrics/metrics-routes.ts';
import { StandingMetrics } from './metrics/standing-metrics.ts';
import { driftRoutes } from './drift/drift-routes.ts';
import { ShapeSampler } from './drift/shape-sampler.ts';
import { monitoringRoutes } from './monitoring/monitoring-routes.ts';
import type { Observer } from './observation.ts';
import { ExternalCalls } from './otlp/external-calls.ts';
import { OtlpExporter } from './otlp/otlp-exporter.ts';
import { otlpRoutes } from './otlp/otlp-routes.ts';
import { prepareTelemetry, telemetryRetentionJob, type Retention } from './retention.ts';
import { hourRollupJob } from './sealing/hour-rollup.ts';
import { Sealer } from './sealing/sealer.ts';

export interface TelemetryParts {
  readonly pool: Pool;
  readonly notifications: Notifications;
  readonly log: Log;
  readonly now: () => number;
  readonly node: string;
  readonly version: string;
  /** Whether this node seals minutes. */
  readonly seals: boolean;
  readonly retention: Retention;
  /** What a connector reads, for changes of shape; asked once something was sampled. */
  readonly manifestOf: (connectorId: string) => Manifest | undefined;
  /** Where traces and metrics are sent; without an address nowhere. */
  readonly otlp: { readonly otlpUrl: string | undefined; readonly otlpHeaders: Readonly<Record<string, string>> };
  /** The metrics of all processes of this node. */
  readonly nodeMetrics: () => Promise<readonly Metric[]>;
  readonly sampling: { readonly shapeSampleSeconds: number; readonly shapeBucketSeconds: number };
}

export interface TelemetryRoom {
  readonly observer: Observer;
  readonly recorder: CallRecorder;
  /** Where inbound events are offered for their shape. */
  readonly shapes: Pick<ShapeSampler, 'offer'>;
  readonly routes: readonly Route[];
  readonly jobs: readonly AnyJob[];
  /** What this process tells of itself at /metrics, what other rooms show included. */
  readonly processMetrics: MetricSource;
  /** Shows further metrics of this process at /metrics. */
  showMetrics(source: MetricSource): void;
  /** Shows metrics that are the same whichever process is asked, because they are read from the database. */
  showSharedMetrics(source: MetricSource): void;
  /** Writes everything observed and recorded until now. To be called when every room that counts has ended. */
  close(): Promise<void>;
}

export async function createTelemetryRoom({ pool, notifications, log, now, node, version, seals, retention, manifestOf, otlp, sampling, nodeMetrics }: TelemetryParts): Promise<TelemetryRoom> {
  await prepareTelemetry(pool, now());
  const cumulative = new CumulativeCounts();
  const counter = await NodeCounter.start({ database: pool, log, nodeId: node, presence: notifications, ended: (series) => cumulative.add(series) });
  const everyMs = sampling.shapeSampleSeconds * 1000;
  const bucketMs = sampling.shapeBucketSeconds * 1000;
  const shapes = new ShapeSampler({ pool, log, manifestOf, everyMs, anyEveryMs: Math.min(100, everyMs), bucketMs, flushMs: Math.min(10_000, bucketMs) });
  const exporter = otlp.otlpUrl === undefined ? null : new OtlpExporter({ url: otlp.otlpUrl, headers: otlp.otlpHeaders, log, node, version, metrics: () => cumulative.metrics() });
  const recorder = new BufferedCallRecorder({ database: pool, log, observer: counter, shapes, exporter });
  const external = new ExternalCalls(pool, node, (key, counts) => cumulative.addExternal(key, counts));
  const sealer = new Sealer({ pool, log });
  if (seals) sealer.start();
  const sources: MetricSource[] = [];
  const sharedSources: MetricSource[] = [];
  return {
    observer: counter,
    recorder,
    shapes,
    routes: [...callRoutes(pool), ...monitoringRoutes(pool), ...driftRoutes(pool), ...otlpRoutes(external, now), ...metricsRoutes({ standing: new StandingMetrics(pool), sharedSources, node: nodeMetrics })],
    processMetrics: processMetrics({ recorder: () => recorder.counts, counting: () => ({ ...counter.figures, overflowed: counter.figures.overflowed + external.overflowed }), sealing: () => sealer.figures, cumulative, sources, version }),
    jobs: [telemetryRetentionJob(pool, retention, now), hourRollupJob(pool)],
    showMetrics: (source) => void sources.push(source),
    showSharedMetrics: (source) => void sharedSources.push(source),
    async close() {
      await shapes.close();
      await recorder.close();
      await counter.close();
      await exporter?.close();
      await sealer.close();
    },
  };
}
