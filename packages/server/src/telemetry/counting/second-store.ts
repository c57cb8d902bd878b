/** Half seconds of a node in PostgreSQL. Times are of the database's clock, so that nodes agree on them. */
import type { Queryable } from '../../database/pool.ts';

export const halfMs = 500;

export interface HalfSecond {
  /** Half seconds since the epoch. */
  readonly half: number;
  readonly beat: boolean;
  readonly last: boolean;
  readonly lost: boolean;
  /** core/telemetry/counts-codec.ts; empty when nothing was counted. */
  readonly counts: Uint8Array;
}

/** Writes rows, or leaves those that are there; returns the database's clock in ms. */
export async function insertHalves(database: Queryable, nodeId: string, halves: readonly HalfSecond[]): Promise<number> {
  const { rows } = await database.query<{ now_ms: number }>({
    name: 'insert-telemetry-seconds',
    text: `with written as (
             insert into telemetry_seconds (second, node_id, part, beat, last, lost, counts)
             select to_timestamp(half / 2), $1, (half % 2)::smallint, beat, last, lost, counts
             from unnest($2::bigint[], $3::boolean[], $4::boolean[], $5::boolean[], $6::bytea[]) as given (half, beat, last, lost, counts)
             on conflict (node_id, second, part) do nothing)
           select (extract(epoch from clock_timestamp()) * 1000)::float8 as now_ms`,
    values: [nodeId, halves.map(({ half }) => half), halves.map(({ beat }) => beat), halves.map(({ last }) => last), halves.map(({ lost }) => lost), halves.map(({ counts }) => Buffer.from(counts))],
  });
  return rows[0]?.now_ms ?? 0;
}

/** Registers a node that begins to count; returns the database's clock in ms. `shown`: whether it shows that it is there. */
export async function insertNode(database: Queryable, nodeId: string, shown = false): Promise<number> {
  const { rows } = await database.query<{ now_ms: number }>(
    `insert into telemetry_nodes (node_id, shown) values ($1, $2) on conflict (node_id) do nothing
     returning (extract(epoch from clock_timestamp()) * 1000)::float8 as now_ms`,
    [nodeId, shown],
  );
  return rows[0]?.now_ms ?? Date.now();
}

/** Counts of seconds that have passed, from outside: no heartbeat. `second` in seconds since the epoch. */
export async function insertLate(database: Queryable, nodeId: string, facts: readonly { readonly second: number; readonly counts: Uint8Array }[]): Promise<void> {
  if (facts.length === 0) return;
  await database.query({
    name: 'insert-late-telemetry',
    text: `insert into telemetry_seconds (second, node_id, beat, counts)
           select to_timestamp(second), $1, false, counts from unnest($2::bigint[], $3::bytea[]) as given (second, counts)`,
    values: [nodeId, facts.map(({ second }) => second), facts.map(({ counts }) => Buffer.from(counts))],
  });
}
