/** The tables of sealing. All of it runs inside the transaction that seals one minute or takes in late facts. */
import type { Counts } from '@evenkeel/core/telemetry/counts.ts';
import type { Beat, Losses, NodeFate, Presence } from '@evenkeel/core/telemetry/coverage.ts';
import { isShown } from '../../database/notifications.ts';
import type { Queryable } from '../../database/pool.ts';
import { countArrays, countNames, countSource } from './count-rows.ts';

/** Any constant that nothing else in the database uses. */
const lockKey = 4_400_020;
/** Rows of an insert; more would hold too much text in memory at once. */
const batchRows = 5_000;

export const sealedChannel = 'evenkeel_minute_sealed';

/** False: another node seals just now. The lock ends with the transaction. */
export async function lockSealing(client: Queryable): Promise<boolean> {
  const { rows } = await client.query<{ held: boolean }>('select pg_try_advisory_xact_lock($1) as held', [lockKey]);
  return rows[0]?.held === true;
}

export interface SealingState {
  readonly nowMs: number;
  /** The last sealed minute; null before the first. */
  readonly sealed: Date | null;
  /** The first minute after it in which a node wrote something. */
  readonly next: Date | null;
  /** Rows of minutes that are sealed already. */
  readonly late: boolean;
}

export async function readSealingState(client: Queryable): Promise<SealingState> {
  const { rows } = await client.query<{ now_ms: number; sealed: Date | null; next: Date | null; late: boolean }>({
    name: 'read-sealing-state',
    text: `with sealed as (select max(minute) as minute from telemetry_minutes),
                bound as (select coalesce(minute + interval '1 minute', '-infinity') as first from sealed)
           select (extract(epoch from clock_timestamp()) * 1000)::float8 as now_ms,
                  (select minute from sealed) as sealed,
                  (select date_trunc('minute', min(second)) from telemetry_seconds, bound where second >= first) as next,
                  exists (select from telemetry_seconds, bound where second < first) as late`,
  });
  const [row] = rows;
  return { nowMs: row?.now_ms ?? 0, sealed: row?.sealed ?? null, next: row?.next ?? null, late: row?.late ?? false };
}

export interface SecondRow extends Beat {
  readonly nodeId: string;
  /** False for late facts from outside, which say nothing of a node. */
  readonly ofNode: boolean;
  readonly counts: Uint8Array;
}

/** Takes the rows of [from, to) out of the table. */
export async function takeSeconds(client: Queryable, from: Date | null, to: Date): Promise<SecondRow[]> {
  const { rows } = await client.query<{ node_id: string; half: number; part: number | null; beat: boolean; last: boolean; lost: boolean; counts: Buffer }>({
    name: 'take-telemetry-seconds',
    text: `delete from telemetry_seconds where second >= coalesce($1::timestamptz, '-infinity') and second < $2
           returning node_id, (extract(epoch from second) * 2)::bigint + coalesce(part, 0) as half, part, beat, last, lost, counts`,
    values: [from, to],
  });
  return rows.map(({ node_id: nodeId, half, part, beat, last, lost, counts }) => ({ nodeId, half, ofNode: part !== null, beat, last, lost, counts }));
}

export interface OpenNode {
  readonly nodeId: string;
  /** The half second it was registered in. */
  readonly beganHalf: number;
  readonly lastHalf: number | null;
  /** There are rows of it after the time asked for. */
  readonly seenLater: boolean;
  readonly presence: Presence;
}

/** Every node that is not known to have ended, with what there is of it after `end`. */
export async function openNodes(client: Queryable, end: Date): Promise<OpenNode[]> {
  const { rows } = await client.query<{ node_id: string; began_half: number; last_half: number | null; seen_later: boolean; shown: boolean; gone_half: number | null }>(
    `select node_id, last_half, floor(extract(epoch from started_at) * 2)::bigint as began_half, shown, gone_half,
            exists (select from telemetry_seconds seconds where seconds.node_id = nodes.node_id and second >= $1 and part is not null) as seen_later
     from telemetry_nodes nodes where stopped_at is null and vanished_at is null`,
    [end],
  );
  return rows.map((row) => ({
    nodeId: row.node_id,
    beganHalf: row.began_half,
    lastHalf: row.last_half,
    seenLater: row.seen_later,
    presence: !row.shown ? 'unknown' : row.gone_half === null ? 'present' : { goneHalf: row.gone_half },
  }));
}

/** Notes which nodes are missed since when, and which are back. */
export async function noteMissing(database: Queryable): Promise<void> {
  await database.query({
    name: 'note-missing-nodes',
    text: `update telemetry_nodes nodes set gone_half = case when seen.shown then null else floor(extract(epoch from clock_timestamp()) * 2)::bigint end
           from (select node_id, ${isShown('node_id')} as shown from telemetry_nodes where telemetry_nodes.shown and stopped_at is null and vanished_at is null) seen
           where nodes.node_id = seen.node_id and seen.shown = (nodes.gone_half is not null)`,
  });
}

export async function storeFates(client: Queryable, fates: readonly NodeFate[]): Promise<void> {
  await client.query(
    `insert into telemetry_nodes (node_id, last_half, stopped_at, vanished_at)
     select node_id, last_half, case when fate = 'stopped' then clock_timestamp() end, case when fate = 'vanished' then clock_timestamp() end
     from unnest($1::text[], $2::bigint[], $3::text[]) as given (node_id, last_half, fate)
     on conflict (node_id) do update set last_half = excluded.last_half, stopped_at = excluded.stopped_at, vanished_at = excluded.vanished_at`,
    [fates.map(({ nodeId }) => nodeId), fates.map(({ lastHalf }) => lastHalf), fates.map(({ fate }) => fate)],
  );
}

export async function insertMinute(client: Queryable, minute: Date, coverage: { coveredSeconds: number; lostSeconds: number; covered: readonly boolean[] }): Promise<void> {
  await client.query(
    `with sealed as (
       insert into telemetry_minutes (minute, covered_seconds, lost_seconds, covered_halves) values ($1, $2, $3, $4::bit(120)) returning minute)
     select pg_notify('${sealedChannel}', to_char(minute at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')) from sealed`,
    [minute, coverage.coveredSeconds, coverage.lostSeconds, bitsOf(coverage.covered)],
  );
}

export async function insertMinuteCounts(client: Queryable, minute: Date, counts: ReadonlyMap<number, Counts>): Promise<void> {
  for (const batch of batches(counts)) {
    await client.query({
      name: 'insert-minute-counts',
      text: `insert into minute_counts (minute, series_id, ${countNames})
             select $1, given.* from unnest($2::bigint[], ${countSource(3, 'integer')}) as given`,
      values: [minute, batch.map(([id]) => id), ...countArrays(batch.map(([, one]) => one))],
    });
  }
}

export async function insertAmendments(client: Queryable, minute: Date, counts: ReadonlyMap<number, Counts>, reason: string): Promise<void> {
  for (const batch of batches(counts)) {
    await client.query(
      `insert into minute_amendments (minute, reason, series_id, ${countNames})
       select $1, $2, given.* from unnest($3::bigint[], ${countSource(4, 'integer')}) as given`,
      [minute, reason, batch.map(([id]) => id), ...countArrays(batch.map(([, one]) => one))],
    );
  }
}

export async function insertCoverageAmendment(client: Queryable, minute: Date, delta: { coveredSeconds: number; lostSeconds: number }, reason: string): Promise<void> {
  await client.query('insert into minute_amendments (minute, covered_seconds, lost_seconds, reason) values ($1, $2, $3, $4)', [minute, delta.coveredSeconds, delta.lostSeconds, reason]);
}

/** Which halves of a sealed minute were covered; none for a minute that has no row. */
export async function coveredHalves(client: Queryable, minute: Date): Promise<boolean[]> {
  const { rows } = await client.query<{ halves: string }>('select covered_halves::text as halves from telemetry_minutes where minute = $1', [minute]);
  return halvesOf(rows[0]?.halves ?? '');
}

/** Nodes of which rows came late: they have not vanished. Those in `stopped` have ended of themselves. */
export async function reviveNodes(client: Queryable, last: ReadonlyMap<string, number>, stopped: ReadonlySet<string>): Promise<void> {
  await client.query(
    `update telemetry_nodes nodes
     set vanished_at = null, last_half = greatest(nodes.last_half, given.last_half), stopped_at = coalesce(stopped_at, case when given.stopped then clock_timestamp() end)
     from unnest($1::text[], $2::bigint[], $3::boolean[]) as given (node_id, last_half, stopped)
     where nodes.node_id = given.node_id`,
    [[...last.keys()], [...last.values()], [...last.keys()].map((nodeId) => stopped.has(nodeId))],
  );
}

/** Losses of the minutes in which one of `nodes` has any, and of `minutes`; by minute, in ms. */
export async function lossesOf(client: Queryable, nodes: readonly string[], minutes: readonly number[]): Promise<Map<number, Losses[]>> {
  const { rows } = await client.query<{ minute: Date; node_id: string; missing: string; lost: string }>(
    `select minute, node_id, missing::text, lost::text from telemetry_losses
     where minute in (select minute from telemetry_losses where node_id = any($1::text[]) union select unnest($2::timestamptz[]))`,
    [nodes, minutes.map((minute) => new Date(minute))],
  );
  return Map.groupBy(
    rows.map(({ minute, node_id: nodeId, missing, lost }) => ({ minute: minute.getTime(), nodeId, missing: halvesOf(missing), lost: halvesOf(lost) })),
    ({ minute }) => minute,
  );
}

/** Stores the losses of a minute in the place of those that were stored of the same nodes; what has none is removed. */
export async function storeLosses(client: Queryable, minute: Date, losses: readonly Losses[]): Promise<void> {
  if (losses.length === 0) return;
  await client.query('delete from telemetry_losses where minute = $1 and node_id = any($2::text[])', [minute, losses.map(({ nodeId }) => nodeId)]);
  const left = losses.filter(({ missing, lost }) => missing.includes(true) || lost.includes(true));
  await client.query(
    `insert into telemetry_losses (minute, node_id, missing, lost)
     select $1, node_id, missing::bit(120), lost::bit(120) from unnest($2::text[], $3::text[], $4::text[]) as given (node_id, missing, lost)`,
    [minute, left.map(({ nodeId }) => nodeId), left.map(({ missing }) => bitsOf(missing)), left.map(({ lost }) => bitsOf(lost))],
  );
}

const halvesOf = (bits: string): boolean[] => Array.from(bits, (bit) => bit === '1');
const bitsOf = (halves: readonly boolean[]): string => halves.map((half) => (half ? '1' : '0')).join('');

function batches(counts: ReadonlyMap<number, Counts>): (readonly [number, Counts])[][] {
  const all = [...counts].toSorted(([a], [b]) => a - b);
  return Array.from({ length: Math.ceil(all.length / batchRows) }, (_, at) => all.slice(at * batchRows, (at + 1) * batchRows));
}
