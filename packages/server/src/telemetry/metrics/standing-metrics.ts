/**
 * What is the same whichever node is scraped, because it is read from the database: accounts by state, tokens that ended
 * early, tenants that are broken, how fresh and how complete the counts are. Read at most twice a minute.
 */
import type { Pool } from '../../database/pool.ts';
import { windowsEndingNow } from '../monitoring/span.ts';
import { readTenantSuccess } from '../monitoring/tenant-success.ts';
import type { Metric, Sample } from './exposition.ts';

const freshMs = 30_000;
/** Tenants are looked at over this time: with very many series an hour would outlast a scrape. */
const tenantsMs = 900_000;

export class StandingMetrics {
  readonly #pool: Pool;
  #read: { readonly atMs: number; readonly metrics: Promise<Metric[]> } | undefined;

  constructor(pool: Pool) {
    this.#pool = pool;
  }

  /** Scrapers at the same time share one reading. */
  metrics(): Promise<Metric[]> {
    const nowMs = performance.now();
    if (this.#read === undefined || nowMs - this.#read.atMs > freshMs) {
      const metrics = readStanding(this.#pool);
      // A failure is told to whoever waits for it now, and not kept.
      metrics.catch(() => (this.#read = undefined));
      this.#read = { atMs: nowMs, metrics };
    }
    return this.#read.metrics;
  }
}

async function readStanding(pool: Pool): Promise<Metric[]> {
  const [windows, recent] = [await windowsEndingNow(pool, 3_600_000), await windowsEndingNow(pool, tenantsMs)];
  const [accounts, drift, tenants, sealing] = await Promise.all([
    pool.query<{ connector_id: string; state: string; n: number }>(`select connector_id, state, count(*) as n from accounts where deleted_at is null group by connector_id, state`),
    pool.query<{ connector_id: string; tokens: number; worst: number }>(`select connector_id, count(*) as tokens, max(drift_s) as worst from token_drift where failed_at > now() - interval '1 day' group by connector_id`),
    readTenantSuccess({ database: pool, windows: recent, tenantId: null, connectorId: null, limit: 1000 }),
    pool.query<{ age_s: number | null; covered: number; lost: number; nodes: number; series: number }>(
      `select extract(epoch from clock_timestamp() - max(minute) - interval '1 minute')::float8 as age_s,
              coalesce(sum(covered_seconds) filter (where minute >= $1 and minute < $2), 0)::int as covered,
              coalesce(sum(lost_seconds) filter (where minute >= $1 and minute < $2), 0)::int as lost,
              (select count(*) from telemetry_nodes where stopped_at is null and vanished_at is null) as nodes,
              (select count(*) from telemetry_series) as series
       from telemetry_minutes`,
      [windows.mid, windows.to],
    ),
  ]);
  const broken = tenants.filter((tenant) => tenant.broken);
  const byConnector = Map.groupBy(broken, ({ connector }) => connector ?? 'none');
  const [state] = sealing.rows;
  const gauge = (name: string, help: string, samples: readonly Sample[]): Metric => ({ name, type: 'gauge', help, samples });
  return [
    gauge('evenkeel_accounts', 'Accounts by connector and state.', accounts.rows.map(({ connector_id: connector, state: of, n }): Sample => [{ connector, state: of }, n])),
    gauge('evenkeel_token_drift_tokens', 'Tokens refused before their stated end within a day, by connector.', drift.rows.map(({ connector_id: connector, tokens }): Sample => [{ connector }, tokens])),
    gauge('evenkeel_token_drift_max_seconds', 'The longest time before its stated end that a token was refused within a day.', drift.rows.map(({ connector_id: connector, worst }): Sample => [{ connector }, worst])),
    gauge('evenkeel_tenants_broken', 'Tenants whose calls fail and of which none succeeded within the last 15 minutes, by connector.', [...byConnector].map(([connector, rows]): Sample => [{ connector }, rows.length])),
    gauge('evenkeel_tenant_since_success_seconds_max', 'Of those tenants, the longest time since a call succeeded.', [...byConnector].map(([connector, rows]): Sample => [{ connector }, Math.max(...rows.map(({ since_last_success_s: since }) => since ?? 0))])),
    gauge('evenkeel_telemetry_sealed_age_seconds', 'Age of the last sealed minute. Beyond two minutes nothing that is shown is current.', [[{}, Math.max(0, state?.age_s ?? 0)]]),
    gauge('evenkeel_telemetry_coverage_ratio', 'Share of the last hour in which at least one node lived and counted.', [[{}, Math.min(1, (state?.covered ?? 0) / 3_600)]]),
    gauge('evenkeel_telemetry_lost_seconds', 'Seconds of the last hour in which counts of a node were lost.', [[{}, state?.lost ?? 0]]),
    gauge('evenkeel_telemetry_nodes', 'Nodes that count.', [[{}, state?.nodes ?? 0]]),
    gauge('evenkeel_telemetry_series_known', 'Series that are stored: of as many something was counted within the time that hours are kept.', [[{}, state?.series ?? 0]]),
  ];
}
