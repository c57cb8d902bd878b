/**
 * The queue of due refreshes, one range of an index for each connector: which have work, and taking the most urgent of
 * one. The cost follows the number of connectors and of what is taken, not of what is stored.
 */
import { transaction, type Pool, type Queryable } from '../../database/pool.ts';
import type { CredentialRow } from '../credential-store.ts';
import { claiming } from './refresh-store.ts';

export interface QueueHead {
  readonly connectorId: string;
  readonly dueAtMs: number;
}

/** SQL of a recursive table `head`: the earliest due time of every connector, by one probe of the index each (a loose index scan). */
const queueHeads = `
  (select connector_id, refresh_due_at from credentials
   where slot = 'current' and refresh_due_at is not null
   order by connector_id, refresh_due_at limit 1)
  union all
  select next.* from head, lateral (
    select connector_id, refresh_due_at from credentials
    where slot = 'current' and refresh_due_at is not null and connector_id > head.connector_id
    order by connector_id, refresh_due_at limit 1) next`;

export async function readQueueHeads(database: Queryable): Promise<QueueHead[]> {
  const { rows } = await database.query<{ connector_id: string; refresh_due_at: Date }>({
    name: 'read-refresh-queue-heads',
    text: `with recursive head as (${queueHeads}) select connector_id, refresh_due_at from head`,
  });
  return rows.map((row) => ({ connectorId: row.connector_id, dueAtMs: row.refresh_due_at.getTime() }));
}

export interface DueRefresh {
  readonly row: CredentialRow;
  /** When it was due before it was taken. */
  readonly dueAtMs: number;
}

export interface Taking {
  readonly connectorId: string;
  readonly owner: string;
  readonly nowMs: number;
  readonly leaseMs: number;
  readonly atMost: number;
  /** Of all nodes together. */
  readonly maxConcurrent: number;
}

/** So many of the due are looked at to find the most urgent among them. */
const looked = 256;

/**
 * Leases the due credentials of a connector whose tokens end first. Schedulers take turns (an advisory lock for each
 * connector), so that together they keep to its limit; a credential that a call is renewing right now is left out.
 */
export async function takeDue(pool: Pool, taking: Taking): Promise<DueRefresh[]> {
  return transaction(pool, async (client) => {
    await client.query({ name: 'lock-refresh-queue', text: 'select pg_advisory_xact_lock(4400005, hashtext($1))', values: [taking.connectorId] });
    const { rows } = await client.query<CredentialRow & { was_due_at: Date }>({
      name: 'take-due-refreshes',
      text: `with due as materialized (
               select account_id, refresh_due_at, expires_at from credentials
               where connector_id = $1 and slot = 'current' and refresh_due_at <= $2 and (lease_until is null or lease_until < clock_timestamp())
               order by refresh_due_at
               limit ${looked}
             ), taken as (
               select c.account_id, due.refresh_due_at as was_due_at
               from due join credentials c on c.account_id = due.account_id and c.slot = 'current'
               where c.refresh_due_at <= $2 and (c.lease_until is null or c.lease_until < clock_timestamp())
               order by due.expires_at nulls last, due.refresh_due_at
               limit least($3, greatest(0, $4 - (select count(*) from credentials where connector_id = $1 and lease_until > clock_timestamp())))
               for update of c skip locked
             )
             update credentials
             set ${claiming('$5', '$6::float8', '$2')}
             from taken
             where credentials.account_id = taken.account_id and credentials.slot = 'current'
             returning credentials.*, taken.was_due_at`,
      values: [taking.connectorId, new Date(taking.nowMs), taking.atMost, taking.maxConcurrent, taking.owner, taking.leaseMs],
    });
    return rows.map(({ was_due_at, ...row }) => ({ row, dueAtMs: was_due_at.getTime() }));
  });
}

export interface RefreshHealth {
  readonly connectorId: string;
  /** Due for more than a minute and not refreshed. */
  readonly overdue: number;
  /** Failed at least once since their last good refresh. */
  readonly failing: number;
  /** Failing, and their tokens have ended: calls fail. */
  readonly ended: number;
}

/**
 * How each connector's refreshes stand, for alerts: connectors without trouble are left out. The cost follows the number
 * of connectors and of accounts in trouble, not of what is stored.
 */
export async function readRefreshHealth(database: Queryable, nowMs: number): Promise<RefreshHealth[]> {
  const { rows } = await database.query<{ connector_id: string; overdue: number; failing: number; ended: number }>({
    name: 'read-refresh-health',
    text: `with recursive head as (${queueHeads}), overdue as (
             select connector_id, (
               select count(*) from credentials c
               where c.connector_id = head.connector_id and c.slot = 'current' and c.refresh_due_at < $1::timestamptz - interval '1 minute') as overdue
             from head
             where refresh_due_at < $1::timestamptz - interval '1 minute'
           ), failing as (
             select connector_id, count(*) as failing, count(*) filter (where expires_at <= $1) as ended
             from credentials
             where refresh_failures > 0 and refresh_due_at is not null and slot = 'current'
             group by connector_id
           )
           select connector_id, coalesce(overdue, 0) as overdue, coalesce(failing, 0) as failing, coalesce(ended, 0) as ended
           from overdue full join failing using (connector_id)
           order by connector_id`,
    values: [new Date(nowMs)],
  });
  return rows.map(({ connector_id, overdue, failing, ended }) => ({ connectorId: connector_id, overdue, failing, ended }));
}
