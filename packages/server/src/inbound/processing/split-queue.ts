/**
 * Requests that wait to be split, taken lane by lane. What is begun is marked first, outside of the transaction that
 * splits, so that a mark outlives its process. What a dead process had begun is then split one request at a time; one
 * over which two more processes died is poison, and is put aside without its content being touched again.
 */
import type { Pool, Queryable } from '../../database/pool.ts';
import type { RequestRow } from '../request-store.ts';

export type Queued = RequestRow & { readonly seq: number };

export interface Taken {
  readonly lanes: readonly number[];
  readonly requests: readonly Queued[];
  /** Why the one request that was taken must not be looked into. */
  readonly poisoned: string | undefined;
}

interface Head {
  readonly seq: number;
  readonly lane: number;
  readonly bytes: number;
  /** A process that is gone had begun it, with others or by itself. */
  readonly suspect: boolean;
  /** How many other processes had begun it by itself. */
  readonly deaths: number;
}

interface Taking {
  /** Writes marks; not the connection of the transaction. */
  readonly pool: Pool;
  /** This process, unlike any other: what it began itself it can have no reason to suspect. */
  readonly owner: string;
  readonly atMost: number;
}

const none: Taken = { lanes: [], requests: [], poisoned: undefined };
const lanesAtOnce = 4;
const maxBytes = 16 * 1024 * 1024;
const deathsOfPoison = 2;

/**
 * Locks lanes that have work and nobody works on, and reads their first requests. A connection that dies gives its lanes
 * back; one that hangs is ended by the database.
 */
export async function takeRequests(client: Queryable, taking: Taking): Promise<Taken> {
  await client.query(`set local idle_in_transaction_session_timeout = '60s'`);
  const { rows } = await client.query<{ lane: number }>(
    `select lane from inbound_lanes l
     where exists (select from inbound_queue q where q.lane = l.lane)
     order by random()
     limit $1
     for update skip locked`,
    [taking.atMost === 1 ? 1 : lanesAtOnce],
  );
  if (rows.length === 0) return none;
  const lanes = rows.map(({ lane }) => lane);
  const heads = await readHeads(client, lanes, taking);
  const suspect = heads.find((head) => head.suspect);
  const taken = suspect === undefined ? withinBytes(heads) : [suspect];
  const seqs = taken.map(({ seq }) => seq);
  if (suspect !== undefined && suspect.deaths >= deathsOfPoison) {
    return { lanes, requests: await readQueued(client, seqs, untouched), poisoned: `The process that splits requests ended over this one ${suspect.deaths + 1} times. It is not tried again by itself.` };
  }
  await (suspect === undefined ? markBegun(taking, taken) : markAlone(taking, suspect));
  const requests = await readQueued(client, seqs, 'r.*');
  // The others' requests fell to retention or erasure.
  if (requests.length < seqs.length) await client.query('delete from inbound_queue where seq = any($1)', [seqs.filter((seq) => !requests.some((request) => request.seq === seq))]);
  return { lanes, requests, poisoned: undefined };
}

/** After the lanes are locked, so that a mark seen here is not that of somebody who is just leaving. */
async function readHeads(client: Queryable, lanes: readonly number[], { owner, atMost }: Taking): Promise<Head[]> {
  const { rows } = await client.query<Head>(
    `select q.seq, q.lane, q.bytes, coalesce(m.owner <> $2 and q.seq <= m.through_seq, false) as suspect, cardinality(array_remove(q.tried_by, $2)) as deaths
     from inbound_queue q left join inbound_split_marks m on m.lane = q.lane
     where q.lane = any($1) order by q.seq limit $3`,
    [lanes, owner, atMost],
  );
  return rows;
}

function withinBytes(heads: readonly Head[]): readonly Head[] {
  let bytes = 0;
  return heads.filter((head, index) => {
    bytes += head.bytes;
    return index === 0 || bytes <= maxBytes;
  });
}

/** Need not outlive the database's own death, only this process's: it waits for no disk. */
async function markBegun({ pool, owner }: Taking, taken: readonly Head[]): Promise<void> {
  const through = new Map(taken.map(({ lane, seq }) => [lane, seq]));
  await pool.query({
    name: 'mark-inbound-begun',
    text: `update inbound_split_marks m set owner = $1, through_seq = g.seq
           from unnest($2::smallint[], $3::bigint[]) as g (lane, seq), (select set_config('synchronous_commit', 'off', true)) quietly
           where m.lane = g.lane`,
    values: [owner, [...through.keys()], [...through.values()]],
  });
}

async function markAlone({ pool, owner }: Taking, { seq }: Head): Promise<void> {
  await pool.query('update inbound_queue set tried_by = array_append(tried_by, $2) where seq = $1 and not $2 = any(tried_by)', [seq, owner]);
}

/** Of a request that must not be touched: whose it is, without what is in it. */
const untouched = `r.received_at, r.id, r.source, r.connector_id, r.connector_version, r.address_id, r.account_id, r.tenant_id, r.method, r.verification, '' as query, ''::bytea as headers, ''::bytea as body`;

async function readQueued(client: Queryable, seqs: readonly number[], columns: 'r.*' | typeof untouched): Promise<Queued[]> {
  const { rows } = await client.query<Queued>(
    `select q.seq, ${columns} from inbound_queue q join inbound_requests r on r.received_at = q.received_at and r.id = q.request_id
     where q.seq = any($1) order by q.seq`,
    [seqs],
  );
  return rows;
}

/** In the transaction that split them. Lanes of which another process's mark is not worked off keep it. */
export async function leaveQueue(client: Queryable, { lanes, requests }: Taken, owner: string): Promise<void> {
  await client.query(
    `with gone as (delete from inbound_queue where seq = any($1))
     update inbound_split_marks set owner = null where lane = any($2) and (owner = $3 or through_seq <= $4)`,
    [requests.map(({ seq }) => seq), lanes, owner, requests.at(-1)?.seq ?? 0],
  );
}
