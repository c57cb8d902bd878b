/**
 * The authorisation server's memory: codes, grants and tokens (RFC 6749, PKCE RFC 7636). It knows lifetimes, single
 * use, rotation and families; each vendor words the answers itself.
 */
import { createHash } from 'node:crypto';
import type { Clock } from './clock.ts';
import { describeGrants, restoreGrants, type AccessRecord, type Grant, type RefreshRecord } from './grant-records.ts';
import type { Memory } from './memory.ts';
import { secretText } from './random.ts';
import type { Identity } from './vendor.ts';

/** none: the refresh token stays. rotates: the old one dies when the new one is used. single_use: reuse ends the family. */
export type Rotation = 'none' | 'rotates' | 'single_use';

export interface GrantsOptions {
  readonly clock: Clock;
  readonly codeLifetimeMs: number;
  /** null: access tokens live until revoked. */
  accessLifetimeMs(): number | null;
  /** null: no end. */
  readonly refreshLifetimeMs: number | null;
  rotation(): Rotation;
  /** Where grants outlive a restart, when they do. */
  readonly memory?: Memory;
  accessToken(grant: Grant): string;
  refreshToken(grant: Grant): string;
}
export interface Issued {
  readonly grant: Grant;
  readonly access: string;
  readonly refresh: string;
  readonly expiresAt: number | null;
}
export interface CodeRequest {
  readonly account: string;
  readonly clientId: string;
  readonly scopes: readonly string[];
  readonly redirectUri: string;
  readonly challenge: { method: 'S256' | 'plain'; value: string } | null;
  readonly extra?: Readonly<Record<string, string>>;
}
export type Redeemed = { ok: true; issued: Issued } | { ok: false; reason: 'code' | 'redirect_uri' | 'pkce' | 'client' };
export type Refreshed = { ok: true; issued: Issued } | { ok: false; reason: 'unknown' | 'reused' | 'revoked' | 'expired' | 'client' };
export interface FoundAccess {
  readonly grant: Grant;
  readonly issuedAt: number;
  readonly expiresAt: number | null;
  readonly state: 'valid' | 'expired' | 'revoked';
}
export interface Grants {
  issueCode(request: CodeRequest): string;
  redeem(code: string, proof: { clientId: string; redirectUri: string | null; verifier: string | null }): Redeemed;
  refresh(token: string, clientId: string): Refreshed;
  find(access: string): FoundAccess | null;
  /** The grant behind a refresh token, whatever its state. */
  findRefresh(token: string): Grant | null;
  /** Ends one token: an access token alone, a refresh token with its whole grant. False when unknown. */
  revokeToken(token: string): boolean;
  revokeWhere(matches: (identity: Identity) => boolean): number;
  /** A grant without a code: installations, seeded tokens. */
  grantDirectly(account: string, clientId: string, scopes: readonly string[], extra?: Readonly<Record<string, string>>): Issued;
}

interface Code extends CodeRequest {
  readonly expiresAt: number;
  usedBy: Grant | null;
}

function challengeHolds(challenge: CodeRequest['challenge'], verifier: string | null): boolean {
  if (challenge === null) return true;
  if (verifier === null) return false;
  return challenge.method === 'plain' ? verifier === challenge.value : createHash('sha256').update(verifier).digest('base64url') === challenge.value;
}

export function createGrants(options: GrantsOptions): Grants {
  const codes = new Map<string, Code>();
  const accesses = new Map<string, AccessRecord>();
  const refreshes = new Map<string, RefreshRecord>();
  const now = (): number => options.clock.now();
  restoreGrants({ accesses, refreshes }, options.memory?.kept);
  options.memory?.describe(() => describeGrants({ accesses, refreshes }, now() - 86_400_000));

  function issueAccess(grant: Grant): { access: string; expiresAt: number | null } {
    const lifetime = options.accessLifetimeMs();
    const access = options.accessToken(grant);
    const expiresAt = lifetime === null ? null : now() + lifetime;
    accesses.set(access, { grant, issuedAt: now(), expiresAt, revoked: false });
    return { access, expiresAt };
  }
  function issueRefresh(grant: Grant, previous: RefreshRecord | null): string {
    const token = options.refreshToken(grant);
    refreshes.set(token, { grant, issuedAt: now(), state: 'live', previous });
    return token;
  }
  function open(account: string, clientId: string, scopes: readonly string[], extra: Readonly<Record<string, string>>): Issued {
    const grant: Grant = { id: secretText(12), account, clientId, scopes, createdAt: now(), extra, revoked: false };
    return { grant, ...issueAccess(grant), refresh: issueRefresh(grant, null) };
  }

  function redeem(code: string, proof: { clientId: string; redirectUri: string | null; verifier: string | null }): Redeemed {
    const known = codes.get(code);
    if (known === undefined || known.expiresAt <= now()) return { ok: false, reason: 'code' };
    if (known.usedBy !== null) {
      known.usedBy.revoked = true; // RFC 6749 section 4.1.2: a code used twice ends what it bought.
      return { ok: false, reason: 'code' };
    }
    if (known.clientId !== proof.clientId) return { ok: false, reason: 'client' };
    if (known.redirectUri !== proof.redirectUri) return { ok: false, reason: 'redirect_uri' };
    if (!challengeHolds(known.challenge, proof.verifier)) return { ok: false, reason: 'pkce' };
    const issued = open(known.account, known.clientId, known.scopes, known.extra ?? {});
    known.usedBy = issued.grant;
    return { ok: true, issued };
  }

  function refresh(token: string, clientId: string): Refreshed {
    const known = refreshes.get(token);
    if (known === undefined) return { ok: false, reason: 'unknown' };
    if (known.grant.clientId !== clientId) return { ok: false, reason: 'client' };
    if (known.grant.revoked) return { ok: false, reason: 'revoked' };
    if (options.refreshLifetimeMs !== null && known.issuedAt + options.refreshLifetimeMs <= now()) return { ok: false, reason: 'expired' };
    if (known.state === 'spent') {
      if (options.rotation() === 'single_use') known.grant.revoked = true;
      return { ok: false, reason: 'reused' };
    }
    const rotation = options.rotation();
    if (known.previous !== null && known.previous.state === 'superseded') known.previous.state = 'spent';
    if (rotation === 'none') return { ok: true, issued: { grant: known.grant, ...issueAccess(known.grant), refresh: token } };
    known.state = rotation === 'single_use' ? 'spent' : 'superseded';
    return { ok: true, issued: { grant: known.grant, ...issueAccess(known.grant), refresh: issueRefresh(known.grant, known) } };
  }

  function revokeWhere(matches: (identity: Identity) => boolean): number {
    const ended = new Set<Grant>();
    for (const [token, record] of accesses)
      if (!record.grant.revoked && matches({ account: record.grant.account, token, issuedAt: record.issuedAt })) ended.add(record.grant);
    for (const [token, record] of refreshes)
      if (!record.grant.revoked && matches({ account: record.grant.account, token, issuedAt: record.issuedAt })) ended.add(record.grant);
    for (const grant of ended) grant.revoked = true;
    return ended.size;
  }

  return {
    issueCode(request) {
      const code = secretText(32);
      codes.set(code, { ...request, expiresAt: now() + options.codeLifetimeMs, usedBy: null });
      return code;
    },
    redeem,
    refresh,
    find(access) {
      const known = accesses.get(access);
      if (known === undefined) return null;
      const state = known.revoked || known.grant.revoked ? 'revoked' : known.expiresAt !== null && known.expiresAt <= now() ? 'expired' : 'valid';
      return { grant: known.grant, issuedAt: known.issuedAt, expiresAt: known.expiresAt, state };
    },
    findRefresh: (token) => refreshes.get(token)?.grant ?? null,
    revokeToken(token) {
      const access = accesses.get(token);
      if (access !== undefined) {
        access.revoked = true;
        return true;
      }
      const known = refreshes.get(token);
      if (known === undefined) return false;
      known.grant.revoked = true;
      return true;
    },
    revokeWhere,
    grantDirectly: (account, clientId, scopes, extra = {}) => open(account, clientId, scopes, extra),
  };
}
