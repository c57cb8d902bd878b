/**
 * Credentials as sealed rows. Every write names the version it read and, during a refresh, the fence of its lease, so
 * that whoever was overtaken changes nothing. Leases run on the database's clock, which all nodes share.
 */
import type { TokenSet } from '@evenkeel/core/accounts/token.ts';
import type { Queryable } from '../database/pool.ts';
import { announceAccount, type JsonObject } from './account-store.ts';
import { noteGranted } from './refreshing/credential-events.ts';
import type { Vault } from './vault/vault.ts';

export type Slot = 'current' | 'candidate';

/** What an envelope holds. `obtained`: tokens were fetched for it, or none are needed. */
export interface Credential {
  readonly token: TokenSet;
  readonly secret: JsonObject;
  readonly obtained: boolean;
}

export interface CredentialRow {
  account_id: string;
  slot: Slot;
  connector_id: string;
  version: number;
  sealed: Buffer;
  config: JsonObject | null;
  captured: JsonObject | null;
  scheme_id: string | null;
  granted_at: Date;
  refreshed_at: Date | null;
  expires_at: Date | null;
  refresh_due_at: Date | null;
  refresh_failures: number;
  refresh_retry_at: Date | null;
  refresh_error: string | null;
  lease_until: Date | null;
  lease_fence: number;
  /** A request with this refresh token went out and its answer was not stored. */
  in_doubt_since: Date | null;
}

export interface Times {
  readonly grantedAtMs: number;
  readonly expiresAtMs: number | null;
  readonly refreshDueAtMs: number | null;
}

export const openCredential = (vault: Vault, row: Pick<CredentialRow, 'account_id' | 'sealed'>): Credential =>
  vault.openJson({ purpose: 'credential', subject: row.account_id }, row.sealed) as Credential;
export const sealCredential = (vault: Vault, accountId: string, credential: Credential): Buffer => vault.sealJson({ purpose: 'credential', subject: accountId }, credential);
const date = (ms: number | null): Date | null => (ms === null ? null : new Date(ms));

export async function readCredential(database: Queryable, accountId: string, slot: Slot = 'current'): Promise<CredentialRow | undefined> {
  const { rows } = await database.query<CredentialRow>({ name: 'read-credential', text: 'select * from credentials where account_id = $1 and slot = $2', values: [accountId, slot] });
  return rows[0];
}

/** Puts new credentials of the owner in place; the version grows past every earlier one. */
export async function putCredential(
  client: Queryable,
  vault: Vault,
  written: { accountId: string; slot: Slot; credential: Credential; times: Times; candidate?: { config: JsonObject; captured: JsonObject; schemeId: string } },
): Promise<void> {
  const { accountId, slot, credential, times, candidate } = written;
  await client.query(
    `insert into credentials (account_id, slot, sealed, key_id, granted_at, expires_at, refresh_due_at, config, captured, scheme_id, connector_id)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, (select connector_id from accounts where id = $1))
     on conflict (account_id, slot) do update
     set version = credentials.version + 1, sealed = excluded.sealed, key_id = excluded.key_id, granted_at = excluded.granted_at,
         refreshed_at = null, expires_at = excluded.expires_at, refresh_due_at = excluded.refresh_due_at, config = excluded.config,
         captured = excluded.captured, scheme_id = excluded.scheme_id, refresh_failures = 0, refresh_retry_at = null, refresh_error = null,
         lease_owner = null, lease_until = null, lease_fence = credentials.lease_fence + 1, in_doubt_since = null`,
    [
      accountId,
      slot,
      sealCredential(vault, accountId, credential),
      vault.keyId,
      date(times.grantedAtMs),
      date(times.expiresAtMs),
      date(times.refreshDueAtMs),
      candidate?.config ?? null,
      candidate?.captured ?? null,
      candidate?.schemeId ?? null,
    ],
  );
  if (slot === 'current') await noteGranted(client, accountId, times);
  await announceAccount(client, accountId);
}

export async function deleteCredential(client: Queryable, accountId: string, slot?: Slot): Promise<void> {
  await client.query('delete from credentials where account_id = $1 and ($2::text is null or slot = $2)', [accountId, slot ?? null]);
}

/** Replaces a credential by what set-up made of it, unless somebody was faster. */
export async function swapCredential(client: Queryable, vault: Vault, written: { accountId: string; slot: Slot; version: number; credential: Credential; times: Times }): Promise<boolean> {
  const { accountId, slot, version, credential, times } = written;
  const { rowCount } = await client.query(
    `update credentials
     set version = version + 1, sealed = $4, key_id = $5, granted_at = $6, expires_at = $7, refresh_due_at = $8
     where account_id = $1 and slot = $2 and version = $3`,
    [accountId, slot, version, sealCredential(vault, accountId, credential), vault.keyId, date(times.grantedAtMs), date(times.expiresAtMs), date(times.refreshDueAtMs)],
  );
  if (rowCount === 1) await announceAccount(client, accountId);
  return rowCount === 1;
}
