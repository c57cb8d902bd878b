/**
 * What the gateway may do with an account: open it, and report what the vendor made of its credential. The rules of a
 * 401 (renew once, then probe, then condemn), of a 403 (note the scopes, keep the state) and of the first success after
 * re-authorisation are kept here.
 */
import { isRenewable } from '@evenkeel/core/accounts/connect-steps.ts';
import type { TokenSet } from '@evenkeel/core/accounts/token.ts';
import type { Eventually } from '@evenkeel/core/connectors/values/eventually.ts';
import { runValidation } from '@evenkeel/core/accounts/step.ts';
import { transaction, type Pool } from '../database/pool.ts';
import type { Log } from '../log.ts';
import { addMissingScopes, announceAccount, lockAccount, requestSetup, type JsonObject } from './account-store.ts';
import { renewalFailure, type AccountCaller, type AccountOpener, type AccountOwner, type OpenAccount, type OpenResult } from './open-account.ts';
import type { Refresher } from './refreshing/refresher.ts';
import { DriftWatch, storeDrift } from './refreshing/token-drift.ts';
import { moveAccount } from './transitions.ts';
import { evidenceOf, secretsIn, type Vendor } from './vendor.ts';

export interface AccountAccess {
  /** Renews first when the token is about to end. A map lookup, and no promise, for an account that is open already. */
  open(accountId: string, caller: AccountCaller): Eventually<OpenResult>;
  /** Whose account it is, from memory alone; null where nobody knows or the caller is not to. */
  ownerOf(accountId: string, caller: AccountCaller): AccountOwner | null;
  /**
   * The first half of the 401 rule: one forced renewal, unless a newer version is stored already. A credential that
   * cannot be renewed, or that a probe proved alive a moment ago, comes back as it was (same `credentialVersion`): then
   * a second attempt is pointless.
   */
  renew(opened: OpenAccount): Promise<OpenResult>;
  /** Still refused after `renew`: the connector's validation call decides. `dead` has moved the account to needs_reauth. */
  refused(opened: OpenAccount, evidence: object): Promise<'dead' | 'alive'>;
  /** To be called after each success; the first one after re-authorisation makes the account active. Free otherwise. */
  succeeded(opened: OpenAccount): void;
  /** Notes scopes the vendor says are missing; the state stays. */
  missingScopes(opened: OpenAccount, scopes: readonly string[], evidence: object): void;
}

export interface AccessParts {
  readonly pool: Pool;
  readonly opener: AccountOpener;
  readonly refresher: Refresher;
  readonly vendor: Vendor;
  readonly log: Log;
  readonly now: () => number;
}

/** A probe that found the credential alive is believed this long: an endpoint that keeps answering 401 must not cause a refresh and a probe a call. */
const probeBelievedMs = 60_000;

export class AccessToAccounts implements AccountAccess {
  readonly #parts: AccessParts;
  readonly #probes = new Map<string, Promise<'dead' | 'alive'>>();
  readonly #aliveUntil = new Map<string, number>();
  readonly #reactivating = new Set<string>();
  readonly #drift = new DriftWatch();
  readonly #background = new Set<Promise<unknown>>();

  constructor(parts: AccessParts) {
    this.#parts = parts;
  }

  open(accountId: string, caller: AccountCaller): Eventually<OpenResult> {
    return this.#parts.opener.open(accountId, caller);
  }

  ownerOf(accountId: string, caller: AccountCaller): AccountOwner | null {
    return this.#parts.opener.ownerOf(accountId, caller);
  }

  async renew(opened: OpenAccount): Promise<OpenResult> {
    const { opener, refresher, now } = this.#parts;
    const caller = callerOf(opened);
    const current = await opener.reopen(opened.id, caller);
    if (!current.ok || current.opened.credentialVersion !== opened.credentialVersion) return current;
    if (this.#provenAlive(opened) || !isRenewable(current.opened.scheme.source, tokenOf(current.opened))) return current;
    const failedAtMs = now();
    const renewal = await refresher.renew(opened.id, opened.credentialVersion, { actor: 'system:401', tokenFailed: true });
    switch (renewal.kind) {
      case 'renewed':
        this.#watch(opened, failedAtMs);
        return opener.reopen(opened.id, caller);
      case 'rejected':
        return opener.reopen(opened.id, caller);
      case 'fixed':
        return current;
      case 'failed':
        return { ok: false, failure: renewalFailure(renewal) };
    }
  }

  /** Whether the refused token had ended before its time shows when a call passes with the new one. */
  #watch({ id, tenantId, connectorId, credentialVersion: version, scope }: OpenAccount, failedAtMs: number): void {
    const stated = tokenOf({ scope }).expires_at;
    const expectedAtMs = stated === undefined ? NaN : Date.parse(stated);
    if (expectedAtMs > failedAtMs) this.#drift.refused({ accountId: id, tenantId, connectorId, version, expectedAtMs, failedAtMs });
  }

  refused(opened: OpenAccount, evidence: object): Promise<'dead' | 'alive'> {
    this.#drift.dismiss(opened.id);
    if (this.#provenAlive(opened)) return Promise.resolve('alive');
    const key = keyOf(opened);
    const present = this.#probes.get(key);
    if (present !== undefined) return present;
    const probe = this.#judge(opened, evidence).then((verdict) => {
      if (this.#aliveUntil.size > 10_000) this.#aliveUntil.clear();
      if (verdict === 'alive') this.#aliveUntil.set(key, this.#parts.now() + probeBelievedMs);
      return verdict;
    });
    this.#probes.set(key, probe);
    const done = (): void => void this.#probes.delete(key);
    probe.then(done, done);
    return probe;
  }

  #provenAlive(opened: OpenAccount): boolean {
    return (this.#aliveUntil.get(keyOf(opened)) ?? 0) > this.#parts.now();
  }

  async #judge(opened: OpenAccount, evidence: object): Promise<'dead' | 'alive'> {
    const { opener, vendor, log } = this.#parts;
    const current = await opener.reopen(opened.id, callerOf(opened));
    if (!current.ok) return current.failure.code === 'reauth_required' ? 'dead' : 'alive';
    if (current.opened.credentialVersion !== opened.credentialVersion) return 'alive';
    const { connector, scheme, scope } = current.opened;
    const { validation } = connector.manifest;
    if (validation === undefined) {
      // Whoever can renew has just been given a token: the endpoint is at fault. Otherwise this call is all there is to go by.
      return isRenewable(scheme.source, tokenOf(current.opened)) ? 'alive' : this.#condemn(opened, { call: evidence }, 'The vendor refuses the credential.');
    }
    const secrets = secretsIn(scope);
    const outcome = await vendor.run(runValidation(validation, scope, vendor.tools(connector, scheme, secrets)), secrets, AbortSignal.timeout(30_000));
    if (outcome.ok || outcome.failure.kind !== 'terminal') {
      log.info({ accountId: opened.id, probe: outcome.ok ? 'passed' : outcome.failure }, 'accounts: a 401 was not the credential\'s end');
      return 'alive';
    }
    return this.#condemn(opened, { call: evidence, probe: evidenceOf(outcome.failure) }, outcome.failure.message);
  }

  /** Only the version that was refused is condemned; a newer one has proven nothing yet. */
  async #condemn(opened: OpenAccount, evidence: JsonObject, message: string): Promise<'dead' | 'alive'> {
    const { pool, opener } = this.#parts;
    const verdict = await transaction(pool, async (client) => {
      await lockAccount(client, opened.id);
      const { rows } = await client.query<{ version: number; leased: boolean }>(
        `select version, coalesce(lease_until >= clock_timestamp(), false) as leased from credentials where account_id = $1 and slot = 'current' for update`,
        [opened.id],
      );
      // A refresh under way may have replaced the token at the vendor already: then it was the old one that was refused.
      if (rows[0]?.version !== opened.credentialVersion || rows[0].leased) return 'alive' as const;
      await moveAccount(client, opened.id, { type: 'grant_rejected' }, { actor: 'system:probe', evidence: { ...evidence, credential_version: opened.credentialVersion }, message });
      // Nobody is to renew it any more.
      await client.query(`update credentials set refresh_due_at = null where account_id = $1 and slot = 'current'`, [opened.id]);
      return 'dead' as const;
    });
    opener.forget(opened.id);
    return verdict;
  }

  succeeded(opened: OpenAccount): void {
    const early = this.#drift.proven(opened);
    if (early !== undefined) this.#inBackground(storeDrift(this.#parts.pool, early), 'an early end of a token could not be noted');
    if (opened.state !== 'needs_reauth' || this.#reactivating.has(opened.id)) return;
    this.#reactivating.add(opened.id);
    this.#inBackground(
      this.#reactivate(opened).finally(() => this.#reactivating.delete(opened.id)),
      'an account could not be made active after its first success',
    );
  }

  async #reactivate(opened: OpenAccount): Promise<void> {
    const { pool, opener } = this.#parts;
    await transaction(pool, async (client) => {
      const regranted = (await lockAccount(client, opened.id))?.regranted ?? false;
      const evidence = { credential_version: opened.credentialVersion };
      const { decision } = await moveAccount(client, opened.id, { type: 'call_succeeded', regranted }, { actor: 'system:call', evidence });
      // Steps that did not pass while it waited are owed still.
      if (decision.kind === 'moved' && (opened.connector.manifest.post_install ?? []).length > 0) await requestSetup(client, opened.id);
    });
    opener.forget(opened.id);
  }

  missingScopes(opened: OpenAccount, scopes: readonly string[], evidence: object): void {
    if (scopes.length === 0) return;
    const { pool, log } = this.#parts;
    const note = async (): Promise<void> => {
      if (!(await addMissingScopes(pool, opened.id, scopes))) return;
      await announceAccount(pool, opened.id);
      log.info({ accountId: opened.id, scopes, evidence }, 'accounts: the vendor says that permissions are missing');
    };
    this.#inBackground(note(), 'missing scopes could not be noted');
  }

  /** Resolves when what was begun in the background is written. */
  async settled(): Promise<void> {
    while (this.#background.size > 0) await Promise.all(this.#background);
  }

  #inBackground(work: Promise<unknown>, failing: string): void {
    const guarded = work.catch((error: unknown) => this.#parts.log.error({ err: error }, `accounts: ${failing}`));
    this.#background.add(guarded);
    void guarded.then(() => this.#background.delete(guarded));
  }
}

/** Who has opened an account that is not active did so for its set-up. */
const callerOf = ({ tenantId, state }: OpenAccount): AccountCaller => ({ tenantId, settingUp: state !== 'active' });

const keyOf = (opened: OpenAccount): string => `${opened.id} ${opened.credentialVersion}`;

function tokenOf(opened: Pick<OpenAccount, 'scope'>): TokenSet {
  return typeof opened.scope.token === 'object' && opened.scope.token !== null ? opened.scope.token : {};
}
