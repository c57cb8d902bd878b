/** A test: an example event to one endpoint, through the same queue, signature and log as every other. */
import type { EventType } from '@evenkeel/contract/event-catalogue.ts';
import type { Queryable } from '../database/pool.ts';
import { newId } from '../identifier.ts';
import type { EndpointRow } from './endpoint-store.ts';
import { announceDeliveries } from './publish.ts';

/** Returns the delivery's id. It is first in line, and one attempt decides: whoever tests waits for it. */
export async function queueTest(client: Queryable, endpoint: Pick<EndpointRow, 'id' | 'tenant_id'>, { type, example }: EventType): Promise<string> {
  const eventId = newId('evt');
  await client.query(`insert into events (id, tenant_id, account_id, type, payload, is_test) values ($1, $2, null, $3, $4, true)`, [eventId, endpoint.tenant_id, type, JSON.stringify(example)]);
  const { rows } = await client.query<{ id: string }>(
    `insert into deliveries_open (id, endpoint_id, event_id, event_type, cause, due_at, step) values (delivery_id($1, $2), $2, $1, $3, 'test', 'epoch', null) returning id`,
    [eventId, endpoint.id, type],
  );
  await announceDeliveries(client);
  return rows[0]?.id ?? '';
}
