/** Inbound events as rows: noting which are new, what became of them, and reading them. */
import { jsonText, storableText } from '../database/json-text.ts';
import type { Queryable } from '../database/pool.ts';
import { timeOfId } from '../identifier.ts';
import type { RequestSource } from './request-store.ts';

export const eventStates = ['pending', 'processed', 'ignored', 'dead'] as const;
export type EventState = (typeof eventStates)[number];

export interface EventRow {
  received_at: Date;
  id: string;
  request_id: string;
  position: number;
  source: RequestSource;
  connector_id: string;
  address_id: string | null;
  account_id: string | null;
  tenant_id: string | null;
  type: string | null;
  vendor_event_id: string | null;
  id_signed: boolean;
  /** 16 bytes; 32 of events that came before keys were that short. */
  dedupe_key: Buffer;
  order_key: Buffer | null;
  occurred_at: Date | null;
  state: EventState;
  reason: string | null;
  attempts: number;
  published: string[];
  unified_type: string | null;
  processed_at: Date | null;
  updated_at: Date;
}

export type NewEventRow = Omit<EventRow, 'attempts' | 'updated_at' | 'processed_at'>;

/**
 * Notes the keys of events and tells which are new. A key that is there already belongs to a repetition, which is
 * counted on it. Of equal keys in one call the first counts as the event. Keys are taken in order, so that two batches
 * with the same keys wait for each other and not in a circle.
 */
export async function noteKeys(client: Queryable, keys: readonly { readonly key: Buffer; readonly eventId: string }[]): Promise<Set<string>> {
  const firsts = new Map<string, { readonly key: string; readonly eventId: string; repeats: number }>();
  for (const { key, eventId } of keys) {
    const hex = key.toString('hex');
    const present = firsts.get(hex);
    if (present === undefined) firsts.set(hex, { key: hex, eventId, repeats: 0 });
    else present.repeats += 1;
  }
  const ordered = [...firsts.values()].toSorted((a, b) => (a.key < b.key ? -1 : 1));
  const { rows } = await client.query<{ event_id: string }>({
    name: 'note-inbound-keys',
    text: `insert into inbound_event_keys as k (key, event_id, duplicates, duplicate_at)
           select key::uuid, event_id, repeats, case when repeats > 0 then now() end
           from unnest($1::text[], $2::text[], $3::integer[]) as given (key, event_id, repeats)
           on conflict (key) do update set duplicates = k.duplicates + 1 + excluded.duplicates, duplicate_at = now()
           returning event_id`,
    values: [ordered.map(({ key }) => key), ordered.map(({ eventId }) => eventId), ordered.map(({ repeats }) => repeats)],
  });
  const known = new Set(rows.map(({ event_id }) => event_id));
  // A row that was there before comes back with its own event's id, which is none of these.
  return new Set(ordered.map(({ eventId }) => eventId).filter((id) => known.has(id)));
}

/** Columns as arrays: half the cost of rows as JSON, in the database as here. */
export async function insertEvents(client: Queryable, rows: readonly NewEventRow[]): Promise<void> {
  if (rows.length === 0) return;
  await client.query({
    name: 'insert-inbound-events',
    text: `insert into inbound_events (received_at, id, request_id, position, source, connector_id, address_id, account_id, tenant_id, type, vendor_event_id, id_signed,
                                       dedupe_key, order_key, occurred_at, state, reason, published, unified_type, attempts, processed_at)
           select to_timestamp(received_ms / 1000::float8), id, request_id, position, source, connector_id, address_id, account_id, tenant_id, type, vendor_event_id, id_signed,
                  decode(dedupe_key, 'hex'), decode(order_key, 'hex'), to_timestamp(occurred_ms / 1000::float8), state, reason, string_to_array(published, ','), unified_type, 1,
                  case when state <> 'pending' then clock_timestamp() end
           from unnest($1::bigint[], $2::text[], $3::text[], $4::integer[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[], $11::text[], $12::boolean[],
                       $13::text[], $14::text[], $15::bigint[], $16::text[], $17::text[], $18::text[], $19::text[])
             as g (received_ms, id, request_id, position, source, connector_id, address_id, account_id, tenant_id, type, vendor_event_id, id_signed,
                   dedupe_key, order_key, occurred_ms, state, reason, published, unified_type)`,
    values: [
      rows.map((row) => row.received_at.getTime()),
      rows.map((row) => row.id),
      rows.map((row) => row.request_id),
      rows.map((row) => row.position),
      rows.map((row) => row.source),
      rows.map((row) => row.connector_id),
      rows.map((row) => row.address_id),
      rows.map((row) => row.account_id),
      rows.map((row) => row.tenant_id),
      rows.map((row) => storableText(row.type)),
      rows.map((row) => storableText(row.vendor_event_id)),
      rows.map((row) => row.id_signed),
      rows.map((row) => row.dedupe_key.toString('hex')),
      rows.map((row) => row.order_key?.toString('hex') ?? null),
      rows.map((row) => row.occurred_at?.getTime() ?? null),
      rows.map((row) => row.state),
      rows.map((row) => storableText(row.reason)),
      // Ids have no comma.
      rows.map((row) => row.published.join()),
      rows.map((row) => row.unified_type),
    ],
  });
}

export interface Settled {
  readonly receivedAt: Date;
  readonly id: string;
  readonly state: EventState;
  readonly reason: string | null;
  readonly attempts: number;
  readonly accountId: string | null;
  readonly tenantId: string | null;
  readonly published: readonly string[];
  readonly unifiedType: string | null;
}

/** What became of events that were there already. */
export async function settleEvents(client: Queryable, settled: readonly Settled[]): Promise<void> {
  if (settled.length === 0) return;
  await client.query(
    `update inbound_events e
     set state = s.state, reason = s.reason, attempts = s.attempts, account_id = s.account_id, tenant_id = s.tenant_id,
         published = e.published || s.published, unified_type = coalesce(s.unified_type, e.unified_type), updated_at = now(),
         processed_at = case when s.state <> 'pending' then clock_timestamp() end
     from jsonb_to_recordset($1) as s (received_at timestamptz, id text, state text, reason text, attempts integer, account_id text, tenant_id text, published text[], unified_type text)
     where e.received_at = s.received_at and e.id = s.id`,
    [
      jsonText(
        settled.map((one) => ({
          received_at: one.receivedAt,
          id: one.id,
          state: one.state,
          reason: one.reason,
          attempts: one.attempts,
          account_id: one.accountId,
          tenant_id: one.tenantId,
          published: one.published,
          unified_type: one.unifiedType,
        })),
      ),
    ],
  );
}

export interface EventFilter {
  readonly tenantId: string | null;
  readonly accountId: string | null;
  readonly connectorId: string | null;
  readonly type: string | null;
  readonly state: EventState | null;
  readonly since: Date | null;
  readonly until: Date | null;
}

/** The condition of a filter over `inbound_events`, with its values; `type` is the vendor's or the unified one. */
export function conditionOf(filter: EventFilter, values: unknown[]): string {
  const conditions = ['true'];
  const where = (condition: string, value: unknown): void => {
    if (value === null) return;
    const place = `$${values.push(value)}`;
    conditions.push(condition.replaceAll('?', place));
  };
  where('tenant_id = ?', filter.tenantId);
  where('account_id = ?', filter.accountId);
  where('connector_id = ?', filter.connectorId);
  where('(type = ? or unified_type = ?)', filter.type);
  // Said so that the partial index of what is not done serves.
  if (filter.state === 'pending' || filter.state === 'dead') where(`state in ('pending', 'dead') and state = ?`, filter.state);
  else where('state = ?', filter.state);
  where('received_at >= ?', filter.since);
  where('received_at < ?', filter.until);
  return conditions.join(' and ');
}

/** Newest first. `before`: the last of the page before. */
export async function listEvents(database: Queryable, filter: EventFilter, page: { readonly before: string | null; readonly limit: number }): Promise<EventRow[]> {
  const values: unknown[] = [];
  let condition = conditionOf(filter, values);
  if (page.before !== null) condition += ` and (received_at, id) < ($${values.push(new Date(timeOfId(page.before) ?? 0))}, $${values.push(page.before)})`;
  const { rows } = await database.query<EventRow>(`select * from inbound_events where ${condition} order by received_at desc, id desc limit $${values.push(page.limit)}`, values);
  return rows;
}

export async function findEvent(database: Queryable, id: string, tenantId: string | null): Promise<(EventRow & { duplicates: number; duplicate_at: Date | null }) | undefined> {
  const at = timeOfId(id);
  if (at === null) return undefined;
  const { rows } = await database.query<EventRow & { duplicates: number; duplicate_at: Date | null }>(
    `select e.*, coalesce(k.duplicates, 0) as duplicates, k.duplicate_at
     from inbound_events e left join inbound_event_keys k on k.key = encode(substring(e.dedupe_key for 16), 'hex')::uuid
     where e.received_at = $1 and e.id = $2 and ($3::text is null or e.tenant_id = $3)`,
    [new Date(at), id, tenantId],
  );
  return rows[0];
}
