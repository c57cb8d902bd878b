/**
 * Requests that wait to be split, in the groups they were stored in, taken lane by lane. What is begun is marked first,
 * outside of the transaction that splits, so that a mark outlives its process. What a dead process had begun is then split
 * one request at a time; one over which two more processes died is poison, and is put aside without its content being
 * touched again.
 */
import type { Pool, Queryable } from '../../database/pool.ts';
import { timeOfId } from '../../identifier.ts';
import type { RequestRow } from '../request-store.ts';

export interface Taken {
  readonly lanes: readonly number[];
  /** In the order they came. */
  readonly requests: readonly RequestRow[];
  /** The groups; with `firstOnly` one, of which only the first request is taken. */
  readonly groups: readonly Group[];
  readonly firstOnly: boolean;
  /** Why the one request that was taken must not be looked into. */
  readonly poisoned: string | undefined;
}

interface Group {
  readonly seq: number;
  readonly lane: number;
  readonly ids: readonly string[];
  readonly bytes: number;
  /** A process that is gone had begun it, with others or its first by itself. */
  readonly suspect: boolean;
  /** How many other processes had begun its first request by itself. */
  readonly deaths: number;
}

interface Taking {
  /** Writes marks; not the connection of the transaction. */
  readonly pool: Pool;
  /** This process, unlike any other: what it began itself it can have no reason to suspect. */
  readonly owner: string;
  readonly atMost: number;
}

const none: Taken = { lanes: [], requests: [], groups: [], firstOnly: false, poisoned: undefined };
const lanesAtOnce = 4;
/** Of a lane at once; a group is one request at least. */
const groupsAtOnce = 64;
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
  const groups = suspect === undefined ? within(heads, taking.atMost) : [suspect];
  const firstOnly = suspect !== undefined || taking.atMost === 1;
  const ids = firstOnly ? groups.flatMap((group) => group.ids.slice(0, 1)) : groups.flatMap((group) => group.ids);
  if (suspect !== undefined && suspect.deaths >= deathsOfPoison) {
    return { lanes, groups, firstOnly, requests: await readQueued(client, ids, untouched), poisoned: `The process that splits requests ended over this one ${suspect.deaths + 1} times. It is not tried again by itself.` };
  }
  await (suspect === undefined ? markBegun(taking, groups) : markAlone(taking, suspect));
  // Fewer when some fell to retention or erasure.
  return { lanes, groups, firstOnly, requests: await readQueued(client, ids, 'r.*'), poisoned: undefined };
}

/** After the lanes are locked, so that a mark seen here is not that of somebody who is just leaving. */
async function readHeads(client: Queryable, lanes: readonly number[], { owner }: Taking): Promise<Group[]> {
  const { rows } = await client.query<Omit<Group, 'ids'> & { ids: string }>({
    name: 'read-inbound-heads',
    // Ids as one text: what reads arrays costs as much for each id as all else does for an event.
    text: `select q.seq, q.lane, array_to_string(q.request_ids, ',') as ids, q.bytes, coalesce(m.owner <> $2 and q.seq <= m.through_seq, false) as suspect,
                  cardinality(array_remove(q.tried_by, $2)) as deaths
           from unnest($1::smallint[]) as l (lane)
           cross join lateral (select * from inbound_queue where lane = l.lane order by seq limit ${groupsAtOnce}) q
           left join inbound_split_marks m on m.lane = q.lane
           order by q.seq`,
    values: [lanes, owner],
  });
  return rows.map((row) => ({ ...row, ids: row.ids.split(',') }));
}

/** From the front, one at least. */
function within(heads: readonly Group[], atMost: number): readonly Group[] {
  let [requests, bytes] = [0, 0];
  return heads.filter((head, index) => {
    requests += head.ids.length;
    bytes += head.bytes;
    return index === 0 || (requests <= atMost && bytes <= maxBytes);
  });
}

/** Need not outlive the database's own death, only this process's: it waits for no disk. */
async function markBegun({ pool, owner }: Taking, taken: readonly Group[]): Promise<void> {
  const through = new Map(taken.map(({ lane, seq }) => [lane, seq]));
  await pool.query({
    name: 'mark-inbound-begun',
    text: `update inbound_split_marks m set owner = $1, through_seq = g.seq
           from unnest($2::smallint[], $3::bigint[]) as g (lane, seq), (select set_config('synchronous_commit', 'off', true)) quietly
           where m.lane = g.lane`,
    values: [owner, [...through.keys()], [...through.values()]],
  });
}

async function markAlone({ pool, owner }: Taking, { lane, seq }: Group): Promise<void> {
  await pool.query('update inbound_queue set tried_by = array_append(tried_by, $2) where lane = $3 and seq = $1 and not $2 = any(tried_by)', [seq, owner, lane]);
}

/** Of a request that must not be touched: whose it is, without what is in it. */
const untouched = `r.received_at, r.id, r.source, r.connector_id, r.connector_version, r.address_id, r.account_id, r.tenant_id, r.method, r.verification, '' as query, ''::bytea as headers, ''::bytea as body`;

async function readQueued(client: Queryable, ids: readonly string[], columns: 'r.*' | typeof untouched): Promise<RequestRow[]> {
  const { rows } = await client.query<RequestRow>(
    `select ${columns}
     from unnest($1::bigint[], $2::text[]) with ordinality as wanted (received_ms, id, place)
     join inbound_requests r on r.received_at = to_timestamp(wanted.received_ms / 1000::float8) and r.id = wanted.id
     order by place`,
    [ids.map((id) => timeOfId(id)), ids],
  );
  return rows;
}

/** In the transaction that split them. Lanes of which another process's mark is not worked off keep it. */
export async function leaveQueue(client: Queryable, { lanes, groups, firstOnly }: Taken, owner: string): Promise<void> {
  const last = groups.at(-1);
  const more = firstOnly && last !== undefined && last.ids.length > 1;
  if (more) await client.query(`update inbound_queue set request_ids = request_ids[2:], tried_by = '{}' where lane = $1 and seq = $2`, [last.lane, last.seq]);
  else await client.query({ name: 'leave-inbound-queue', text: 'delete from inbound_queue q using unnest($1::smallint[], $2::bigint[]) as g (lane, seq) where q.lane = g.lane and q.seq = g.seq', values: [groups.map(({ lane }) => lane), groups.map(({ seq }) => seq)] });
  const through = last === undefined ? 0 : more ? last.seq - 1 : last.seq;
  await client.query({ name: 'unmark-inbound', text: 'update inbound_split_marks set owner = null where lane = any($1) and (owner = $2 or through_seq <= $3)', values: [lanes, owner, through] });
}
