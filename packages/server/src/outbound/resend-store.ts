/**
 * Recovering and resending in bulk. Goes through the endpoint's events by id, a batch at a time, and keeps its position, so
 * that a node that dies costs one batch at most. Nothing is sent twice by it: a delivery that is pending already is left.
 */
import { likePatternOf } from '@evenkeel/core/outbound/event-filter.ts';
import type { Queryable } from '../database/pool.ts';
import { newId } from '../identifier.ts';
import { firstIdAt } from './day-partitions.ts';

/** The job that does it. */
export const resendJob = 'resend-deliveries';

export interface ResendFilter {
  readonly states: readonly ('delivered' | 'failed' | 'cancelled')[];
  /** Null: all that the endpoint asks for. */
  readonly eventTypes: readonly string[] | null;
  readonly sinceMs: number;
  readonly untilMs: number;
  /** Events of which the endpoint has no delivery at all, because it was disabled then. */
  readonly missing: boolean;
}

export interface ResendRow {
  readonly id: string;
  readonly endpoint_id: string;
  readonly kind: 'recover' | 'resend';
  readonly filter: ResendFilter;
  readonly state: 'running' | 'done' | 'cancelled';
  readonly total: number;
  readonly done: number;
  readonly position: string;
  readonly created_at: Date;
  readonly finished_at: Date | null;
}

const columns = 'id, endpoint_id, kind, filter, state, total, done, position, created_at, finished_at';

export async function insertResend(client: Queryable, resend: { endpointId: string; kind: 'recover' | 'resend'; filter: ResendFilter; total: number; createdBy: string }): Promise<ResendRow> {
  const { rows } = await client.query<ResendRow>(
    `insert into resends (id, endpoint_id, kind, filter, total, position, created_by) values ($1, $2, $3, $4, $5, $6, $7) returning ${columns}`,
    [newId('rs'), resend.endpointId, resend.kind, resend.filter, resend.total, firstIdAt('evt', resend.filter.sinceMs), resend.createdBy],
  );
  const row = rows[0];
  if (row === undefined) throw new Error('insert into resends returned no row');
  return row;
}

export async function findResend(database: Queryable, endpointId: string, id: string): Promise<ResendRow | undefined> {
  const { rows } = await database.query<ResendRow>(`select ${columns} from resends where id = $1 and endpoint_id = $2`, [id, endpointId]);
  return rows[0];
}

export async function listResends(database: Queryable, endpointId: string, page: { before: string | null; limit: number }): Promise<ResendRow[]> {
  const { rows } = await database.query<ResendRow>(`select ${columns} from resends where endpoint_id = $1 and ($2::text is null or id < $2) order by id desc limit $3`, [endpointId, page.before, page.limit]);
  return rows;
}

/** False when it had ended before. */
export async function cancelResend(client: Queryable, id: string): Promise<boolean> {
  const { rowCount } = await client.query(`update resends set state = 'cancelled', finished_at = now() where id = $1 and state = 'running'`, [id]);
  return rowCount === 1;
}

/** Which of an endpoint's deliveries a filter means, and which events it has missed. */
const closedCondition = `endpoint_id = $1 and id >= $2 and id < $3 and cause <> 'test' and state = any($4) and ($5::text[] is null or event_type like any ($5))`;
const missingCondition = `
  e.id >= $6 and e.id < $7 and not e.is_test
  and ($8::text is null or e.tenant_id = $8) and e.type like any (p.type_patterns) and ($5::text[] is null or e.type like any ($5))
  and not exists (select from deliveries_open o where o.id = delivery_id(e.id, p.id))
  and not exists (select from deliveries_closed c where c.id = delivery_id(e.id, p.id))`;

/** The first seven parameters of the two. */
export function valuesOf(endpointId: string, filter: ResendFilter, fromMs: number, untilMs: number): unknown[] {
  return [endpointId, firstIdAt('dlv', fromMs), firstIdAt('dlv', untilMs), filter.states, filter.eventTypes?.map(likePatternOf) ?? null, firstIdAt('evt', fromMs), firstIdAt('evt', untilMs)];
}

/** The tenant as a value, so that the plan is made for it: the events of one tenant stand in an index. */
async function tenantOf(database: Queryable, endpointId: string): Promise<string | null> {
  const { rows } = await database.query<{ tenant_id: string | null }>('select tenant_id from endpoints where id = $1', [endpointId]);
  return rows[0]?.tenant_id ?? null;
}

/** How many deliveries it would queue now. */
export async function countResend(database: Queryable, endpointId: string, filter: ResendFilter): Promise<number> {
  const values = valuesOf(endpointId, filter, filter.sinceMs, filter.untilMs);
  const { rows } = await database.query<{ n: number }>(`select count(*) as n from deliveries_closed where ${closedCondition}`, values.slice(0, 5));
  if (!filter.missing) return rows[0]?.n ?? 0;
  const { rows: missed } = await database.query<{ n: number }>(missedCountStatement, [...values, await tenantOf(database, endpointId)]);
  return (rows[0]?.n ?? 0) + (missed[0]?.n ?? 0);
}

/** Also for tests that look at its plan. */
export const missedCountStatement = `select count(*) as n from endpoints p cross join events e where p.id = $1 and $2::text is not null and $3::text is not null and $4::text[] is not null and ${missingCondition}`;

export interface Batch {
  readonly queued: number;
  /** Null at the end. */
  readonly position: string | null;
}

/**
 * Queues the next up to `atMost` deliveries, those of missed events included, and moves the position behind them. Positions
 * are moments: the prefix of an id.
 */
export async function resendBatch(client: Queryable, resend: ResendRow, atMost: number): Promise<Batch> {
  const { filter, endpoint_id: endpointId } = resend;
  const from = resend.position.slice(4);
  const tenantId = await tenantOf(client, endpointId);
  const [, , until, states, types, , untilEvent] = valuesOf(endpointId, filter, 0, filter.untilMs);
  // The moments of the next candidates, of both kinds; what shares the last one's millisecond comes along.
  const { rows } = await client.query<{ moment: string }>(
    `select moment from (
       (select substr(id, 5, 10) as moment from deliveries_closed where ${closedCondition} order by id limit $9)
       ${filter.missing ? `union all (select substr(e.id, 5, 10) from endpoints p cross join events e where p.id = $1 and ${missingCondition} order by e.id limit $9)` : 'union all (select null where $6::text is null and $7::text is null and $8::text is null)'}
     ) as candidates order by moment limit $9`,
    [endpointId, `dlv_${from}`, until, states, types, `evt_${from}`, untilEvent, tenantId, atMost],
  );
  const last = rows.at(-1)?.moment;
  if (last === undefined) return { queued: 0, position: null };
  const { rows: counts } = await client.query<{ queued: number }>(
    `with taken as (
       delete from deliveries_closed where ${closedCondition} returning *
     ), reopened as (
       insert into deliveries_open (id, endpoint_id, event_id, event_type, order_key, cause, accepted_at, attempts, requested, last_attempt_at, last_status, last_error)
       select id, endpoint_id, event_id, event_type, order_key, $9, accepted_at, attempts, 1, last_attempt_at, last_status, last_error from taken
       returning 1
     ), made as (
       insert into deliveries_open (id, endpoint_id, event_id, event_type, order_key, cause, accepted_at)
       select delivery_id(e.id, p.id), p.id, e.id, e.type, case when p.ordered then coalesce(e.order_key, e.account_id) end, $9, e.created_at
       from endpoints p cross join events e
       where $10 and p.id = $1 and ${missingCondition}
       on conflict (id) do nothing
       returning 1
     )
     select (select count(*) from reopened) + (select count(*) from made) as queued`,
    [endpointId, `dlv_${from}`, `dlv_${last}~`, states, types, `evt_${from}`, `evt_${last}~`, tenantId, resend.kind, filter.missing],
  );
  return { queued: counts[0]?.queued ?? 0, position: rows.length < atMost ? null : `evt_${last}~` };
}

/** Keeps how far it has come; `position` null ends it. One cancelled meanwhile stays cancelled, and counts what it has queued. */
export async function keepProgress(client: Queryable, id: string, { queued, position }: Batch): Promise<void> {
  await client.query(
    `update resends set done = done + $2, position = coalesce($3, position),
       finished_at = case when $3::text is null and state = 'running' then now() else finished_at end,
       state = case when $3::text is null and state = 'running' then 'done' else state end
     where id = $1`,
    [id, queued, position],
  );
}
