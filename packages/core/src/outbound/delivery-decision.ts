/**
 * What follows from an attempt, for its delivery and for its endpoint. Every delivery keeps a schedule of its own,
 * whatever happens to others.
 */
import type { AttemptResult } from './attempt-result.ts';
import { afterAttempt, type DisableReason, type EndpointHealth, type HealthPolicy } from './endpoint-health.ts';
import { readRetryAfter, waitAfter } from './retry-schedule.ts';

export interface DeliveryState {
  readonly id: string;
  /** Position in the schedule; null when this attempt alone decides (a manual retry of a closed delivery). */
  readonly step: number | null;
}

export interface DeliveryPolicy {
  readonly schedule: readonly number[];
  readonly health: HealthPolicy;
}

export type NextStep =
  | { readonly kind: 'delivered' }
  | { readonly kind: 'retry'; readonly inMs: number; readonly step: number }
  /** exhausted: the schedule is at its end · gone: the receiver wants no more. */
  | { readonly kind: 'failed'; readonly reason: 'exhausted' | 'gone' };

export type Effect = { readonly type: 'disable_endpoint'; readonly reason: DisableReason };

export interface Decision {
  readonly next: NextStep;
  readonly health: EndpointHealth;
  readonly effects: readonly Effect[];
}

/** `random` is in [0, 1). */
export function decide(
  state: { readonly delivery: DeliveryState; readonly health: EndpointHealth },
  result: AttemptResult,
  policy: DeliveryPolicy,
  nowMs: number,
  random: number,
): Decision {
  const { health, disable } = afterAttempt(state.health, { deliveryId: state.delivery.id, result }, policy.health, nowMs, random);
  return { next: nextStep(state.delivery, result, policy, nowMs, random), health, effects: disable === null ? [] : [{ type: 'disable_endpoint', reason: disable }] };
}

function nextStep({ step }: DeliveryState, result: AttemptResult, { schedule }: DeliveryPolicy, nowMs: number, random: number): NextStep {
  if (result.kind === 'success') return { kind: 'delivered' };
  if (result.error === 'gone') return { kind: 'failed', reason: 'gone' };
  const wait = step === null ? undefined : waitAfter(schedule, step, random);
  if (step === null || wait === undefined) return { kind: 'failed', reason: 'exhausted' };
  // The later of the two: a receiver that always says "in a second" must not use up the schedule in seconds.
  return { kind: 'retry', inMs: Math.max(wait, readRetryAfter(result.retryAfter, nowMs) ?? 0), step: step + 1 };
}
