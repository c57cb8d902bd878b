/**
 * Addresses opened for requests: the connector's rules and the secrets to check against, in memory, so that a request
 * costs no look-up in the database. News of the address, its account, the connector and the app come by NOTIFY.
 */
import { previousSecretField, previousUntilField } from '@evenkeel/core/accounts/client-secret-overlap.ts';
import type { Connector } from '@evenkeel/core/connectors/connector.ts';
import type { Scope } from '@evenkeel/core/connectors/values/scope.ts';
import { eventRulesOf, webhooksOf, type CompiledWebhooks } from '@evenkeel/core/inbound/rules.ts';
import { LRUCache } from 'lru-cache';
import { accountChannel, findAccount } from '../../accounts/account-store.ts';
import { openCredential, readCredential, type Credential } from '../../accounts/credential-store.ts';
import type { Vault } from '../../accounts/vault/vault.ts';
import { scopeOf, type ConnectorSource } from '../../accounts/vendor.ts';
import { channel as connectorChannel } from '../../connectors/store.ts';
import type { Notifications } from '../../database/notifications.ts';
import type { Pool } from '../../database/pool.ts';
import { addressChannel, addressUrl, findAddressByToken, type Address } from './address-store.ts';

export interface OpenAddress {
  readonly address: Address;
  /** Without the query. */
  readonly url: string;
  readonly tenantId: string | null;
  readonly connector: Connector;
  readonly connectorVersion: number;
  readonly rules: CompiledWebhooks;
  readonly maxBodyBytes: number;
  /** Events here are to keep an order, so that all of its requests take one lane. */
  readonly ordered: boolean;
  /** What a request is checked against: present secrets first, then former ones that still count. */
  scopes(nowMs: number): readonly Scope[];
}
export type FoundAddress = { readonly kind: 'open'; readonly open: OpenAddress } | { readonly kind: 'unknown' } | { readonly kind: 'closed' };

interface Entry {
  readonly found: FoundAddress;
  readonly untilMs: number;
}

export interface DirectoryParts {
  readonly pool: Pool;
  readonly notifications: Notifications;
  readonly vault: Vault;
  readonly connectors: ConnectorSource;
  readonly publicUrl: string;
  readonly now: () => number;
}

/** How long an entry is believed without news; news come by NOTIFY, this is for news that were lost. */
const believedMs = 60_000;
/** Guessing tokens must not reach the database once a guess, and a new address must not stay unknown. */
const unknownBelievedMs = 2_000;
const remembered = 50_000;
const defaultMaxBodyBytes = 4 * 1024 * 1024;

export class AddressDirectory {
  readonly #parts: DirectoryParts;
  readonly #entries = new LRUCache<string, Entry>({ max: remembered });
  readonly #loading = new Map<string, { found: Promise<FoundAddress>; stale: boolean }>();

  private constructor(parts: DirectoryParts) {
    this.#parts = parts;
  }

  static async open(parts: DirectoryParts): Promise<AddressDirectory> {
    const directory = new AddressDirectory(parts);
    const resynchronise = (): void => directory.#forget(() => true);
    await parts.notifications.listen(addressChannel, { notified: (id) => directory.forgetAddress(id), resynchronise });
    await parts.notifications.listen(accountChannel, { notified: (id) => directory.forgetAccount(id), resynchronise });
    await parts.notifications.listen(connectorChannel, { notified: (payload) => directory.#forget(({ address }) => address.connectorId === payload.replace(/^app:/, '')), resynchronise });
    return directory;
  }

  /** What is in memory; undefined when the database has to be asked. */
  remembered(connectorId: string, token: string): FoundAddress | undefined {
    const entry = this.#entries.get(keyOf(connectorId, token));
    if (entry === undefined || this.#parts.now() >= entry.untilMs) return undefined;
    if (entry.found.kind !== 'open') return entry.found;
    const { connector, address } = entry.found.open;
    return this.#parts.connectors.get(connectorId, address.accountId ?? undefined)?.connector === connector ? entry.found : undefined;
  }

  /** Rejects when the database cannot be reached. */
  find(connectorId: string, token: string): Promise<FoundAddress> {
    const key = keyOf(connectorId, token);
    const present = this.#loading.get(key);
    if (present !== undefined) return present.found;
    const loading = { found: this.#load(connectorId, token), stale: false };
    this.#loading.set(key, loading);
    const done = (found?: FoundAddress): void => {
      if (this.#loading.get(key) === loading) this.#loading.delete(key);
      if (found !== undefined && !loading.stale) this.#entries.set(key, { found, untilMs: this.#parts.now() + (found.kind === 'open' ? believedMs : unknownBelievedMs) });
    };
    loading.found.then(done, () => done());
    return loading.found;
  }

  /** After a change made here: the next request must see it, and NOTIFY comes a moment later. */
  forgetAddress(id: string): void {
    this.#forget(({ address }) => address.id === id);
  }

  forgetAccount(id: string): void {
    this.#forget(({ address }) => address.accountId === id);
  }

  /** An entry is dropped where its address is concerned; what is not known, or is being read, is dropped always. */
  #forget(concerned: (open: OpenAddress) => boolean): void {
    for (const [key, { found }] of this.#entries.entries()) if (found.kind !== 'open' || concerned(found.open)) this.#entries.delete(key);
    for (const [key, loading] of this.#loading) {
      loading.stale = true;
      this.#loading.delete(key);
    }
  }

  async #load(connectorId: string, token: string): Promise<FoundAddress> {
    const { pool, vault, connectors } = this.#parts;
    const address = await findAddressByToken(pool, vault, connectorId, token);
    if (address === undefined) return { kind: 'unknown' };
    if (address.closed) return { kind: 'closed' };
    const found = connectors.get(connectorId, address.accountId ?? undefined);
    const rules = found === undefined ? undefined : webhooksOf(found.connector);
    if (found === undefined || rules === undefined) return { kind: 'unknown' };
    const account = address.accountId === null ? undefined : await this.#account(address.accountId);
    if (address.accountId !== null && account === undefined) return { kind: 'closed' };
    const app = await connectors.app(connectorId);
    return { kind: 'open', open: this.#opened(address, { ...found, rules }, account, app) };
  }

  async #account(id: string): Promise<{ tenantId: string; scope: Scope } | undefined> {
    const { pool, vault, now } = this.#parts;
    const account = await findAccount(pool, id, null);
    if (account === undefined) return undefined;
    const row = await readCredential(pool, id);
    const credential: Credential = row === undefined ? { token: {}, secret: {}, obtained: false } : openCredential(vault, row);
    // Requests prove themselves by webhook secrets; the account's token is not among what rules may read.
    return { tenantId: account.tenant_id, scope: scopeOf(account, { token: {}, secret: credential.secret }, {}, now()) };
  }

  #opened(address: Address, found: { connector: Connector; version: number; rules: CompiledWebhooks }, account: { tenantId: string; scope: Scope } | undefined, app: Readonly<Record<string, string>>): OpenAddress {
    const { connector, version, rules } = found;
    const secret = { ...(account?.scope.secret as object | undefined), ...address.secret };
    const present: Scope = { ...account?.scope, secret, app };
    const former = app[previousSecretField];
    const formerUntilMs = former === undefined ? 0 : Date.parse(app[previousUntilField] ?? '');
    const both = former === undefined ? [present] : [present, { ...present, app: { ...app, client_secret: former } }];
    const one = [present];
    return {
      address,
      url: addressUrl(this.#parts.publicUrl, address),
      tenantId: account?.tenantId ?? null,
      connector,
      connectorVersion: version,
      rules,
      maxBodyBytes: rules.source.max_body_bytes ?? defaultMaxBodyBytes,
      ordered: eventRulesOf(rules.source).some(({ order_key: key }) => key !== undefined),
      scopes: (nowMs) => (nowMs < formerUntilMs ? both : one),
    };
  }
}

const keyOf = (connectorId: string, token: string): string => `${connectorId}/${token}`;
