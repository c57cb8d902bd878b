/** The objectives room, put together: what it evaluates comes from the playbook, what it counts from telemetry's tables. */
import type { BudgetFacts } from '@evenkeel/core/alerts/facts.ts';
import type { Pool, Queryable } from '../database/pool.ts';
import type { Route } from '../http/route.ts';
import type { AnyJob } from '../jobs/runner.ts';
import type { Log } from '../log.ts';
import type { Playbook } from '../playbook/playbook.ts';
import type { Metric } from '../telemetry/metrics/exposition.ts';
import { agreementRoutes } from './agreements/agreement-routes.ts';
import { exclusionRoutes } from './agreements/exclusion-routes.ts';
import { definitionsOf } from './definitions.ts';
import { gateRoutes } from './deploying/gate-routes.ts';
import { readBudgetFacts } from './evaluation/budget-facts.ts';
import { objectiveMetrics } from './evaluation/objective-metrics.ts';
import { objectiveRoutes } from './evaluation/objective-routes.ts';
import { fineDays, sumsRetentionJob } from './retention.ts';
import { Ticker } from './ticker.ts';

export interface ObjectivesParts {
  readonly pool: Pool;
  readonly log: Log;
  readonly now: () => number;
  readonly playbook: Playbook;
  /** Days that telemetry keeps counts by minute. */
  readonly keptDays: number;
  /** Whether this node evaluates. */
  readonly evaluates: boolean;
}

export interface ObjectivesRoom {
  readonly routes: readonly Route[];
  readonly jobs: readonly AnyJob[];
  /** What burns and which modes stand, for the alerts room. */
  budgets(database: Queryable): Promise<BudgetFacts>;
  /** Resolves when the minutes sealed so far are evaluated, or cannot be. */
  settled(): Promise<void>;
  /** For /metrics. */
  metrics(): Promise<Metric[]>;
  close(): Promise<void>;
}

export function createObjectivesRoom({ pool, log, now, playbook, keptDays, evaluates }: ObjectivesParts): ObjectivesRoom {
  const definitions = definitionsOf(playbook);
  const ticker = new Ticker(pool, log, definitions, { keptDays });
  if (evaluates) ticker.start();
  return {
    routes: [...objectiveRoutes({ pool, definitions }), ...agreementRoutes({ pool, definitions, keptDays }), ...exclusionRoutes({ pool, definitions }), ...gateRoutes({ pool, definitions, now })],
    jobs: [sumsRetentionJob(pool, now, fineDays(definitions.objectives, keptDays))],
    budgets: (database) => readBudgetFacts(database, definitions),
    settled: () => ticker.settled(),
    // Without the database a node still tells of everything else.
    metrics: () => objectiveMetrics(pool, definitions.objectives).catch(() => []),
    close: () => ticker.close(),
  };
}
