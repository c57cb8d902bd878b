/** Sealed minutes and their amendments, read from telemetry's tables and summed by scope. */
import { Sketch } from '@evenkeel/core/telemetry/sketch.ts';
import { unpackSketch } from '@evenkeel/core/telemetry/sketch-codec.ts';
import type { ScopeMinute } from '@evenkeel/core/objectives/tally.ts';
import type { ScopeKind } from '@evenkeel/contract/playbook/objectives.ts';
import type { Queryable } from '../../database/pool.ts';

export interface SealedMinute {
  /** Minutes since the epoch. */
  readonly minute: number;
  readonly seq: number;
  /** Amendments included. */
  readonly coveredSeconds: number;
  readonly lostSeconds: number;
}

/** `overall`, `connector acme`, …: scopes as keys of a map. */
export const scopeKey = (kind: ScopeKind, id: string): string => (kind === 'overall' ? kind : `${kind} ${id}`);

export interface ScopedMinute extends ScopeMinute {
  readonly kind: ScopeKind;
  readonly id: string;
}

/** Sealed minutes after `afterSeq`, in the order of their sealing. */
export async function readSealed(database: Queryable, afterSeq: number, limit: number): Promise<SealedMinute[]> {
  return readMinutes(database, 'where seq > $1 order by seq limit $2', [afterSeq, limit]);
}

/** Those of the minutes that are sealed. */
export async function readSealedAt(database: Queryable, minutes: readonly number[]): Promise<SealedMinute[]> {
  if (minutes.length === 0) return [];
  return readMinutes(database, 'where minute = any($1)', [minutes.map((minute) => new Date(minute * 60_000))]);
}

async function readMinutes(database: Queryable, condition: string, values: unknown[]): Promise<SealedMinute[]> {
  const { rows } = await database.query<{ minute: Date; seq: number; covered: number; lost: number }>(
    `select m.minute, m.seq, least(60, m.covered_seconds + coalesce(a.covered, 0))::int as covered, greatest(0, m.lost_seconds + coalesce(a.lost, 0))::int as lost
     from (select minute, seq, covered_seconds, lost_seconds from telemetry_minutes ${condition}) m
     left join lateral (
       select sum(covered_seconds)::int as covered, sum(lost_seconds)::int as lost
       from minute_amendments where minute = m.minute and series_id is null
     ) a on true
     order by m.seq`,
    values,
  );
  return rows.map(({ minute, seq, covered, lost }) => ({ minute: minute.getTime() / 60_000, seq, coveredSeconds: covered, lostSeconds: lost }));
}

/**
 * Minutes that amendments after `afterSeq` changed, and the last of those amendments. A minute whose counts are gone after
 * `keptDays` is not among them: read anew, it would hold nothing but the late fact.
 */
export async function readAmended(database: Queryable, afterSeq: number, keptDays: number | undefined): Promise<{ minutes: number[]; lastSeq: number }> {
  const { rows } = await database.query<{ minute: Date; seq: number; kept: boolean }>(
    `select minute, seq, ($2::int is null or minute >= now() - $2::int * interval '1 day') as kept from minute_amendments where seq > $1 order by seq limit 20000`,
    [afterSeq, keptDays ?? null],
  );
  const kept = rows.filter((row) => row.kept);
  return { minutes: [...new Set(kept.map(({ minute }) => minute.getTime() / 60_000))].toSorted((a, b) => a - b), lastSeq: rows.at(-1)?.seq ?? afterSeq };
}

interface CountRow {
  minute: Date;
  kind: 'call' | 'delivery';
  tenant_id: string | null;
  connector_id: string | null;
  category: string | null;
  total: number;
  aborted: number;
  platform_5xx: number;
  upstream_5xx: number;
  slow: number;
  overhead_slow: number;
  platform: number;
  success: number;
  overhead_sketch: Uint8Array | null;
  lag_sketch: Uint8Array | null;
}

const sums = ['total', 'aborted', 'platform_5xx', 'upstream_5xx', 'slow', 'overhead_slow', 'platform', 'success'] as const;

/** Events are to be delivered within this; what took longer is late. */
const freshUs = 60_000_000;

/** Minute → scope → sums, of calls that Evenkeel carried and of deliveries. `withSketches`: durations are asked for. */
export async function readScopes(database: Queryable, minutes: readonly number[], withSketches: boolean): Promise<Map<number, ReadonlyMap<string, ScopedMinute>>> {
  const found = new Map<number, Map<string, Accumulator>>();
  if (minutes.length > 0) for (const row of await readRows(database, minutes, withSketches)) addRow(found, row);
  return found;
}

async function readRows(database: Queryable, minutes: readonly number[], withSketches: boolean): Promise<CountRow[]> {
  const columns = `total, aborted, platform_5xx, upstream_5xx, slow, overhead_slow, platform, success, ${withSketches ? 'overhead_sketch' : 'null::bytea as overhead_sketch'}, lag_sketch`;
  const { rows } = await database.query<CountRow>({
    name: `objective-counts-${withSketches}`,
    text: `select c.*, s.kind, s.tenant_id, s.connector_id, s.category
           from (
             select minute, series_id, ${columns} from minute_counts where minute = any($1)
             union all
             select minute, series_id, ${columns} from minute_amendments where minute = any($1) and series_id is not null
           ) c
           join telemetry_series s on s.id = c.series_id
           where s.kind = 'delivery' or (s.kind = 'call' and s.surface not in ('external', 'background'))`,
    values: [minutes.map((minute) => new Date(minute * 60_000))],
  });
  return rows;
}

/** Sums of one scope in one minute while they grow. */
class Accumulator implements ScopedMinute {
  readonly kind: ScopeKind;
  readonly id: string;
  readonly overhead = new Sketch();
  readonly lag = new Sketch();
  readonly of = { call: zero(), delivery: zero() };

  constructor(kind: ScopeKind, id: string) {
    this.kind = kind;
    this.id = id;
  }

  get calls(): ScopeMinute['calls'] {
    const { total, aborted, platform_5xx: platform5xx, upstream_5xx: upstream5xx, slow, overhead_slow: overheadSlow } = this.of.call;
    return { total, aborted, platform5xx, upstream5xx, slow, overheadSlow, overheadUs: (percentile) => this.overhead.quantile(percentile / 100) };
  }

  get deliveries(): ScopeMinute['deliveries'] {
    const { total, aborted, success, platform } = this.of.delivery;
    const failed = total - aborted - success;
    // A failed delivery is bad already, however long it took.
    const late = Math.min(success, this.lag.above(freshUs));
    return { total, aborted, platform, upstream: failed - platform, failed, late };
  }
}

const zero = () => ({ total: 0, aborted: 0, platform_5xx: 0, upstream_5xx: 0, slow: 0, overhead_slow: 0, platform: 0, success: 0 });

function addRow(found: Map<number, Map<string, Accumulator>>, row: CountRow): void {
  const minute = row.minute.getTime() / 60_000;
  const scopes = found.get(minute) ?? new Map<string, Accumulator>();
  found.set(minute, scopes);
  const wanted = [['overall', ''], ['connector', row.connector_id], ['category', row.category], ['tenant', row.tenant_id]] as const;
  const overhead = row.overhead_sketch === null ? null : unpackSketch(row.overhead_sketch);
  const lag = row.kind !== 'delivery' || row.lag_sketch === null ? null : unpackSketch(row.lag_sketch);
  for (const [kind, id] of wanted) {
    if (id === null) continue;
    const key = scopeKey(kind, id);
    const into = scopes.get(key) ?? new Accumulator(kind, id);
    scopes.set(key, into);
    for (const column of sums) into.of[row.kind][column] += row[column];
    if (overhead !== null && row.kind === 'call') into.overhead.merge(overhead);
    if (lag !== null) into.lag.merge(lag);
  }
}
