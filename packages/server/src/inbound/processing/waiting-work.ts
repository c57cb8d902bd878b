/**
 * The second half of the work: events that need a record fetched, that wait behind one of their object, or that failed
 * before. Taken under leases in batches, worked on side by side, finished in shared transactions: an event's end and
 * what is published for it are committed together or not at all, and only by who still holds its lease.
 */
import { maxAttempts, retryDelayMs } from '@evenkeel/core/inbound/retry-schedule.ts';
import { nextShare, type NextShare, type UnderWay } from '@evenkeel/core/inbound/shares.ts';
import type { VerificationPort } from '@evenkeel/core/inbound/verification-port.ts';
import type { ConnectorSource } from '../../accounts/vendor.ts';
import { transaction, type Pool, type Queryable } from '../../database/pool.ts';
import type { EffectiveMappings } from '../../gateway/unified.ts';
import { newId } from '../../identifier.ts';
import type { Log } from '../../log.ts';
import { publishEvents } from '../../outbound/publish.ts';
import { insertEvents, noteKeys, settleEvents, type NewEventRow, type Settled } from '../event-store.ts';
import { GroupWriter } from '../receiving/group-writer.ts';
import { readRequests, type RequestRow } from '../request-store.ts';
import { findOwners, presentOwners, type EventOwner } from './account-finder.ts';
import type { EventCounts } from './event-counts.ts';
import { dedupeKey, orderKey } from './event-identity.ts';
import { resolveEvent, type Fetched, type Outcome } from './meaning.ts';
import { readEvents, type ReadEvent } from './read-events.ts';
import { accountUnknown, isDataFault, unreadablePosition } from './splitter.ts';
import { claimWork, enqueueWork, finishWork, holdAccount, lostAtMost, maxBytesUnderWay, postponeWork, type Work } from './work-store.ts';

export interface WaitingParts {
  readonly pool: Pool;
  readonly connectors: ConnectorSource;
  readonly mappings: EffectiveMappings;
  readonly crypto: VerificationPort;
  readonly counts: EventCounts;
  readonly log: Log;
  readonly publicUrl: string;
  readonly now: () => number;
  readonly random: () => number;
  readonly owner: string;
  readonly leaseMs: number;
  /** An event was worked on: a later one of its object may be taken. Cheap. */
  readonly ended: () => void;
  /** The unified get of a model for an account, as any caller's. */
  readonly fetchRecord: (owner: EventOwner, model: string, id: string) => Promise<Fetched>;
}

/** Accounts found for an event that had none: it becomes one event for each. */
interface Adoption {
  readonly kind: 'adopt';
  readonly event: ReadEvent;
  readonly owners: readonly EventOwner[];
}
/** A request that could not be read before goes back to where requests are split. */
interface SplitAgain {
  readonly kind: 'split again';
  readonly bytes: number;
}
type End = Exclude<Outcome, { kind: 'retry' }> | Adoption | SplitAgain;
interface Ended {
  readonly work: Work;
  readonly end: End;
}

/** Events worked on at once on a node, of which each vendor and account has a share: those that one holds up do not hold up the others'. */
const maxUnderWay = 512;
/** What is worked on, and what of its request is held in memory for it; events of one claim share it. */
interface UnderWayOne {
  readonly work: Work;
  readonly request: RequestRow | undefined;
}

export class WaitingWork {
  readonly #parts: WaitingParts;
  readonly #finisher: GroupWriter<Ended>;
  readonly #underWay = new Map<Promise<void>, UnderWayOne>();
  /** What other processes were lost over is worked on one at a time. */
  #suspected = false;

  constructor(parts: WaitingParts) {
    this.#parts = parts;
    this.#finisher = new GroupWriter<Ended>({ write: (ended) => this.#finish(ended), bytesOf: () => 1_000, isRowFault: isDataFault, writers: 1, maxGroupRows: 100 });
  }

  /** Takes one batch and begins to work on it; how many there were. Rejects when the database cannot be reached. */
  async workOnBatch(): Promise<number> {
    const { pool, owner, leaseMs } = this.#parts;
    const share = await this.#share();
    // What may be poison is taken whatever its size: one at a time.
    const suspect = this.#suspected ? undefined : (await claimWork(pool, { owner, leaseMs, ...share, atMost: 1, atMostBytes: Number.MAX_SAFE_INTEGER, suspects: true }))[0];
    const works = [...(suspect === undefined ? [] : [suspect]), ...(await claimWork(pool, { owner, leaseMs, ...share, suspects: false }))];
    if (works.length === 0) return 0;
    const requests = await readRequests(pool, [...new Set(works.map(({ event }) => event.request_id))]);
    const present = await presentOwners(pool, [...new Set(works.flatMap(({ event }) => event.account_id ?? []))]);
    const read = new Map<string, Promise<readonly ReadEvent[] | string>>();
    if (suspect !== undefined) this.#suspected = true;
    for (const work of works) {
      const request = requests.get(work.event.request_id);
      const working = this.#resolve(work, request, present, read)
        .then((outcome) => this.#settle(work, outcome))
        .catch((error: unknown) => this.#parts.log.warn({ err: error }, 'inbound: the end of an event could not be stored; it is worked on again when its lease ends'))
        .finally(() => {
          this.#underWay.delete(working);
          if (work === suspect) this.#suspected = false;
          this.#parts.ended();
        });
      this.#underWay.set(working, { work, request });
    }
    return works.length;
  }

  /** What may be taken next, once that is something. */
  async #share(): Promise<NextShare & { readonly atMostBytes: number }> {
    for (;;) {
      const [events, bytes] = [new Sums(), new Sums()];
      const held = new Set<RequestRow>();
      for (const { work, request } of this.#underWay.values()) {
        events.add(work, 1);
        if (request === undefined || held.has(request)) continue;
        held.add(request);
        bytes.add(work, Math.min(request.body.length, maxBytesUnderWay));
      }
      const [share, shareOfBytes] = [nextShare(events, maxUnderWay), nextShare(bytes, maxBytesUnderWay)];
      const atMostBytes = maxBytesUnderWay - bytes.total;
      if (share.atMost > 0 && atMostBytes > 0) return { atMost: share.atMost, atMostBytes, fullConnectors: union(share.fullConnectors, shareOfBytes.fullConnectors), fullAccounts: union(share.fullAccounts, shareOfBytes.fullAccounts) };
      await Promise.race(this.#underWay.keys());
    }
  }

  /** Resolves when nothing is under way any more. */
  async settled(): Promise<void> {
    await Promise.all(this.#underWay.keys());
  }

  async #resolve(work: Work, request: RequestRow | undefined, present: ReadonlyMap<string, EventOwner>, read: Map<string, Promise<readonly ReadEvent[] | string>>): Promise<Outcome | Adoption | SplitAgain> {
    const { event: row } = work;
    if (work.lost >= lostAtMost) return { kind: 'dead', reason: `The process that worked on it ended ${work.lost} times. It is not tried again by itself.` };
    const connector = this.#parts.connectors.get(row.connector_id, row.account_id ?? undefined)?.connector;
    if (request === undefined) return { kind: 'dead', reason: 'Its request is not kept any more.' };
    if (connector === undefined) return { kind: 'dead', reason: `The connector ${row.connector_id} is not installed any more.` };
    try {
      const reading = read.get(request.id) ?? Promise.resolve().then(() => readAgain(readEvents(request, connector, this.#parts.publicUrl, this.#parts.crypto)));
      read.set(request.id, reading);
      const events = await reading;
      if (typeof events === 'string') return { kind: 'dead', reason: events };
      if (row.position === unreadablePosition) return { kind: 'split again', bytes: request.body.length };
      const event = events[row.position];
      if (event === undefined) return { kind: 'dead', reason: 'The connector finds no such event in its request any more.' };
      if (row.account_id === null) return await this.#adopt(row.connector_id, event);
      const owner = present.get(row.account_id);
      if (owner === undefined) return { kind: 'ignore', reason: 'The account was deleted.' };
      const { mappings, fetchRecord } = this.#parts;
      const outcome = await resolveEvent(event, { connector, mappings, owner, inboundEventId: row.id, receivedAt: row.received_at, source: row.source, replayed: work.replayed, fetch: (model, id) => fetchRecord(owner, model, id) });
      return outcome.kind === 'thin' ? { kind: 'dead', reason: 'The record could not be fetched here.' } : outcome;
    } catch (error) {
      this.#parts.log.error({ err: error, eventId: row.id }, 'inbound: an event could not be worked on');
      return { kind: 'retry', reason: `Working on it failed: ${error instanceof Error ? error.message : 'unknown'}`, delayMs: null, counted: true, wholeAccount: false };
    }
  }

  async #adopt(connectorId: string, event: ReadEvent): Promise<Outcome | Adoption> {
    const owners = (await findOwners(this.#parts.pool, connectorId, event.accounts))(event.accounts);
    return owners.length === 0 ? { kind: 'retry', reason: accountUnknown(event), delayMs: null, counted: true, wholeAccount: false } : { kind: 'adopt', event, owners };
  }

  async #settle(work: Work, outcome: Outcome | Adoption | SplitAgain): Promise<void> {
    if (outcome.kind !== 'retry') return this.#store(work, outcome);
    const { pool, random } = this.#parts;
    const scheduled = retryDelayMs(work.attempts, random());
    if (outcome.counted && scheduled === undefined) return this.#store(work, { kind: 'dead', reason: `${outcome.reason} It was tried ${maxAttempts} times.` });
    const delayMs = Math.max(outcome.delayMs ?? 0, outcome.counted ? (scheduled ?? 0) : 0);
    await transaction(pool, async (client) => {
      if (!(await postponeWork(client, work, delayMs, outcome.counted))) return;
      await settleEvents(client, [{ ...settledOf(work, 'pending', outcome.reason), attempts: work.attempts }]);
    });
    if (outcome.wholeAccount && work.event.account_id !== null) await holdAccount(pool, work.event.account_id, delayMs);
  }

  /** What the database refuses for what is in it would be refused for ever, and hold up what comes after it. */
  async #store(work: Work, end: End): Promise<void> {
    try {
      await this.#finisher.store({ work, end });
    } catch (error) {
      if (!isDataFault(error)) throw error;
      await this.#finisher.store({ work, end: { kind: 'dead', reason: `The database cannot take what came of it: ${error.message}` } });
    }
  }

  async #finish(ended: readonly Ended[]): Promise<void> {
    const { pool, counts, now } = this.#parts;
    const settled = await transaction(pool, async (client) => {
      const ours = await finishWork(client, ended.map(({ work }) => work));
      const kept = ended.filter(({ work }) => ours.has(work.seq));
      const rows: Settled[] = [];
      for (const { work, end } of kept) rows.push(await endOf(client, work, end));
      await settleEvents(client, rows);
      await publishEvents(client, kept.flatMap(({ end }) => (end.kind === 'publish' ? end.events : [])));
      return kept.flatMap(({ work, end }, index) => (end.kind === 'adopt' || end.kind === 'split again' ? [] : [{ event: { ...work.event, state: rows[index]?.state ?? ('pending' as const), unified_type: rows[index]?.unifiedType ?? null }, replayed: work.replayed }]));
    });
    for (const { event, replayed } of settled) counts.settled(event, now(), { replayed });
  }
}

class Sums implements UnderWay {
  total = 0;
  readonly byConnector = new Map<string, number>();
  readonly byAccount = new Map<string, number>();

  add({ event: { connector_id: connector, account_id: account } }: Work, amount: number): void {
    this.total += amount;
    this.byConnector.set(connector, (this.byConnector.get(connector) ?? 0) + amount);
    if (account !== null) this.byAccount.set(account, (this.byAccount.get(account) ?? 0) + amount);
  }
}

const union = (one: readonly string[], other: readonly string[]): readonly string[] => [...new Set([...one, ...other])];

const readAgain = (reading: ReturnType<typeof readEvents>): readonly ReadEvent[] | string => (reading.ok ? reading.events : reading.message);

function settledOf({ event, attempts }: Work, state: Settled['state'], reason: string | null): Settled {
  // An event's first look, when it was split, is an attempt too.
  return { receivedAt: event.received_at, id: event.id, state, reason, attempts, accountId: event.account_id, tenantId: event.tenant_id, published: [], unifiedType: null };
}

async function endOf(client: Queryable, work: Work, end: End): Promise<Settled> {
  if (end.kind === 'adopt') return adopt(client, work, end);
  if (end.kind === 'split again') {
    await client.query('insert into inbound_queue (lane, request_ids, bytes) values (0, array[$1], $2)', [work.event.request_id, end.bytes]);
    return settledOf(work, 'ignored', 'Its request can be read now: it goes on as the events in it.');
  }
  if (end.kind !== 'publish') return settledOf(work, end.kind === 'dead' ? 'dead' : 'ignored', end.reason);
  return { ...settledOf(work, 'processed', null), published: end.events.map(({ id }) => id), unifiedType: end.unifiedType };
}

/** The event goes on as one of each account; of those that came again meanwhile and were known, nothing is made. */
async function adopt(client: Queryable, work: Work, { event, owners }: Adoption): Promise<Settled> {
  const { event: former } = work;
  const rows = owners.map((owner): NewEventRow => ({
    ...former,
    id: newId('ibe', former.received_at.getTime()),
    account_id: owner.accountId,
    tenant_id: owner.tenantId,
    dedupe_key: dedupeKey(former.connector_id, owner.accountId, event.id),
    order_key: orderKey(owner.accountId, event.orderKey),
    state: 'pending',
    reason: null,
  }));
  const fresh = await noteKeys(client, rows.map(({ id, dedupe_key: key }) => ({ key, eventId: id })));
  const made = rows.filter(({ id }) => fresh.has(id));
  await insertEvents(client, made);
  await enqueueWork(client, made.map((row) => ({ receivedAt: row.received_at, eventId: row.id, connectorId: row.connector_id, accountId: row.account_id, orderKey: row.order_key, delayMs: 0 })));
  return settledOf(work, 'ignored', `Its account was found: it goes on as ${made.map(({ id }) => id).join(', ') || 'an event that came again meanwhile'}.`);
}
