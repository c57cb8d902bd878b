/** Which account of the vendor a connection is: its id there and a readable name, from what was captured. */
import type { GrantFailure } from '@evenkeel/core/accounts/token.ts';
import type { Connector } from '@evenkeel/core/connectors/connector.ts';
import type { Scope } from '@evenkeel/core/connectors/values/scope.ts';
import type { AccountRow } from './account-store.ts';
import { isManifestFault } from './vendor.ts';

type Identity = { readonly ok: true; readonly externalId: string | null; readonly label: string | null } | { readonly ok: false; readonly failure: GrantFailure };

/** As it is stored and compared: at most 500 characters, without U+0000, which PostgreSQL refuses. */
function text(value: unknown): string | null {
  const written = typeof value === 'number' ? String(value) : typeof value === 'string' ? value.replaceAll('\0', '').slice(0, 500).toWellFormed() : '';
  return written === '' ? null : written;
}

/** Which account of the vendor this is. Re-authorisation with another one is refused: its data would change hands. */
export async function identify({ account, connector, scope }: { account: AccountRow; connector: Connector; scope: Scope }): Promise<Identity> {
  const refuse = (kind: GrantFailure['kind'], message: string): Identity => ({ ok: false, failure: { kind, message, step: 'identity', status: null, vendorCode: null, retryAfterS: null } });
  let externalId: string | null;
  let label: string | null;
  try {
    externalId = text(await connector.account.externalId?.(scope));
    label = text(await connector.account.label?.(scope));
  } catch (error) {
    if (!isManifestFault(error)) throw error;
    return refuse('configuration', error.message);
  }
  if (account.external_id !== null && externalId !== null && account.external_id !== externalId) {
    const message = `These credentials belong to another account of the vendor (${externalId.slice(0, 100)}); this connection is for ${account.label ?? account.external_id}. Sign in there as that account, or connect the other one separately.`;
    return refuse('rejected', message);
  }
  return { ok: true, externalId, label };
}
