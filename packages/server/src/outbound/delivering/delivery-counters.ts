/** Counts attempts and deliveries of this process, and tells the observer of each delivery that ends. */
import type { Decision } from '@evenkeel/core/outbound/delivery-decision.ts';
import type { Observer } from '../../telemetry/observation.ts';
import type { LaneConfiguration } from './lane.ts';
import type { DueDelivery } from './queue.ts';
import type { Answered } from './sender.ts';

/** Since the process started. */
export interface DeliveryCounts {
  readonly attempts: Readonly<Record<'success' | 'failure', number>>;
  readonly deliveries: Readonly<Record<'delivered' | 'failed', number>>;
  readonly underWay: number;
  readonly unwritten: number;
  readonly lanes: number;
}

export class DeliveryCounters {
  readonly #observer: Observer;
  readonly #attempts = { success: 0, failure: 0 };
  readonly #deliveries = { delivered: 0, failed: 0 };

  constructor(observer: Observer) {
    this.#observer = observer;
  }

  snapshot(now: Pick<DeliveryCounts, 'underWay' | 'unwritten' | 'lanes'>): DeliveryCounts {
    return { attempts: { ...this.#attempts }, deliveries: { ...this.#deliveries }, ...now };
  }

  count(row: DueDelivery, { tenantId }: LaneConfiguration, { next }: Decision, outcome: { answered: Answered; atMs: number }, nowMs: number): void {
    const { result, durationUs } = outcome.answered;
    this.#attempts[result.kind] += 1;
    if (next.kind !== 'retry') this.#deliveries[next.kind] += 1;
    this.#observer.observe({
      kind: 'delivery',
      surface: next.kind === 'retry' ? 'attempt' : 'delivery',
      tenantId,
      // Every combination is a series of its own: accounts times endpoints would be too many.
      accountId: null,
      connectorId: null,
      category: null,
      endpoint: row.endpoint_id,
      outcome: result.kind,
      origin: result.kind === 'success' ? null : 'caller',
      code: result.kind === 'success' ? null : result.error,
      atMs: outcome.atMs,
      totalUs: durationUs,
      upstreamUs: durationUs,
      ...(next.kind === 'delivered' ? { lagMs: Math.max(0, nowMs - row.accepted_at.getTime()) } : {}),
    });
  }
}
