/** What only a long history tells: inbound streams with what is expected of each hour of the week, and how tenants stand. */
import { setImmediate } from 'node:timers/promises';
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

/** Accounts read in one statement. */
const chunkAccounts = 250;
/** Baselines made without letting others have the event loop: about 5 ms. */
const streamsAtOnce = 10;

interface Subject {
  readonly connector_id: string;
  readonly account_id: string | null;
  readonly tenant_id: string | null;
  /** Of telemetry_series. */
  readonly ids: readonly number[];
}

/** Events by the begin of their hour, in ms. */
type Hours = Map<number, number>;

/**
 * Streams that ever had an event in the last weeks, by account and by connector. Hours under an open alert of silence are
 * left out. Four weeks of every account are many rows: PostgreSQL sends a line an account, some accounts at a time, and
 * calls under way get their turn in between.
 */
export async function inboundStreams(database: Queryable, now: Date): Promise<Stream[]> {
  const since = new Date(Math.floor(now.getTime() / hourMs) * hourMs - weeks * weekMs);
  const subjects = await database.query<Subject>(
    // Of an account that was taken away nothing is expected any more, nor in its connector's sum.
    `select s.connector_id, s.account_id, max(s.tenant_id) as tenant_id, array_agg(s.id) as ids
     from telemetry_series s left join accounts a on a.id = s.account_id
     where s.kind = 'inbound' and s.connector_id is not null and a.deleted_at is null
     group by s.connector_id, s.account_id order by s.connector_id, s.account_id`,
  );
  const recent = await lastMinutes(database, new Date(now.getTime() - 3 * hourMs), now);
  const covered = await coveredHours(database, since);
  const silent = await silentHours(database, since, now);
  const ofConnectors = new Map<string, Hours>();
  const streams: Stream[] = [];
  for (let at = 0; at < subjects.rows.length; at += chunkAccounts) {
    const chunk = subjects.rows.slice(at, at + chunkAccounts);
    const read = await readHours(database, chunk, since);
    for (const [index, { connector_id: connectorId, account_id: accountId, tenant_id: tenantId }] of chunk.entries()) {
      if (index % streamsAtOnce === streamsAtOnce - 1) await setImmediate();
      const text = read.get(index);
      if (text === undefined) continue;
      const hours = parseHours(text, since.getTime());
      const sum = ofConnectors.get(connectorId) ?? new Map<number, number>();
      for (const [hour, total] of hours) sum.set(hour, (sum.get(hour) ?? 0) + total);
      ofConnectors.set(connectorId, sum);
      if (accountId !== null) streams.push(streamOf(connectorId, accountId, tenantId, hours));
    }
  }
  for (const [connectorId, hours] of ofConnectors) {
    await setImmediate();
    streams.push(streamOf(connectorId, null, null, hours));
  }
  return streams;

  function streamOf(connectorId: string, accountId: string | null, tenantId: string | null, counts: Hours): Stream {
    let [firstHour, lastHour] = [Number.POSITIVE_INFINITY, 0];
    for (const [hour, total] of counts) {
      firstHour = Math.min(firstHour, hour);
      if (total > 0 && hour <= now.getTime()) lastHour = Math.max(lastHour, hour);
    }
    const leftOut = silent.get(accountId ?? connectorId) ?? [];
    const usable = (hour: number): boolean => covered.has(hour) && !leftOut.some(({ from, to }) => hour + hourMs > from && hour < to);
    return {
      connectorId,
      accountId,
      tenantId,
      // The hour's end where the minute is not known: rather late than a false alert.
      lastEventMs: recent.get(accountId ?? connectorId) ?? Math.min(now.getTime(), lastHour + hourMs),
      baseline: makeBaseline(weeksOf(counts, firstHour, now.getTime(), usable)),
    };
  }
}

/** `<hours since `since`> <events>`, by commas, by the place in `subjects`; one without an hour is missing. */
async function readHours(database: Queryable, subjects: readonly Subject[], since: Date): Promise<Map<number, string>> {
  const { rows } = await database.query<{ n: number; hours: string }>({
    name: 'read-inbound-hours',
    text: `select n, string_agg(hour_number || ' ' || total, ',') as hours
           from (select given.n, (extract(epoch from c.hour - $3) / 3600)::int as hour_number, sum(c.total) as total
                 from unnest($1::bigint[], $2::int[]) as given (id, n) join hour_counts c on c.series_id = given.id and c.hour >= $3
                 group by given.n, c.hour) as summed
           group by n`,
    values: [subjects.flatMap(({ ids }) => ids), subjects.flatMap(({ ids }, n) => ids.map(() => n)), since],
  });
  return new Map(rows.map(({ n, hours }) => [n, hours]));
}

function parseHours(text: string, sinceMs: number): Hours {
  return new Map(text.split(',').map((pair) => {
    const space = pair.indexOf(' ');
    return [sinceMs + Number(pair.slice(0, space)) * hourMs, Number(pair.slice(space + 1))] as const;
  }));
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

async function lastMinutes(database: Queryable, since: Date, now: Date): Promise<Map<string, number>> {
  const { rows } = await database.query<{ connector_id: string; account_id: string | null; last: Date }>(
    `select s.connector_id, s.account_id, max(c.minute) as last
     from minute_counts c join telemetry_series s on s.id = c.series_id
     where s.kind = 'inbound' and s.connector_id is not null and c.minute >= $1 and c.minute <= $2 and c.total > 0
     group by s.connector_id, s.account_id`,
    [since, now],
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
     where m.covered_seconds is null or m.covered_seconds - m.lost_seconds < $3`,
    [new Date(now.getTime() - weeks * weekMs), now, measuredFromSeconds],
  );
  return rows.map(({ minute }) => minute.getTime());
}

async function coveredHours(database: Queryable, since: Date): Promise<Set<number>> {
  const { rows } = await database.query<{ hour: Date }>('select hour from telemetry_hours where hour >= $1 and covered_seconds >= $2', [since, coveredFromSeconds]);
  return new Set(rows.map(({ hour }) => hour.getTime()));
}

/** When an account was taken away last, in ms; null when none ever was. */
export async function lastDeletion(database: Queryable): Promise<number | null> {
  const { rows } = await database.query<{ at: Date | null }>('select max(deleted_at) as at from accounts');
  return rows[0]?.at?.getTime() ?? null;
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
  const { rows } = await database.query<{ tenant_id: string; since: Date; failures: number; last_failed_at: Date | null }>(
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
       select tenant_id, max(at) filter (where success > 0) as success_at, min(at) filter (where failed > 0) as failed_at, max(at) filter (where failed > 0) as last_failed_at
       from facts group by tenant_id)
     select l.tenant_id, coalesce(l.success_at, l.failed_at) as since, coalesce(sum(f.failed) filter (where l.success_at is null or f.at > l.success_at), 0)::bigint as failures, l.last_failed_at
     from last l join facts f using (tenant_id)
     where coalesce(l.success_at, l.failed_at) is not null
     group by l.tenant_id, l.success_at, l.failed_at, l.last_failed_at`,
    [new Date(now.getTime() - 30 * 24 * hourMs)],
  );
  return new Map(rows.map(({ tenant_id, since, failures, last_failed_at }) => [tenant_id, { sinceMs: since.getTime(), failures, lastFailureMs: last_failed_at?.getTime() ?? null }]));
}
