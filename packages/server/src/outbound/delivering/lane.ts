/** One endpoint's lane in the process that works it: what is under way, what may begin, how the endpoint fares. */
import { allowedInFlight, type EndpointHealth } from '@evenkeel/core/outbound/endpoint-health.ts';
import type { EndpointRow } from '../endpoint-store.ts';
import type { Target } from './sender.ts';

export interface LaneConfiguration extends Target {
  readonly revision: number;
  readonly tenantId: string | null;
  readonly schedule: readonly number[];
  readonly maxInFlight: number;
  readonly ratePerS: number | null;
}

export class Lane {
  readonly endpointId: string;
  health: EndpointHealth;
  configuration: LaneConfiguration | null = null;
  /** Attempts under way. */
  sending = 0;
  /** Deliveries under way, or ended and not yet written: the queue still shows them. */
  readonly known = new Set<string>();
  /** There may be more in the queue than was read. */
  stale = true;
  idleSinceMs = 0;
  #tokens = 0;
  #filledAtMs: number;

  constructor(endpointId: string, health: EndpointHealth, nowMs: number) {
    this.endpointId = endpointId;
    this.health = health;
    this.#filledAtMs = nowMs;
  }

  isPaused(nowMs: number): boolean {
    return this.health.resumeAtMs !== null && nowMs < this.health.resumeAtMs;
  }

  /** How many attempts may begin. A paused lane takes one manual retry at a time. `freeHere` is what the node has left. */
  free(nowMs: number, freeHere: number): number {
    const limit = this.configuration?.maxInFlight ?? 1;
    const allowed = this.isPaused(nowMs) ? 1 : allowedInFlight(this.health, limit, nowMs);
    return Math.max(0, Math.min(allowed - this.sending, share(freeHere), this.#available(nowMs)));
  }

  began(id: string): void {
    this.known.add(id);
    this.sending += 1;
    if (typeof this.configuration?.ratePerS === 'number') this.#tokens -= 1;
  }

  /** A bucket that holds a second's worth and starts with a single one, so that changing hands allows no burst. */
  #available(nowMs: number): number {
    const rate = this.configuration?.ratePerS;
    if (rate === null || rate === undefined) return Infinity;
    const elapsedMs = Math.max(0, nowMs - this.#filledAtMs);
    this.#tokens = Math.min(Math.max(1, rate), this.#tokens + (elapsedMs * rate) / 1000);
    this.#filledAtMs = nowMs;
    return Math.floor(this.#tokens);
  }
}

/**
 * A lane takes at most a quarter of what is free, so that however many receivers hang, something is left for the others:
 * dynamic thresholds, Choudhury and Hahne 1998.
 */
const share = (freeHere: number): number => (freeHere <= 0 ? 0 : Math.max(1, Math.floor(freeHere / 4)));

export function configurationOf(endpoint: EndpointRow, secrets: Pick<Target, 'keys' | 'headers'>, defaultSchedule: readonly number[]): LaneConfiguration {
  return {
    revision: endpoint.revision,
    tenantId: endpoint.tenant_id,
    url: endpoint.url,
    timeoutMs: endpoint.timeout_ms,
    schedule: endpoint.retry_schedule_ms ?? defaultSchedule,
    maxInFlight: endpoint.max_in_flight,
    ratePerS: endpoint.rate_limit,
    ...secrets,
  };
}
