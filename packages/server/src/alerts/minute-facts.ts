/** Sealed minutes as the evaluation takes them, from the tables of telemetry and accounts. */
import type { BudgetFacts, CountRow, EarlyEnd, MinuteFacts, SeriesIdentity, ShapeChange } from '@evenkeel/core/alerts/facts.ts';
import { unpackSketch } from '@evenkeel/core/telemetry/sketch-codec.ts';
import type { Queryable } from '../database/pool.ts';

const minuteMs = 60_000;
/** Of which less was covered, a minute says nothing. */
export const measuredFromSeconds = 30;

/** Series by id, read once each, with the dense numbers that the evaluation counts by. */
export class SeriesCache {
  readonly #known = new Map<number, { series: SeriesIdentity; slot: number }>();

  async load(database: Queryable, ids: readonly number[]): Promise<void> {
    const missing = ids.filter((id) => !this.#known.has(id));
    if (missing.length === 0) return;
    const { rows } = await database.query<{ id: number; kind: string; surface: string; tenant_id: string | null; account_id: string | null; connector_id: string | null; endpoint: string | null }>(
      'select id, kind, surface, tenant_id, account_id, connector_id, endpoint from telemetry_series where id = any($1::bigint[])',
      [missing],
    );
    for (const { id, kind, surface, tenant_id, account_id, connector_id, endpoint } of rows) {
      this.#known.set(id, { series: { kind, surface, tenantId: tenant_id, accountId: account_id, connectorId: connector_id, endpoint }, slot: this.#known.size });
    }
  }

  get size(): number {
    return this.#known.size;
  }

  get(id: number): { series: SeriesIdentity; slot: number } | undefined {
    return this.#known.get(id);
  }
}

interface CountsRow {
  minute: Date;
  series_id: number;
  total: number;
  success: number;
  caller: number;
  account: number;
  platform: number;
  upstream: number;
  aborted: number;
  lag_sketch: Buffer | null;
}

/** What there is to read of the minutes from `from` to before `to`; ends of tokens and shapes are asked for apart. */
export interface MinuteRange {
  readonly from: Date;
  readonly to: Date;
}

export type SealedMinute = Pick<MinuteFacts, 'minute' | 'measured' | 'complete'>;

/** Minutes that are sealed, oldest first. A minute in between that was never covered is told as one that was not measured. */
export async function sealedMinutes(database: Queryable, { from, to }: MinuteRange): Promise<SealedMinute[]> {
  const { rows } = await database.query<{ minute: Date; covered_seconds: number; lost_seconds: number }>(
    'select minute, covered_seconds, lost_seconds from telemetry_minutes where minute >= $1 and minute < $2 order by minute',
    [from, to],
  );
  const minutes: SealedMinute[] = [];
  for (const { minute, covered_seconds, lost_seconds } of rows) {
    const at = minute.getTime();
    const last = minutes.at(-1);
    for (let gap = last === undefined ? at : last.minute + minuteMs; gap < at; gap += minuteMs) minutes.push({ minute: gap, measured: false });
    minutes.push({ minute: at, measured: covered_seconds >= measuredFromSeconds, complete: covered_seconds - lost_seconds >= measuredFromSeconds });
  }
  return minutes;
}

export async function countsOf(database: Queryable, range: MinuteRange, series: SeriesCache): Promise<Map<number, CountRow[]>> {
  const { rows } = await database.query<CountsRow>(
    `select minute, series_id, total, success, caller, account, platform, upstream, aborted, lag_sketch
     from minute_counts where minute >= $1 and minute < $2`,
    [range.from, range.to],
  );
  await series.load(database, [...new Set(rows.map(({ series_id }) => series_id))]);
  const byMinute = new Map<number, CountRow[]>();
  for (const { minute, series_id, lag_sketch, ...counts } of rows) {
    const known = series.get(series_id);
    if (known === undefined) continue;
    const at = minute.getTime();
    const list = byMinute.get(at) ?? [];
    list.push({ ...known, ...counts, lag: known.series.kind === 'inbound' && lag_sketch !== null ? unpackSketch(lag_sketch) : null });
    byMinute.set(at, list);
  }
  return byMinute;
}

/** Accounts in needs_reauth by connector at the end of each minute: today's, walked back through the transitions since. */
export async function needsReauthAt(database: Queryable, minutes: readonly number[]): Promise<Map<number, ReadonlyMap<string, number>>> {
  const first = minutes[0];
  const answer = new Map<number, ReadonlyMap<string, number>>();
  if (first === undefined) return answer;
  const present = await database.query<{ connector_id: string; count: number }>(
    `select connector_id, count(*) from accounts where state = 'needs_reauth' and deleted_at is null group by connector_id`,
  );
  const moves = await database.query<{ at: Date; connector_id: string; step: number }>(
    `select t.at, a.connector_id, case when t.to_state = 'needs_reauth' then 1 else -1 end as step
     from account_transitions t join accounts a on a.id = t.account_id
     where t.at >= $1 and (t.to_state = 'needs_reauth') is distinct from (t.from_state = 'needs_reauth') and 'needs_reauth' in (t.to_state, t.from_state)
     order by t.at desc`,
    [new Date(first)],
  );
  const counts = new Map(present.rows.map(({ connector_id, count }) => [connector_id, count]));
  let next = 0;
  for (const minute of minutes.toReversed()) {
    for (let move = moves.rows[next]; move !== undefined && move.at.getTime() >= minute + minuteMs; move = moves.rows[(next += 1)]) {
      counts.set(move.connector_id, (counts.get(move.connector_id) ?? 0) - move.step);
    }
    answer.set(minute, new Map(counts));
  }
  return answer;
}

/** Ends that became known after the one with this id. */
export async function earlyEndsAfter(database: Queryable, id: number): Promise<{ ends: EarlyEnd[]; lastId: number }> {
  const { rows } = await database.query<{ id: number; connector_id: string; account_id: string; drift_s: number }>(
    'select id, connector_id, account_id, drift_s from token_drift where id > $1 order by id',
    [id],
  );
  return { ends: rows.map(({ connector_id, account_id, drift_s }) => ({ connectorId: connector_id, accountId: account_id, driftS: drift_s })), lastId: rows.at(-1)?.id ?? id };
}

/** Ends by the minute the token failed in: what history tells, where the order of becoming known is not kept. */
export async function earlyEndsBetween(database: Queryable, { from, to }: MinuteRange): Promise<Map<number, EarlyEnd[]>> {
  const { rows } = await database.query<{ failed_at: Date; connector_id: string; account_id: string; drift_s: number }>(
    'select failed_at, connector_id, account_id, drift_s from token_drift where failed_at >= $1 and failed_at < $2',
    [from, to],
  );
  return Map.groupBy(
    rows.map(({ failed_at, connector_id, account_id, drift_s }) => ({ at: Math.floor(failed_at.getTime() / minuteMs) * minuteMs, connectorId: connector_id, accountId: account_id, driftS: drift_s })),
    ({ at }) => at,
  );
}

export interface FactSource {
  /** Changes of shapes that nobody has acknowledged. */
  readonly shapeChanges: (database: Queryable) => Promise<readonly ShapeChange[]>;
  /** How error budgets stand. */
  readonly budgets?: (database: Queryable) => Promise<BudgetFacts>;
  /** Resolves when the budgets know what is sealed: a minute is judged after they have taken it in. */
  readonly settled?: () => Promise<void>;
}

/** The facts of stored minutes in order, read a few hours at a time. */
export async function* storedFacts(database: Queryable, range: MinuteRange, series: SeriesCache, chunkMinutes = 60): AsyncGenerator<MinuteFacts> {
  const minutes = await sealedMinutes(database, range);
  const reauth = await needsReauthAt(database, minutes.map(({ minute }) => minute));
  const ends = await earlyEndsBetween(database, range);
  for (let at = 0; at < minutes.length; at += chunkMinutes) {
    const chunk = minutes.slice(at, at + chunkMinutes);
    const [first, last] = [chunk[0], chunk.at(-1)];
    if (first === undefined || last === undefined) return;
    const counts = await countsOf(database, { from: new Date(first.minute), to: new Date(last.minute + minuteMs) }, series);
    for (const { minute, ...known } of chunk) {
      yield { minute, ...known, rows: counts.get(minute) ?? [], needsReauth: reauth.get(minute) ?? new Map(), earlyEnds: ends.get(minute) ?? [], shapeChanges: [] };
    }
  }
}
