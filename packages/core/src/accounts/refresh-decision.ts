/**
 * What to do about a refresh: whether the vendor may be asked now, and when again after a failure. What counts is how
 * often a vendor accepts a refresh token. While an answer to a token that works once only may be lost on its way, that
 * token is not sent again for as long as the access token serves: its reuse would end both.
 */
import type { Refresh } from '@evenkeel/contract/manifest/auth.ts';
import type { GrantFailure } from './token.ts';

export type Rotation = NonNullable<Refresh['rotation']>;

/** What is known of a stored credential before a refresh. Times in ms since the epoch. */
export interface RefreshCase {
  /** Undefined is taken for `rotates`: a retry is allowed. */
  readonly rotation: Rotation | undefined;
  /** An earlier request with the same refresh token may have been acted on, its answer never came. */
  readonly inDoubt: boolean;
  /** The access token's end; null when unknown. */
  readonly expiresAtMs: number | null;
  /** The vendor has just refused the access token: nothing is left that asking could spoil. */
  readonly tokenFailed: boolean;
  readonly nowMs: number;
}

/** `hold`: not before `untilMs`; null: not before the access token is refused. */
export type RefreshDecision = { readonly kind: 'ask' } | { readonly kind: 'hold'; readonly untilMs: number | null };

export function decideRefresh({ rotation, inDoubt, expiresAtMs, tokenFailed, nowMs }: RefreshCase): RefreshDecision {
  if (rotation !== 'single_use' || !inDoubt || tokenFailed) return { kind: 'ask' };
  if (expiresAtMs !== null && nowMs >= expiresAtMs) return { kind: 'ask' };
  return { kind: 'hold', untilMs: expiresAtMs };
}

const [firstBackoffMs, longestBackoffMs] = [1_000, 60_000];
/** Retry-After is obeyed up to here. */
const longestObeyedMs = 3_600_000;
/** The last attempt under a living token comes this long before its end. */
const lastChanceMs = 5_000;

export interface FailedRefresh extends RefreshCase {
  readonly failure: Pick<GrantFailure, 'answerLost' | 'retryAfterS'>;
  /** Failures in a row before this one. */
  readonly failures: number;
  /** In [0, 1). */
  readonly random: number;
}

/**
 * After a failure that condemns nothing: doubling with jitter (half to whole), at least what the vendor asked for, and
 * with one more attempt just before the token's end. Later it goes on at the longest pace: an outage ends some time.
 */
export function nextAttempt(failed: FailedRefresh): { readonly atMs: number; readonly inDoubt: boolean } {
  const { rotation, expiresAtMs, nowMs, failure } = failed;
  const inDoubt = failed.inDoubt || failure.answerLost === true;
  const held = decideRefresh({ ...failed, inDoubt });
  const ceiling = Math.min(longestBackoffMs, firstBackoffMs * 2 ** Math.min(failed.failures, 10));
  const jittered = ceiling / 2 + (ceiling / 2) * failed.random;
  const obeyed = Math.min(longestObeyedMs, (failure.retryAfterS ?? 0) * 1000);
  if (rotation === 'single_use' && held.kind === 'hold' && held.untilMs !== null) return { atMs: Math.floor(Math.max(held.untilMs, nowMs + obeyed)), inDoubt };
  const lastChance = expiresAtMs === null ? Infinity : expiresAtMs - lastChanceMs;
  const soon = lastChance > nowMs + firstBackoffMs ? Math.min(jittered, lastChance - nowMs) : jittered;
  return { atMs: Math.floor(nowMs + Math.max(soon, obeyed)), inDoubt };
}
