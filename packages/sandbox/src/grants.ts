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

/** The server's memory and its rules, handed to each step. */
interface State {
  readonly options: GrantsOptions;
  readonly codes: Map<string, Code>;
  readonly accesses: Map<string, AccessRecord>;
  readonly refreshes: Map<string, RefreshRecord>;
}
const nowOf = (state: State): number => state.options.clock.now();

function issueAccess(state: State, grant: Grant): { access: string; expiresAt: number | null } {
  const lifetime = state.options.accessLifetimeMs();
  const access = state.options.accessToken(grant);
  const expiresAt = lifetime === null ? null : nowOf(state) + lifetime;
  state.accesses.set(access, { grant, issuedAt: nowOf(state), expiresAt, revoked: false });
  return { access, expiresAt };
}

function issueRefresh(state: State, grant: Grant, previous: RefreshRecord | null): string {
  const token = state.options.refreshToken(grant);
  state.refreshes.set(token, { grant, issuedAt: nowOf(state), state: 'live', previous });
  return token;
}

function open(state: State, account: string, clientId: string, scopes: readonly string[], extra: Readonly<Record<string, string>>): Issued {
  const grant: Grant = { id: secretText(12), account, clientId, scopes, createdAt: nowOf(state), extra, revoked: false };
  return { grant, ...issueAccess(state, grant), refresh: issueRefresh(state, grant, null) };
}

function redeem(state: State, code: string, proof: { clientId: string; redirectUri: string | null; verifier: string | null }): Redeemed {
  const known = state.codes.get(code);
  if (known === undefined || known.expiresAt <= nowOf(state)) return { ok: false, reason: 'code' };
  if (known.usedBy !== null) {
    known.usedBy.revoked = true; // RFC 6749 section 4.1.2: a code used twice ends what it bought.
    return { ok: false, reason: 'code' };
  }
  if (known.clientId !== proof.clientId) return { ok: false, reason: 'client' };
  if (known.redirectUri !== proof.redirectUri) return { ok: false, reason: 'redirect_uri' };
  if (!challengeHolds(known.challenge, proof.verifier)) return { ok: false, reason: 'pkce' };
  const issued = open(state, known.account, known.clientId, known.scopes, known.extra ?? {});
  known.usedBy = issued.grant;
  return { ok: true, issued };
}

function refresh(state: State, token: string, clientId: string): Refreshed {
  const { options } = state;
  const known = state.refreshes.get(token);
  if (known === undefined) return { ok: false, reason: 'unknown' };
  const { grant } = known;
  if (grant.clientId !== clientId) return { ok: false, reason: 'client' };
  if (grant.revoked) return { ok: false, reason: 'revoked' };
  if (options.refreshLifetimeMs !== null && known.issuedAt + options.refreshLifetimeMs <= nowOf(state)) return { ok: false, reason: 'expired' };
  const rotation = options.rotation();
  if (known.state === 'spent') {
    if (rotation === 'single_use') grant.revoked = true;
    return { ok: false, reason: 'reused' };
  }
  if (known.previous?.state === 'superseded') known.previous.state = 'spent';
  if (rotation === 'none') return { ok: true, issued: { grant, ...issueAccess(state, grant), refresh: token } };
  known.state = rotation === 'single_use' ? 'spent' : 'superseded';
  return { ok: true, issued: { grant, ...issueAccess(state, grant), refresh: issueRefresh(state, grant, known) } };
}

function find(state: State, access: string): FoundAccess | null {
  const known = state.accesses.get(access);
  if (known === undefined) return null;
  const { grant, issuedAt, expiresAt } = known;
  const ended = expiresAt !== null && expiresAt <= nowOf(state);
  return { grant, issuedAt, expiresAt, state: known.revoked || grant.revoked ? 'revoked' : ended ? 'expired' : 'valid' };
}

function revokeToken(state: State, token: string): boolean {
  const access = state.accesses.get(token);
  if (access !== undefined) {
    access.revoked = true;
    return true;
  }
  const known = state.refreshes.get(token);
  if (known === undefined) return false;
  known.grant.revoked = true;
  return true;
}

function revokeWhere(state: State, matches: (identity: Identity) => boolean): number {
  const ended = new Set<Grant>();
  for (const [token, { grant, issuedAt }] of [...state.accesses, ...state.refreshes]) if (!grant.revoked && matches({ account: grant.account, token, issuedAt })) ended.add(grant);
  for (const grant of ended) grant.revoked = true;
  return ended.size;
}

/** An authorisation server of its own memory; what it kept before comes back with `options.memory`. */
export function createGrants(options: GrantsOptions): Grants {
  const state: State = { options, codes: new Map(), accesses: new Map(), refreshes: new Map() };
  restoreGrants(state, options.memory?.kept);
  options.memory?.describe(() => describeGrants(state, nowOf(state) - 86_400_000));
  return {
    issueCode(request) {
      const code = secretText(32);
      state.codes.set(code, { ...request, expiresAt: nowOf(state) + options.codeLifetimeMs, usedBy: null });
      return code;
    },
    redeem: (code, proof) => redeem(state, code, proof),
    refresh: (token, clientId) => refresh(state, token, clientId),
    find: (access) => find(state, access),
    findRefresh: (token) => state.refreshes.get(token)?.grant ?? null,
    revokeToken: (token) => revokeToken(state, token),
    revokeWhere: (matches) => revokeWhere(state, matches),
    grantDirectly: (account, clientId, scopes, extra = {}) => open(state, account, clientId, scopes, extra),
  };
}
