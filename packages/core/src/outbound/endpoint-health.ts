/**
 * How an endpoint fares, from the attempts made at it. A breaker spares one that looks dead: after some failures in a row
 * nothing is sent for a while, then one attempt probes it. One that has only failed for days, and with enough deliveries
 * to tell, is disabled. Any success resets everything.
 */
import { looksDead, type AttemptResult } from './attempt-result.ts';
import { readRetryAfter } from './retry-schedule.ts';

/** What is known of an endpoint since its last success. Times in ms since the epoch. */
export interface FailingTime {
  readonly sinceMs: number;
  readonly lastMs: number;
  /** From the first failure to the last, pauses without an attempt counted up to `longestPauseCountedMs` each. */
  readonly countedMs: number;
  /** Deliveries that have failed; no more are kept than are needed to disable. */
  readonly deliveries: readonly string[];
}

export interface EndpointHealth {
  /** Failures in a row that make it look dead. */
  readonly failures: number;
  /** How often the breaker has opened since the last success: each time it stays open longer. */
  readonly opened: number;
  /** Null: the last attempt succeeded, or there was none. */
  readonly failing: FailingTime | null;
  /** Nothing is sent before, in ms since the epoch. At or after it one attempt probes, while `opened` is not 0. */
  readonly resumeAtMs: number | null;
}

export interface HealthPolicy {
  readonly failuresToOpen: number;
  /** How long the breaker stays open the first time; doubles up to `maxOpenMs`. */
  readonly openMs: number;
  readonly maxOpenMs: number;
  /** How long an endpoint may do nothing but fail before it is disabled. */
  readonly disableAfterMs: number;
  /**
   * A pause without an attempt tells nothing: of each, so much counts. The longest wait of the default schedule, so that a
   * delivery being retried counts whole, and a quiet endpoint is not condemned by two failures a week apart.
   */
  readonly longestPauseCountedMs: number;
  /** So many different deliveries must have failed: one alone may be what its receiver cannot digest. */
  readonly disableDeliveries: number;
  /** The longest a Retry-After can hold up the whole endpoint. */
  readonly maxPauseMs: number;
}

export const defaultHealthPolicy: HealthPolicy = { failuresToOpen: 5, openMs: 15_000, maxOpenMs: 300_000, disableAfterMs: 5 * 86_400_000, longestPauseCountedMs: 12 * 3_600_000, disableDeliveries: 3, maxPauseMs: 600_000 };

export const healthy: EndpointHealth = { failures: 0, opened: 0, failing: null, resumeAtMs: null };

export type DisableReason = 'gone' | 'failing';

/** The health after an attempt of a delivery, and whether the endpoint is to be disabled. `random` is in [0, 1). */
export function afterAttempt(
  health: EndpointHealth,
  { deliveryId, result }: { readonly deliveryId: string; readonly result: AttemptResult },
  policy: HealthPolicy,
  nowMs: number,
  random: number,
): { readonly health: EndpointHealth; readonly disable: DisableReason | null } {
  if (result.kind === 'success') return { health: isHealthy(health) ? health : healthy, disable: null };
  const failing = failingTime(health.failing, deliveryId, policy, nowMs);
  if (result.error === 'gone') return { health: { ...health, failing }, disable: 'gone' };
  const disable = failing.countedMs >= policy.disableAfterMs && failing.deliveries.length >= policy.disableDeliveries ? 'failing' : null;
  if (!looksDead(result)) return { health: { ...health, failing }, disable };
  const failures = health.failures + 1;
  const pausedUntilMs = latest(health.resumeAtMs, pauseAsked(result, policy, nowMs));
  // Attempts that were under way when the breaker opened tell nothing new.
  const wasOpen = health.opened > 0 && health.resumeAtMs !== null && nowMs < health.resumeAtMs;
  if (failures < policy.failuresToOpen || wasOpen) return { health: { ...health, failures, failing, resumeAtMs: pausedUntilMs }, disable };
  const openMs = Math.min(policy.maxOpenMs, policy.openMs * 2 ** Math.min(health.opened, 20)) * (0.8 + 0.4 * random);
  return { health: { failures, opened: health.opened + 1, failing, resumeAtMs: latest(pausedUntilMs, Math.round(nowMs + openMs)) }, disable };
}

function failingTime(before: FailingTime | null, deliveryId: string, policy: HealthPolicy, nowMs: number): FailingTime {
  if (before === null) return { sinceMs: nowMs, lastMs: nowMs, countedMs: 0, deliveries: [deliveryId] };
  const pauseMs = Math.max(0, nowMs - before.lastMs);
  const known = before.deliveries.includes(deliveryId) || before.deliveries.length >= policy.disableDeliveries;
  return {
    sinceMs: before.sinceMs,
    lastMs: before.lastMs + pauseMs,
    countedMs: before.countedMs + Math.min(pauseMs, policy.longestPauseCountedMs),
    deliveries: known ? before.deliveries : [...before.deliveries, deliveryId],
  };
}

/** How many attempts may be under way at the moment: none while paused, one as a probe, else `limit`. */
export function allowedInFlight(health: EndpointHealth, limit: number, nowMs: number): number {
  if (health.resumeAtMs !== null && nowMs < health.resumeAtMs) return 0;
  return health.opened > 0 ? 1 : limit;
}

const isHealthy = (health: EndpointHealth): boolean => health.failures === 0 && health.opened === 0 && health.failing === null && health.resumeAtMs === null;

/** A receiver that is overloaded speaks for the whole endpoint: 429, and 503 with a time. */
function pauseAsked(result: AttemptResult, policy: HealthPolicy, nowMs: number): number | null {
  if (result.kind === 'success' || (result.status !== 429 && result.status !== 503)) return null;
  const wait = readRetryAfter(result.retryAfter, nowMs);
  return wait === undefined || wait === 0 ? null : nowMs + Math.min(wait, policy.maxPauseMs);
}

const latest = (a: number | null, b: number | null): number | null => (a === null || b === null ? (a ?? b) : Math.max(a, b));
