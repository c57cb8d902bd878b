/**
 * Where events leave the rooms that make them: written in the transaction of what they tell of, so that both exist or
 * neither does, and with them one delivery for each endpoint that wants them.
 */
import type { Queryable } from '../database/pool.ts';

export interface NewEvent {
  /** evt_…, of `newId('evt')`; the same for every attempt of every delivery. */
  readonly id: string;
  /** Null for events of the installation itself; they go to endpoints that belong to no tenant. */
  readonly tenantId: string | null;
  /** Null for events of no account, such as those of incidents. */
  readonly accountId: string | null;
  /** A type of the event catalogue (`@evenkeel/contract/event-catalogue.ts`). */
  readonly type: string;
  /** The `data` of the envelope: JSON, free of secrets. */
  readonly data: object;
  /** The object whose events are kept in order at endpoints that want order; default the account. */
  readonly orderKey?: string;
}

export const deliveryChannel = 'deliveries';

/**
 * NOTIFY makes committing transactions queue up behind each other, so not every event gives one: a worker that was woken
 * goes on looking for a while (delivering/dispatcher.ts).
 */
const notifyEveryMs = 25;
let notifiedAt = -Infinity;

/** Writes the events in their order. `client` is the transaction of what they tell of. */
export async function publishEvents(client: Queryable, events: readonly NewEvent[]): Promise<void> {
  if (events.length === 0) return;
  const { rows } = await client.query<{ queued: number }>({
    name: 'publish-events',
    text: `with made as (
             select id, tenant_id, account_id, type, payload, order_key
             from rows from (unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[]), json_array_elements($6::json))
               as e (id, tenant_id, account_id, type, order_key, payload)
           ), stored as (
             insert into events (id, tenant_id, account_id, type, payload, order_key)
             select id, tenant_id, account_id, type, payload, order_key from made
           ), queued as (
             insert into deliveries_open (id, endpoint_id, event_id, event_type, order_key)
             select delivery_id(e.id, p.id), p.id, e.id, e.type, case when p.ordered then coalesce(e.order_key, e.account_id) end
             from made e
             cross join lateral (
               select id, ordered, type_patterns from endpoints where tenant_id = e.tenant_id and disabled_at is null and deleted_at is null
               union all
               select id, ordered, type_patterns from endpoints where tenant_id is null and disabled_at is null and deleted_at is null
             ) p
             where e.type like any (p.type_patterns)
             returning 1
           )
           select count(*) as queued from queued`,
    values: [
      events.map(({ id }) => id),
      events.map(({ tenantId }) => tenantId),
      events.map(({ accountId }) => accountId),
      events.map(({ type }) => type),
      events.map(({ orderKey }) => orderKey ?? null),
      // One text: in an array each of its quotes would be escaped. Its elements are kept byte for byte.
      `[${events.map(({ data }) => JSON.stringify(data)).join()}]`,
    ],
  });
  const nowMs = performance.now();
  if ((rows[0]?.queued ?? 0) === 0 || nowMs - notifiedAt < notifyEveryMs) return;
  notifiedAt = nowMs;
  await announceDeliveries(client);
}

/** Wakes the workers when the transaction is through. */
export async function announceDeliveries(client: Queryable): Promise<void> {
  await client.query(`select pg_notify('${deliveryChannel}', '')`);
}
