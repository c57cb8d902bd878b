/**
 * Going through an endpoint's events by id, a batch at a time: which a bulk operation means, and queuing them. The position is
 * the id of an event, so that a node that dies costs one batch at most, and however many events share a millisecond, a
 * batch is of its size. A statement looks at so many rows at most, whatever lies between two that it wants. Nothing is
 * sent twice: a delivery that is pending already is left.
 */
import { likePatternOf } from '@evenkeel/core/outbound/event-filter.ts';
import type { Queryable } from '../database/pool.ts';
import { firstIdAt } from './day-partitions.ts';
import type { Batch, ResendCount, ResendFilter, ResendRow } from './resend-store.ts';

export interface BatchLimits {
  /** Deliveries queued by a batch. */
  readonly queued: number;
  /** Events, and ended deliveries, that a statement looks at. */
  readonly looked: number;
  /** So many are looked at in all before counting gives up. */
  readonly counted: number;
}

export const defaultBatchLimits: BatchLimits = { queued: 1_000, looked: 10_000, counted: 200_000 };

/** Part of an operation: events behind `after`, up to and with `upTo`; ids of events, or their beginnings. */
interface Stretch {
  readonly after: string;
  readonly upTo: string;
}

interface Selection {
  readonly endpointId: string;
  /** As a value, so that the plan is made for it: the events of one tenant stand in an index. */
  readonly tenantId: string | null;
  readonly filter: ResendFilter;
}

/** Of the deliveries, `id` bounds the look, to the millisecond; the order within it is that of their events. */
const closedCondition = `
  c.endpoint_id = $1 and c.id >= $2 and c.id <= $3 and c.event_id > $4 and c.event_id <= $5
  and c.cause <> 'test' and c.state = any($6) and ($7::text[] is null or c.event_type like any ($7))`;
const missingCondition = `
  p.id = $1 and e.id > $4 and e.id <= $5 and not e.is_test
  and ($8::text is null or e.tenant_id = $8) and e.type like any (p.type_patterns) and ($7::text[] is null or e.type like any ($7))
  and not exists (select from deliveries_open o where o.id = delivery_id(e.id, p.id))
  and not exists (select from deliveries_closed d where d.id = delivery_id(e.id, p.id) and d.id >= $2 and d.id <= $3)`;

/** SQL of the events that are meant, `$1` to `$9`. */
const meantEvents = `
  select c.event_id as id from deliveries_closed c where ${closedCondition}
  union all
  select e.id from endpoints p cross join events e where $9 and ${missingCondition}`;

/** The time that an event's id begins with, behind the prefix of deliveries. */
const asDelivery = (eventId: string): string => `dlv_${eventId.slice(4, 14)}`;

/** Where the first delivery behind a position can be: past its millisecond when the position is, or one that holds more than a look would never end. */
const behindDelivery = (eventId: string): string => `${asDelivery(eventId)}${eventId.endsWith('~') ? '~' : ''}`;

const valuesOf = ({ endpointId, tenantId, filter }: Selection, { after, upTo }: Stretch): unknown[] => [
  endpointId,
  asDelivery(after),
  `${asDelivery(upTo)}~`,
  after,
  upTo,
  filter.states,
  filter.eventTypes?.map(likePatternOf) ?? null,
  tenantId,
  filter.missing,
];

async function selectionOf(database: Queryable, endpointId: string, filter: ResendFilter): Promise<Selection> {
  const { rows } = await database.query<{ tenant_id: string | null }>('select tenant_id from endpoints where id = $1', [endpointId]);
  return { endpointId, tenantId: rows[0]?.tenant_id ?? null, filter };
}

/**
 * How far `looked` events and ended deliveries reach. Reads nothing but an index, so that what comes next can look at
 * everything in between.
 */
async function stretchFrom(database: Queryable, { endpointId, tenantId, filter }: Selection, after: string, looked: number): Promise<Stretch> {
  const end = firstIdAt('evt', filter.untilMs);
  const { rows } = await database.query<{ id: string | null }>(
    `select least(
       (select 'evt_' || substr(id, 5, 10) || '~' from deliveries_closed where endpoint_id = $1 and id >= $2 and id < $3 order by id offset $4 limit 1),
       (select id from events where $5 and ($6::text is null or tenant_id = $6) and id > $7 and id < $8 order by id offset $4 limit 1)
     ) collate "C" as id`,
    [endpointId, behindDelivery(after), asDelivery(end), looked, filter.missing, tenantId, after, end],
  );
  return { after, upTo: rows[0]?.id ?? end };
}

/** How many deliveries an operation would queue now. */
export async function countResend(database: Queryable, endpointId: string, filter: ResendFilter, limits: BatchLimits = defaultBatchLimits): Promise<ResendCount> {
  const selection = await selectionOf(database, endpointId, filter);
  const end = firstIdAt('evt', filter.untilMs);
  let after = firstIdAt('evt', filter.sinceMs);
  let atLeast = 0;
  for (let looked = 0; looked < limits.counted; looked += limits.looked) {
    const stretch = await stretchFrom(database, selection, after, limits.looked);
    const { text, values } = countStatement(selection, stretch);
    const { rows } = await database.query<{ n: number }>(text, values);
    atLeast += rows[0]?.n ?? 0;
    if (stretch.upTo >= end) return { atLeast, exact: true };
    after = stretch.upTo;
  }
  return { atLeast, exact: false };
}

/** Also for tests that look at its plan. */
export const countStatement = (selection: Selection, stretch: Stretch): { text: string; values: unknown[] } => ({
  text: `select count(*) as n from (${meantEvents}) as meant`,
  values: valuesOf(selection, stretch),
});

/** Queues the next deliveries, those of missed events included, and moves the position behind them. */
export async function resendBatch(client: Queryable, resend: ResendRow, limits: BatchLimits = defaultBatchLimits): Promise<Batch> {
  const selection = await selectionOf(client, resend.endpoint_id, resend.filter);
  const stretch = await stretchFrom(client, selection, resend.position, limits.looked);
  const { rows: last } = await client.query<{ id: string }>(`select id from (${meantEvents}) as meant order by id collate "C" offset $10 limit 1`, [...valuesOf(selection, stretch), limits.queued - 1]);
  const upTo = last[0]?.id ?? stretch.upTo;
  const { rows } = await client.query<{ queued: number }>(
    `with taken as (
       delete from deliveries_closed c where ${closedCondition} returning *
     ), reopened as (
       insert into deliveries_open (id, endpoint_id, event_id, event_type, order_key, cause, accepted_at, attempts, requested, last_attempt_at, last_status, last_error)
       select id, endpoint_id, event_id, event_type, order_key, $10, accepted_at, attempts, 1, last_attempt_at, last_status, last_error from taken
       returning 1
     ), made as (
       insert into deliveries_open (id, endpoint_id, event_id, event_type, order_key, cause, accepted_at)
       select delivery_id(e.id, p.id), p.id, e.id, e.type, case when p.ordered then coalesce(e.order_key, e.account_id) end, $10, e.created_at
       from endpoints p cross join events e
       where $9 and ${missingCondition}
       on conflict (id) do nothing
       returning 1
     )
     select (select count(*) from reopened) + (select count(*) from made) as queued`,
    [...valuesOf(selection, { after: stretch.after, upTo }), resend.kind],
  );
  return { queued: rows[0]?.queued ?? 0, position: upTo >= firstIdAt('evt', resend.filter.untilMs) ? null : upTo };
}
