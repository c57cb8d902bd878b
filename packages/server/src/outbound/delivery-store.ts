/**
 * Deliveries as they are read and steered: open ones stand in the queue, closed ones in the history. Lists go down both by
 * id, which is by time; no query reads more than its page from either.
 */
import type { Delivery, DeliveryAttempt, DeliveryCause, DeliveryState } from '@evenkeel/contract/api/deliveries.ts';
import type { Queryable } from '../database/pool.ts';
import { timeOfId } from '../identifier.ts';
import { firstIdAt } from './day-partitions.ts';

export interface DeliveryRow {
  readonly id: string;
  readonly endpoint_id: string;
  readonly event_id: string;
  readonly event_type: string;
  readonly order_key: string | null;
  readonly cause: DeliveryCause;
  readonly state: DeliveryState;
  readonly reason: string | null;
  readonly accepted_at: Date;
  readonly due_at: Date | null;
  readonly closed_at: Date | null;
  readonly attempts: number;
  readonly last_attempt_at: Date | null;
  readonly last_status: number | null;
  readonly last_error: string | null;
}

const common = 'id, endpoint_id, event_id, event_type, order_key, cause, accepted_at, attempts, last_attempt_at, last_status, last_error';
const open = `select ${common}, 'pending' as state, null as reason, due_at, null::timestamptz as closed_at from deliveries_open`;
const closed = `select ${common}, state, reason, null::timestamptz as due_at, closed_at from deliveries_closed`;

export interface DeliveryFilter {
  /** Null: of all endpoints. */
  readonly endpointIds: readonly string[] | null;
  readonly eventId: string | null;
  readonly state: DeliveryState | null;
  readonly eventType: string | null;
  readonly sinceMs: number | null;
  /** The last id of the page before. */
  readonly before: string | null;
  readonly limit: number;
}

/** Newest first. */
export async function listDeliveries(database: Queryable, filter: DeliveryFilter): Promise<DeliveryRow[]> {
  const { text, values } = listStatement(filter);
  const { rows } = await database.query<DeliveryRow>(text, values);
  return rows;
}

/** Also for tests that look at its plan. Each table gives at most a page for each endpoint, and the pages are merged. */
export function listStatement(filter: DeliveryFilter): { text: string; values: unknown[] } {
  const values: unknown[] = [];
  const put = (value: unknown): string => `$${values.push(value)}`;
  const conditions: string[] = [];
  if (filter.before !== null) conditions.push(`id < ${put(filter.before)}`);
  if (filter.sinceMs !== null) conditions.push(`id >= ${put(firstIdAt('dlv', filter.sinceMs))}`);
  if (filter.eventType !== null) conditions.push(`event_type = ${put(filter.eventType)}`);
  // A delivery's id begins with the time of its event's: one millisecond of the key, whatever the number of deliveries.
  if (filter.eventId !== null) {
    const prefix = `dlv_${filter.eventId.slice(4, 14)}`;
    conditions.push(`event_id = ${put(filter.eventId)}`, `id >= ${put(prefix)}`, `id < ${put(`${prefix}~`)}`);
  }
  const limit = put(filter.limit);
  // Said so that the partial indexes of everything but deliveries that arrived serve.
  const ofClosed = { delivered: [`state = 'delivered'`], failed: [`state <> 'delivered'`, `state = 'failed'`], cancelled: [`state <> 'delivered'`, `state = 'cancelled'`], pending: [] }[filter.state ?? 'pending'];
  const endpoints = filter.endpointIds === null ? null : put(filter.endpointIds);
  const page = (source: string, extra: readonly string[]): string => {
    const where = (more: readonly string[]): string => ([...conditions, ...extra, ...more].length === 0 ? '' : `where ${[...conditions, ...extra, ...more].join(' and ')}`);
    if (endpoints === null) return `(${source} ${where([])} order by id desc limit ${limit})`;
    return `(select page.* from unnest(${endpoints}::text[]) as of (endpoint) cross join lateral (${source} ${where(['endpoint_id = of.endpoint'])} order by id desc limit ${limit}) page)`;
  };
  const parts = [...(filter.state === null || filter.state === 'pending' ? [page(open, [])] : []), ...(filter.state === 'pending' ? [] : [page(closed, ofClosed)])];
  return { text: `select * from (${parts.join('\nunion all\n')}) as deliveries order by id desc limit ${limit}`, values };
}

/** One delivery, open or closed; `tenantId` null sees all. */
export async function findDelivery(database: Queryable, id: string, tenantId: string | null): Promise<DeliveryRow | undefined> {
  const { rows } = await database.query<DeliveryRow>(
    `select d.* from (${open} where id = $1 union all ${closed} where id = $1) as d
     join endpoints e on e.id = d.endpoint_id
     where $2::text is null or e.tenant_id = $2`,
    [id, tenantId],
  );
  return rows[0];
}

interface AttemptRow {
  id: string;
  number: number;
  cause: DeliveryCause;
  at: Date;
  duration_us: number;
  succeeded: boolean;
  status: number | null;
  error: string | null;
  message: string | null;
  response_body: Buffer | null;
  response_truncated: boolean;
  response_type: string | null;
}

/** Oldest first, the last hundred. */
export async function listAttempts(database: Queryable, deliveryId: string): Promise<DeliveryAttempt[]> {
  const { text, values } = attemptsStatement(deliveryId);
  const { rows } = await database.query<AttemptRow>(text, values);
  return rows.toReversed().map(shownAttempt);
}

/** Also for tests that look at its plan. Attempts are no older than their delivery: earlier days are not read. */
export function attemptsStatement(deliveryId: string): { text: string; values: unknown[] } {
  return {
    text: `select id, number, cause, at, duration_us, succeeded, status, error, message, response_body, response_truncated, response_type
           from delivery_attempts where delivery_id = $1 and id >= $2
           order by id desc limit 100`,
    values: [deliveryId, firstIdAt('att', timeOfId(deliveryId) ?? 0)],
  };
}

function shownAttempt(row: AttemptRow): DeliveryAttempt {
  const { response_body: body } = row;
  // A text cut in the middle of a character is a text all the same.
  const text = body === null ? '' : new TextDecoder().decode(body, { stream: true });
  const binary = text.includes('\uFFFD') || text.includes('\0');
  return {
    id: row.id,
    number: row.number,
    cause: row.cause,
    at: row.at.toISOString(),
    duration_ms: row.duration_us / 1000,
    succeeded: row.succeeded,
    status: row.status,
    error: row.error,
    message: row.message,
    response: body === null ? null : { text: binary ? body.toString('base64') : text, binary, truncated: row.response_truncated, content_type: row.response_type },
  };
}

/**
 * An attempt by hand, before everything else. Of an open delivery it takes the place of the planned one, and when an
 * attempt is under way it follows that; a closed one is opened again, and this attempt decides. False when there is none.
 */
export async function retryDelivery(client: Queryable, id: string): Promise<boolean> {
  const { rowCount } = await client.query(`update deliveries_open set requested = requested + 1, due_at = 'epoch', cause = 'retry' where id = $1`, [id]);
  if (rowCount === 1) return true;
  return (await reopen(client, [id], { cause: 'retry', step: null, dueAt: `'epoch'` })) === 1;
}

/** Moves closed deliveries back into the queue. Returns how many. */
export async function reopen(client: Queryable, ids: readonly string[], how: { cause: DeliveryCause; step: 0 | null; dueAt: `'epoch'` | 'now()' }): Promise<number> {
  const { rowCount } = await client.query(
    `with taken as (
       delete from deliveries_closed where id = any($1) and id >= $2 and id <= $3 returning *
     )
     insert into deliveries_open (id, endpoint_id, event_id, event_type, order_key, cause, accepted_at, due_at, step, attempts, requested, last_attempt_at, last_status, last_error)
     select id, endpoint_id, event_id, event_type, order_key, $4, accepted_at, ${how.dueAt}, $5, attempts, 1, last_attempt_at, last_status, last_error from taken`,
    [ids, ids.toSorted()[0] ?? '', ids.toSorted().at(-1) ?? '', how.cause, how.step],
  );
  return rowCount ?? 0;
}

/** Takes an open delivery out of the queue. An attempt under way goes on; if it succeeds, the delivery counts as delivered. */
export async function cancelDelivery(client: Queryable, id: string): Promise<boolean> {
  return (await closeOpen(client, `id = $1`, [id], 'by_hand')) === 1;
}

/** Up to `atMost` of an endpoint's open deliveries. Returns how many were closed. */
export async function cancelSome(client: Queryable, endpointId: string, reason: 'endpoint_disabled' | 'endpoint_deleted', atMost: number): Promise<number> {
  return closeOpen(client, `id = any(array(select id from deliveries_open where endpoint_id = $1 order by id limit $2 for update skip locked))`, [endpointId, atMost], reason);
}

/** Open deliveries of events whose record is erased. A delivery's id begins with the time of its event's. */
export async function cancelErased(client: Queryable, eventIds: readonly string[]): Promise<number> {
  const ofEvents = `id = any(array(
    select o.id from unnest($1::text[]) as e (id)
    cross join lateral (select id from deliveries_open where id >= 'dlv_' || substr(e.id, 5, 10) and id < 'dlv_' || substr(e.id, 5, 10) || '~' and event_id = e.id offset 0) o
  ))`;
  return closeOpen(client, ofEvents, [eventIds], 'erased');
}

async function closeOpen(client: Queryable, condition: string, values: readonly unknown[], reason: string): Promise<number> {
  const { rows } = await client.query<{ closed: number }>(
    `with taken as (
       delete from deliveries_open where ${condition} returning *
     ), closed as (
       insert into deliveries_closed (id, endpoint_id, event_id, event_type, order_key, cause, state, reason, accepted_at, closed_at, attempts, last_attempt_at, last_status, last_error)
       select id, endpoint_id, event_id, event_type, order_key, cause, 'cancelled', $${values.length + 1}, accepted_at, now(), attempts, last_attempt_at, last_status, last_error from taken
     ), counted as (
       insert into delivery_counts as c (endpoint_id, hour, cancelled)
       select endpoint_id, date_trunc('hour', now(), 'UTC'), count(*) from taken group by 1
       on conflict (endpoint_id, hour) do update set cancelled = c.cancelled + excluded.cancelled
     )
     select count(*) as closed from taken`,
    [...values, reason],
  );
  return rows[0]?.closed ?? 0;
}

export function shownDelivery(row: DeliveryRow): Delivery {
  return {
    id: row.id,
    endpoint_id: row.endpoint_id,
    event_id: row.event_id,
    event_type: row.event_type,
    state: row.state,
    reason: row.reason,
    cause: row.cause,
    order_key: row.order_key,
    attempts: row.attempts,
    accepted_at: row.accepted_at.toISOString(),
    // What was asked for by hand is due at the epoch: before everything else, that is now.
    next_attempt_at: row.due_at === null ? null : (row.due_at.getTime() === 0 ? new Date() : row.due_at).toISOString(),
    closed_at: row.closed_at?.toISOString() ?? null,
    last_attempt_at: row.last_attempt_at?.toISOString() ?? null,
    last_status: row.last_status,
    last_error: row.last_error,
  };
}
