/** Prefix sums in PostgreSQL: appended in the order of time, moved from a late fact's minute on, read at the edges of windows. */
import { noTally, subtract, tallyColumns, type Tally } from '@evenkeel/core/objectives/tally.ts';
import type { ScopeKind } from '@evenkeel/contract/playbook/objectives.ts';
import type { Queryable } from '../../database/pool.ts';

export interface Contribution {
  readonly trackId: number;
  readonly minute: number;
  readonly tally: Tally;
}

interface SumRow {
  events: number;
  bad: number;
  platform: number;
  upstream: number;
  slow: number;
  bad_minutes: number;
  blind_minutes: number;
}

const columns = ['events', 'bad', 'platform', 'upstream', 'slow', 'bad_minutes', 'blind_minutes'] as const;

const tallyOf = (row: SumRow): Tally => ({ events: row.events, bad: row.bad, platform: row.platform, upstream: row.upstream, slow: row.slow, badMinutes: row.bad_minutes, blindMinutes: row.blind_minutes });
const isZero = (tally: Tally): boolean => tallyColumns.every((column) => tally[column] === 0);
const valuesOf = (tally: Tally): number[] => [tally.events, tally.bad, tally.platform, tally.upstream, tally.slow, tally.badMinutes, tally.blindMinutes];

/** Tracks by scope, made where they are missing. `minute` is the first of one that is made, or moves it back. */
export async function ensureTracks(database: Queryable, wanted: readonly { counterId: number; kind: ScopeKind; id: string; minute: number }[]): Promise<Map<string, number>> {
  if (wanted.length === 0) return new Map();
  const { rows } = await database.query<{ id: number; counter_id: number; scope_kind: ScopeKind; scope_id: string }>(
    `insert into objective_tracks (counter_id, scope_kind, scope_id, first_minute)
     select counter_id, scope_kind, scope_id, min(minute) from unnest($1::bigint[], $2::text[], $3::text[], $4::int[]) as w (counter_id, scope_kind, scope_id, minute)
     group by 1, 2, 3
     on conflict (counter_id, scope_kind, scope_id) do update set first_minute = least(objective_tracks.first_minute, excluded.first_minute)
     returning id, counter_id, scope_kind, scope_id`,
    [wanted.map(({ counterId }) => counterId), wanted.map(({ kind }) => kind), wanted.map(({ id }) => id), wanted.map(({ minute }) => minute)],
  );
  return new Map(rows.map((row) => [trackKey(row.counter_id, row.scope_kind, row.scope_id), row.id]));
}

/** Tracks that are there already. */
export async function findTracks(database: Queryable, wanted: readonly { counterId: number; kind: ScopeKind; id: string }[]): Promise<Map<string, number>> {
  if (wanted.length === 0) return new Map();
  const { rows } = await database.query<{ id: number; counter_id: number; scope_kind: ScopeKind; scope_id: string }>(
    `select distinct t.id, t.counter_id, t.scope_kind, t.scope_id
     from unnest($1::bigint[], $2::text[], $3::text[]) as w (counter_id, scope_kind, scope_id)
     join objective_tracks t using (counter_id, scope_kind, scope_id)`,
    [wanted.map(({ counterId }) => counterId), wanted.map(({ kind }) => kind), wanted.map(({ id }) => id)],
  );
  return new Map(rows.map((row) => [trackKey(row.counter_id, row.scope_kind, row.scope_id), row.id]));
}

export const trackKey = (counterId: number, kind: ScopeKind, id: string): string => `${counterId} ${kind} ${id}`;

/** What each minute holds, told anew: writing the same again changes nothing. */
export async function writeContributions(database: Queryable, contributions: readonly Contribution[]): Promise<void> {
  const ids = [...new Set(contributions.map(({ trackId }) => trackId))];
  if (ids.length === 0) return;
  const { rows } = await database.query<{ track_id: number; minute: number }>(
    `select t.track_id, s.minute from unnest($1::bigint[]) as t (track_id)
     cross join lateral (select minute from objective_sums where track_id = t.track_id order by minute desc limit 1) s`,
    [ids],
  );
  const last = new Map(rows.map(({ track_id: id, minute }) => [id, minute]));
  const fresh = contributions.filter(({ trackId, minute, tally }) => minute > (last.get(trackId) ?? -Infinity) && !isZero(tally));
  const late = contributions.filter(({ trackId, minute }) => minute <= (last.get(trackId) ?? -Infinity));
  // Late ones first: what is appended builds on the last row.
  for (const one of late) await moveFrom(database, one);
  if (fresh.length > 0) await append(database, fresh);
}

async function append(database: Queryable, fresh: readonly Contribution[]): Promise<void> {
  const arrays = valuesOf(noTally).map((_, column) => fresh.map(({ tally }) => valuesOf(tally)[column] ?? 0));
  await database.query({
    name: 'append-objective-sums',
    text: `insert into objective_sums (track_id, minute, ${columns.join(', ')})
           select g.track_id, g.minute, ${columns.map((column) => `coalesce(l.${column}, 0) + sum(g.${column}) over w`).join(', ')}
           from unnest($1::bigint[], $2::int[], ${columns.map((_, at) => `$${at + 3}::bigint[]`).join(', ')}) as g (track_id, minute, ${columns.join(', ')})
           left join lateral (select * from objective_sums s where s.track_id = g.track_id order by s.minute desc limit 1) l on true
           window w as (partition by g.track_id order by g.minute)`,
    values: [fresh.map(({ trackId }) => trackId), fresh.map(({ minute }) => minute), ...arrays],
  });
}

/** The difference to what the minute held goes into its row and all later ones: as many as the fact is minutes late. */
async function moveFrom(database: Queryable, { trackId, minute, tally }: Contribution): Promise<void> {
  const { rows } = await database.query<SumRow & { minute: number }>(
    `select minute, ${columns.join(', ')} from objective_sums where track_id = $1 and minute <= $2 order by minute desc limit 2`,
    [trackId, minute],
  );
  const [newest, second] = rows;
  const hasRow = newest?.minute === minute;
  const before = hasRow ? second : newest;
  const start = before === undefined ? noTally : tallyOf(before);
  const delta = subtract(tally, hasRow ? subtract(tallyOf(newest), start) : noTally);
  if (isZero(delta)) return;
  if (!hasRow) {
    await database.query(`insert into objective_sums (track_id, minute, ${columns.join(', ')}) values ($1, $2, ${columns.map((_, at) => `$${at + 3}`).join(', ')})`, [trackId, minute, ...valuesOf(start)]);
  }
  await database.query(`update objective_sums set ${columns.map((column, at) => `${column} = ${column} + $${at + 3}`).join(', ')} where track_id = $1 and minute >= $2`, [trackId, minute, ...valuesOf(delta)]);
}

/** Track → edge → everything before that minute. Two look-ups make a window, whatever its length. */
export async function readEdges(database: Queryable, trackIds: readonly number[], edges: readonly number[]): Promise<Map<number, ReadonlyMap<number, Tally>>> {
  const { rows } = await database.query<SumRow & { track_id: number; edge: number }>({
    name: 'read-objective-edges',
    text: `select t.track_id, e.edge, ${columns.map((column) => `s.${column}`).join(', ')}
           from unnest($1::bigint[]) as t (track_id)
           cross join unnest($2::int[]) as e (edge)
           cross join lateral (
             select ${columns.join(', ')} from objective_sums where track_id = t.track_id and minute < e.edge order by minute desc limit 1
           ) s`,
    values: [trackIds, [...new Set(edges)]],
  });
  const found = new Map<number, Map<number, Tally>>();
  for (const row of rows) {
    const ofTrack = found.get(row.track_id) ?? new Map<number, Tally>();
    found.set(row.track_id, ofTrack.set(row.edge, tallyOf(row)));
  }
  return found;
}
