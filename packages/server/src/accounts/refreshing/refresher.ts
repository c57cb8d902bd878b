/**
 * Renewing a credential for whoever asks: one request to the vendor, however many callers on however many nodes want it.
 * A lease in the database names the one who asks; the others wait for what he stores.
 */
import { claimLease, leaseMs, readStanding, type Standing } from './refresh-store.ts';
import type { CredentialRow } from '../credential-store.ts';
import type { RefreshBrakes } from './refresh-brakes.ts';
import type { RefreshPace } from './refresh-pace.ts';
import { runRefresh, type HeldRefresh, type RefreshParts, type Renewal } from './refresh-run.ts';
import type { Waiters } from './waiters.ts';

/** How long a caller waits for somebody else's refresh: past the lease of one who died, when there is nothing else. */
const patienceMs = 50_000;

export interface Refresher {
  /** Renews `seenVersion` unless a newer one is stored already. */
  renew(accountId: string, seenVersion: number, options?: RenewOptions): Promise<Renewal>;
  /** Refreshes a credential whose lease is held already; `claimedAtMs` is of `performance.now()` before the claim. */
  run(held: { row: CredentialRow; claimedAtMs: number; actor: string }): Promise<Renewal>;
}

export interface RenewOptions {
  /** Does not wait for a backoff to pass. */
  readonly force?: boolean;
  /** Named in the timeline, and in the transition of a refusal. */
  readonly actor?: string;
  /** The vendor refused the access token: it need not be spared any more. */
  readonly tokenFailed?: boolean;
}

export interface RefresherParts extends RefreshParts {
  readonly waiters: Waiters;
  readonly pace: RefreshPace;
  readonly brakes: RefreshBrakes;
  /** Names this process in leases. */
  readonly owner: string;
}

export function createRefresher(parts: RefresherParts): Refresher {
  const underWay = new Map<string, Promise<Renewal>>();
  return {
    renew(accountId, seenVersion, options = {}) {
      // Who may not wait for a backoff does not join those who do.
      const key = `${accountId} ${seenVersion} ${options.force === true} ${options.tokenFailed === true}`;
      const present = underWay.get(key);
      if (present !== undefined) return present;
      const renewal = renewOnce(parts, accountId, seenVersion, options).finally(() => underWay.delete(key));
      underWay.set(key, renewal);
      return renewal;
    },
    run: (held) => perform(parts, { ...held, tokenFailed: false }),
  };
}

async function perform(parts: RefresherParts, held: HeldRefresh): Promise<Renewal> {
  const renewal = await runRefresh(parts, held);
  await parts.brakes.settle(held.row.connector_id, renewal);
  return renewal;
}

async function renewOnce(parts: RefresherParts, accountId: string, version: number, options: RenewOptions): Promise<Renewal> {
  const { pool, waiters, owner, now } = parts;
  const { force = false, actor = 'system:refresh', tokenFailed = false } = options;
  const until = performance.now() + patienceMs;
  for (;;) {
    const changed = waiters.next(accountId, 250);
    const claimedAtMs = performance.now();
    const row = await claimLease(pool, { accountId, version, owner, leaseMs, ignoreBackoff: force, nowMs: now() });
    if (row !== undefined) {
      changed.cancel();
      // Somebody waits for it: it does not wait its turn, the scheduler's have to.
      parts.pace.spend();
      return perform(parts, { row, claimedAtMs, actor, tokenFailed });
    }
    const standing = await readStanding(pool, accountId);
    const settled = standing === undefined ? gone : standing.version !== version ? ({ kind: 'renewed' } as const) : settledBy(standing, force);
    if (settled !== undefined) {
      changed.cancel();
      return settled;
    }
    if (performance.now() > until) {
      changed.cancel();
      return { kind: 'failed', message: 'Another node is renewing the token and has not finished.', retryAfterS: 1, status: null, blame: 'local' };
    }
    await changed.promise;
  }
}

const gone: Renewal = { kind: 'failed', message: 'The account has no credential any more.', retryAfterS: null, status: null, blame: 'local' };

/** Undefined while somebody holds the lease; the failure of the last attempt while its backoff lasts. */
function settledBy({ leased, backoffMs, error }: Standing, force: boolean): Renewal | undefined {
  if (leased || force || backoffMs === null) return undefined;
  return { kind: 'failed', message: error ?? 'The last refresh failed.', retryAfterS: Math.ceil(backoffMs / 1000), status: null, blame: 'local' };
}
