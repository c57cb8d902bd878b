/**
 * How long an answer asks its caller to wait, read from its headers. Sources, first one that speaks wins:
 * `Retry-After` (RFC 9110: seconds or an HTTP date), `RateLimit` (the IETF draft's structured field, exhausted
 * quotas only), `ratelimit-reset` (delta seconds; vendors and proxies that send an epoch are understood too).
 * Deciding how long to really wait, with jitter and caps, is left to backoff.ts.
 */

/** Above this many seconds a reset is a point in time, below it a delta: 10^9 s is the year 2001 or 31 years from now. */
const EPOCH_SECONDS_FROM = 1e9;
/** Above this a reset is an epoch in milliseconds. */
const EPOCH_MILLISECONDS_FROM = 1e12;

/**
 * Milliseconds until the answer's sender wants to be called again, or null when its headers do not say, cannot be
 * read, or name a moment that is past. Rate-limit headers count for 429 only: beside another failure they tell when
 * a quota refills, not when the failure ends.
 */
export function readHeaderWaitMs(answer: { readonly status: number; readonly headers: Headers }, nowMs: number): number | null {
  const retryAfter = readRetryAfterMs(answer.headers.get('retry-after'), nowMs);
  if (retryAfter !== null || answer.status !== 429) return positive(retryAfter);
  return positive(readExhaustedMs(answer.headers.get('ratelimit')) ?? readResetMs(answer.headers.get('ratelimit-reset'), nowMs));
}

function positive(waitMs: number | null): number | null {
  return waitMs !== null && waitMs > 0 ? waitMs : null;
}

/** `Retry-After: 120` or `Retry-After: Wed, 21 Oct 2026 07:28:00 GMT`. */
export function readRetryAfterMs(value: string | null, nowMs: number): number | null {
  if (value === null) return null;
  const text = value.trim();
  if (isNumber(text)) return readResetMs(text, nowMs);
  if (!/^[A-Za-z]{3,9},? /.test(text)) return null;
  const dateMs = Date.parse(text);
  return Number.isNaN(dateMs) ? null : dateMs - nowMs;
}

/** Delta seconds, epoch seconds or epoch milliseconds, told apart by magnitude. */
export function readResetMs(value: string | null, nowMs: number): number | null {
  if (value === null) return null;
  const text = value.trim();
  if (!isNumber(text)) return null;
  const reset = Number(text);
  if (reset >= EPOCH_MILLISECONDS_FROM) return reset - nowMs;
  if (reset > EPOCH_SECONDS_FROM) return reset * 1000 - nowMs;
  return reset * 1000;
}

/** The longest `t` among the members whose remaining quota `r` is 0: all of them have to refill before a call succeeds. */
export function readExhaustedMs(value: string | null): number | null {
  if (value === null) return null;
  let longest: number | null = null;
  for (const member of value.split(',')) {
    const parameters = new Map<string, string>();
    for (const part of member.split(';').slice(1)) {
      const [name, text] = part.split('=', 2);
      if (name !== undefined && text !== undefined) parameters.set(name.trim(), text.trim());
    }
    const after = parameters.get('t');
    if (parameters.get('r') !== '0' || after === undefined || !isNumber(after)) continue;
    longest = Math.max(longest ?? 0, Number(after) * 1000);
  }
  return longest;
}

function isNumber(text: string): boolean {
  return /^\d{1,15}(\.\d{1,6})?$/.test(text);
}
