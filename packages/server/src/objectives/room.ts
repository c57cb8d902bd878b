/** The objectives room, put together: what it evaluates comes from the playbook, what it counts from telemetry's tables. */
import type { Pool } from '../database/pool.ts';
import type { Route } from '../http/route.ts';
import type { AnyJob } from '../jobs/runner.ts';
import type { Log } from '../log.ts';
import type { Playbook } from '../playbook/playbook.ts';
import type { Metric } from '../telemetry/metrics/exposition.ts';
import { agreementRoutes } from './agreements/agreement-routes.ts';
import { exclusionRoutes } from './agreements/exclusion-routes.ts';
import { definitionsOf } from './definitions.ts';
import { gateRoutes } from './deploying/gate-routes.ts';
import type { TellBudget } from './evaluation/evaluation.ts';
import { objectiveMetrics } from './evaluation/objective-metrics.ts';
import { objectiveRoutes } from './evaluation/objective-routes.ts';
import { sumsRetentionJob } from './retention.ts';
import { Ticker } from './ticker.ts';

export interface ObjectivesParts {
  readonly pool: Pool;
  readonly log: Log;
  readonly now: () => number;
  readonly playbook: Playbook;
  /** Where burn-rate alerts and modes of the whole installation go, in the transaction that begins or ends them. */
  readonly tell: TellBudget;
  /** Days that telemetry keeps counts by minute. */
  readonly keptDays: number;
  /** Whether this node evaluates. */
  readonly evaluates: boolean;
}

export interface ObjectivesRoom {
  readonly routes: readonly Route[];
  readonly jobs: readonly AnyJob[];
  /** For /metrics. */
  metrics(): Promise<Metric[]>;
  close(): Promise<void>;
}

export function createObjectivesRoom({ pool, log, now, playbook, tell, keptDays, evaluates }: ObjectivesParts): ObjectivesRoom {
  const definitions = definitionsOf(playbook);
  const ticker = new Ticker(pool, log, definitions, { tell, keptDays });
  if (evaluates) ticker.start();
  return {
    routes: [...objectiveRoutes({ pool, definitions }), ...agreementRoutes({ pool, definitions, keptDays }), ...exclusionRoutes({ pool, definitions }), ...gateRoutes({ pool, definitions, now })],
    jobs: [sumsRetentionJob(pool, now)],
    // Without the database a node still tells of everything else.
    metrics: () => objectiveMetrics(pool, definitions.objectives).catch(() => []),
    close: () => ticker.close(),
  };
}
