/**
 * API keys of a vendor: the n-th key belongs to the n-th account. A key with the ending "r1", "r2", … is a renewed one
 * of the same account, so that a revoked account can be connected again.
 */
import type { Identity } from './vendor.ts';

export interface KeyRing {
  /** The account of a live or revoked key; null for an unknown one. */
  find(key: string | null): { account: string; revoked: boolean } | null;
  identify(key: string | null): Identity | null;
  revokeWhere(matches: (identity: Identity) => boolean): number;
}

export function createKeyRing(keys: readonly string[], accounts: readonly { readonly id: string }[]): KeyRing {
  const used = new Set<string>(keys);
  const revoked = new Set<string>();
  const accountOf = (key: string): string | undefined => accounts[keys.indexOf(key)]?.id ?? accounts[keys.indexOf(key.replace(/r\d+$/, ''))]?.id;
  const identify = (key: string | null): Identity | null => {
    const account = key === null ? undefined : accountOf(key);
    if (key === null || account === undefined) return null;
    used.add(key);
    return { account, token: key, issuedAt: null };
  };
  return {
    identify,
    find(key) {
      const identity = identify(key);
      return identity === null ? null : { account: identity.account, revoked: revoked.has(identity.token) };
    },
    revokeWhere(matches) {
      const before = revoked.size;
      for (const key of used) {
        const account = accountOf(key);
        if (account !== undefined && matches({ account, token: key, issuedAt: null })) revoked.add(key);
      }
      return revoked.size - before;
    },
  };
}
