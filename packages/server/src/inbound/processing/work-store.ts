/** Events that wait, as rows under leases. Of events with one order key only the first can be taken. */
import type { Queryable } from '../../database/pool.ts';
import type { EventRow } from '../event-store.ts';

export interface NewWork {
  readonly receivedAt: Date;
  readonly eventId: string;
  readonly connectorId: string;
  readonly accountId: string | null;
  readonly orderKey: Buffer | null;
  readonly delayMs: number;
}

export interface Work {
  readonly seq: number;
  readonly attempts: number;
  readonly replayed: boolean;
  readonly fence: number;
  /** How often another process took it and came to no end with it. */
  readonly lost: number;
  readonly event: EventRow;
}

export async function enqueueWork(client: Queryable, work: readonly NewWork[]): Promise<void> {
  if (work.length === 0) return;
  await client.query(
    `insert into inbound_work (received_at, event_id, connector_id, account_id, order_key, due_at)
     select to_timestamp(received_ms / 1000.0), event_id, connector_id, account_id, decode(order_key, 'hex'), now() + delay_ms * interval '1 millisecond'
     from unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[]) with ordinality
       as w (received_ms, event_id, connector_id, account_id, order_key, delay_ms, place)
     order by place
     on conflict (event_id) do nothing`,
    [
      work.map(({ receivedAt }) => receivedAt.getTime()),
      work.map(({ eventId }) => eventId),
      work.map(({ connectorId }) => connectorId),
      work.map(({ accountId }) => accountId),
      work.map(({ orderKey }) => orderKey?.toString('hex') ?? null),
      work.map(({ delayMs }) => Math.round(delayMs)),
    ],
  );
}

/** Of the keys, those behind which something waits. */
export async function keysWaiting(client: Queryable, keys: readonly Buffer[]): Promise<Set<string>> {
  if (keys.length === 0) return new Set();
  const { rows } = await client.query<{ key: string }>(
    `select key from unnest($1::text[]) as wanted (key) where exists (select from inbound_work w where w.order_key = decode(wanted.key, 'hex'))`,
    [keys.map((key) => key.toString('hex'))],
  );
  return new Set(rows.map(({ key }) => key));
}

/** Lost so often, it is not worked on beside others: it may be what ends the processes. */
const suspectFrom = 2;
/** Lost so often, twice of it by itself, it is not worked on any more. */
export const lostAtMost = 4;

/**
 * Of the requests that events under way on a node are read from, as received; read as JSON that is several times as much
 * memory. A webhook is 25 MiB at most. What is larger counts as this much: it is worked on with nothing beside it.
 */
export const maxBytesUnderWay = 64 * 1024 * 1024;

export interface Claim {
  readonly owner: string;
  readonly leaseMs: number;
  readonly atMost: number;
  /** Bytes of the requests that are read for it, each once. A larger one waits, and what is small goes before it. */
  readonly atMostBytes: number;
  /** Those that were lost before, or the others. */
  readonly suspects: boolean;
  /** Who has enough under way: nothing of theirs is taken. */
  readonly fullConnectors?: readonly string[];
  readonly fullAccounts?: readonly string[];
}

/**
 * Takes what is due, oldest first, for `leaseMs`. An attempt is counted when it is taken: one that ends the process
 * counts too, and is told by a lease of another process that has run out.
 */
export async function claimWork(database: Queryable, claim: Claim): Promise<Work[]> {
  const { owner, leaseMs, atMost, atMostBytes, suspects, fullConnectors = [], fullAccounts = [] } = claim;
  const lost = `lost + case when lease_owner <> $1 then 1 else 0 end`;
  const due = `due_at <= clock_timestamp() and (lease_until is null or lease_until < clock_timestamp())
         and ${suspects ? `lost > 0 and ${lost} >= ${suspectFrom}` : `${lost} < ${suspectFrom}`}
         and (order_key is null or not exists (select from inbound_work earlier where earlier.order_key = w.order_key and earlier.seq < w.seq))`;
  const someAreFull = fullConnectors.length > 0 || fullAccounts.length > 0;
  const { rows } = await database.query<{ seq: number; tries: number; replayed: boolean; lease_fence: number; lost: number } & EventRow>(
    `with recursive ${someAreFull ? candidatesOfOthers(due) : ''} taken as (
       select seq from inbound_work w
       where ${due} ${someAreFull ? 'and seq in (select seq from candidates)' : ''}
       order by due_at, seq
       limit $3
       for update skip locked
     ), sized as (
       select taken.seq, least(coalesce(octet_length(r.body), 0), ${maxBytesUnderWay}) as bytes, row_number() over (partition by r.id order by taken.seq) as nth
       from taken join inbound_work w on w.seq = taken.seq
       join inbound_events e on e.received_at = w.received_at and e.id = w.event_id
       left join inbound_requests r on r.received_at = e.received_at and r.id = e.request_id
     ), summed as (
       select seq, sum(case when nth = 1 then bytes else 0 end) over (order by bytes, seq rows unbounded preceding) as bytes from sized
     ), leased as (
       update inbound_work w
       set lease_owner = $1, lease_until = clock_timestamp() + $2 * interval '1 millisecond', lease_fence = lease_fence + 1, attempts = attempts + 1, lost = ${lost}
       from summed where w.seq = summed.seq and summed.bytes <= $4
       returning w.seq, w.received_at, w.event_id, w.attempts as tries, w.replayed, w.lease_fence, w.lost
     )
     select leased.seq, leased.tries, leased.replayed, leased.lease_fence, leased.lost, e.*
     from leased join inbound_events e on e.received_at = leased.received_at and e.id = leased.event_id
     order by leased.seq`,
    [owner, leaseMs, atMost, atMostBytes, ...(someAreFull ? [fullConnectors, fullAccounts, Math.ceil(atMost / 4)] : [])],
  );
  return rows.map(({ seq, tries, replayed, lease_fence: fence, lost: often, ...event }) => ({ seq, attempts: tries, replayed, fence, lost: often, event }));
}

/**
 * Account by account, by the index over them: in the order of time alone, all that waits for those who have enough would
 * be read each time. What belongs to no account yet waits for no vendor.
 */
const candidatesOfOthers = (due: string): string => `waiting (account_id) as (
       (select account_id from inbound_work where account_id is not null order by account_id limit 1)
       union all
       select (select w.account_id from inbound_work w where w.account_id > waiting.account_id order by w.account_id limit 1) from waiting where account_id is not null
     ), candidates as (
       select mine.seq from waiting join accounts a on a.id = waiting.account_id
       cross join lateral (select seq from inbound_work w where w.account_id = a.id and ${due} order by due_at limit $7) mine
       where a.connector_id <> all ($5) and a.id <> all ($6)
       union all
       (select seq from inbound_work w where account_id is null and ${due} order by due_at limit $3)
     ),`;

/** Takes finished work away; the seqs of what was still ours. What is not among them was overtaken and must not take effect. */
export async function finishWork(client: Queryable, works: readonly Pick<Work, 'seq' | 'fence'>[]): Promise<Set<number>> {
  const { rows } = await client.query<{ seq: number }>(
    `delete from inbound_work w using unnest($1::bigint[], $2::bigint[]) as done (seq, fence)
     where w.seq = done.seq and w.lease_fence = done.fence
     returning w.seq`,
    [works.map(({ seq }) => seq), works.map(({ fence }) => fence)],
  );
  return new Set(rows.map(({ seq }) => seq));
}

/** Gives work back until later. `counted` false: this attempt was nobody's failure. */
export async function postponeWork(client: Queryable, work: Pick<Work, 'seq' | 'fence'>, delayMs: number, counted: boolean): Promise<boolean> {
  const { rowCount } = await client.query(
    `update inbound_work
     set due_at = clock_timestamp() + $3 * interval '1 millisecond', attempts = attempts - $4, lost = 0, lease_owner = null, lease_until = null
     where seq = $1 and lease_fence = $2`,
    [work.seq, work.fence, Math.round(delayMs), counted ? 0 : 1],
  );
  return rowCount === 1;
}

/** Nothing of this account is tried before then: its vendor said so. */
export async function holdAccount(database: Queryable, accountId: string, delayMs: number): Promise<void> {
  await database.query(
    `update inbound_work set due_at = clock_timestamp() + $2 * interval '1 millisecond'
     where account_id = $1 and due_at < clock_timestamp() + $2 * interval '1 millisecond' and (lease_until is null or lease_until < clock_timestamp())`,
    [accountId, Math.round(delayMs)],
  );
}
