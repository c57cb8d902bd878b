/** Accounts put straight into the database as connecting would have left them, for tests of what comes after. */
import { ensureTenant } from '@evenkeel/server/access/keys.ts';
import { putCredential } from '@evenkeel/server/accounts/credential-store.ts';
import { createAccount, moveAccount } from '@evenkeel/server/accounts/transitions.ts';
import type { Vault } from '@evenkeel/server/accounts/vault/vault.ts';
import { transaction, type Pool } from '@evenkeel/server/database/pool.ts';
import { newId } from '@evenkeel/server/identifier.ts';
import type { TokenSet } from '@evenkeel/core/accounts/token.ts';

export interface Planted {
  readonly connectorId: string;
  readonly schemeId?: string;
  readonly token: TokenSet;
  readonly secret?: Record<string, unknown>;
  readonly grantedAtMs: number;
  readonly expiresAtMs: number | null;
  readonly refreshDueAtMs: number | null;
  readonly tenantId?: string;
}

/** An active account; its id. */
export async function plantAccount(pool: Pool, vault: Vault, planted: Planted): Promise<string> {
  const { connectorId, schemeId = 'oauth', token, secret = {}, tenantId = 'acme', grantedAtMs, expiresAtMs, refreshDueAtMs } = planted;
  const id = newId('acc');
  await ensureTenant(pool, tenantId);
  const whole = expiresAtMs === null ? token : { ...token, expires_at: new Date(expiresAtMs).toISOString() };
  await transaction(pool, async (client) => {
    await createAccount(client, { id, tenantId, connectorId, schemeId, config: {}, captured: {} }, { actor: 'test', evidence: {} });
    await client.query('update accounts set setup_due_at = null where id = $1', [id]);
    await putCredential(client, vault, { accountId: id, slot: 'current', credential: { token: whole, secret, obtained: true }, times: { grantedAtMs, expiresAtMs, refreshDueAtMs } });
    await moveAccount(client, id, { type: 'setup_passed', called: true }, { actor: 'test', evidence: {} });
  });
  return id;
}
