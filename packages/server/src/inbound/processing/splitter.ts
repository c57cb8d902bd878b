/**
 * The first half of the work: requests are cut into events, repetitions are told apart, and what needs nothing more is
 * published. One transaction a batch: a request leaves the queue together with everything made of it, so that a process
 * that dies leaves the request where it was. What has to wait is handed to the second half (`waiting-work.ts`).
 */
import type { UnifiedEventData } from '@evenkeel/contract/unified/events.ts';
import type { Connector } from '@evenkeel/core/connectors/connector.ts';
import { retryDelayMs } from '@evenkeel/core/inbound/retry-schedule.ts';
import type { VerificationPort } from '@evenkeel/core/inbound/verification-port.ts';
import type { ConnectorSource } from '../../accounts/vendor.ts';
import { transaction, type Pool, type Queryable } from '../../database/pool.ts';
import type { EffectiveMappings } from '../../gateway/unified.ts';
import { newId } from '../../identifier.ts';
import type { Log } from '../../log.ts';
import { publishEvents, type NewEvent } from '../../outbound/publish.ts';
import { insertEvents, noteKeys, type NewEventRow } from '../event-store.ts';
import { findOwners, presentOwners, type EventOwner } from './account-finder.ts';
import { dedupeKey, orderKey } from './event-identity.ts';
import type { EventCounts } from './event-counts.ts';
import { resolveEvent, type Outcome } from './meaning.ts';
import { readEvents, type ReadEvent } from './read-events.ts';
import type { RequestRow } from '../request-store.ts';
import { leaveQueue, takeRequests } from './split-queue.ts';
import { enqueueWork, keysWaiting, type NewWork } from './work-store.ts';

export interface SplitterParts {
  readonly pool: Pool;
  readonly connectors: ConnectorSource;
  readonly mappings: EffectiveMappings;
  readonly crypto: VerificationPort;
  readonly counts: EventCounts;
  readonly log: Log;
  readonly publicUrl: string;
  readonly now: () => number;
  readonly random: () => number;
  /** This process, unlike any other. */
  readonly owner: string;
}

/** A request's event for one account, or for nobody yet. */
interface Piece {
  readonly request: RequestRow;
  readonly connector: Connector | undefined;
  readonly event: ReadEvent | undefined;
  readonly owner: EventOwner | undefined;
  readonly row: NewEventRow;
  /** Settled before any meaning is asked for. */
  readonly settled: Extract<Outcome, { kind: 'dead' | 'ignore' | 'retry' }> | undefined;
}

export interface SplitResult {
  readonly requests: number;
  readonly events: number;
  readonly duplicates: number;
  /** Something was handed to the second half. */
  readonly waiting: number;
}

const nothing: SplitResult = { requests: 0, events: 0, duplicates: 0, waiting: 0 };
const maxRequests = 400;
/** Requests or events looked at in one turn of the event loop: what is received meanwhile waits no longer than that. */
const turnSize = 20;
const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Cuts one batch. Resolves with zeros when nothing waits, or others have it. */
export async function splitBatch(parts: SplitterParts): Promise<SplitResult> {
  try {
    return await splitAtMost(parts, maxRequests, new Map());
  } catch (error) {
    if (!isDataFault(error)) throw error;
    parts.log.error({ err: error }, 'inbound: a batch holds something the database cannot take; its requests are split one by one');
    return splitOneByOne(parts);
  }
}

/** Of requests whose events cannot be written, by their ids: why. */
type Faults = Map<string, string>;

/** Poison is isolated: a request whose events cannot be written becomes one dead event that says so. */
async function splitOneByOne(parts: SplitterParts): Promise<SplitResult> {
  const total = { ...nothing };
  const faults: Faults = new Map();
  for (let round = 0; round < maxRequests; round += 1) {
    const result = await splitOne(parts, faults);
    if (result === undefined) continue;
    for (const name of ['requests', 'events', 'duplicates', 'waiting'] as const) total[name] += result[name];
    if (result.requests === 0) break;
  }
  return total;
}

/** Undefined when it cannot be written: that is noted, and stands in its place when its turn comes again. */
async function splitOne(parts: SplitterParts, faults: Faults): Promise<SplitResult | undefined> {
  let taken: string | undefined;
  try {
    return await splitAtMost(parts, 1, faults, (id) => (taken = id));
  } catch (error) {
    if (!isDataFault(error) || taken === undefined || faults.has(taken)) throw error;
    // Which lane is next is left to chance: the fault is this request's, not that of the next one taken.
    faults.set(taken, `The database cannot take what is in it: ${error.message}`);
    return undefined;
  }
}

/** SQLSTATE classes 22 (data exception), 23 (constraint) and 54 (limit exceeded): the rows' fault, not the connection's. */
export function isDataFault(error: unknown): error is Error {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' && /^(2[23]|54)/.test(error.code);
}

async function splitAtMost(parts: SplitterParts, atMost: number, faults: Faults, taking?: (requestId: string) => void): Promise<SplitResult> {
  const after: (() => void)[] = [];
  const result = await transaction(parts.pool, async (client) => {
    const taken = await takeRequests(client, { pool: parts.pool, owner: parts.owner, atMost });
    const { requests } = taken;
    if (requests.length === 0) {
      if (taken.groups.length > 0) await leaveQueue(client, taken, parts.owner);
      return nothing;
    }
    for (const { id } of requests) taking?.(id);
    const pieces = await piecesOf(parts, client, requests, ({ id }) => taken.poisoned ?? faults.get(id));
    const fresh = await noteKeys(client, pieces.map(({ row }) => ({ key: row.dedupe_key, eventId: row.id })));
    const { work, events, rows } = await workOn(parts, client, pieces.filter(({ row }) => fresh.has(row.id)), after);
    await insertEvents(client, rows);
    await publishEvents(client, events);
    await enqueueWork(client, work);
    await dropRepetitions(client, pieces.filter(({ row }) => !fresh.has(row.id)), new Set(rows.map(({ request_id: id }) => id)));
    await leaveQueue(client, taken, parts.owner);
    for (const { row } of pieces) if (!fresh.has(row.id)) after.push(() => parts.counts.duplicate());
    return { requests: requests.length, events: rows.length, duplicates: pieces.length - rows.length, waiting: work.length };
  });
  for (const act of after) act();
  return result;
}

/** Of an app, a request that brought nothing new is not kept: no event leads to it, so that whoever erases a tenant's would not find it. */
async function dropRepetitions(client: Queryable, repeated: readonly Piece[], kept: ReadonlySet<string>): Promise<void> {
  const requests = repeated.map(({ request }) => request).filter(({ id, account_id: account }) => account === null && !kept.has(id));
  if (requests.length === 0) return;
  await client.query('delete from inbound_requests r using unnest($1::timestamptz[], $2::text[]) as g (received_at, id) where r.received_at = g.received_at and r.id = g.id', [requests.map(({ received_at: at }) => at), requests.map(({ id }) => id)]);
}

async function piecesOf(parts: SplitterParts, client: Queryable, requests: readonly RequestRow[], poisoned: (request: RequestRow) => string | undefined): Promise<Piece[]> {
  const read: ({ readonly request: RequestRow } & ReadRequest)[] = [];
  for (const request of requests) {
    read.push({ request, ...readOne(parts, request, poisoned(request)) });
    if (read.length % turnSize === 0) await nextTurn();
  }
  const present = await presentOwners(client, [...new Set(requests.flatMap(({ account_id: id }) => id ?? []))]);
  const finders = new Map<string, Awaited<ReturnType<typeof findOwners>>>();
  for (const connectorId of new Set(requests.map(({ connector_id: id }) => id))) {
    const refs = read.flatMap(({ request, events }) => (request.connector_id === connectorId && request.account_id === null ? events.flatMap(({ accounts }) => accounts) : []));
    if (refs.length > 0) finders.set(connectorId, await findOwners(client, connectorId, refs));
  }
  return read.flatMap(({ request, connector, events, fault }): Piece[] => {
    if (fault !== undefined) return [unreadable(request, connector, fault)];
    return events.flatMap((event): Piece[] => {
      if (request.account_id !== null) return [pieceOf(request, connector, event, present.get(request.account_id))];
      const owners = finders.get(request.connector_id)?.(event.accounts) ?? [];
      return owners.length === 0 ? [pieceOf(request, connector, event, undefined)] : owners.map((owner) => pieceOf(request, connector, event, owner));
    });
  });
}

interface ReadRequest {
  readonly connector: Connector | undefined;
  readonly events: readonly ReadEvent[];
  readonly fault: string | undefined;
}

function readOne(parts: SplitterParts, request: RequestRow, poisoned: string | undefined): ReadRequest {
  const connector = parts.connectors.get(request.connector_id, request.account_id ?? undefined)?.connector;
  if (poisoned !== undefined) return { connector, events: [], fault: poisoned };
  if (connector === undefined) return { connector, events: [], fault: `The connector ${request.connector_id} is not installed any more.` };
  try {
    const reading = readEvents(request, connector, parts.publicUrl, parts.crypto);
    return reading.ok ? { connector, events: reading.events, fault: undefined } : { connector, events: [], fault: reading.message };
  } catch (error) {
    parts.log.error({ err: error, requestId: request.id }, 'inbound: a request could not be split');
    return { connector, events: [], fault: `Splitting it failed: ${error instanceof Error ? error.message : 'unknown'}` };
  }
}

function rowOf(request: RequestRow, owner: EventOwner | undefined): Pick<NewEventRow, 'received_at' | 'id' | 'request_id' | 'source' | 'connector_id' | 'address_id' | 'account_id' | 'tenant_id' | 'published' | 'unified_type'> {
  return {
    received_at: request.received_at,
    id: newId('ibe', request.received_at.getTime()),
    request_id: request.id,
    source: request.source,
    connector_id: request.connector_id,
    address_id: request.address_id,
    account_id: owner?.accountId ?? request.account_id,
    tenant_id: owner?.tenantId ?? request.tenant_id,
    published: [],
    unified_type: null,
  };
}

function pieceOf(request: RequestRow, connector: Connector | undefined, event: ReadEvent, owner: EventOwner | undefined): Piece {
  const scope = owner?.accountId ?? request.account_id ?? request.address_id ?? '';
  const row: NewEventRow = {
    ...rowOf(request, owner),
    position: event.index,
    type: event.type,
    vendor_event_id: event.idFrom === 'vendor' ? event.id : null,
    id_signed: event.idSigned,
    dedupe_key: dedupeKey(request.connector_id, scope, event.id),
    order_key: orderKey(scope, event.orderKey),
    occurred_at: event.timeMs === null ? null : new Date(event.timeMs),
    state: 'pending',
    reason: null,
  };
  return { request, connector, event, owner, row, settled: owner === undefined ? unowned(request, event) : undefined };
}

function unowned(request: RequestRow, event: ReadEvent): Piece['settled'] {
  if (request.account_id !== null) return { kind: 'ignore', reason: 'The account was deleted.' };
  if (event.accounts.length === 0) return { kind: 'dead', reason: 'The event names no account where the connector looks for one.' };
  return { kind: 'retry', reason: accountUnknown(event), delayMs: null, counted: true, wholeAccount: false };
}

export const accountUnknown = (event: Pick<ReadEvent, 'accounts'>): string => `No account has ${event.accounts.map(({ field, value }) => `${field} ${JSON.stringify(value.slice(0, 80))}`).join(' or ')}.`;

/** Of the one event that stands for a request nobody could read. */
export const unreadablePosition = -1;

function unreadable(request: RequestRow, connector: Connector | undefined, fault: string): Piece {
  const row: NewEventRow = { ...rowOf(request, undefined), position: unreadablePosition, type: null, vendor_event_id: null, id_signed: true, dedupe_key: dedupeKey(request.connector_id, 'unreadable', request.id), order_key: null, occurred_at: null, state: 'dead', reason: fault };
  return { request, connector, event: undefined, owner: undefined, row, settled: { kind: 'dead', reason: fault } };
}

interface Worked {
  readonly rows: NewEventRow[];
  readonly events: NewEvent[];
  readonly work: NewWork[];
}

/** In the order of arrival: an event behind one of its object that has to wait waits too. */
async function workOn(parts: SplitterParts, client: Queryable, pieces: readonly Piece[], after: (() => void)[]): Promise<Worked> {
  const waiting = await keysWaiting(client, pieces.flatMap(({ row }) => row.order_key ?? []));
  const worked: Worked = { rows: [], events: [], work: [] };
  for (const [index, piece] of pieces.entries()) {
    if (index % turnSize === turnSize - 1) await nextTurn();
    const key = piece.row.order_key?.toString('hex');
    const outcome = key !== undefined && waiting.has(key) ? behind : (piece.settled ?? (await resolveSafely(parts, piece)));
    const delayMs = outcome.kind === 'retry' ? (outcome.delayMs ?? retryDelayMs(1, parts.random()) ?? 0) : 0;
    if (outcome.kind === 'retry' || outcome.kind === 'thin') {
      if (key !== undefined) waiting.add(key);
      worked.work.push({ receivedAt: piece.row.received_at, eventId: piece.row.id, connectorId: piece.row.connector_id, accountId: piece.row.account_id, orderKey: piece.row.order_key, delayMs });
      worked.rows.push({ ...piece.row, reason: outcome.kind === 'retry' ? outcome.reason : null });
      continue;
    }
    const row: NewEventRow = { ...piece.row, ...settledAs(outcome) };
    worked.rows.push(row);
    if (outcome.kind === 'publish') worked.events.push(...outcome.events);
    after.push(() => parts.counts.settled(row, parts.now(), { payload: piece.event?.payload }));
  }
  return worked;
}

const behind = { kind: 'retry', reason: 'It waits for an earlier event of its object.', delayMs: 0, counted: false, wholeAccount: false } as const;

function settledAs(outcome: Exclude<Outcome, { kind: 'retry' }>): Pick<NewEventRow, 'state' | 'reason' | 'published' | 'unified_type'> {
  if (outcome.kind !== 'publish') return { state: outcome.kind === 'dead' ? 'dead' : 'ignored', reason: outcome.reason, published: [], unified_type: null };
  return { state: 'processed', reason: null, published: outcome.events.map(({ id }) => id), unified_type: outcome.unifiedType };
}

/** A throw is a bug of ours, and one event's: the others of its batch go on. */
async function resolveSafely(parts: SplitterParts, { connector, event, owner, row, request }: Piece): Promise<Outcome | { readonly kind: 'thin' }> {
  if (connector === undefined || event === undefined || owner === undefined) throw new Error('a piece without an event is settled from the start');
  try {
    return await resolveEvent(event, { connector, mappings: parts.mappings, owner, inboundEventId: row.id, receivedAt: row.received_at, source: request.source satisfies UnifiedEventData['source'], replayed: false, fetch: undefined });
  } catch (error) {
    parts.log.error({ err: error, eventId: row.id }, 'inbound: an event could not be worked on');
    return { kind: 'dead', reason: `Working on it failed: ${error instanceof Error ? error.message : 'unknown'}` };
  }
}
