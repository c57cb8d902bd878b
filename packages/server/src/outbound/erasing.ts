/**
 * Events whose record is erased: they keep their place in the history of endpoints, and are not sent any more. A receiver
 * would take what is left for news of the record.
 */
import type { Queryable } from '../database/pool.ts';
import { cancelErased } from './delivery-store.ts';

/** Of the ids, those that are still kept; how many. What is under way at this moment may still arrive. */
export async function eraseEvents(client: Queryable, ids: readonly string[]): Promise<number> {
  const sorted = ids.toSorted();
  const { rowCount } = await client.query(
    `update events set erased_at = now(),
       payload = json_build_object('erased', true, 'account_id', account_id, 'tenant_id', tenant_id, 'model', payload -> 'model', 'change', payload -> 'change', 'record', null, 'inbound_event_id', payload -> 'inbound_event_id')
     where id = any($1) and id >= $2 and id <= $3`,
    [sorted, sorted[0] ?? '', sorted.at(-1) ?? ''],
  );
  await cancelErased(client, sorted);
  return rowCount ?? 0;
}
