/**
 * A refresh in the database: the lease on a credential and what the holder of its fence may write. The lease runs on
 * the database's clock, which all nodes share; when a refresh is due next is told by the clock of the node. Whoever
 * claims pushes the due time past its lease, so that a refresh whose node dies comes up again by itself.
 */
import type { Queryable } from '../../database/pool.ts';
import { accountChannel } from '../account-store.ts';
import { keptVersions, noteCredentialEvent } from './credential-events.ts';
import { sealCredential, type Credential, type CredentialRow, type Times } from '../credential-store.ts';
import type { Vault } from '../vault/vault.ts';

/** Longer than an exchange may take, so that a lease ends under a living refresh only if its node stalls. */
export const leaseMs = 45_000;

export interface Claim {
  readonly accountId: string;
  readonly version: number;
  /** Names the process, for people who look. */
  readonly owner: string;
  readonly leaseMs: number;
  readonly ignoreBackoff: boolean;
  readonly nowMs: number;
}

/** What claiming changes. A lease that nobody gave back leaves a doubt: its holder may have asked and died. */
export const claiming = (owner: string, lease: string, now: string): string => `
  in_doubt_since = case when lease_owner is null then in_doubt_since else coalesce(in_doubt_since, clock_timestamp()) end,
  lease_owner = ${owner}, lease_until = clock_timestamp() + ${lease} * interval '1 millisecond', lease_fence = lease_fence + 1,
  refresh_due_at = case when refresh_due_at is not null then ${now}::timestamptz + (${lease} + 500) * interval '1 millisecond' end`;

/** Takes the lease of a refresh of exactly this version, when it is free and no backoff forbids it. */
export async function claimLease(database: Queryable, claim: Claim): Promise<CredentialRow | undefined> {
  const { rows } = await database.query<CredentialRow>({
    name: 'claim-refresh-lease',
    text: `update credentials
           set ${claiming('$3', '$4::float8', '$6')}
           where account_id = $1 and slot = 'current' and version = $2
             and (lease_until is null or lease_until < clock_timestamp())
             and ($5 or refresh_retry_at is null or refresh_retry_at <= clock_timestamp())
           returning *`,
    values: [claim.accountId, claim.version, claim.owner, claim.leaseMs, claim.ignoreBackoff, new Date(claim.nowMs)],
  });
  return rows[0];
}

export interface Standing {
  readonly version: number;
  /** Somebody holds the lease. */
  readonly leased: boolean;
  /** How long the backoff lasts on; null when there is none. */
  readonly backoffMs: number | null;
  readonly error: string | null;
}

/** How a credential stands towards a refresh, by the clock of the database, as leases and backoffs are. */
export async function readStanding(database: Queryable, accountId: string): Promise<Standing | undefined> {
  const { rows } = await database.query<{ version: number; leased: boolean; backoff_ms: number | null; refresh_error: string | null }>({
    name: 'read-refresh-standing',
    text: `select version, coalesce(lease_until >= clock_timestamp(), false) as leased,
                  (extract(epoch from refresh_retry_at - clock_timestamp()) * 1000)::float8 as backoff_ms, refresh_error
           from credentials
           where account_id = $1 and slot = 'current'`,
    values: [accountId],
  });
  const [row] = rows;
  return row === undefined ? undefined : { version: row.version, leased: row.leased, backoffMs: row.backoff_ms !== null && row.backoff_ms > 0 ? row.backoff_ms : null, error: row.refresh_error };
}

export interface Fenced {
  readonly accountId: string;
  readonly version: number;
  readonly fence: number;
}

const date = (ms: number | null): Date | null => (ms === null ? null : new Date(ms));

/** Stores the refreshed credential, notes it and gives the lease back, all in one; false when the lease was lost meanwhile. */
export async function storeRefreshed(client: Queryable, vault: Vault, held: Fenced, credential: Credential, times: Times, actor: string): Promise<boolean> {
  const { rowCount } = await client.query({
    name: 'store-refreshed',
    text: `with stored as (
             update credentials
             set version = version + 1, sealed = $4, key_id = $5, refreshed_at = $6, expires_at = $7, refresh_due_at = $8,
                 refresh_failures = 0, refresh_retry_at = null, refresh_error = null, lease_owner = null, lease_until = null, in_doubt_since = null
             where account_id = $1 and slot = 'current' and version = $2 and lease_fence = $3
             returning account_id, version
           ), noted as (
             insert into credential_events (account_id, version, outcome, actor, expires_at, next_due_at)
             select account_id, version, 'refreshed', $9, $7::timestamptz, $8::timestamptz from stored
             on conflict do nothing
           ), forgotten as (
             delete from credential_events where account_id = $1 and version <= (select version from stored) - ${keptVersions}
           )
           select pg_notify('${accountChannel}', account_id) from stored`,
    values: [held.accountId, held.version, held.fence, sealCredential(vault, held.accountId, credential), vault.keyId, date(times.grantedAtMs), date(times.expiresAtMs), date(times.refreshDueAtMs), actor],
  });
  return rowCount === 1;
}

/**
 * Keeps a token that came while more requests are to follow: the stored one is dead or will be. Version and times stay,
 * and so does the lease; but the doubt is over, since this refresh token was never sent.
 */
export async function storeReceived(client: Queryable, vault: Vault, held: Fenced, credential: Credential): Promise<boolean> {
  const { rowCount } = await client.query(
    `update credentials
     set sealed = $4, key_id = $5, lease_owner = null, in_doubt_since = null
     where account_id = $1 and slot = 'current' and version = $2 and lease_fence = $3`,
    [held.accountId, held.version, held.fence, sealCredential(vault, held.accountId, credential), vault.keyId],
  );
  return rowCount === 1;
}

export interface StoredFailure {
  readonly message: string;
  readonly actor: string;
  /** Null: never again, the grant is refused. */
  readonly retry: { readonly afterMs: number; readonly atMs: number } | null;
  readonly inDoubt: boolean;
}

/** Records a refresh that failed and gives the lease back; false when the lease was lost meanwhile. */
export async function storeFailure(client: Queryable, held: Fenced, { message, actor, retry, inDoubt }: StoredFailure): Promise<boolean> {
  const { rows } = await client.query<{ expires_at: Date | null; refresh_due_at: Date | null }>(
    `with failed as (
       update credentials
       set refresh_failures = refresh_failures + 1, refresh_error = $4, lease_owner = null, lease_until = null,
           refresh_retry_at = clock_timestamp() + $5::float8 * interval '1 millisecond',
           refresh_due_at = case when refresh_due_at is not null then $6::timestamptz end,
           in_doubt_since = case when $7 then coalesce(in_doubt_since, clock_timestamp()) end
       where account_id = $1 and slot = 'current' and version = $2 and lease_fence = $3
       returning account_id, expires_at, refresh_due_at
     )
     select expires_at, refresh_due_at, pg_notify('${accountChannel}', account_id) from failed`,
    [held.accountId, held.version, held.fence, message, retry?.afterMs ?? null, date(retry?.atMs ?? null), inDoubt],
  );
  const row = rows[0];
  if (row === undefined) return false;
  await noteCredentialEvent(client, { ...held, outcome: retry === null ? 'refused' : 'failed', actor, message, expiresAt: row.expires_at, nextDueAt: row.refresh_due_at });
  return true;
}

/**
 * Gives the lease back unused. Nothing was sent, so the fence goes back as well: should the holder before have only
 * stalled, the answer it got still counts.
 */
export async function releaseUnused(database: Queryable, held: Fenced, dueAtMs: number | null): Promise<void> {
  await database.query(
    `update credentials
     set lease_owner = null, lease_until = null, lease_fence = lease_fence - 1, refresh_due_at = $3
     where account_id = $1 and slot = 'current' and lease_fence = $2`,
    [held.accountId, held.fence, date(dueAtMs)],
  );
}
