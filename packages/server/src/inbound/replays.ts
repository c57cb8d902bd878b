/**
 * Replay: events are given back to the workers once more. Which ones is fixed when it is asked for; they are handed over
 * in chunks, each with the place it reached in one transaction, so that a process that dies loses and repeats nothing.
 */
import type { Replay } from '@evenkeel/contract/api/inbound.ts';
import { transaction, type Pool, type Queryable } from '../database/pool.ts';
import { newId } from '../identifier.ts';
import { conditionOf, type EventFilter } from './event-store.ts';

interface ReplayRow {
  id: string;
  tenant_id: string | null;
  criteria: StoredCriteria;
  created_at: Date;
  total: number;
  queued: number;
  after_at: Date | null;
  after_request: string | null;
  after_position: number | null;
  after_id: string | null;
  finished_at: Date | null;
}

/** Dates as text: it is a JSON column. */
type StoredCriteria = Omit<EventFilter, 'since' | 'until'> & { readonly since: string | null; readonly until: string };

const chunk = 500;

export async function countEvents(database: Queryable, filter: EventFilter): Promise<number> {
  const values: unknown[] = [];
  const { rows } = await database.query<{ total: number }>(`select count(*) as total from inbound_events where ${conditionOf(filter, values)}`, values);
  return rows[0]?.total ?? 0;
}

/** `until` bounds it: what comes in while it runs is not part of it. */
export async function beginReplay(pool: Pool, filter: EventFilter & { readonly until: Date }, actor: string): Promise<Replay> {
  const criteria: StoredCriteria = { ...filter, since: filter.since?.toISOString() ?? null, until: filter.until.toISOString() };
  const { rows } = await pool.query<ReplayRow>(
    `insert into inbound_replays (id, tenant_id, criteria, requested_by, total) values ($1, $2, $3, $4, $5) returning *`,
    [newId('irp'), filter.tenantId, criteria, actor, await countEvents(pool, filter)],
  );
  const [row] = rows;
  if (row === undefined) throw new Error('insert into inbound_replays returned no row');
  return shown(row, 0);
}

export async function findReplay(database: Queryable, id: string, tenantId: string | null): Promise<Replay | undefined> {
  const { rows } = await database.query<ReplayRow & { pending: number }>(
    `select r.*, (select count(*) from inbound_work where replay_id = r.id) as pending
     from inbound_replays r where id = $1 and ($2::text is null or tenant_id = $2)`,
    [id, tenantId],
  );
  const [row] = rows;
  return row === undefined ? undefined : shown(row, row.pending);
}

/** Hands over one chunk of the oldest open replay; how many events that were, or 0 when none is open. */
export async function handOver(pool: Pool): Promise<number> {
  return transaction(pool, async (client) => {
    const { rows } = await client.query<ReplayRow>('select * from inbound_replays where finished_at is null order by created_at limit 1 for update skip locked');
    const [replay] = rows;
    if (replay === undefined) return 0;
    const { criteria } = replay;
    const values: unknown[] = [];
    let condition = conditionOf({ ...criteria, since: criteria.since === null ? null : new Date(criteria.since), until: new Date(criteria.until) }, values);
    if (replay.after_id !== null) {
      const after = [replay.after_at, replay.after_request, replay.after_position, replay.after_id].map((value) => `$${values.push(value)}`);
      condition += ` and received_at >= ${after[0] ?? ''} and (received_at, request_id, position, id) > (${after.join(', ')})`;
    }
    const found = await client.query<{ received_at: Date; request_id: string; position: number; id: string }>(
      `select received_at, request_id, position, id from inbound_events where ${condition} order by received_at, request_id, position, id limit $${values.push(chunk)}`,
      values,
    );
    const last = found.rows.at(-1);
    if (last === undefined) {
      await client.query('update inbound_replays set finished_at = now() where id = $1', [replay.id]);
      return 0;
    }
    await enqueue(client, replay.id, found.rows);
    await client.query('update inbound_replays set queued = queued + $2, after_at = $3, after_request = $4, after_position = $5, after_id = $6 where id = $1', [replay.id, found.rows.length, last.received_at, last.request_id, last.position, last.id]);
    return found.rows.length;
  });
}

/** One that waits already is not queued twice: it will be worked on. Its state is left alone, since it may be finished at this moment. */
async function enqueue(client: Queryable, replayId: string, events: readonly { received_at: Date; id: string }[]): Promise<void> {
  const columnsOf = (list: typeof events): unknown[] => [list.map(({ received_at }) => received_at), list.map(({ id }) => id)];
  const { rows } = await client.query<{ received_at: Date; id: string }>(
    `insert into inbound_work (received_at, event_id, connector_id, account_id, order_key, replayed, replay_id)
     select e.received_at, e.id, e.connector_id, e.account_id, e.order_key, true, $3
     from unnest($1::timestamptz[], $2::text[]) as g (received_at, id) join inbound_events e using (received_at, id)
     order by e.received_at, e.request_id, e.position, e.id
     -- Of an event that is erased at this moment nothing may be left to stand before later ones of its object.
     for key share of e
     on conflict (event_id) do nothing
     returning received_at, event_id as id`,
    [...columnsOf(events), replayId],
  );
  await client.query(
    `update inbound_events e set state = 'pending', reason = 'It is replayed.', processed_at = null, updated_at = now()
     from unnest($1::timestamptz[], $2::text[]) as g (received_at, id) where e.received_at = g.received_at and e.id = g.id`,
    columnsOf(rows),
  );
}

function shown(row: ReplayRow, pending: number): Replay {
  return { id: row.id, dry_run: false, total: row.total, queued: row.queued, pending, created_at: row.created_at.toISOString(), finished_at: row.finished_at?.toISOString() ?? null };
}
