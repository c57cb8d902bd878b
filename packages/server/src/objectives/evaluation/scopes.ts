/** The scopes an objective is kept in, and what their windows hold: read at the windows' edges, whatever lies between. */
import { windowRange, type MinuteRange } from '@evenkeel/core/objectives/calendar.ts';
import type { ObjectiveDefinition } from '@evenkeel/core/objectives/definition.ts';
import { countingKey, noTally, subtract, type Tally } from '@evenkeel/core/objectives/tally.ts';
import type { WindowSums } from '@evenkeel/core/objectives/budget.ts';
import type { ScopeKind } from '@evenkeel/contract/playbook/objectives.ts';
import type { Queryable } from '../../database/pool.ts';
import { readMeasured } from '../counting/coverage-store.ts';
import { readEdges } from '../counting/sum-store.ts';

export interface Scope {
  readonly kind: ScopeKind;
  /** Empty for overall. */
  readonly id: string;
}

export interface Track extends Scope {
  readonly trackId: number;
  readonly key: string;
  readonly firstMinute: number;
}

/** `overall`, `connector:acme`: scopes as the API writes them. */
export const writeScope = ({ kind, id }: Scope): string => (kind === 'overall' ? kind : `${kind}:${id}`);

/** Undefined for what is no scope. */
export function readScope(text: string): Scope | undefined {
  if (text === 'overall') return { kind: 'overall', id: '' };
  const [, kind, id] = /^(connector|category|tenant):(.{1,128})$/.exec(text) ?? [];
  return kind === undefined || id === undefined ? undefined : { kind: kind as ScopeKind, id };
}

/** Tracks of the objectives, in the scopes each is kept in. */
export async function readTracks(database: Queryable, objectives: readonly ObjectiveDefinition[], only?: Scope): Promise<Track[]> {
  const { rows } = await database.query<{ id: number; key: string; scope_kind: ScopeKind; scope_id: string; first_minute: number }>(
    `select t.id, c.key, t.scope_kind, t.scope_id, t.first_minute from objective_tracks t join objective_counters c on c.id = t.counter_id
     where c.key = any($1) and ($2::text is null or (t.scope_kind = $2 and t.scope_id = $3))
     order by t.scope_kind = 'overall' desc, t.scope_kind, t.scope_id`,
    [[...new Set(objectives.map(countingKey))], only?.kind ?? null, only?.id ?? null],
  );
  return rows.map((row) => ({ trackId: row.id, key: row.key, kind: row.scope_kind, id: row.scope_id, firstMinute: row.first_minute }));
}

export const tracksOf = (objective: ObjectiveDefinition, tracks: readonly Track[]): Track[] => {
  const key = countingKey(objective);
  return tracks.filter((track) => track.key === key && objective.scopes.includes(track.kind));
};

/** Answers about any window with one of the edges it was read for. */
export interface WindowReader {
  sums(track: Track, range: MinuteRange): WindowSums;
}

/** Two queries for all tracks and edges. */
export async function readWindows(database: Queryable, tracks: readonly Track[], ranges: readonly MinuteRange[]): Promise<WindowReader> {
  const edges = [...new Set(ranges.flatMap(({ from, to }) => [from, to]))];
  const sums = tracks.length === 0 ? new Map<number, ReadonlyMap<number, Tally>>() : await readEdges(database, tracks.map(({ trackId }) => trackId), edges);
  const measured = await readMeasured(database, [...edges, ...tracks.map(({ firstMinute }) => firstMinute)]);
  return {
    sums(track, { from, to }) {
      const ofTrack = sums.get(track.trackId);
      const tally = subtract(ofTrack?.get(to) ?? noTally, ofTrack?.get(from) ?? noTally);
      // Before its first event a scope did not exist: nothing was measured for it.
      const begin = Math.min(to, Math.max(from, track.firstMinute));
      return { tally, measuredMinutes: begin >= to ? 0 : (measured.get(to) ?? 0) - (measured.get(begin) ?? 0), windowMinutes: to - from, existedMinutes: to - begin };
    },
  };
}

/** The window of an objective's budget that ends with `end`. */
export const budgetWindow = (objective: ObjectiveDefinition, end: number) => windowRange(objective.window, end);
