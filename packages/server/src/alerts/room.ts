/** The alerts room, put together: rules come from the playbook, facts from telemetry and accounts. */
import type { AlertsFile } from '@evenkeel/contract/playbook/alerts.ts';
import type { Pool } from '../database/pool.ts';
import type { Route } from '../http/route.ts';
import type { AnyJob } from '../jobs/runner.ts';
import type { Log } from '../log.ts';
import type { UpstreamClient } from '../upstream/client.ts';
import type { Metric } from '../telemetry/metrics/exposition.ts';
import { alertMetrics } from './alert-metrics.ts';
import { AlertWatch } from './alert-watch.ts';
import type { FactSource } from './minute-facts.ts';
import { notifyJob } from './notify.ts';
import { alertRoutes } from './routes.ts';

export interface AlertsParts {
  readonly pool: Pool;
  readonly log: Log;
  readonly now: () => number;
  readonly rules: AlertsFile;
  readonly facts: FactSource;
  readonly upstream: UpstreamClient;
  readonly publicUrl: string;
}

export interface AlertsRoom {
  /** Judges minutes, once it is started: on nodes that work. */
  readonly watch: AlertWatch;
  readonly routes: readonly Route[];
  readonly jobs: readonly AnyJob[];
  metrics(): Promise<Metric[]>;
  close(): Promise<void>;
}

export function createAlertsRoom({ pool, log, now, rules, facts, upstream, publicUrl }: AlertsParts): AlertsRoom {
  const watch = new AlertWatch({ pool, log, rules, facts });
  return {
    watch,
    routes: alertRoutes({ pool, rules, now }),
    jobs: [notifyJob({ database: pool, upstream, rules, publicUrl, log, now })],
    metrics: () => alertMetrics(pool, watch.figures),
    close: () => watch.close(),
  };
}
