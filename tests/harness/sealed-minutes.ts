/** Writes sealed minutes, counts and amendments as telemetry does, for tests of what reads them. */
import { packSketch } from '@evenkeel/core/telemetry/sketch-codec.ts';
import { Sketch } from '@evenkeel/core/telemetry/sketch.ts';
import type { Queryable } from '@evenkeel/server/database/pool.ts';

export interface PlantedSeries {
  readonly kind?: 'call' | 'delivery';
  readonly surface?: string;
  readonly tenantId?: string | null;
  readonly connectorId?: string | null;
  readonly category?: string | null;
  readonly endpoint?: string | null;
}

export interface PlantedCounts {
  readonly series: number;
  /** total, success, caller, account, platform, upstream, aborted, platform_5xx, upstream_5xx, rate_limited, slow, overhead_slow */
  readonly counts: Partial<Record<'total' | 'success' | 'caller' | 'account' | 'platform' | 'upstream' | 'aborted' | 'platform_5xx' | 'upstream_5xx' | 'slow' | 'overhead_slow', number>>;
  /** Durations in microseconds. */
  readonly overheadUs?: readonly number[];
  readonly lagUs?: readonly number[];
}

const columns = ['total', 'success', 'caller', 'account', 'platform', 'upstream', 'aborted', 'platform_5xx', 'upstream_5xx', 'slow', 'overhead_slow'] as const;
const at = (minute: number): Date => new Date(minute * 60_000);

export async function plantSeries(database: Queryable, series: PlantedSeries): Promise<number> {
  const { rows } = await database.query<{ id: number }>(
    `insert into telemetry_series (kind, surface, tenant_id, account_id, connector_id, category, endpoint) values ($1, $2, $3, null, $4, $5, $6) returning id`,
    [series.kind ?? 'call', series.surface ?? 'proxy', series.tenantId ?? null, series.connectorId ?? null, series.category ?? null, series.endpoint ?? null],
  );
  const id = rows[0]?.id;
  if (id === undefined) throw new Error('the series was not made');
  return id;
}

/** What running nodes count from now on is dropped, so that no real minute is sealed among those of a test. */
export async function dropRealCounts(database: Queryable): Promise<void> {
  await database.query(`
    create function drop_counts() returns trigger language plpgsql as 'begin return null; end';
    create trigger drop_counts before insert on telemetry_seconds for each row execute function drop_counts();
    delete from telemetry_seconds;`);
}

/** `minute`: whole minutes since the epoch. */
export async function sealMinute(database: Queryable, minute: number, counts: readonly PlantedCounts[] = [], covered = 60, lost = 0): Promise<void> {
  await writeCounts(database, 'minute_counts', minute, counts);
  await database.query('insert into telemetry_minutes (minute, covered_seconds, lost_seconds) values ($1, $2, $3)', [at(minute), covered, lost]);
}

/** Late facts of a minute that is sealed. */
export async function amendMinute(database: Queryable, minute: number, counts: readonly PlantedCounts[]): Promise<void> {
  await writeCounts(database, 'minute_amendments', minute, counts);
}

export async function amendCoverage(database: Queryable, minute: number, covered: number, lost = 0): Promise<void> {
  await database.query(`insert into minute_amendments (minute, covered_seconds, lost_seconds, reason) values ($1, $2, $3, 'late')`, [at(minute), covered, lost]);
}

async function writeCounts(database: Queryable, table: 'minute_counts' | 'minute_amendments', minute: number, counts: readonly PlantedCounts[]): Promise<void> {
  for (const one of counts) {
    const values = columns.map((column) => one.counts[column] ?? 0);
    await database.query(
      `insert into ${table} (minute, series_id, ${columns.join(', ')}, overhead_sketch, lag_sketch${table === 'minute_amendments' ? ', reason' : ''})
       values ($1, $2, ${columns.map((_, index) => `$${index + 3}`).join(', ')}, $14, $15${table === 'minute_amendments' ? `, 'late'` : ''})`,
      [at(minute), one.series, ...values, packed(one.overheadUs), packed(one.lagUs)],
    );
  }
}

function packed(durations: readonly number[] | undefined): Buffer | null {
  const sketch = new Sketch();
  for (const us of durations ?? []) sketch.record(us);
  const bytes = packSketch(sketch);
  return bytes === null ? null : Buffer.from(bytes);
}
