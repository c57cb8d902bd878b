/** What every room tells telemetry about a call, a refresh, an inbound event or a delivery: the one way into the counts. */
import type { Outcome } from '@evenkeel/core/telemetry/outcome.ts';
import type { Origin } from '@evenkeel/contract/errors.ts';

/** Whose counts something belongs to. Every distinct combination is a series, so nothing a caller invents may be in it. */
export interface SeriesKey {
  readonly kind: 'call' | 'refresh' | 'inbound' | 'delivery';
  /**
   * Of calls `proxy`, `passthrough`, `unified`; `background` for what Evenkeel asks for itself; `external` for what a
   * team's own integrations report, which Evenkeel did not carry. The last two are in no objective of the platform, and
   * `background` is in no tenant's success rate. Of the other kinds a word of their own.
   */
  readonly surface: string;
  readonly tenantId: string | null;
  readonly accountId: string | null;
  readonly connectorId: string | null;
  readonly category: string | null;
  /** `<resource>.<method>`, `crm.contacts.list`, an event type, or an outbound endpoint's id. */
  readonly endpoint: string | null;
  /** Of a unified call: the vendor's operation that served it. */
  readonly vendorEndpoint?: string | null;
}

export interface Observation extends SeriesKey {
  readonly outcome: Outcome;
  /** Who has to act on a failure; null for anything else. */
  readonly origin: Origin | null;
  readonly code: string | null;
  /** When it began, ms since the epoch. It is counted when it is observed. */
  readonly atMs: number;
  readonly totalUs: number;
  readonly upstreamUs: number;
  /** Inbound: from the vendor's time of the event, or its reading by a poll, to its processing; delivery: from the event's acceptance to its delivery. */
  readonly lagMs?: number;
}

export interface Observer {
  /** Counts in memory; never waits, never throws. */
  observe(observation: Observation): void;
}

/** For what runs without telemetry. */
export const noObserver: Observer = { observe: () => undefined };
