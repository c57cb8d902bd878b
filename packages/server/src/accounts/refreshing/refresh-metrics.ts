/**
 * How refreshes stand, for Prometheus: of this node what it did, of all nodes which accounts are in trouble. These are
 * what to be alerted by: a transient failure changes no account's state, so no event tells of it.
 */
import type { Queryable } from '../../database/pool.ts';
import type { Metric, Sample } from '../../telemetry/metrics/exposition.ts';
import { readRefreshHealth, type RefreshHealth } from './refresh-queue.ts';
import type { RefreshReports } from './refresh-report.ts';
import type { RefreshScheduler } from './refresh-scheduler.ts';

export async function readRefreshMetrics(parts: { database: Queryable; scheduler: RefreshScheduler; reports: RefreshReports; now: () => number }): Promise<Metric[]> {
  const { database, scheduler, reports, now } = parts;
  // Without its database a node still tells of itself.
  const health = await readRefreshHealth(database, now()).catch(() => undefined);
  const { running, late, lagP50Ms, lagP99Ms, braked } = scheduler.counts();
  const results = [...reports.counts()].flatMap(([connector, counts]) => Object.entries(counts).map(([result, n]): Sample => [{ connector, result }, n]));
  const lags = Object.entries({ '0.5': lagP50Ms, '0.99': lagP99Ms }).flatMap(([quantile, ms]): Sample[] => (ms === null ? [] : [[{ quantile }, ms / 1000]]));
  const accounts = (of: (one: RefreshHealth) => number): Sample[] => (health ?? []).map((one) => [{ connector: one.connectorId }, of(one)]);
  return [
    { name: 'evenkeel_refreshes_total', type: 'counter', help: 'Refreshes by connector and result (refreshed, failed, refused), on this node since its start.', samples: results },
    { name: 'evenkeel_refreshes_late_total', type: 'counter', help: 'Refreshes of the scheduler that succeeded after the token had ended, on this node.', samples: [[{}, late]] },
    { name: 'evenkeel_refreshes_running', type: 'gauge', help: 'Scheduled refreshes under way on this node.', samples: [[{}, running]] },
    { name: 'evenkeel_refresh_lag_seconds', type: 'gauge', help: 'From being due to being begun, over the last refreshes of this node.', samples: lags },
    { name: 'evenkeel_refresh_brake', type: 'gauge', help: 'Connectors whose refreshes all nodes hold back, because they fail one after another.', samples: braked.map((connector) => [{ connector }, 1]) },
    { name: 'evenkeel_refresh_failing_accounts', type: 'gauge', help: 'Accounts of all nodes whose last refresh failed and may pass; their tokens may still serve.', samples: accounts(({ failing }) => failing) },
    { name: 'evenkeel_refresh_ended_accounts', type: 'gauge', help: 'Of the failing, those whose tokens have ended: their calls fail now.', samples: accounts(({ ended }) => ended) },
    { name: 'evenkeel_refresh_overdue_accounts', type: 'gauge', help: 'Accounts of all nodes that have been due for a refresh for more than a minute.', samples: accounts(({ overdue }) => overdue) },
  ];
}
