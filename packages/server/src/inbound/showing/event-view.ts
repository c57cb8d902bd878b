/** Events as the API shows them; of a request its headers and body with secrets masked. */
import type { InboundEvent, InboundEventDetail } from '@evenkeel/contract/api/inbound.ts';
import type { Delivery } from '@evenkeel/contract/api/deliveries.ts';
import { createMasker, mask, maskHeaders } from '@evenkeel/core/telemetry/masking.ts';
import type { Queryable } from '../../database/pool.ts';
import { listDeliveries, shownDelivery } from '../../outbound/delivery-store.ts';
import type { EventRow } from '../event-store.ts';
import { readHeaderLines } from '../receiving/header-lines.ts';
import type { RequestRow } from '../request-store.ts';

const iso = (date: Date | null): string | null => date?.toISOString() ?? null;

export function shownEvent(row: EventRow): InboundEvent {
  const since = row.occurred_at ?? row.received_at;
  return {
    id: row.id,
    source: row.source,
    connector: row.connector_id,
    account_id: row.account_id,
    tenant_id: row.tenant_id,
    type: row.type,
    unified_type: row.unified_type,
    vendor_event_id: row.vendor_event_id,
    id_signed: row.id_signed,
    state: row.state,
    reason: row.reason,
    attempts: row.attempts,
    occurred_at: iso(row.occurred_at),
    received_at: row.received_at.toISOString(),
    processed_at: iso(row.processed_at),
    lag_ms: row.processed_at === null ? null : Math.max(0, row.processed_at.getTime() - since.getTime()),
    published: row.published,
  };
}

const shownBytes = 64 * 1024;

/** Headers whose value proves a request: they are shown, since they are evidence and of no use for another request. */
const isSignature = (name: string): boolean => /signature|hmac/i.test(name) && !/token|key/i.test(name);

/** `foreign`: it may hold events of others than who asks, as requests of an app do; then its body is not shown. */
export function shownRequest(row: RequestRow, position: number, foreign: boolean): NonNullable<InboundEventDetail['request']> {
  const masker = createMasker([]);
  const raw = readHeaderLines(row.headers);
  const headers: Record<string, string> = {};
  for (let index = 0; index < raw.length; index += 2) {
    const [name = '', value = ''] = [raw[index], raw[index + 1]];
    if (name === '__proto__') continue;
    const shown = isSignature(name) ? value : (maskHeaders({ [name]: value }, masker)[name] ?? mask);
    const present = Object.hasOwn(headers, name) ? `${headers[name] ?? ''}, ` : '';
    headers[name] = present + shown;
  }
  return { id: row.id, method: row.method, query: row.query === '' ? '' : masker(`?${row.query}`).slice(1), headers, body: foreign ? { text: '', bytes: row.body.length, binary: false, truncated: true } : shownBody(row.body, masker), position, connector_version: row.connector_version, verification: row.verification };
}

function shownBody(body: Buffer, masker: (text: string) => string): NonNullable<InboundEventDetail['request']>['body'] {
  const head = body.subarray(0, shownBytes);
  const truncated = head.length < body.length;
  try {
    // Cut at a character, where the cut is ours.
    const text = new TextDecoder('utf-8', { fatal: true }).decode(head, { stream: truncated });
    return { text: masker(text), bytes: body.length, binary: false, truncated };
  } catch {
    return { text: head.toString('base64'), bytes: body.length, binary: true, truncated };
  }
}

const shownDeliveries = 100;

/** `endpointIds`: those whose deliveries the caller may see; null: all. */
export async function readPublished(database: Queryable, ids: readonly string[], endpointIds: readonly string[] | null): Promise<InboundEventDetail['events']> {
  if (ids.length === 0) return [];
  const { rows } = await database.query<{ id: string; type: string; payload: unknown; created_at: Date }>('select id, type, payload, created_at from events where id = any($1) order by id', [ids]);
  const deliveriesOf = async (eventId: string): Promise<Delivery[]> =>
    (await listDeliveries(database, { endpointIds, eventId, state: null, eventType: null, sinceMs: null, before: null, limit: shownDeliveries })).map(shownDelivery);
  return Promise.all(rows.map(async ({ id, type, payload, created_at: at }) => ({ event_id: id, type, published_at: at.toISOString(), data: payload, deliveries: await deliveriesOf(id) })));
}
