/**
 * Results in PostgreSQL, many in one statement: attempts are kept, deliveries leave the queue or get their next time,
 * counters grow. A delivery that somebody else has moved meanwhile keeps what that one wrote; its attempt is kept all the same.
 */
import type { DeliveryCause } from '@evenkeel/contract/api/deliveries.ts';
import type { AttemptError } from '@evenkeel/core/outbound/attempt-result.ts';
import type { EndpointHealth } from '@evenkeel/core/outbound/endpoint-health.ts';
import type { Queryable } from '../../database/pool.ts';

export interface ResultRow {
  readonly delivery_id: string;
  readonly endpoint_id: string;
  readonly attempt_id: string;
  /** Counts the attempts of the delivery from 1. */
  readonly number: number;
  readonly cause: DeliveryCause;
  readonly at: Date;
  readonly duration_us: number;
  readonly succeeded: boolean;
  readonly status: number | null;
  readonly error: AttemptError | null;
  readonly message: string | null;
  /** Base64 of the first bytes; null for none. */
  readonly response_body: string | null;
  readonly response_truncated: boolean;
  readonly response_type: string | null;
  /** As the queue had it when the attempt began. */
  readonly requested: number;
  /** How the delivery ends; null when it is tried again. */
  readonly state: 'delivered' | 'failed' | null;
  readonly reason: string | null;
  readonly step: number | null;
  readonly retry_in_ms: number | null;
}

/** Deliveries that were not in the queue as the attempt had found them. */
export type Strays = readonly string[];

export async function writeResults(
  database: Queryable,
  rows: readonly ResultRow[],
  { owner, health, aheadMs }: { owner: string; health: ReadonlyMap<string, EndpointHealth>; aheadMs: number },
): Promise<Strays> {
  const lanes = [...health].map(([endpointId, { failures, opened, failing, resumeAtMs }]) => ({
    endpoint_id: endpointId,
    failures,
    opened,
    failing_since: isoOf(failing?.sinceMs ?? null),
    failed_at: isoOf(failing?.lastMs ?? null),
    failing_ms: failing?.countedMs ?? 0,
    failed_deliveries: failing?.deliveries ?? [],
    resume_at: isoOf(resumeAtMs),
  }));
  const { rows: strays } = await database.query<{ delivery_id: string }>({
    name: 'write-delivery-results',
    text: statement,
    values: [JSON.stringify(rows), JSON.stringify(lanes), owner, aheadMs],
  });
  return strays.map(({ delivery_id }) => delivery_id);
}

const isoOf = (ms: number | null): string | null => (ms === null ? null : new Date(ms).toISOString());

const statement = `
with results as materialized (
  select * from json_to_recordset($1) as r (
    delivery_id text, endpoint_id text, attempt_id text, number integer, cause text, at timestamptz, duration_us bigint, succeeded boolean,
    status integer, error text, message text, response_body text, response_truncated boolean, response_type text,
    requested integer, state text, reason text, step integer, retry_in_ms bigint)
), logged as (
  insert into delivery_attempts (id, delivery_id, endpoint_id, number, cause, at, duration_us, succeeded, status, error, message, response_body, response_truncated, response_type)
  select attempt_id, delivery_id, endpoint_id, number, cause, at, duration_us, succeeded, status, error, message, decode(response_body, 'base64'), response_truncated, response_type
  from results
  on conflict (id) do nothing
), taken as (
  delete from deliveries_open o using results r
  where o.id = r.delivery_id and o.attempts = r.number - 1 and o.requested = r.requested and r.state is not null
  returning o.id, o.endpoint_id, o.event_id, o.event_type, o.order_key, o.cause, o.accepted_at, r.state, r.reason, r.number, r.at, r.status, r.error
), closed as (
  insert into deliveries_closed (id, endpoint_id, event_id, event_type, order_key, cause, state, reason, accepted_at, closed_at, attempts, last_attempt_at, last_status, last_error)
  select id, endpoint_id, event_id, event_type, order_key, cause, state, reason, accepted_at, now() + $4 * interval '1 ms', number, at, status, error from taken
  on conflict (id) do update set state = excluded.state, reason = excluded.reason, closed_at = excluded.closed_at, attempts = excluded.attempts,
    last_attempt_at = excluded.last_attempt_at, last_status = excluded.last_status, last_error = excluded.last_error
), kept as (
  update deliveries_open o
  set attempts = r.number, step = case when r.state is null then r.step end, last_attempt_at = r.at, last_status = r.status, last_error = r.error,
    -- Asked for again while the attempt was under way: at once, whatever became of it.
    due_at = case when o.requested > r.requested then 'epoch'::timestamptz else now() + ($4 + r.retry_in_ms) * interval '1 ms' end
  from results r
  where o.id = r.delivery_id and o.attempts = r.number - 1 and (r.state is null or o.requested > r.requested)
  returning o.id
), counted as (
  insert into delivery_counts as c (endpoint_id, hour, attempts, failed_attempts, delivered, failed, duration_ms, lag_ms)
  select r.endpoint_id, date_trunc('hour', r.at, 'UTC'), count(*), count(*) filter (where not r.succeeded), count(t.id) filter (where t.state = 'delivered'),
    count(t.id) filter (where t.state = 'failed'), sum(r.duration_us / 1000),
    coalesce(sum(greatest(0, extract(epoch from r.at - t.accepted_at) * 1000 + r.duration_us / 1000)) filter (where t.state = 'delivered'), 0)
  from results r left join taken t on t.id = r.delivery_id
  group by 1, 2
  order by 1, 2
  on conflict (endpoint_id, hour) do update set attempts = c.attempts + excluded.attempts, failed_attempts = c.failed_attempts + excluded.failed_attempts,
    delivered = c.delivered + excluded.delivered, failed = c.failed + excluded.failed, duration_ms = c.duration_ms + excluded.duration_ms, lag_ms = c.lag_ms + excluded.lag_ms
), fared as (
  update delivery_lanes l set failures = h.failures, opened = h.opened, failing_since = h.failing_since, failed_at = h.failed_at,
    failing_ms = h.failing_ms, failed_deliveries = h.failed_deliveries, resume_at = h.resume_at
  from json_to_recordset($2) as h (endpoint_id text, failures integer, opened integer, failing_since timestamptz, failed_at timestamptz,
    failing_ms bigint, failed_deliveries text[], resume_at timestamptz)
  where l.endpoint_id = h.endpoint_id and l.owner = $3
)
select r.delivery_id from results r
where r.delivery_id not in (select id from taken) and r.delivery_id not in (select id from kept)`;

/** An attempt succeeded after its delivery was cancelled: then it was delivered. */
export async function correctCancelled(database: Queryable, deliveryIds: readonly string[]): Promise<void> {
  for (const id of deliveryIds) {
    await database.query({ name: 'correct-cancelled-delivery', text: `update deliveries_closed set state = 'delivered', reason = null where id = $1 and state = 'cancelled'`, values: [id] });
  }
}
