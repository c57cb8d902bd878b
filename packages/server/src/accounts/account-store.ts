/** Accounts as rows: reading, listing, and the small changes that are no transitions. */
import type { Account } from '@evenkeel/contract/api/accounts.ts';
import type { AccountState } from '@evenkeel/contract/accounts.ts';
import type { Queryable } from '../database/pool.ts';

export type JsonObject = Record<string, unknown>;

export interface AccountRow {
  id: string;
  tenant_id: string;
  connector_id: string;
  scheme_id: string;
  state: AccountState;
  state_since: Date;
  message: string | null;
  config: JsonObject;
  captured: JsonObject;
  external_id: string | null;
  label: string | null;
  missing_scopes: string[];
  regranted: boolean;
  setup_due_at: Date | null;
  setup_attempts: number;
  setup_done: string[];
  setup_fence: number;
  created_at: Date;
  updated_at: Date;
  deleted_at: Date | null;
}

interface CredentialFacts {
  version: number | null;
  granted_at: Date | null;
  refreshed_at: Date | null;
  expires_at: Date | null;
  refresh_due_at: Date | null;
  refresh_failures: number | null;
  refresh_retry_at: Date | null;
  refresh_error: string | null;
}
export type AccountWithCredential = AccountRow & CredentialFacts;

const facts = 'c.version, c.granted_at, c.refreshed_at, c.expires_at, c.refresh_due_at, c.refresh_failures, c.refresh_retry_at, c.refresh_error';

/** A deleted account is not found. `tenantId` null sees every tenant. */
export async function findAccount(database: Queryable, id: string, tenantId: string | null): Promise<AccountWithCredential | undefined> {
  const { rows } = await database.query<AccountWithCredential>({
    name: 'find-account',
    text: `select a.*, ${facts}
           from accounts a left join credentials c on c.account_id = a.id and c.slot = 'current'
           where a.id = $1 and a.deleted_at is null and ($2::text is null or a.tenant_id = $2)`,
    values: [id, tenantId],
  });
  return rows[0];
}

/** Also finds a deleted account: its history stays readable. */
export async function accountExisted(database: Queryable, id: string, tenantId: string | null): Promise<boolean> {
  const { rows } = await database.query('select from accounts where id = $1 and ($2::text is null or tenant_id = $2)', [id, tenantId]);
  return rows.length > 0;
}

export interface AccountFilter {
  readonly state?: AccountState | undefined;
  readonly connector?: string | undefined;
  readonly tenantId: string | null;
  readonly limit: number;
  readonly before: string | null;
}

/** Newest first. */
export async function listAccounts(database: Queryable, filter: AccountFilter): Promise<AccountWithCredential[]> {
  const { rows } = await database.query<AccountWithCredential>(
    `select a.*, ${facts}
     from accounts a left join credentials c on c.account_id = a.id and c.slot = 'current'
     where a.deleted_at is null
       and ($1::text is null or a.state = $1)
       and ($2::text is null or a.connector_id = $2)
       and ($3::text is null or a.tenant_id = $3)
       and ($4::text is null or a.id < $4)
     order by a.id desc
     limit $5`,
    [filter.state ?? null, filter.connector ?? null, filter.tenantId, filter.before, filter.limit],
  );
  return rows;
}

/**
 * Locks an account until the transaction ends. Whoever writes an account and its credential in one transaction locks
 * in this order, account first, so that no two of them wait for each other.
 */
export async function lockAccount(client: Queryable, id: string): Promise<AccountRow | undefined> {
  const { rows } = await client.query<AccountRow>('select * from accounts where id = $1 and deleted_at is null for update', [id]);
  return rows[0];
}

/** Adds scopes the vendor said are missing; true when one of them is news. */
export async function addMissingScopes(database: Queryable, accountId: string, scopes: readonly string[]): Promise<boolean> {
  const { rowCount } = await database.query(
    `update accounts
     set missing_scopes = array(select distinct unnest(missing_scopes || $2::text[]) order by 1), updated_at = now()
     where id = $1 and deleted_at is null and not missing_scopes @> $2::text[]`,
    [accountId, scopes],
  );
  return rowCount === 1;
}

/** Asks for validation and post-install to run (again) from now on; a run under way is overtaken. */
export async function requestSetup(database: Queryable, accountId: string): Promise<void> {
  await database.query(
    `update accounts
     set setup_due_at = now(), setup_attempts = 0, setup_owner = null, setup_until = null, setup_fence = setup_fence + 1, updated_at = now()
     where id = $1 and deleted_at is null`,
    [accountId],
  );
}

/** Tells every node that what it remembers of an account is stale. Takes effect with the transaction. */
export async function announceAccount(database: Queryable, accountId: string): Promise<void> {
  await database.query({ name: 'announce-account', text: `select pg_notify('${accountChannel}', $1)`, values: [accountId] });
}
export const accountChannel = 'evenkeel_accounts';

/** The API's view: no secret is even loaded for it. */
export function shownAccount(row: AccountWithCredential): Account {
  const iso = (date: Date | null): string | null => date?.toISOString() ?? null;
  return {
    id: row.id,
    tenant_id: row.tenant_id,
    connector: row.connector_id,
    scheme: row.scheme_id,
    state: row.state,
    state_since: row.state_since.toISOString(),
    message: row.message,
    external_id: row.external_id,
    label: row.label,
    config: row.config,
    captured: row.captured,
    missing_scopes: row.missing_scopes,
    setup_pending: row.setup_due_at !== null,
    credential:
      row.version === null || row.granted_at === null
        ? null
        : {
            version: row.version,
            granted_at: row.granted_at.toISOString(),
            refreshed_at: iso(row.refreshed_at),
            expires_at: iso(row.expires_at),
            refresh_due_at: iso(row.refresh_due_at),
            refresh_failures: row.refresh_failures ?? 0,
            refresh_retry_at: iso(row.refresh_retry_at),
            refresh_error: row.refresh_error,
          },
    created_at: row.created_at.toISOString(),
    updated_at: row.updated_at.toISOString(),
  };
}
