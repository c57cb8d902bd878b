/**
 * Opening accounts for calls: decrypted state in memory, renewed before its token ends, dropped when any node changes
 * the account. The hot path is two map lookups and an answer made beforehand; everything else happens once per change.
 */
import type { AccountState } from '@evenkeel/contract/accounts.ts';
import type { ErrorCode, Origin } from '@evenkeel/contract/errors.ts';
import { isRenewable } from '@evenkeel/core/accounts/connect-steps.ts';
import { refreshOf } from '@evenkeel/core/accounts/refresh-rules.ts';
import { renewFrom } from '@evenkeel/core/accounts/token.ts';
import type { CompiledScheme, Connector } from '@evenkeel/core/connectors/connector.ts';
import type { Eventually } from '@evenkeel/core/connectors/values/eventually.ts';
import type { Scope } from '@evenkeel/core/connectors/values/scope.ts';
import { LRUCache } from 'lru-cache';
import type { Pool } from '../database/pool.ts';
import type { Log } from '../log.ts';
import { findAccount, type AccountWithCredential } from './account-store.ts';
import { openCredential, readCredential, type CredentialRow } from './credential-store.ts';
import type { ReconnectLinks } from './connecting/reconnect-links.ts';
import type { Renewal } from './refreshing/refresh-run.ts';
import type { Refresher } from './refreshing/refresher.ts';
import { SealBroken, type Vault } from './vault/vault.ts';
import { scopeOf, type ConnectorSource } from './vendor.ts';

export interface OpenAccount {
  readonly id: string;
  readonly tenantId: string;
  readonly connectorId: string;
  readonly connectorVersion: number;
  readonly state: AccountState;
  readonly credentialVersion: number;
  readonly connector: Connector;
  readonly scheme: CompiledScheme;
  /** config, captured, secret, token, app, key; `now` is of the opening and to be set anew by who builds a request. */
  readonly scope: Scope;
}

export interface OpenFailure {
  readonly code: ErrorCode;
  /** Where the code's own would blame the wrong one. */
  readonly origin?: Origin;
  readonly detail: string;
  readonly connectUrl?: string;
  readonly retryAfterS?: number;
  /** Whose account it is; absent where the caller is not to know that there is one. */
  readonly owner?: AccountOwner;
}
export interface AccountOwner {
  readonly id: string;
  readonly tenantId: string;
  readonly connectorId: string;
  /** The connector's first. */
  readonly category: string | null;
}
export type OpenResult = { readonly ok: true; readonly opened: OpenAccount } | { readonly ok: false; readonly failure: OpenFailure };

/** Whose key calls; a tenant sees its own accounts only, others are not found. */
export interface AccountCaller {
  readonly tenantId: string | null;
  /** A call that belongs to the account's own set-up: it is served before the account is active. */
  readonly settingUp?: boolean;
}

interface Entry {
  readonly tenantId: string;
  readonly connectorId: string;
  readonly connector: Connector | undefined;
  readonly freshUntilMs: number;
  readonly result: OpenResult;
}

/** How long an entry is believed without news; news come by NOTIFY, this is for news that were lost. */
const believedMs = 30_000;
const remembered = 50_000;
/** How long a call waits for a renewal while the old token still serves, and when it has ended: past the lease of a node that died. */
const [shortPatienceMs, longPatienceMs] = [2_000, 55_000];

export interface OpenerParts {
  readonly pool: Pool;
  readonly vault: Vault;
  readonly connectors: ConnectorSource;
  readonly refresher: Refresher;
  readonly links: ReconnectLinks;
  readonly log: Log;
  readonly now: () => number;
}

export class AccountOpener {
  readonly #parts: OpenerParts;
  readonly #entries = new LRUCache<string, Entry>({ max: remembered });
  /** Accounts whose renewal has been waited for in vain and is still under way. */
  readonly #slow = new Set<string>();
  /** Kept through what makes entries doubtful: the owner of an account never changes. */
  readonly #owners = new LRUCache<string, AccountOwner>({ max: remembered });
  readonly #loading = new Map<string, { answer: Promise<Loaded>; stale: boolean }>();

  constructor(parts: OpenerParts) {
    this.#parts = parts;
  }

  /** At once for an account that is open. Never rejects for what an account or a vendor is like; a database that is gone rejects. */
  open(accountId: string, caller: AccountCaller): Eventually<OpenResult> {
    const entry = this.#entries.get(accountId);
    if (
      entry !== undefined &&
      this.#parts.now() < entry.freshUntilMs &&
      (caller.tenantId === null || caller.tenantId === entry.tenantId) &&
      this.#isCurrent(entry, accountId)
    ) {
      return entry.result;
    }
    return this.#openSlowly(accountId, caller);
  }

  /** Whose account it is, from memory alone and as far as the caller may know: for counting a call that came to nothing. */
  ownerOf(accountId: string, caller: AccountCaller): AccountOwner | null {
    const owner = this.#owners.get(accountId);
    return owner === undefined || (caller.tenantId !== null && caller.tenantId !== owner.tenantId) ? null : owner;
  }

  #isCurrent({ connectorId, connector, tenantId }: Entry, accountId: string): boolean {
    const present = this.#parts.connectors.get(connectorId, accountId, tenantId);
    return present?.connector === connector && present?.fault === undefined;
  }

  /** Drops what is remembered; a load under way is not remembered either. */
  forget(accountId: string): void {
    this.#entries.delete(accountId);
    const loading = this.#loading.get(accountId);
    if (loading !== undefined) {
      loading.stale = true;
      this.#loading.delete(accountId);
    }
  }

  forgetAll(): void {
    this.#entries.clear();
    for (const accountId of this.#loading.keys()) this.forget(accountId);
  }

  /** What is stored now, past any memory. */
  async reopen(accountId: string, caller: AccountCaller): Promise<OpenResult> {
    this.forget(accountId);
    return this.#openSlowly(accountId, caller);
  }

  async #openSlowly(accountId: string, caller: AccountCaller): Promise<OpenResult> {
    const loaded = await (caller.settingUp === true ? this.#loadAndRenew(accountId, true) : this.#load(accountId));
    if (loaded.tenantId === undefined || (caller.tenantId !== null && caller.tenantId !== loaded.tenantId)) return notFound(accountId);
    return ownedResult(accountId, loaded.tenantId, loaded);
  }

  /** One load an account at a time, shared by all who wait for it. */
  #load(accountId: string): Promise<Loaded> {
    const present = this.#loading.get(accountId);
    if (present !== undefined) return present.answer;
    const loading = { answer: this.#loadAndRenew(accountId), stale: false };
    this.#loading.set(accountId, loading);
    loading.answer.then(
      (loaded) => {
        if (loaded.tenantId !== undefined) this.#owners.set(accountId, ownerOf(accountId, loaded.tenantId, loaded));
        if (this.#loading.get(accountId) === loading) this.#loading.delete(accountId);
        if (!loading.stale) this.#remember(accountId, loaded);
      },
      () => {
        if (this.#loading.get(accountId) === loading) this.#loading.delete(accountId);
      },
    );
    return loading.answer;
  }

  #remember(accountId: string, loaded: Loaded): void {
    const { tenantId, connectorId, connector, keepMs } = loaded;
    if (tenantId === undefined || keepMs <= 0) return;
    this.#entries.set(accountId, { tenantId, connectorId, connector, freshUntilMs: this.#parts.now() + Math.min(keepMs, believedMs), result: ownedResult(accountId, tenantId, loaded) });
  }

  async #loadAndRenew(accountId: string, settingUp = false): Promise<Loaded> {
    for (let attempt = 0; ; attempt += 1) {
      const stored = await this.#read(accountId, settingUp);
      if (!('due' in stored) || !stored.due || attempt === 3) return stored.loaded;
      const renewal = await this.#renewed(accountId, stored);
      if (renewal.kind !== 'renewed' && renewal.kind !== 'rejected') return this.#withoutRenewal(stored.loaded, stored.expiresAtMs, renewal);
    }
  }

  /**
   * A renewal that takes long goes on by itself while the old token still serves: its outcome is announced, and whoever
   * opens the account then gets the new one. With an ended token there is nothing to do but wait.
   */
  async #renewed(accountId: string, { version, expiresAtMs }: { version: number; expiresAtMs: number }): Promise<Renewal> {
    const serves = expiresAtMs - this.#parts.now() > 5_000;
    if (serves && this.#slow.has(accountId)) return notYet;
    const renewing = this.#parts.refresher.renew(accountId, version);
    const outOfPatience = Promise.withResolvers<Renewal>();
    const timer = setTimeout(() => outOfPatience.resolve(notYet), serves ? shortPatienceMs : longPatienceMs);
    const outcome = await Promise.race([renewing, outOfPatience.promise]).finally(() => clearTimeout(timer));
    if (outcome === notYet) {
      this.#slow.add(accountId);
      const over = (): void => void this.#slow.delete(accountId);
      renewing.then(over, over);
    }
    return outcome;
  }

  /** A token that could not be renewed serves to its real end; after that its failure is the answer, and is not kept. */
  #withoutRenewal(loaded: Loaded, expiresAtMs: number, renewal: Extract<Renewal, { kind: 'failed' | 'fixed' }>): Loaded {
    if (renewal.kind === 'fixed') return { ...loaded, keepMs: believedMs };
    const left = expiresAtMs - this.#parts.now();
    // Asked again when the backoff is over; what becomes of a renewal under way is announced.
    const againMs = renewal.retryAfterS === null ? left - 5_000 : renewal.retryAfterS * 1_000;
    if (left > 0) return { ...loaded, keepMs: Math.min(left, Math.max(againMs, 1_000)) };
    return { ...loaded, keepMs: 0, result: { ok: false, failure: renewalFailure(renewal) } };
  }

  async #read(accountId: string, settingUp: boolean): Promise<{ loaded: Loaded } | { loaded: Loaded; due: boolean; version: number; expiresAtMs: number }> {
    const { pool, connectors, now } = this.#parts;
    const account = await findAccount(pool, accountId, null);
    if (account === undefined) return { loaded: { ...unknown, result: notFound(accountId) } };
    const found = connectors.get(account.connector_id, accountId, account.tenant_id);
    const base = { tenantId: account.tenant_id, connectorId: account.connector_id, connector: found?.connector, keepMs: believedMs };
    const refusal = settingUp && account.state !== 'needs_reauth' ? undefined : await this.#refusalOf(account);
    // Only a dead account is remembered as such: the others are about to change.
    if (refusal !== undefined) return { loaded: { ...base, keepMs: account.state === 'needs_reauth' ? believedMs : 0, result: { ok: false, failure: refusal } } };
    if (found?.fault !== undefined) return { loaded: { ...base, keepMs: 0, result: { ok: false, failure: { code: 'connector_invalid', origin: 'platform', detail: found.fault } } } };
    const credential = await readCredential(pool, accountId);
    const scheme = found?.connector.scheme(account.scheme_id);
    if (found === undefined || scheme === undefined || credential === undefined) {
      const what = found === undefined ? `The connector ${account.connector_id} is not installed` : scheme === undefined ? `The connector has no scheme "${account.scheme_id}" any more` : 'The account has no credential';
      return { loaded: { ...base, keepMs: 0, result: { ok: false, failure: { code: 'account_not_ready', detail: `${what}: connect the account again.` } } } };
    }
    const opened = await this.#unseal(account, credential, found, scheme);
    if (!opened.ok) return { loaded: { ...base, keepMs: 0, result: opened } };
    const { token } = opened.opened.scope as { token: { refresh_token?: string } };
    const times = { grantedAtMs: (credential.refreshed_at ?? credential.granted_at).getTime(), expiresAtMs: credential.expires_at?.getTime() ?? null, refresh: refreshOf(scheme.source) };
    const renewAtMs = isRenewable(scheme.source, token) ? renewFrom(times) : Infinity;
    const loaded: Loaded = { ...base, keepMs: Math.min(believedMs, renewAtMs - now()), result: opened };
    return { loaded, due: now() >= renewAtMs, version: credential.version, expiresAtMs: times.expiresAtMs ?? Infinity };
  }

  async #unseal(account: AccountWithCredential, row: CredentialRow, found: { connector: Connector; version: number }, scheme: CompiledScheme): Promise<OpenResult> {
    const { vault, connectors, now, log } = this.#parts;
    try {
      const credential = openCredential(vault, row);
      const scope = scopeOf(account, credential, await connectors.app(account.connector_id), now());
      return {
        ok: true,
        opened: {
          id: account.id,
          tenantId: account.tenant_id,
          connectorId: account.connector_id,
          connectorVersion: found.version,
          state: account.state,
          credentialVersion: row.version,
          connector: found.connector,
          scheme,
          scope,
        },
      };
    } catch (error) {
      if (!(error instanceof SealBroken)) throw error;
      log.error({ err: error, accountId: account.id }, 'accounts: a credential cannot be opened');
      return { ok: false, failure: { code: 'internal', detail: 'The stored credential cannot be opened with the master key. The log names the key it needs.' } };
    }
  }

  /** Why an account in this state serves no call; answered from memory, the vendor is not asked. */
  async #refusalOf(account: AccountWithCredential): Promise<OpenFailure | undefined> {
    switch (account.state) {
      case 'active':
        return undefined;
      case 'needs_reauth':
        if (account.regranted) return undefined;
        return { code: 'reauth_required', detail: withMessage('The vendor no longer accepts this account\'s credentials. Its owner has to connect it again at connect_url.', account.message), connectUrl: await this.#parts.links.linkFor(account) };
      case 'connecting':
        return { code: 'account_not_ready', detail: 'The account is still connecting. Wait for integrated_account:active, or look at its transitions.' };
      case 'validation_error':
      case 'post_install_error':
        return { code: 'account_not_ready', detail: withMessage('Connecting the account failed. Its owner can correct it on the connect page, or POST /v1/accounts/{id}/retry runs the steps again.', account.message) };
    }
  }
}

const notYet: Renewal = { kind: 'failed', message: 'The renewal has not finished yet.', retryAfterS: null, status: null, blame: 'local' };

interface Loaded {
  /** Undefined: there is no such account. */
  readonly tenantId: string | undefined;
  readonly connectorId: string;
  readonly connector: Connector | undefined;
  readonly keepMs: number;
  readonly result: OpenResult;
}

/** A failure says whose account it met, so that it counts against what was promised to that tenant. */
const ownedResult = (id: string, tenantId: string, loaded: Loaded): OpenResult => (loaded.result.ok ? loaded.result : { ok: false, failure: { ...loaded.result.failure, owner: ownerOf(id, tenantId, loaded) } });

const ownerOf = (id: string, tenantId: string, { connectorId, connector }: Loaded): AccountOwner => ({ id, tenantId, connectorId, category: connector?.manifest.categories[0] ?? null });

const unknown = { tenantId: undefined, connectorId: '', connector: undefined, keepMs: 0 };
const notFound = (accountId: string): OpenResult => ({ ok: false, failure: { code: 'not_found', detail: `There is no account ${accountId.slice(0, 64)}.` } });
const withMessage = (text: string, message: string | null): string => (message === null ? text : `${text} The vendor said: ${message}`);

export function renewalFailure(renewal: Extract<Renewal, { kind: 'failed' }>): OpenFailure {
  const code: ErrorCode = renewal.status === 429 ? 'rate_limited' : 'upstream_unavailable';
  return { code, detail: `The account's token ended and could not be renewed: ${renewal.message}`, ...(renewal.retryAfterS === null ? {} : { retryAfterS: renewal.retryAfterS }) };
}
