/**
 * Requests as rows. Storing a group is one statement: the requests, and their place in the queue, one a lane. Bodies and
 * headers of a group travel as one binary parameter and are cut apart in the database: arrays of bytea would travel as hex.
 */
import type { Queryable } from '../database/pool.ts';
import { timeOfId } from '../identifier.ts';

export type RequestSource = 'webhook' | 'pull' | 'backfill';

export interface NewRequest {
  /** ibr_…, of the millisecond of `receivedAtMs`. */
  readonly id: string;
  readonly receivedAtMs: number;
  readonly source: RequestSource;
  /** Where order counts, that of `laneOf`; null where it does not: then any lane will do. */
  readonly lane: number | null;
  readonly connectorId: string;
  readonly connectorVersion: number;
  readonly addressId: string | null;
  readonly accountId: string | null;
  readonly tenantId: string | null;
  readonly method: string;
  readonly query: string;
  /** As `writeHeaderLines` makes them. */
  readonly headers: string;
  readonly body: Uint8Array;
  /** JSON. */
  readonly verification: string;
}

export interface RequestRow {
  received_at: Date;
  id: string;
  source: RequestSource;
  connector_id: string;
  connector_version: number;
  address_id: string | null;
  account_id: string | null;
  tenant_id: string | null;
  method: string;
  query: string;
  headers: Buffer;
  body: Buffer;
  verification: Record<string, unknown>;
}

const laneCount = 8;

/** One address, or one account that is read, one lane: its requests stay in order. */
export function laneOf(id: string): number {
  let sum = 0;
  for (let index = 0; index < id.length; index += 1) sum = (sum * 31 + id.charCodeAt(index)) >>> 0;
  return sum % laneCount;
}

/** All of the group or none of it. */
export async function insertRequests(database: Queryable, rows: readonly NewRequest[]): Promise<void> {
  const parts: Uint8Array[] = [];
  const [begins, headerLengths]: [number[], number[]] = [[], []];
  let bytes = 0;
  for (const { headers, body } of rows) {
    const head = Buffer.from(headers, 'latin1');
    parts.push(head, body);
    begins.push(bytes + 1);
    headerLengths.push(head.length);
    bytes += head.length + body.length;
  }
  const places = [...placesOf(rows)];
  await database.query({
    name: 'insert-inbound-requests',
    text: `with stored as (
             insert into inbound_requests (received_at, id, source, connector_id, connector_version, address_id, account_id, tenant_id,
                                           method, query, headers, body, verification)
             select to_timestamp(received_ms / 1000::float8), id, source, connector_id, connector_version, address_id, account_id, tenant_id,
                    method, query, substring($14::bytea from begin_at for header_bytes),
                    substring($14::bytea from begin_at + header_bytes for body_bytes), verification::json
             from unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::integer[], $6::text[], $7::text[], $8::text[], $9::text[],
                         $10::text[], $11::integer[], $12::integer[], $13::integer[], $15::text[])
               as g (received_ms, id, source, connector_id, connector_version, address_id, account_id, tenant_id, method,
                     query, begin_at, header_bytes, body_bytes, verification)
           )
           insert into inbound_queue (lane, request_ids, bytes)
           select lane, string_to_array(ids, ','), bytes from unnest($16::smallint[], $17::text[], $18::integer[]) as p (lane, ids, bytes)`,
    values: [
      rows.map(({ receivedAtMs }) => receivedAtMs),
      rows.map(({ id }) => id),
      rows.map(({ source }) => source),
      rows.map(({ connectorId }) => connectorId),
      rows.map(({ connectorVersion }) => connectorVersion),
      rows.map(({ addressId }) => addressId),
      rows.map(({ accountId }) => accountId),
      rows.map(({ tenantId }) => tenantId),
      rows.map(({ method }) => method),
      rows.map(({ query }) => query),
      begins,
      headerLengths,
      rows.map(({ body }) => body.length),
      Buffer.concat(parts, bytes),
      rows.map(({ verification }) => verification),
      places.map(([lane]) => lane),
      places.map(([, { ids }]) => ids.join()),
      places.map(([, { size }]) => size),
    ],
  });
}

/** By lane, in the order of the rows. What may take any lane stays together, in another one for each group. */
function placesOf(rows: readonly NewRequest[]): Map<number, { readonly ids: string[]; size: number }> {
  const free = laneOf(rows[0]?.id ?? '');
  const places = new Map<number, { readonly ids: string[]; size: number }>();
  for (const { lane, id, body } of rows) {
    const place = places.get(lane ?? free) ?? { ids: [], size: 0 };
    place.ids.push(id);
    place.size += body.length;
    places.set(lane ?? free, place);
  }
  return places;
}

/** Undefined when there is none, or none any more. */
export async function findRequest(database: Queryable, id: string): Promise<RequestRow | undefined> {
  const at = timeOfId(id);
  if (at === null) return undefined;
  const { rows } = await database.query<RequestRow>('select * from inbound_requests where received_at = $1 and id = $2', [new Date(at), id]);
  return rows[0];
}

/** Of the ids, those that are still kept. */
export async function readRequests(database: Queryable, ids: readonly string[]): Promise<Map<string, RequestRow>> {
  const times = ids.map((id) => new Date(timeOfId(id) ?? 0));
  const { rows } = await database.query<RequestRow>(
    `select r.* from unnest($1::timestamptz[], $2::text[]) as wanted (received_at, id) join inbound_requests r using (received_at, id)`,
    [times, ids],
  );
  return new Map(rows.map((row) => [row.id, row]));
}
