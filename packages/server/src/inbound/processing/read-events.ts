/**
 * A stored request → the events in it, wherever it came from: a vendor's webhook, a page of a feed that was polled, or
 * a page of a unified list. The same row gives the same events each time it is read.
 */
import type { Connector } from '@evenkeel/core/connectors/connector.ts';
import { polledEvent } from '@evenkeel/core/inbound/poll.ts';
import { webhooksOf } from '@evenkeel/core/inbound/rules.ts';
import { compileSplit, type CompiledSplit, type InboundEvent } from '@evenkeel/core/inbound/split.ts';
import type { Change, UnifiedPlan } from '@evenkeel/core/inbound/unify.ts';
import type { VerificationPort } from '@evenkeel/core/inbound/verification-port.ts';
import { readHeaderLines } from '../receiving/header-lines.ts';
import type { RequestRow } from '../request-store.ts';

/** A plan of the connector's rules, or a record that is in the model already. */
export type EventPlan = UnifiedPlan | { readonly model: string; readonly change: Change; readonly record: { readonly kind: 'unified'; readonly record: Record<string, unknown> }; readonly changed: null };
export type Meaning = { readonly ok: true; readonly plans: readonly EventPlan[] } | { readonly ok: false; readonly message: string };

export interface ReadEvent extends Omit<InboundEvent, 'scope' | 'payload'> {
  readonly payload: unknown;
  meaning(): Promise<Meaning>;
}
export type Reading = { readonly ok: true; readonly events: readonly ReadEvent[] } | { readonly ok: false; readonly message: string };

/** The body of a request that is a page of a unified list. */
export interface UnifiedPage {
  readonly poll: string;
  readonly model: string;
  /** Of a backfill; a poll tells by the record's times. */
  readonly change?: Change;
  readonly records: readonly Record<string, unknown>[];
}
/** The body of a request that is a page of a feed: read by the connector's rules, each record as an event. */
export interface FeedPage {
  readonly feed: string;
  readonly records: readonly unknown[];
}

const feedSplits = new WeakMap<Connector, CompiledSplit>();

export function readEvents(row: RequestRow, connector: Connector, publicUrl: string, crypto: VerificationPort): Reading {
  if (row.source === 'webhook') return readWebhook(row, connector, publicUrl, crypto);
  const page = JSON.parse(row.body.toString('utf8')) as UnifiedPage | FeedPage;
  return 'feed' in page ? readFeed(row, page, connector, crypto) : { ok: true, events: page.records.map((record, index) => ofRecord(page, record, index)) };
}

function readWebhook(row: RequestRow, connector: Connector, publicUrl: string, crypto: VerificationPort): Reading {
  const rules = webhooksOf(connector);
  if (rules === undefined) return { ok: false, message: `The connector ${connector.id} takes no webhooks any more.` };
  const url = `${publicUrl}/v1/inbound/${row.connector_id}/-${row.query === '' ? '' : `?${row.query}`}`;
  const split = rules.split({ method: row.method, url, headers: headersOf(row.headers), body: row.body, receivedAtMs: row.received_at.getTime() }, { crypto });
  return split.ok ? { ok: true, events: split.events.map((event) => ({ ...event, meaning: () => rules.unify(event) })) } : split;
}

function readFeed(row: RequestRow, page: FeedPage, connector: Connector, crypto: VerificationPort): Reading {
  const rules = webhooksOf(connector);
  const event = rules?.source.event;
  if (rules === undefined || event === undefined) return { ok: false, message: `The connector ${connector.id} has no rules for the events of its feed any more.` };
  const split = feedSplits.get(connector) ?? compileSplit({ body: 'json', event: { ...event, split: [''] } });
  feedSplits.set(connector, split);
  const body = Buffer.from(JSON.stringify(page.records));
  const made = split({ method: 'GET', url: `feed:${page.feed}`, headers: {}, body, receivedAtMs: row.received_at.getTime() }, { crypto });
  return made.ok ? { ok: true, events: made.events.map((one) => ({ ...one, meaning: () => rules.unify(one) })) } : made;
}

function ofRecord(page: UnifiedPage, record: Record<string, unknown>, index: number): ReadEvent {
  const polled = polledEvent({ model: page.model, id: page.poll }, record);
  const change = page.change ?? polled.change;
  const [id, type] = page.change === undefined ? [polled.id, polled.type] : [`backfill:${page.poll}:${polled.id}`, `backfill.${page.poll}`];
  const plan: EventPlan = { model: page.model, change, record: { kind: 'unified', record }, changed: null };
  return { index, id: id.slice(0, 255), idFrom: 'vendor', idSigned: true, type, timeMs: page.change === undefined ? polled.timeMs : null, accounts: [], orderKey: polled.orderKey, payload: record, meaning: () => Promise.resolve({ ok: true, plans: [plan] }) };
}

/** As `IncomingMessage.headersDistinct` gives them. */
function headersOf(lines: Buffer): Record<string, string[]> {
  const headers: Record<string, string[]> = {};
  const raw = readHeaderLines(lines);
  for (let index = 0; index < raw.length; index += 2) {
    const name = (raw[index] ?? '').toLowerCase();
    if (name === '__proto__') continue;
    (headers[name] ??= []).push(raw[index + 1] ?? '');
  }
  return headers;
}
