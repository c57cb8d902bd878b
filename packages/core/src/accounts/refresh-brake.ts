/**
 * The brake on a connector's refreshes: when the vendor fails one after another, the queue stops and a single probe at
 * a growing interval finds out whether it is back. A circuit breaker whose state is plain data.
 */

export interface Brake {
  /** Transient failures since the vendor last gave a verdict, good or bad. */
  readonly failures: number;
  /** Nothing goes out before; ms since the epoch. */
  readonly untilMs: number;
}

export const released: Brake = { failures: 0, untilMs: 0 };
const threshold = 5;
const [firstPauseMs, longestPauseMs] = [500, 15_000];
/** A vendor that names a wait is believed this far. */
const longestObeyedMs = 300_000;

/** Failures of requests that were under way when the brake closed do not lengthen it. */
export function afterRefreshFailure(brake: Brake, failure: { retryAfterS: number | null; nowMs: number }): Brake {
  if (isClosed(brake) && failure.nowMs < brake.untilMs) return brake;
  const failures = brake.failures + 1;
  if (failures < threshold) return { failures, untilMs: 0 };
  const pause = Math.min(longestPauseMs, firstPauseMs * 2 ** Math.min(failures - threshold, 10));
  const obeyed = Math.min(longestObeyedMs, (failure.retryAfterS ?? 0) * 1000);
  return { failures, untilMs: failure.nowMs + Math.max(pause, obeyed) };
}

export const isClosed = (brake: Brake): boolean => brake.failures >= threshold;

/** How many refreshes may be under way at the moment: none before the end of a pause, then one as a probe, else `limit`. */
export function allowance(brake: Brake, limit: number, nowMs: number): number {
  if (!isClosed(brake)) return limit;
  return nowMs >= brake.untilMs ? 1 : 0;
}
