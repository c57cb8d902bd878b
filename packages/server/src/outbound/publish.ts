/**
 * Where events leave the rooms that make them: written in the transaction of what they tell of, so that both exist or
 * neither does. Whatever an event leads to (deliveries to endpoints) is written here as well, in the same transaction.
 */
import type { Queryable } from '../database/pool.ts';

export interface NewEvent {
  /** evt_…, of `newId('evt')`; the same for every attempt of every delivery. */
  readonly id: string;
  readonly tenantId: string;
  /** Null for events of no account, such as those of incidents. */
  readonly accountId: string | null;
  /** A type of the event catalogue (`@evenkeel/contract/events.ts`). */
  readonly type: string;
  /** The `data` of the envelope: JSON, free of secrets. */
  readonly data: object;
}

/** Writes the events in their order. `client` is the transaction of what they tell of. */
export async function publishEvents(client: Queryable, events: readonly NewEvent[]): Promise<void> {
  if (events.length === 0) return;
  await client.query(
    `insert into events (id, tenant_id, account_id, type, payload)
     select id, tenant_id, account_id, type, payload
     from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::jsonb[]) as e (id, tenant_id, account_id, type, payload)`,
    [events.map(({ id }) => id), events.map(({ tenantId }) => tenantId), events.map(({ accountId }) => accountId), events.map(({ type }) => type), events.map(({ data }) => JSON.stringify(data))],
  );
}
