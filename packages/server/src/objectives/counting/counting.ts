/**
 * From sealed minutes and amendments to sums, once each, in the order of their sealing. A minute that an amendment
 * changed is read anew as a whole, so that counting it twice changes nothing. One node counts at a time: the caller
 * holds the lock of `lockCounting` in its transaction.
 */
import { countRequests, countingRule, isBadMinute, type AgreementDefinition } from '@evenkeel/core/objectives/agreement.ts';
import type { ObjectiveDefinition } from '@evenkeel/core/objectives/definition.ts';
import { countingKey, isMeasured, tallyMinute } from '@evenkeel/core/objectives/tally.ts';
import type { Queryable } from '../../database/pool.ts';
import { agreementCounterKey, recountChanged, writeAgreementMinutes, type AgreementMinute } from '../agreements/agreement-store.ts';
import { writeCoverage } from './coverage-store.ts';
import { readAmended, readScopes, readSealed, readSealedAt, scopeKey, type ScopedMinute, type SealedMinute } from './minute-reading.ts';
import { ensureTracks, findTracks, trackKey, writeContributions } from './sum-store.ts';

export interface CountingPlan {
  readonly objectives: readonly ObjectiveDefinition[];
  readonly agreements: readonly AgreementDefinition[];
  /** Days that telemetry keeps counts by minute; without it they are kept for ever. */
  readonly keptDays?: number;
}

export interface Counted {
  /** Minutes read, new and amended. */
  readonly minutes: number;
  /** There is more than one round takes. */
  readonly more: boolean;
  /** Agreements whose bad minutes changed. */
  readonly agreements: ReadonlySet<string>;
  readonly lastMinute: number | null;
}

/** Any constant that nothing else in the database uses. */
const lockKey = 4_400_030;
const batchMinutes = 200;
const coverageKey = 'coverage';

/** Waits for its turn; held until the transaction ends. */
export async function lockCounting(client: Queryable): Promise<void> {
  await client.query('select pg_advisory_xact_lock($1)', [lockKey]);
}

interface Counter {
  readonly id: number;
  readonly key: string;
  readonly minuteSeq: number;
}

/** One round: at most a few hundred minutes. `client` is a transaction that holds the lock. */
export async function countRound(client: Queryable, plan: CountingPlan): Promise<Counted> {
  const byKey = new Map(plan.objectives.map((one) => [countingKey(one), one]));
  const byAgreement = new Map(plan.agreements.map((one) => [agreementCounterKey(one.id), one]));
  await recountChanged(client, plan.agreements, Date.now(), plan.keptDays);
  const counters = await ensureCounters(client, [coverageKey, ...byKey.keys()], plan);
  const { amendment_seq: amendmentSeq } = await readProgress(client);
  const withSketches = plan.objectives.some(({ indicator }) => indicator.measure === 'overhead_latency');
  const changed = new Set<string>();
  const { minutes: amended, lastSeq } = await readAmended(client, amendmentSeq, plan.keptDays);
  const again = await readSealedAt(client, amended);
  // Amended minutes are told to every counter: one that has not come to them yet will find the same again.
  for (let at = 0; at < again.length; at += batchMinutes) await countMinutes(client, again.slice(at, at + batchMinutes), () => counters);
  // Those in front go on; a new counter catches up behind them.
  const front = Math.max(...counters.map(({ minuteSeq }) => minuteSeq));
  const late = counters.filter(({ minuteSeq }) => minuteSeq < front);
  const fresh = await advance(counters.filter(({ minuteSeq }) => minuteSeq === front), front, Number.MAX_SAFE_INTEGER);
  const caughtUp = late.length === 0 ? 0 : await advance(late, Math.min(...late.map(({ minuteSeq }) => minuteSeq)), front);
  // The first minute stays where it was when old coverage is trimmed: an old month is not one before the beginning. It is
  // the first one that was measured: an installation begins within a minute, and what lies before it was not its downtime.
  const { rows } = await client.query<{ last_minute: number | null }>(
    `update objective_progress set amendment_seq = $1,
       first_minute = least(first_minute, (select min(minute) from objective_coverage where measured_minutes > 0)), last_minute = (select max(minute) from objective_coverage)
     returning last_minute`,
    [lastSeq],
  );
  const more = fresh === batchMinutes || caughtUp > 0;
  return { minutes: fresh + caughtUp + again.length, more, agreements: changed, lastMinute: rows[0]?.last_minute ?? null };

  /** The counters of the group take the sealed minutes after `after`, up to `to`. Returns how many those are. */
  async function advance(group: readonly Counter[], after: number, to: number): Promise<number> {
    const sealed = (await readSealed(client, after, batchMinutes)).filter(({ seq }) => seq <= to);
    await countMinutes(client, sealed, ({ seq }) => group.filter(({ minuteSeq }) => minuteSeq < seq));
    const reached = sealed.length < batchMinutes && to !== Number.MAX_SAFE_INTEGER ? to : (sealed.at(-1)?.seq ?? after);
    await client.query('update objective_counters set minute_seq = greatest(minute_seq, $2) where id = any($1)', [group.map(({ id }) => id), reached]);
    return sealed.length;
  }

  async function countMinutes(database: Queryable, minutes: readonly SealedMinute[], dueOf: (minute: SealedMinute) => readonly Counter[]): Promise<void> {
    const scopes = await readScopes(database, minutes.map(({ minute }) => minute), withSketches);
    const due = minutes.map((minute) => ({ minute, counters: dueOf(minute), scopes: scopes.get(minute.minute) ?? new Map<string, ScopedMinute>() }));
    await writeCoverage(database, due.filter((one) => one.counters.some(({ key }) => key === coverageKey)).map(({ minute }) => minute));
    await writeObjectives(database, due, byKey);
    for (const id of await writeAgreements(database, due, byAgreement)) changed.add(id);
  }
}

interface DueMinute {
  readonly minute: SealedMinute;
  readonly counters: readonly Counter[];
  readonly scopes: ReadonlyMap<string, ScopedMinute>;
}

async function writeObjectives(database: Queryable, due: readonly DueMinute[], byKey: ReadonlyMap<string, ObjectiveDefinition>): Promise<void> {
  const found = due.flatMap(({ minute, counters, scopes }) =>
    counters.flatMap(({ id: counterId, key }) => {
      const definition = byKey.get(key);
      if (definition === undefined) return [];
      const measured = isMeasured(minute.coveredSeconds, minute.lostSeconds);
      return [...scopes.values()].map((scope) => ({ counterId, kind: scope.kind, id: scope.id, minute: minute.minute, tally: tallyMinute(definition, scope, measured) }));
    }),
  );
  // A scope begins with its first event. One that has begun is told of minutes without any as well: an amendment may take events back.
  const begun = found.filter(({ tally }) => tally.events > 0);
  const tracks = new Map([...(await findTracks(database, found.filter(({ tally }) => tally.events <= 0))), ...(await ensureTracks(database, begun))]);
  const contributions = found.flatMap(({ counterId, kind, id, minute, tally }) => {
    const trackId = tracks.get(trackKey(counterId, kind, id));
    return trackId === undefined ? [] : [{ trackId, minute, tally }];
  });
  await writeContributions(database, contributions);
}

function writeAgreements(database: Queryable, due: readonly DueMinute[], byAgreement: ReadonlyMap<string, AgreementDefinition>): Promise<Set<string>> {
  const minutes = due.flatMap(({ minute, counters, scopes }) =>
    counters.flatMap(({ key }): AgreementMinute[] => {
      const agreement = byAgreement.get(key);
      if (agreement === undefined) return [];
      const calls = scopes.get(scopeKey('tenant', agreement.tenantId))?.calls;
      const { requests, failed } = calls === undefined ? { requests: 0, failed: 0 } : countRequests(agreement, calls);
      return [{ agreementId: agreement.id, minute: minute.minute, requests, failed, bad: isBadMinute(agreement, requests, failed) }];
    }),
  );
  return writeAgreementMinutes(database, minutes);
}

async function ensureCounters(database: Queryable, ofObjectives: readonly string[], { agreements, keptDays }: CountingPlan): Promise<Counter[]> {
  const keys = [...ofObjectives, ...agreements.map(({ id }) => agreementCounterKey(id))];
  const rules = [...ofObjectives.map(() => null), ...agreements.map(countingRule)];
  await database.query(
    `insert into objective_counters (key, counted_by, counted_from)
     select key, rule, (extract(epoch from now()) / 60)::int - $3::int * 1440 from unnest($1::text[], $2::text[]) as k (key, rule)
     on conflict (key) do nothing`,
    [keys, rules, keptDays ?? null],
  );
  const { rows } = await database.query<{ id: number; key: string; minute_seq: number }>('select id, key, minute_seq from objective_counters where key = any($1)', [keys]);
  return rows.map(({ id, key, minute_seq: minuteSeq }) => ({ id, key, minuteSeq }));
}

export interface Progress {
  readonly amendment_seq: number;
  readonly first_minute: number | null;
  readonly last_minute: number | null;
  /** Sums before it are kept by the quarter of an hour. */
  readonly thinned_to: number | null;
}

export async function readProgress(database: Queryable): Promise<Progress> {
  const { rows } = await database.query<Progress>('select amendment_seq, first_minute, last_minute, thinned_to from objective_progress');
  return rows[0] ?? { amendment_seq: 0, first_minute: null, last_minute: null, thinned_to: null };
}
