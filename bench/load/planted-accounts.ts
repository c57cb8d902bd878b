/** Rows of connected accounts by the thousand, as connecting would have left them. */
import type { Vault } from '@evenkeel/server/accounts/vault/vault.ts';
import { sealCredential } from '@evenkeel/server/accounts/credential-store.ts';
import { transaction, type Pool } from '@evenkeel/server/database/pool.ts';
import { newId } from '@evenkeel/server/identifier.ts';

export interface PlantedAccount {
  readonly id: string;
  readonly dueAtMs: number | null;
  readonly expiresAtMs: number | null;
}

/** Active accounts with sealed credentials of their own. */
export async function plantAccounts(pool: Pool, vault: Vault, plan: { connectorId: string; schemeId: string; tenantId: string; secret?: object; accounts: readonly Omit<PlantedAccount, 'id'>[] }): Promise<PlantedAccount[]> {
  const { connectorId, schemeId, tenantId, secret = {}, accounts } = plan;
  await pool.query('insert into tenants (id) values ($1) on conflict do nothing', [tenantId]);
  const planted = accounts.map((times) => ({ id: newId('acc'), ...times }));
  const date = (ms: number | null): Date | null => (ms === null ? null : new Date(ms));
  for (let from = 0; from < planted.length; from += 2_000) {
    const some = planted.slice(from, from + 2_000);
    const ids = some.map(({ id }) => id);
    await pool.query(`insert into accounts (id, tenant_id, connector_id, scheme_id, state) select id, $2, $3, $4, 'active' from unnest($1::text[]) as id`, [ids, tenantId, connectorId, schemeId]);
    const sealed = ids.map((id) => sealCredential(vault, id, { token: { access_token: `at-${id}`, refresh_token: `rt-${id}` }, secret: { ...secret }, obtained: true }));
    await pool.query(
      `insert into credentials (account_id, connector_id, sealed, key_id, granted_at, expires_at, refresh_due_at)
       select id, $5, sealed, $6, now() - interval '1 hour', ends, due
       from unnest($1::text[], $2::bytea[], $3::timestamptz[], $4::timestamptz[]) as row (id, sealed, ends, due)`,
      [ids, sealed, some.map(({ expiresAtMs }) => date(expiresAtMs)), some.map(({ dueAtMs }) => date(dueAtMs)), connectorId, vault.keyId],
    );
  }
  return planted;
}

/** Rows that only fill the tables: due hours from now, their envelopes are noise. References are not checked: they are right. */
export async function fillWithAccounts(pool: Pool, vault: Vault, plan: { connectorId: string; count: number; label: string }): Promise<void> {
  await pool.query(`insert into tenants (id) values ('filler') on conflict do nothing`);
  await transaction(pool, async (client) => {
    await client.query('set local session_replication_role = replica');
    await client.query(`insert into accounts (id, tenant_id, connector_id, scheme_id, state) select $2 || n, 'filler', $1, 'oauth', 'active' from generate_series(1, $3) as n`, [plan.connectorId, plan.label, plan.count]);
    await client.query(
      `insert into credentials (account_id, connector_id, sealed, key_id, expires_at, refresh_due_at)
       select $2 || n, $1, decode(repeat('ab', 300), 'hex'), $4, now() + interval '2 hours' + n * interval '10 milliseconds', now() + interval '1 hour' + n * interval '10 milliseconds'
       from generate_series(1, $3) as n`,
      [plan.connectorId, plan.label, plan.count, vault.keyId],
    );
  });
}
