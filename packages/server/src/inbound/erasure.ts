/**
 * Erasure: what came in for one tenant goes, and the copies published of it; what others have a share in loses its
 * content. Asked for as a row and done in pieces, each one transaction with its count, so that a process that dies leaves
 * the rest to be done by another. It is over when nothing is left that was received before it was asked for.
 */
import type { Erasure } from '@evenkeel/contract/api/inbound.ts';
import { transaction, type Pool, type Queryable } from '../database/pool.ts';
import { newId } from '../identifier.ts';
import { eraseEvents } from '../outbound/erasing.ts';

interface ErasureRow {
  id: string;
  tenant_id: string;
  until: Date;
  requested_at: Date;
  requests: number;
  events: number;
  published: number;
  finished_at: Date | null;
}
interface Piece {
  readonly requests: number;
  readonly events: number;
  readonly published: number;
}

const pieceRequests = 500;

export async function askForErasure(database: Queryable, tenantId: string, actor: string, nowMs: number): Promise<Erasure> {
  const { rows } = await database.query<ErasureRow>('insert into inbound_erasures (id, tenant_id, until, requested_by) values ($1, $2, $3, $4) returning *', [newId('ier'), tenantId, new Date(nowMs + 1), actor]);
  const [row] = rows;
  if (row === undefined) throw new Error('insert into inbound_erasures returned no row');
  return shown(row);
}

/** The newest first. */
export async function listErasures(database: Queryable, tenantId: string, limit: number): Promise<Erasure[]> {
  const { rows } = await database.query<ErasureRow>('select * from inbound_erasures where tenant_id = $1 order by requested_at desc limit $2', [tenantId, limit]);
  return rows.map(shown);
}

export async function findErasure(database: Queryable, id: string): Promise<Erasure | undefined> {
  const { rows } = await database.query<ErasureRow>('select * from inbound_erasures where id = $1', [id]);
  return rows[0] === undefined ? undefined : shown(rows[0]);
}

/** Does one piece of each that is open and that nobody works on; how many rows that was. 0: there are none, or all wait for what is under way. */
export async function erasePieces(pool: Pool): Promise<number> {
  const { rows } = await pool.query<Pick<ErasureRow, 'id'>>('select id from inbound_erasures where finished_at is null order by requested_at');
  let count = 0;
  // One that waits, for as long as an event of another tenant is tried again, holds up none of the others.
  for (const { id } of rows) count += await erasePiece(pool, id);
  return count;
}

/** Of one of them; 0 also when somebody else works on it, or it is over. */
export async function erasePiece(pool: Pool, id: string): Promise<number> {
  return transaction(pool, async (client) => {
    const { rows } = await client.query<ErasureRow>('select * from inbound_erasures where id = $1 and finished_at is null for update skip locked', [id]);
    const [erasure] = rows;
    if (erasure === undefined) return 0;
    const told = await eraseTold(client, erasure);
    const piece = told.events > 0 ? told : await eraseUntold(client, erasure);
    const count = piece.requests + piece.events;
    const over = count === 0 && (await isOver(client, erasure));
    await client.query('update inbound_erasures set requests = requests + $2, events = events + $3, published = published + $4, finished_at = case when $5 then now() end where id = $1', [erasure.id, piece.requests, piece.events, piece.published, over]);
    return count;
  });
}

/**
 * Requests that have become events, with these. One that tells of others too loses its content, once the others' events
 * of it are worked on: they are read from it.
 */
async function eraseTold(client: Queryable, { tenant_id: tenantId, until }: ErasureRow): Promise<Piece> {
  const { rows: concerned } = await client.query<{ received_at: Date; request_id: string; shared: boolean }>(
    `select received_at, request_id, exists (select from inbound_events other where other.received_at = mine.received_at and other.request_id = mine.request_id and other.tenant_id is distinct from $1) as shared
     from (select distinct received_at, request_id from inbound_events where tenant_id = $1 and received_at < $2) mine
     where not exists (
       select from inbound_events other join inbound_work w on w.event_id = other.id
       where other.received_at = mine.received_at and other.request_id = mine.request_id and other.tenant_id is distinct from $1
     )
     limit $3`,
    [tenantId, until, pieceRequests],
  );
  const places = (list: typeof concerned): unknown[] => [list.map(({ received_at: at }) => at), list.map(({ request_id: id }) => id)];
  const given = 'unnest($1::timestamptz[], $2::text[]) as g (received_at, request_id)';
  const all = places(concerned);
  // The order in which workers take rows: first what waits, then events.
  await client.query(`delete from inbound_work w using ${given} join inbound_events e on e.received_at = g.received_at and e.request_id = g.request_id where w.event_id = e.id and e.tenant_id = $3`, [...all, tenantId]);
  const erased = await client.query<{ published: string[] }>(`delete from inbound_events e using ${given} where e.received_at = g.received_at and e.request_id = g.request_id and e.tenant_id = $3 returning e.published`, [...all, tenantId]);
  await client.query(`update inbound_requests r set body = '', headers = '', query = '' from ${given} where r.received_at = g.received_at and r.id = g.request_id`, places(concerned.filter(({ shared }) => shared)));
  const requests = await client.query(`delete from inbound_requests r using ${given} where r.received_at = g.received_at and r.id = g.request_id`, places(concerned.filter(({ shared }) => !shared)));
  return { requests: requests.rowCount ?? 0, events: erased.rowCount ?? 0, published: await eraseEvents(client, erased.rows.flatMap(({ published }) => published)) };
}

/** Requests that have become no event: not split yet, or repetitions. */
async function eraseUntold(client: Queryable, { tenant_id: tenantId, until }: ErasureRow): Promise<Piece> {
  const { rowCount } = await client.query(
    `with gone as (select received_at, id from inbound_requests where tenant_id = $1 and received_at < $2 limit $3)
     delete from inbound_requests r using gone where r.received_at = gone.received_at and r.id = gone.id`,
    [tenantId, until, pieceRequests],
  );
  return { requests: rowCount ?? 0, events: 0, published: 0 };
}

/** Of an id with its prefix: they begin with their time, so that they stand in its order. */
const timeLength = 14;
const lanesWithin = '2s';
const notAvailable = '55P03';

/** With every lane held nobody is making events of what was read before: what is not there now will not be. */
async function isOver(client: Queryable, { tenant_id: tenantId, until }: ErasureRow): Promise<boolean> {
  await client.query(`select set_config('lock_timeout', $1, true)`, [lanesWithin]);
  await client.query('savepoint lanes');
  try {
    await client.query('select lane from inbound_lanes order by lane for update');
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === notAvailable)) throw error;
    await client.query('rollback to savepoint lanes');
    return false;
  }
  const { rows } = await client.query<{ left: boolean }>(
    `select exists (select from inbound_queue q, unnest(q.request_ids) as id where left(id, length($3)) collate "C" < $3)
         or exists (select from inbound_events where tenant_id = $1 and received_at < $2)
         or exists (select from inbound_requests where tenant_id = $1 and received_at < $2) as left`,
    [tenantId, until, newId('ibr', until.getTime()).slice(0, timeLength)],
  );
  return rows[0]?.left === false;
}

function shown(row: ErasureRow): Erasure {
  const { id, tenant_id, requests, events, published } = row;
  return { id, tenant_id, requests, events, published, requested_at: row.requested_at.toISOString(), finished_at: row.finished_at?.toISOString() ?? null };
}
