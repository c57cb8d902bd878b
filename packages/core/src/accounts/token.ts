/** What a grant leaves behind, and when it ends. The words of RFC 6749 §5.1; times are milliseconds since the epoch. */
import type { Expiry, Refresh } from '@evenkeel/contract/manifest/auth.ts';
import { compilePath } from '../connectors/values/path.ts';
import { fromBase64, toText } from '../connectors/values/bytes.ts';

/** The root `token` of a scope. Sealed as it stands. */
export interface TokenSet {
  access_token?: string;
  refresh_token?: string;
  token_type?: string;
  scope?: string;
  id_token?: string;
  assertion?: string;
  /** ISO 8601; absent when the end is unknown. */
  expires_at?: string;
}

/** The outcome of a successful token request or login, with what was captured on the way. */
export interface Grant {
  readonly token: TokenSet;
  /** Null: unknown, or never. */
  readonly expiresAtMs: number | null;
  readonly captured: Readonly<Record<string, unknown>>;
  readonly secret: Readonly<Record<string, unknown>>;
}

/**
 * Why a request of connecting or refreshing did not bring what it should. `terminal`: the grant or credential itself is
 * refused and only its owner can help. `rejected`: the vendor refuses this request, for a reason that does not condemn
 * the credential. `configuration`: the installation's app or the manifest is at fault, the account is not. `transient`:
 * anything that may pass (outage, timeout, rate limit, an answer that cannot be read). Of a refresh, only `terminal`
 * ever moves an account.
 */
export interface GrantFailure {
  readonly kind: 'terminal' | 'rejected' | 'configuration' | 'transient';
  /** For people; free of the credential. */
  readonly message: string;
  /** Which request failed, e.g. `token` or the id of a step. */
  readonly step: string;
  readonly status: number | null;
  /** The vendor's error code, e.g. `invalid_grant`. */
  readonly vendorCode: string | null;
  readonly retryAfterS: number | null;
  /** The vendor may have acted on the request all the same: no answer came, or none that tells. */
  readonly answerLost?: boolean;
}

/** The claims of a JWT (RFC 7519), unverified: it came from the token endpoint over TLS. Undefined when it is none. */
export function readClaims(jwt: unknown): Record<string, unknown> | undefined {
  if (typeof jwt !== 'string') return undefined;
  const [, payload, signature] = jwt.split('.');
  const bytes = payload === undefined || signature === undefined ? undefined : fromBase64(payload);
  if (bytes === undefined) return undefined;
  try {
    const claims: unknown = JSON.parse(toText(bytes));
    return typeof claims === 'object' && claims !== null && !Array.isArray(claims) ? (claims as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

/** Longest lifetime believed: a vendor's slip of units must not keep a dead token for ever. */
const longestLifetimeMs = 10 * 365 * 86_400_000;

/**
 * When an access token ends, from the source the manifest declares; `root` is the token response under its root.
 * Null when nothing is known. Introspection answers in a second request, see `processIntrospection`; `expires_in` stands
 * in for it.
 */
export function readExpiry(expiry: Expiry | undefined, token: TokenSet, root: unknown, nowMs: number): number | null {
  const source = expiry ?? { from: 'response' as const };
  switch (source.from) {
    case 'response': {
      const stated = toInstant(compilePath(source.path ?? 'expires_in')(root), source.unit ?? 's', nowMs);
      return stated ?? (source.fallback_s === undefined ? null : nowMs + source.fallback_s * 1000);
    }
    case 'jwt':
      return toInstant(readClaims(token.access_token)?.[source.claim ?? 'exp'], 'epoch_s', nowMs);
    case 'assumed':
      return nowMs + source.lifetime_s * 1000;
    case 'introspection':
      // Until introspection has told, and when it cannot be asked.
      return toInstant(compilePath('expires_in')(root), 's', nowMs);
    case 'on_401':
    case 'never':
      return null;
  }
}

/** RFC 7662 §2.2: an inactive token ended now; otherwise the stated end, default `exp`. */
export function processIntrospection(source: Extract<Expiry, { from: 'introspection' }>, body: unknown, nowMs: number): number | null {
  if (compilePath('active')(body) === false) return nowMs;
  return toInstant(compilePath(source.path ?? 'exp')(body), source.unit ?? 'epoch_s', nowMs);
}

function toInstant(value: unknown, unit: 's' | 'ms' | 'epoch_s' | 'epoch_ms' | 'iso', nowMs: number): number | null {
  if (unit === 'iso') {
    const parsed = typeof value === 'string' ? Date.parse(value) : NaN;
    return Number.isNaN(parsed) ? null : Math.min(parsed, nowMs + longestLifetimeMs);
  }
  const number = typeof value === 'number' ? value : typeof value === 'string' && value.trim() !== '' ? Number(value) : NaN;
  // Zero is how some vendors write "no end".
  if (!Number.isFinite(number) || number <= 0) return null;
  const instant = { s: nowMs + number * 1000, ms: nowMs + number, epoch_s: number * 1000, epoch_ms: number }[unit];
  return Math.min(Math.floor(instant), nowMs + longestLifetimeMs);
}

/** The end that is acted on: what the vendor states, cut where it is seen to end tokens early. */
export function effectiveExpiry(expiresAtMs: number | null, refresh: Refresh | undefined, nowMs: number): number | null {
  if (refresh?.effective_lifetime_s === undefined) return expiresAtMs;
  const cut = nowMs + refresh.effective_lifetime_s * 1000;
  return expiresAtMs === null ? cut : Math.min(expiresAtMs, cut);
}

/**
 * The end of a renewed token whose answer states none, although one is stated as a rule: as long after now as the token
 * before it lasted. A guess that is too short costs a request; none at all would leave the token to be found dead.
 */
export function carriedExpiry(expiry: Expiry | undefined, before: { grantedAtMs: number; expiresAtMs: number | null }, nowMs: number): number | null {
  const source = expiry?.from ?? 'response';
  if (source === 'never' || source === 'on_401' || before.expiresAtMs === null || before.expiresAtMs <= before.grantedAtMs) return null;
  return nowMs + before.expiresAtMs - before.grantedAtMs;
}

/** However short a token is said to live, calls use it for so long, and the scheduler leaves it alone for so long. */
const [shortestUseMs, shortestRestMs] = [1_000, 5_000];

/** Times of a stored token. What the manifest says of its lifetime today holds for a token granted yesterday, too. */
export interface TokenTimes {
  readonly grantedAtMs: number;
  readonly expiresAtMs: number | null;
  readonly refresh: Refresh | undefined;
}

/** Null when nothing is known: an end before the grant (a clock that is wrong, an inactive introspection) says nothing. */
function knownEnd({ grantedAtMs, expiresAtMs, refresh }: TokenTimes): number | null {
  return effectiveExpiry(expiresAtMs !== null && expiresAtMs > grantedAtMs ? expiresAtMs : null, refresh, grantedAtMs);
}

/**
 * From when on a call renews the token first: the buffer (default 30 s) before its end. A token shorter than twice the
 * buffer is used for half its life, and for a second at least. Infinity when no end is known: then a 401 renews it.
 */
export function renewFrom(times: TokenTimes): number {
  const { grantedAtMs, refresh } = times;
  const endMs = knownEnd(times);
  if (endMs === null) return Infinity;
  return Math.max(grantedAtMs + shortestUseMs, endMs - Math.min((refresh?.buffer_s ?? 30) * 1000, (endMs - grantedAtMs) / 2));
}

/**
 * When the scheduler should renew, or null for never. `random` in [0, 1) spreads accounts over the lead (default 60 to
 * 180 s). A token too short for the lead is renewed at half its life, but not within five seconds. Where refresh tokens
 * die of idleness the moment is never later than four fifths of that.
 */
export function refreshDue(times: TokenTimes & { random: number }): number | null {
  const { grantedAtMs, refresh, random } = times;
  const endMs = knownEnd(times);
  const idle = refresh?.idle_lifetime_s === undefined ? Infinity : grantedAtMs + refresh.idle_lifetime_s * 800;
  const { min, max } = refresh?.lead_s ?? { min: 60, max: 180 };
  const lead = (min + Math.max(0, max - min) * random) * 1000;
  const lifetime = endMs === null ? Infinity : endMs - grantedAtMs;
  const byExpiry = endMs === null ? Infinity : lifetime < 2 * max * 1000 ? grantedAtMs + lifetime / 2 : endMs - lead;
  const due = Math.max(grantedAtMs + shortestRestMs, Math.min(idle, byExpiry));
  return due === Infinity ? null : Math.floor(due);
}

/**
 * The due time that a stored one becomes under rules that have changed: itself where it could have come of them, so that
 * accounts stay spread as they are.
 */
export function adjustedDue(times: TokenTimes & { dueAtMs: number | null; random: number }): number | null {
  const { dueAtMs } = times;
  const [earliest, latest] = [refreshDue({ ...times, random: 1 }), refreshDue({ ...times, random: 0 })];
  if (dueAtMs !== null && earliest !== null && latest !== null && dueAtMs >= earliest && dueAtMs <= latest) return dueAtMs;
  return refreshDue(times);
}
