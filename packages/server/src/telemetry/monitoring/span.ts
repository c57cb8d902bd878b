/** The window that is asked for and the one before it: where they lie, and how much of them was measured. */
import type { Span } from '@evenkeel/contract/api/monitoring.ts';
import type { Queryable } from '../../database/pool.ts';
import { Refusal } from '../../http/problem.ts';

const minuteMs = 60_000;
const unitMs = { m: minuteMs, h: 3_600_000, d: 86_400_000 } as const;
const longestMs = 30 * unitMs.d;
/** Up to here counts are read by minute, beyond by hour. */
const minutesUpToMs = 24 * unitMs.h;

/** Two adjacent windows: [from, mid) and [mid, to). */
export interface Windows {
  readonly from: Date;
  readonly mid: Date;
  readonly to: Date;
  readonly grain: 'minute' | 'hour';
}

/** `15m`, `1h`, `7d` → milliseconds. Refuses what is longer than 30 days. */
export function lengthOf(window: string): number {
  const unit = window.at(-1);
  const ms = Number(window.slice(0, -1)) * (unit === 'm' || unit === 'h' || unit === 'd' ? unitMs[unit] : Number.NaN);
  if (!(ms <= longestMs)) throw new Refusal('invalid_request', `A window of ${window} is longer than the 30 days that can be asked for.`);
  return ms;
}

/** Ends with the last sealed minute, or, where sealing is behind, before the present one: what is missing then shows as not covered. */
export async function windowsEndingNow(database: Queryable, lengthMs: number): Promise<Windows> {
  const { rows } = await database.query<{ now: Date; sealed: Date | null }>('select clock_timestamp() as now, (select max(minute) from telemetry_minutes) as sealed');
  const nowMs = Math.floor((rows[0]?.now.getTime() ?? 0) / minuteMs) * minuteMs;
  const sealedMs = (rows[0]?.sealed?.getTime() ?? Number.NEGATIVE_INFINITY) + minuteMs;
  const fresh = sealedMs > nowMs - 2 * minuteMs ? sealedMs : nowMs;
  const grain = lengthMs <= minutesUpToMs ? 'minute' : 'hour';
  const toMs = grain === 'minute' ? fresh : Math.floor(fresh / unitMs.h) * unitMs.h;
  const length = grain === 'minute' ? lengthMs : Math.ceil(lengthMs / unitMs.h) * unitMs.h;
  return { from: new Date(toMs - 2 * length), mid: new Date(toMs - length), to: new Date(toMs), grain };
}

export async function readSpans(database: Queryable, { from, mid, to }: Windows): Promise<{ now: Span; before: Span; sufficient: boolean }> {
  const [before, now] = [await readSpan(database, from, mid), await readSpan(database, mid, to)];
  // What was lost is as unknown as what was not covered.
  return { now, before, sufficient: now.covered_seconds - now.lost_seconds >= 0.95 * now.seconds };
}

async function readSpan(database: Queryable, from: Date, to: Date): Promise<Span> {
  const { rows } = await database.query<{ covered: number; lost: number }>(
    `select coalesce(sum(covered_seconds), 0)::int as covered, greatest(0, coalesce(sum(lost_seconds), 0))::int as lost
     from (select covered_seconds, lost_seconds from telemetry_minutes where minute >= $1 and minute < $2
           union all select covered_seconds, lost_seconds from minute_amendments where minute >= $1 and minute < $2) as parts`,
    [from, to],
  );
  const seconds = (to.getTime() - from.getTime()) / 1000;
  const covered = Math.min(rows[0]?.covered ?? 0, seconds);
  return { from: from.toISOString(), to: to.toISOString(), seconds, covered_seconds: covered, lost_seconds: rows[0]?.lost ?? 0, coverage: covered / seconds };
}
