/** Deleting an account: the vendor is asked to take the grant back, then everything secret of the account is erased. */
import type { AccountDeleted } from '@evenkeel/contract/api/accounts.ts';
import { authorize } from '@evenkeel/core/connectors/requests/authorize.ts';
import type { CompiledScheme, Connector } from '@evenkeel/core/connectors/connector.ts';
import type { Scope } from '@evenkeel/core/connectors/values/scope.ts';
import { transaction, type Pool } from '../database/pool.ts';
import type { Log } from '../log.ts';
import type { UpstreamClient } from '../upstream/client.ts';
import type { AccountHooks } from './account-hooks.ts';
import type { AccountRow } from './account-store.ts';
import { deleteCredential, openCredential, readCredential } from './credential-store.ts';
import { moveAccount } from './transitions.ts';
import type { Vault } from './vault/vault.ts';
import { scopeOf, type ConnectorSource, type Vendor } from './vendor.ts';

export interface RemovalParts {
  readonly pool: Pool;
  readonly vault: Vault;
  readonly vendor: Vendor;
  readonly upstream: UpstreamClient;
  readonly connectors: ConnectorSource;
  readonly log: Log;
  readonly now: () => number;
  readonly hooks?: AccountHooks | undefined;
}

type Revocation = AccountDeleted['revocation'];

/** Revokes first (RFC 7009): were the process to end between the two, the account is left dead, not a grant nobody knows. */
export async function removeAccount(parts: RemovalParts, account: AccountRow, actor: string): Promise<AccountDeleted> {
  await parts.hooks?.removing({ id: account.id, tenantId: account.tenant_id });
  const revocation = await revoke(parts, account);
  await transaction(parts.pool, async (client) => {
    await moveAccount(client, account.id, { type: 'deleted' }, { actor, evidence: { revocation } });
    await deleteCredential(client, account.id);
    await parts.hooks?.removed(client, { id: account.id, connectorId: account.connector_id });
    await client.query('delete from oauth_states where session_id in (select id from connect_sessions where account_id = $1)', [account.id]);
  });
  await parts.hooks?.gone({ id: account.id });
  return { id: account.id, deleted: true, revocation };
}

async function revoke(parts: RemovalParts, account: AccountRow): Promise<Revocation> {
  const { pool, vault, connectors, now, log } = parts;
  const connector = connectors.get(account.connector_id, account.id)?.connector;
  const scheme = connector?.scheme(account.scheme_id);
  if (connector === undefined || scheme?.revoke === undefined) return 'not_offered';
  try {
    const row = await readCredential(pool, account.id);
    if (row === undefined) return 'not_offered';
    const scope = scopeOf(account, openCredential(vault, row), await connectors.app(account.connector_id), now());
    const status = await askVendor(parts, { scheme, connector, scope });
    if (status >= 200 && status < 300) return 'done';
    log.warn({ accountId: account.id, connector: account.connector_id, status }, 'accounts: the vendor did not revoke a deleted account\'s grant');
    return 'failed';
  } catch (error) {
    log.warn({ err: error, accountId: account.id, connector: account.connector_id }, 'accounts: a deleted account\'s grant could not be revoked');
    return 'failed';
  }
}

/** The manifest's request says itself how it authenticates; only a session has nothing but its own credential to end it with. */
async function askVendor({ vendor, upstream, now }: RemovalParts, { scheme, scope }: { scheme: CompiledScheme; connector: Connector; scope: Scope }): Promise<number> {
  const built = await scheme.revoke?.build(scope);
  if (built?.ok !== true) throw new Error(built === undefined ? 'no revocation' : built.problem.message);
  const request = scheme.type === 'session' ? await authorize(scheme, scope, built.request, { nowMs: now(), nonce: crypto.randomUUID(), crypto: vendor.crypto }) : built.request;
  const reply = await upstream.send({ ...request, timeoutMs: Math.min(request.timeoutMs, 10_000) }, { redirects: 'none' });
  reply.discard();
  return reply.status;
}
