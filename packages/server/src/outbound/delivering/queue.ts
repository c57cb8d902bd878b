/** The queue in PostgreSQL: what is due at the lanes a node holds, and the events it is about. */
import type { Queryable } from '../../database/pool.ts';
import type { DeliveryCause } from '@evenkeel/contract/api/deliveries.ts';

export interface DueDelivery {
  readonly id: string;
  readonly endpoint_id: string;
  readonly event_id: string;
  readonly cause: DeliveryCause;
  readonly accepted_at: Date;
  readonly step: number | null;
  readonly attempts: number;
  readonly requested: number;
  /** Of the endpoint as it stands now. */
  readonly revision: number;
}

export interface WantedLane {
  readonly endpointId: string;
  /** At most so many rows, the longest due first. */
  readonly wanted: number;
  /** Only what was asked for by hand. */
  readonly paused: boolean;
}

/** Rows of the lanes that `owner` still holds, of endpoints that are neither disabled nor deleted. */
export async function readDue(database: Queryable, lanes: readonly WantedLane[], { owner, aheadMs }: { owner: string; aheadMs: number }): Promise<DueDelivery[]> {
  const { rows } = await database.query<DueDelivery>({
    name: 'read-due-deliveries',
    text: `select d.id, d.endpoint_id, d.event_id, d.cause, d.accepted_at, d.step, d.attempts, d.requested, e.revision
           from unnest($1::text[], $2::integer[], $3::boolean[]) as lane (endpoint_id, wanted, paused)
           join delivery_lanes l on l.endpoint_id = lane.endpoint_id and l.owner = $4 and l.lease_until > now()
           join endpoints e on e.id = lane.endpoint_id and e.disabled_at is null and e.deleted_at is null
           cross join lateral (
             select * from deliveries_open o
             where o.endpoint_id = lane.endpoint_id
               and o.due_at <= case when lane.paused then 'epoch'::timestamptz else now() + $5 * interval '1 ms' end
               -- In order for each object: nothing overtakes what is still open.
               and (o.order_key is null or not exists (
                 select from deliveries_open earlier
                 where earlier.endpoint_id = o.endpoint_id and earlier.order_key = o.order_key
                   -- Ids of deliveries of one millisecond are in no order, those of events are; the former bound the look.
                   and earlier.event_id < o.event_id and earlier.id < substr(o.id, 1, 14) || '~'
               ))
             order by o.due_at, o.id
             limit lane.wanted
           ) d`,
    values: [lanes.map(({ endpointId }) => endpointId), lanes.map(({ wanted }) => wanted), lanes.map(({ paused }) => paused), owner, aheadMs],
  });
  return rows;
}

export interface StoredEvent {
  readonly id: string;
  readonly type: string;
  readonly tenant_id: string | null;
  readonly account_id: string | null;
  readonly created_at: Date;
  /** Made up for a test: a retry of it is marked as well. */
  readonly is_test: boolean;
  /** Its record is erased: not to be sent. */
  readonly is_erased: boolean;
  /** JSON as it was written. */
  readonly payload: string;
}

/** By id; reads the partitions between the first and the last id only. */
export async function readEvents(database: Queryable, ids: readonly string[]): Promise<StoredEvent[]> {
  const sorted = ids.toSorted();
  const { rows } = await database.query<StoredEvent>({
    name: 'read-events',
    text: `select id, type, tenant_id, account_id, created_at, is_test, erased_at is not null as is_erased, payload::text as payload
           from events where id = any($1) and id >= $2 and id <= $3`,
    values: [sorted, sorted[0] ?? '', sorted.at(-1) ?? ''],
  });
  return rows;
}
