/**
 * Renewing a credential: one request to the vendor, however many callers on however many nodes want it. A lease in the
 * database names the one who asks; the new token is stored, fenced and compared by version, before the lease ends. Only
 * a terminal refusal of the version that is still the stored one moves the account; nothing transient ever does.
 */
import { randomInt } from 'node:crypto';
import { isRenewable, obtainGrant } from '@evenkeel/core/accounts/connect-steps.ts';
import { refreshDue, type Grant, type GrantFailure, type TokenSet } from '@evenkeel/core/accounts/token.ts';
import { refreshOf } from '@evenkeel/core/accounts/refresh-rules.ts';
import type { CompiledScheme, Connector } from '@evenkeel/core/connectors/connector.ts';
import { transaction, type Pool } from '../database/pool.ts';
import type { Log } from '../log.ts';
import { findAccount, lockAccount, type AccountRow } from './account-store.ts';
import { mergeCaptures } from './captures.ts';
import { claimLease, openCredential, readCredential, storeFailure, storeRefreshed, type Credential, type CredentialRow } from './credential-store.ts';
import { moveAccount } from './transitions.ts';
import type { Vault } from './vault.ts';
import { evidenceOf, scopeOf, secretsIn, type ConnectorSource, type Vendor } from './vendor.ts';
import type { Waiters } from './waiters.ts';

/** Longer than an exchange may take, so that a lease ends under a living refresh only if its node stalls. */
const leaseMs = 45_000;
/** The exchange is given up well before the lease ends, and not begun when too little of the lease is left for it. */
const exchangeMs = 30_000;
/** How long a caller waits for somebody else's refresh: past the lease of one who died, when there is nothing else. */
const patienceMs = 50_000;
/** While the old token still serves, a caller waits no longer than this. */
const shortPatienceMs = 2_000;
const [firstBackoffMs, longestBackoffMs] = [1_000, 60_000];

export type Renewal =
  | { readonly kind: 'renewed' }
  /** Not the kind of credential that can be renewed. */
  | { readonly kind: 'fixed' }
  | { readonly kind: 'rejected'; readonly message: string }
  | { readonly kind: 'failed'; readonly message: string; readonly retryAfterS: number | null; readonly status: number | null };

export interface Refresher {
  /** Renews `seenVersion` unless a newer one is stored already. */
  renew(accountId: string, seenVersion: number, options?: RenewOptions): Promise<Renewal>;
}

export interface RenewOptions {
  /** Does not wait for a backoff to pass. */
  readonly force?: boolean;
  /** Named in the transition of a refusal. */
  readonly actor?: string;
  /** The old token serves for a while yet: a refresh that is stuck elsewhere is not waited for. */
  readonly canDoWithout?: boolean;
}

export interface RefresherParts {
  readonly pool: Pool;
  readonly vault: Vault;
  readonly vendor: Vendor;
  readonly connectors: ConnectorSource;
  readonly waiters: Waiters;
  readonly log: Log;
  readonly now: () => number;
  /** Names this process in leases. */
  readonly owner: string;
}

export function createRefresher(parts: RefresherParts): Refresher {
  const underWay = new Map<string, Promise<Renewal>>();
  return {
    renew(accountId, seenVersion, options = {}) {
      const key = `${accountId} ${seenVersion}`;
      const present = underWay.get(key);
      if (present !== undefined) return present;
      const renewal = renewOnce(parts, accountId, seenVersion, options).finally(() => underWay.delete(key));
      underWay.set(key, renewal);
      return renewal;
    },
  };
}

async function renewOnce(parts: RefresherParts, accountId: string, version: number, options: RenewOptions): Promise<Renewal> {
  const { pool, waiters, owner } = parts;
  const { force = false, actor = 'system:refresh', canDoWithout = false } = options;
  const until = performance.now() + (canDoWithout ? shortPatienceMs : patienceMs);
  for (;;) {
    const changed = waiters.next(accountId, 250);
    const claimedAtMs = performance.now();
    const held = await claimLease(pool, { accountId, version, owner, leaseMs, ignoreBackoff: force });
    if (held !== undefined) {
      changed.cancel();
      return refreshHeld(parts, { held, claimedAtMs }, actor);
    }
    const row = await readCredential(pool, accountId);
    const settled = row === undefined ? gone : row.version !== version ? ({ kind: 'renewed' } as const) : settledBy(row, force);
    if (settled !== undefined) {
      changed.cancel();
      return settled;
    }
    if (performance.now() > until) {
      changed.cancel();
      return { kind: 'failed', message: 'Another node is renewing the token and has not finished.', retryAfterS: 1, status: null };
    }
    await changed.promise;
  }
}

const gone: Renewal = { kind: 'failed', message: 'The account has no credential any more.', retryAfterS: null, status: null };

/** Undefined while somebody holds the lease; the failure of the last attempt while its backoff lasts. */
function settledBy(row: CredentialRow, force: boolean): Renewal | undefined {
  const leased = row.lease_until !== null && row.lease_until.getTime() > Date.now();
  if (leased || force || row.refresh_retry_at === null) return undefined;
  const waitMs = row.refresh_retry_at.getTime() - Date.now();
  if (waitMs <= 0) return undefined;
  return { kind: 'failed', message: row.refresh_error ?? 'The last refresh failed.', retryAfterS: Math.ceil(waitMs / 1000), status: null };
}

async function refreshHeld(parts: RefresherParts, { held, claimedAtMs }: { held: CredentialRow; claimedAtMs: number }, actor: string): Promise<Renewal> {
  const { pool, vault, vendor, connectors, now, log } = parts;
  const accountId = held.account_id;
  const fenced = { accountId, version: held.version, fence: held.lease_fence };
  const account = await findAccount(pool, accountId, null);
  const found = account === undefined ? undefined : connectors.get(account.connector_id, accountId);
  const scheme = account === undefined ? undefined : found?.connector.scheme(account.scheme_id);
  if (account === undefined || found === undefined || scheme === undefined) {
    await storeFailure(pool, fenced, { message: 'The connector or its scheme is not installed.', retryAfterMs: longestBackoffMs });
    return { kind: 'failed', message: `The connector ${account?.connector_id ?? ''} or its scheme is not installed.`, retryAfterS: null, status: null };
  }
  const before = openCredential(vault, held);
  if (!isRenewable(scheme.source, before.token)) {
    await release(parts, fenced);
    return { kind: 'fixed' };
  }
  const scope = scopeOf(account, before, await connectors.app(account.connector_id), now());
  const secrets = secretsIn(scope);
  if (performance.now() - claimedAtMs > leaseMs - exchangeMs) {
    // This process stood still: by the time of an answer the lease, and with it the right to use the token, may be another's.
    await release(parts, fenced);
    return { kind: 'failed', message: 'The refresh was not begun: this node stood still.', retryAfterS: 1, status: null };
  }
  const outcome = await vendor.run(
    obtainGrant(scheme.source, { type: 'stored' }, scope, vendor.tools(found.connector, scheme, secrets)),
    secrets,
    AbortSignal.timeout(exchangeMs),
  );
  if (outcome.ok) return keep(parts, fenced, { account, connector: found.connector, scheme, before, grant: outcome.grant });
  log.warn({ accountId, connector: account.connector_id, failure: outcome.failure }, 'accounts: a refresh failed');
  if (outcome.failure.kind === 'terminal') return condemn(parts, fenced, outcome.failure, actor);
  const retryAfterMs = backoffMs(held.refresh_failures, outcome.failure.retryAfterS);
  await storeFailure(pool, fenced, { message: outcome.failure.message, retryAfterMs });
  return { kind: 'failed', message: outcome.failure.message, retryAfterS: Math.ceil(retryAfterMs / 1000), status: outcome.failure.status };
}

interface Fenced {
  readonly accountId: string;
  readonly version: number;
  readonly fence: number;
}

async function release({ pool }: RefresherParts, { accountId, fence }: Fenced): Promise<void> {
  await pool.query(`update credentials set lease_owner = null, lease_until = null where account_id = $1 and slot = 'current' and lease_fence = $2`, [accountId, fence]);
}

interface Kept {
  readonly account: AccountRow;
  readonly connector: Connector;
  readonly scheme: CompiledScheme;
  readonly before: Credential;
  readonly grant: Grant;
}

/** Stored before the lease ends; a lease lost meanwhile means that another's token counts, and is read anew. */
async function keep({ pool, vault, now, log }: RefresherParts, fenced: Fenced, { account, scheme, before, grant }: Kept): Promise<Renewal> {
  const token: TokenSet = { ...grant.token };
  const credential: Credential = { token, secret: { ...before.secret, ...grant.secret }, obtained: true };
  const grantedAtMs = now();
  const refreshDueAtMs = isRenewable(scheme.source, token) ? refreshDue({ grantedAtMs, expiresAtMs: grant.expiresAtMs, refresh: refreshOf(scheme.source), random: randomInt(1_000_000) / 1_000_000 }) : null;
  const stored = await transaction(pool, async (client) => {
    const captured = Object.keys(grant.captured).length > 0;
    if (captured) await lockAccount(client, account.id);
    const written = await storeRefreshed(client, vault, fenced, credential, { grantedAtMs, expiresAtMs: grant.expiresAtMs, refreshDueAtMs });
    if (written && captured) await mergeCaptures(client, account.id, grant.captured);
    return written;
  });
  if (!stored) log.warn({ accountId: account.id }, 'accounts: a refresh outlived its lease; its answer is not used');
  return { kind: 'renewed' };
}

/** A newer version means that somebody rotated the token before us: then the refusal was of the old one. */
async function condemn({ pool }: RefresherParts, fenced: Fenced, failure: GrantFailure, actor: string): Promise<Renewal> {
  return transaction(pool, async (client) => {
    await lockAccount(client, fenced.accountId);
    const { rows } = await client.query<{ version: number; lease_fence: number }>(
      `select version, lease_fence from credentials where account_id = $1 and slot = 'current' for update`,
      [fenced.accountId],
    );
    const row = rows[0];
    if (row === undefined) return gone;
    if (row.version !== fenced.version) return { kind: 'renewed' };
    if (row.lease_fence !== fenced.fence) return { kind: 'failed', message: 'The lease of this refresh was lost.', retryAfterS: 1, status: null };
    await storeFailure(client, fenced, { message: failure.message, retryAfterMs: null });
    await moveAccount(client, fenced.accountId, { type: 'grant_rejected' }, { actor, evidence: { ...evidenceOf(failure), credential_version: fenced.version }, message: failure.message });
    return { kind: 'rejected', message: failure.message };
  });
}

/** Doubling with jitter (half to whole), at least what the vendor asked for. */
function backoffMs(failures: number, retryAfterS: number | null): number {
  const ceiling = Math.min(longestBackoffMs, firstBackoffMs * 2 ** Math.min(failures, 10));
  const jittered = ceiling / 2 + randomInt(Math.max(1, Math.floor(ceiling / 2)));
  return Math.max(jittered, Math.min(retryAfterS ?? 0, 3_600) * 1000);
}
