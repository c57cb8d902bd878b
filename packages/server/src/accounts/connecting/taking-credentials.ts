/**
 * Taking what an owner gave: credentials of a form, or the grant of a callback. A session is good for this once. A new
 * account begins to connect; an account in set-up gets them in place of the old; one that works (or waits for
 * re-authorisation) keeps what it has until set-up has tried the new ones, so that a mistyped key breaks nothing.
 *
 * A session without account_id always makes another account, even of the same tenant, connector and vendor account:
 * two connections may be meant, and merging them would silently move one's data under the other's id. Re-authorisation
 * is what account_id is for; set-up then refuses credentials that belong to another account of the vendor.
 */
import { randomInt } from 'node:crypto';
import { transition } from '@evenkeel/core/accounts/state-machine.ts';
import { isRenewable, obtainsTokens } from '@evenkeel/core/accounts/connect-steps.ts';
import { refreshOf } from '@evenkeel/core/accounts/refresh-rules.ts';
import { refreshDue, type Grant } from '@evenkeel/core/accounts/token.ts';
import type { CompiledScheme } from '@evenkeel/core/connectors/connector.ts';
import { transaction, type Pool } from '../../database/pool.ts';
import { newId } from '../../identifier.ts';
import { announceAccount, lockAccount, requestSetup, type AccountRow, type JsonObject } from '../account-store.ts';
import { storable } from '../captures.ts';
import { lockOpenSession, markSubmitted, type SessionRow } from './connect-session-store.ts';
import { putCredential, type Credential, type Times } from '../credential-store.ts';
import { createAccount } from '../transitions.ts';
import type { Vault } from '../vault/vault.ts';

/** `grant` is absent when tokens are obtained in set-up, or none are needed. */
export interface Given {
  readonly config: JsonObject;
  readonly secret: JsonObject;
  readonly grant?: Grant;
}

export type Taken = { readonly ok: true; readonly accountId: string } | { readonly ok: false; readonly reason: 'session_used' | 'account_gone' };

/** All in one transaction: the session is used up, the account and its credential are written, set-up is owed. */
export async function takeCredentials(parts: { pool: Pool; vault: Vault; now: () => number }, session: Pick<SessionRow, 'id'>, scheme: CompiledScheme, given: Given): Promise<Taken> {
  const { pool, vault, now } = parts;
  return transaction(pool, async (client) => {
    const open = await lockOpenSession(client, session.id);
    if (open === undefined) return { ok: false, reason: 'session_used' };
    const before = open.account_id === null ? undefined : await lockAccount(client, open.account_id);
    if (open.account_id !== null && before === undefined) return { ok: false, reason: 'account_gone' };
    const config = storable(given.config);
    const captured = storable(given.grant?.captured ?? {});
    const credential: Credential = {
      token: given.grant?.token ?? {},
      secret: { ...given.secret, ...given.grant?.secret },
      obtained: given.grant !== undefined || !obtainsTokens(scheme.source),
    };
    const times = timesOf(scheme, credential, given.grant?.expiresAtMs ?? null, now());
    const actor = `session:${open.id}`;
    if (before === undefined) {
      const account = { id: newId('acc'), tenantId: open.tenant_id, connectorId: open.connector_id, schemeId: scheme.id, config, captured };
      await createAccount(client, account, { actor, evidence: { scheme: scheme.id } });
      await putCredential(client, vault, { accountId: account.id, slot: 'current', credential, times });
      await markSubmitted(client, open.id, account.id, config);
      return { ok: true, accountId: account.id };
    }
    const tried = transition(before.state, { type: 'credentials_submitted' });
    if (tried.kind !== 'unchanged') throw new Error(`new credentials cannot move an account in state ${before.state}`);
    if (worksOrWaits(before)) {
      await putCredential(client, vault, { accountId: before.id, slot: 'candidate', credential, times, candidate: { config, captured, schemeId: scheme.id } });
    } else {
      await putCredential(client, vault, { accountId: before.id, slot: 'current', credential, times });
      await client.query(`update accounts set config = $2, captured = captured || $3, scheme_id = $4, setup_done = '{}', missing_scopes = '{}' where id = $1`, [before.id, config, captured, scheme.id]);
    }
    await requestSetup(client, before.id);
    await markSubmitted(client, open.id, before.id, config);
    await announceAccount(client, before.id);
    return { ok: true, accountId: before.id };
  });
}

export const worksOrWaits = (account: Pick<AccountRow, 'state'>): boolean => account.state === 'active' || account.state === 'needs_reauth';

/** When a credential obtained now ends and is to be renewed. */
export function timesOf(scheme: CompiledScheme, credential: Credential, expiresAtMs: number | null, grantedAtMs: number): Times {
  const renewable = credential.obtained && isRenewable(scheme.source, credential.token);
  const random = randomInt(1_000_000) / 1_000_000;
  return { grantedAtMs, expiresAtMs, refreshDueAtMs: renewable ? refreshDue({ grantedAtMs, expiresAtMs, refresh: refreshOf(scheme.source), random }) : null };
}
