/** What becomes of events, counted: to telemetry with their freshness, and in memory for this node's metrics. */
import { webhooksOf } from '@evenkeel/core/inbound/rules.ts';
import type { ConnectorSource } from '../../accounts/vendor.ts';
import type { ShapeSampler } from '../../telemetry/drift/shape-sampler.ts';
import type { Observer } from '../../telemetry/observation.ts';
import type { EventRow } from '../event-store.ts';

type Counted = Pick<EventRow, 'connector_id' | 'account_id' | 'tenant_id' | 'type' | 'unified_type' | 'source' | 'received_at' | 'occurred_at' | 'state'>;

export class EventCounts {
  readonly #observer: Observer;
  readonly #connectors: ConnectorSource;
  readonly #shapes: Pick<ShapeSampler, 'offer'> | undefined;
  /** Since the start of this node. */
  readonly totals = { processed: 0, ignored: 0, dead: 0, duplicate: 0 };

  /** `shapes`: where events are offered to be looked at for changes of their shape. */
  constructor(observer: Observer, connectors: ConnectorSource, shapes?: Pick<ShapeSampler, 'offer'>) {
    this.#observer = observer;
    this.#connectors = connectors;
    this.#shapes = shapes;
  }

  duplicate(): void {
    this.totals.duplicate += 1;
  }

  /** To be called once the event's end is committed. `payload`: the event as its rules see it, where it is at hand. */
  settled(event: Counted, nowMs: number, { payload, replayed = false }: { readonly payload?: unknown; readonly replayed?: boolean } = {}): void {
    if (event.state === 'pending') return;
    if (payload !== undefined) this.#sample(event, payload);
    this.totals[event.state] += 1;
    // It was observed when it came. Once more it would be traffic that no vendor sent, and late by as much as it is old.
    if (replayed) return;
    // By the vendor's clock where it tells; it may run ahead of ours. What is polled is as old as the connector's interval
    // lets it become: that is no lag, and counts from when it was read.
    const since = event.source === 'webhook' ? (event.occurred_at ?? event.received_at) : event.received_at;
    const sinceMs = Math.max(0, nowMs - since.getTime());
    this.#observer.observe({
      kind: 'inbound',
      surface: 'webhook',
      tenantId: event.tenant_id,
      accountId: event.account_id,
      connectorId: event.connector_id,
      category: event.unified_type?.split('.')[0] ?? null,
      endpoint: event.unified_type ?? this.#declared(event),
      outcome: event.state === 'dead' ? 'failure' : 'success',
      origin: event.state === 'dead' ? 'platform' : null,
      code: event.state === 'dead' ? 'dead_letter' : null,
      atMs: event.received_at.getTime(),
      totalUs: Math.max(0, nowMs - event.received_at.getTime()) * 1000,
      upstreamUs: 0,
      lagMs: sinceMs,
    });
  }

  #sample(event: Counted, payload: unknown): void {
    const type = this.#declared(event);
    if (type === null || event.account_id === null) return;
    const endpoint = `event:${type}`;
    this.#shapes?.offer({ connectorId: event.connector_id, accountId: event.account_id, endpoint, vendorEndpoint: endpoint, status: null }, () => Buffer.from(JSON.stringify(payload)));
  }

  /** A type the connector states; what a sender invents is no series. */
  #declared({ connector_id: id, type }: Counted): string | null {
    const connector = this.#connectors.get(id)?.connector;
    const known = connector === undefined ? undefined : webhooksOf(connector)?.source.events?.some(({ types }) => type !== null && types.includes(type));
    return known === true ? type : null;
  }
}
