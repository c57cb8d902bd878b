/** What only a long history tells: inbound streams with what is expected of each hour of the week, and how tenants stand. */
import { hoursOfWeek, hourOfWeek, makeBaseline } from '@evenkeel/core/alerts/flat-line.ts';
import type { Stream, TenantStanding } from '@evenkeel/core/alerts/facts.ts';
import type { Queryable } from '../database/pool.ts';
import { measuredFromSeconds } from './minute-facts.ts';

const hourMs = 3_600_000;
const weekMs = hoursOfWeek * hourMs;
/** Weeks that a baseline is made from. */
const weeks = 4;
/** An hour of which less was covered is left out. */
const coveredFromSeconds = 1800;

interface HourRow {
  connector_id: string;
  account_id: string | null;
  tenant_id: string | null;
  hour: Date;
  total: number;
}

/** Streams that ever had an event in the last weeks, by account and by connector. Hours under an open alert of silence are left out. */
export async function inboundStreams(database: Queryable, now: Date): Promise<Stream[]> {
  const since = new Date(Math.floor(now.getTime() / hourMs) * hourMs - weeks * weekMs);
  const { rows } = await database.query<HourRow>(
    `select s.connector_id, s.account_id, max(s.tenant_id) as tenant_id, c.hour, sum(c.total)::bigint as total
     from hour_counts c join telemetry_series s on s.id = c.series_id
     where s.kind = 'inbound' and s.connector_id is not null and c.hour >= $1
     group by s.connector_id, s.account_id, c.hour`,
    [since],
  );
  const recent = await lastMinutes(database, new Date(now.getTime() - 3 * hourMs));
  const covered = await coveredHours(database, since);
  const silent = await silentHours(database, since, now);
  const byConnector = Map.groupBy(rows, ({ connector_id }) => connector_id);
  const streams: Stream[] = [];
  for (const [connectorId, all] of byConnector) {
    streams.push(streamOf(connectorId, null, null, all));
    for (const [accountId, own] of Map.groupBy(all, ({ account_id }) => account_id)) {
      if (accountId !== null) streams.push(streamOf(connectorId, accountId, own[0]?.tenant_id ?? null, own));
    }
  }
  return streams;

  function streamOf(connectorId: string, accountId: string | null, tenantId: string | null, hours: readonly HourRow[]): Stream {
    const counts = new Map<number, number>();
    for (const { hour, total } of hours) counts.set(hour.getTime(), (counts.get(hour.getTime()) ?? 0) + total);
    const lastHour = Math.max(...hours.filter(({ total }) => total > 0).map(({ hour }) => hour.getTime()));
    const leftOut = silent.get(accountId ?? connectorId) ?? [];
    const usable = (hour: number): boolean => covered.has(hour) && !leftOut.some(({ from, to }) => hour + hourMs > from && hour < to);
    return {
      connectorId,
      accountId,
      tenantId,
      // The hour's end where the minute is not known: rather late than a false alert.
      lastEventMs: recent.get(accountId ?? connectorId) ?? Math.min(now.getTime(), lastHour + hourMs),
      baseline: makeBaseline(weeksOf(counts, Math.min(...counts.keys()), now.getTime(), usable)),
    };
  }
}

/** Whole weeks back from now, oldest first, as far as the stream has a history. */
function weeksOf(counts: ReadonlyMap<number, number>, firstHour: number, nowMs: number, usable: (hour: number) => boolean): (number | null)[][] {
  const end = Math.floor(nowMs / hourMs) * hourMs;
  const history: (number | null)[][] = [];
  for (let begin = end - weekMs; begin >= firstHour - weekMs / 2 && history.length < weeks; begin -= weekMs) {
    const week: (number | null)[] = Array.from({ length: hoursOfWeek }, () => null);
    for (let hour = begin; hour < begin + weekMs; hour += hourMs) if (hour >= firstHour && usable(hour)) week[hourOfWeek(hour)] = counts.get(hour) ?? 0;
    history.unshift(week);
  }
  return history;
}

async function lastMinutes(database: Queryable, since: Date): Promise<Map<string, number>> {
  const { rows } = await database.query<{ connector_id: string; account_id: string | null; last: Date }>(
    `select s.connector_id, s.account_id, max(c.minute) as last
     from minute_counts c join telemetry_series s on s.id = c.series_id
     where s.kind = 'inbound' and s.connector_id is not null and c.minute >= $1 and c.total > 0
     group by s.connector_id, s.account_id`,
    [since],
  );
  const last = new Map<string, number>();
  for (const { connector_id, account_id, last: minute } of rows) {
    for (const key of [connector_id, account_id]) if (key !== null) last.set(key, Math.max(last.get(key) ?? 0, minute.getTime()));
  }
  return last;
}

/** Minutes of the last weeks before `now` that say nothing, sealed so or never sealed at all, as their begins in ms; none before the first one sealed. */
export async function unmeasuredMinutes(database: Queryable, now: Date): Promise<number[]> {
  const { rows } = await database.query<{ minute: Date }>(
    `select minute
     from generate_series(greatest($1::timestamptz, (select min(minute) from telemetry_minutes)), $2::timestamptz - interval '1 minute', interval '1 minute') as minute
     left join telemetry_minutes m using (minute)
     where m.covered_seconds is null or m.covered_seconds < $3`,
    [new Date(now.getTime() - weeks * weekMs), now, measuredFromSeconds],
  );
  return rows.map(({ minute }) => minute.getTime());
}

async function coveredHours(database: Queryable, since: Date): Promise<Set<number>> {
  const { rows } = await database.query<{ hour: Date }>('select hour from telemetry_hours where hour >= $1 and covered_seconds >= $2', [since, coveredFromSeconds]);
  return new Set(rows.map(({ hour }) => hour.getTime()));
}

/** Past silences, by account or connector: they are no part of what is normal. */
async function silentHours(database: Queryable, since: Date, now: Date): Promise<Map<string, { from: number; to: number }[]>> {
  const { rows } = await database.query<{ subject: string; opened_at: Date; resolved_at: Date | null }>(
    `select coalesce(account_id, connector_id) as subject, opened_at, resolved_at
     from alerts where key like 'silence %' and coalesce(resolved_at, now()) >= $1`,
    [since],
  );
  return Map.groupBy(rows.map(({ subject, opened_at, resolved_at }) => ({ subject, from: opened_at.getTime() - hourMs, to: (resolved_at ?? now).getTime() })), ({ subject }) => subject);
}

/** Tenants that have called lately: since when without a success, and the failures since. */
export async function tenantStandings(database: Queryable, now: Date): Promise<Map<string, TenantStanding>> {
  const { rows } = await database.query<{ tenant_id: string; since: Date; failures: number }>(
    `with facts as (
       select s.tenant_id, c.hour as at, c.success, c.account + c.platform + c.upstream as failed
       from hour_counts c join telemetry_series s on s.id = c.series_id
       where s.kind = 'call' and s.surface <> 'background' and s.tenant_id is not null and c.hour >= $1
       union all
       select s.tenant_id, c.minute, c.success, c.account + c.platform + c.upstream
       from minute_counts c join telemetry_series s on s.id = c.series_id
       where s.kind = 'call' and s.surface <> 'background' and s.tenant_id is not null
         and c.minute >= coalesce((select max(hour) + interval '1 hour' from telemetry_hours), $1)),
     last as (
       select tenant_id, max(at) filter (where success > 0) as success_at, min(at) filter (where failed > 0) as failed_at
       from facts group by tenant_id)
     select l.tenant_id, coalesce(l.success_at, l.failed_at) as since, coalesce(sum(f.failed) filter (where l.success_at is null or f.at > l.success_at), 0)::bigint as failures
     from last l join facts f using (tenant_id)
     where coalesce(l.success_at, l.failed_at) is not null
     group by l.tenant_id, l.success_at, l.failed_at`,
    [new Date(now.getTime() - 30 * 24 * hourMs)],
  );
  return new Map(rows.map(({ tenant_id, since, failures }) => [tenant_id, { sinceMs: since.getTime(), failures }]));
}
