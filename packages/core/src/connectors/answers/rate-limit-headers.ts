/**
 * Quotas as the headers callers read, in both forms in use: `RateLimit` and `RateLimit-Policy` as structured fields
 * (draft-ietf-httpapi-ratelimit-headers from 08 on, RFC 9651), and the three headers of that draft up to 06, whose
 * reset is in delta seconds. Several quotas fit the first form; the second shows the one that binds first.
 */
import type { RateLimitState } from './rate-limit.ts';

/** How long to wait when a vendor says "too many requests" and nothing else. */
export const blindRetryAfterS = 30;

/**
 * Lower-case names to values; empty when nothing is known. `limited` states that the answer is a refusal for quota;
 * `retryAfterS` is the vendor's own wait, which is then passed on or else derived.
 */
export function rateLimitHeaders(states: readonly RateLimitState[], refusal: { limited: boolean; retryAfterS?: number | undefined } = { limited: false }): Record<string, string> {
  const headers: Record<string, string> = {};
  if (states.length === 0 && !refusal.limited) return retryAfterOnly(refusal.retryAfterS);
  const shown = mostConstrained(states);
  if (shown?.limit !== undefined) headers['ratelimit-limit'] = String(shown.limit);
  const remaining = refusal.limited && shown !== undefined && shown.remaining === undefined ? 0 : shown?.remaining;
  if (remaining !== undefined) headers['ratelimit-remaining'] = String(remaining);
  const retryAfter = refusal.limited ? (refusal.retryAfterS ?? deriveRetryAfter(states)) : refusal.retryAfterS;
  const reset = shown === undefined ? (refusal.limited ? retryAfter : undefined) : resetOf(shown);
  if (reset !== undefined) headers['ratelimit-reset'] = String(reset);
  let limits = '';
  let policies = '';
  for (const state of states) {
    if (state.remaining !== undefined) limits += `${limits === '' ? '' : ', '}${item(state.name, 'r', state.remaining, 't', resetOf(state))}`;
    if (state.limit !== undefined) policies += `${policies === '' ? '' : ', '}${item(state.name, 'q', state.limit, 'w', state.windowS)}`;
  }
  if (limits !== '') headers['ratelimit'] = limits;
  if (policies !== '') headers['ratelimit-policy'] = policies;
  if (retryAfter !== undefined) headers['retry-after'] = String(refusal.limited ? Math.max(1, retryAfter) : retryAfter);
  return headers;
}

function retryAfterOnly(retryAfterS: number | undefined): Record<string, string> {
  return retryAfterS === undefined ? {} : { 'retry-after': String(retryAfterS) };
}

/** Seconds until a refused call may succeed: the longest wait among the exhausted quotas, else the nearest reset. */
export function deriveRetryAfter(states: readonly RateLimitState[]): number {
  const stated = states.flatMap((state) => (state.retryAfterS === undefined ? [] : [state.retryAfterS]));
  if (stated.length > 0) return Math.max(...stated);
  const waits = (chosen: readonly RateLimitState[]): number[] => chosen.flatMap((state) => resetOf(state) ?? []);
  const exhausted = waits(states.filter((state) => state.remaining === 0));
  if (exhausted.length > 0) return Math.max(...exhausted);
  const all = waits(states);
  return all.length > 0 ? Math.min(...all) : blindRetryAfterS;
}

/** The quota that binds first: the smallest share left, then the fewest left, then the latest reset. */
export function mostConstrained(states: readonly RateLimitState[]): RateLimitState | undefined {
  let most: RateLimitState | undefined;
  for (const state of states) if (most === undefined || isTighter(state, most)) most = state;
  return most;
}

function isTighter(one: RateLimitState, other: RateLimitState): boolean {
  const difference = share(one) - share(other) || (one.remaining ?? Infinity) - (other.remaining ?? Infinity);
  return Number.isNaN(difference) || difference === 0 ? (resetOf(one) ?? 0) > (resetOf(other) ?? 0) : difference < 0;
}

function share(state: RateLimitState): number {
  if (state.remaining === undefined) return 2;
  return state.limit === undefined || state.limit === 0 ? Math.min(1, state.remaining) : state.remaining / state.limit;
}

function resetOf(state: RateLimitState): number | undefined {
  return state.resetS ?? state.windowS;
}

/** A structured-field string with one or two integer parameters; names are of the manifest's pattern, safe as they are. */
function item(name: string, key: string, value: number | undefined, otherKey: string, other: number | undefined): string {
  return other === undefined ? `"${name}";${key}=${value}` : `"${name}";${key}=${value};${otherKey}=${other}`;
}
