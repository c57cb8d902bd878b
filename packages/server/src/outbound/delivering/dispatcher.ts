/**
 * Delivers what is due. Takes lanes (one endpoint, one node at a time, under a lease), reads what is due at them as far as
 * they have room, sends, and hands results to the writer. Nothing is written when an attempt begins: a process that dies
 * leaves its deliveries in the queue as they were, to be sent again under the same webhook-id once its leases have ended.
 */
import { LRUCache } from 'lru-cache';
import { decide, type Decision } from '@evenkeel/core/outbound/delivery-decision.ts';
import { defaultHealthPolicy, type HealthPolicy } from '@evenkeel/core/outbound/endpoint-health.ts';
import { defaultRetrySchedule } from '@evenkeel/core/outbound/retry-schedule.ts';
import type { Vault } from '../../accounts/vault/vault.ts';
import type { Pool } from '../../database/pool.ts';
import { newId } from '../../identifier.ts';
import type { Log } from '../../log.ts';
import type { Observer } from '../../telemetry/observation.ts';
import type { Cancellation, UpstreamClient } from '../../upstream/client.ts';
import { cancelErased } from '../delivery-store.ts';
import { openSecrets } from '../endpoint-secrets.ts';
import { findEndpoint } from '../endpoint-store.ts';
import type { DisableEndpoint } from '../endpoint-disabling.ts';
import { DeliveryCounters, type DeliveryCounts } from './delivery-counters.ts';
import { configurationOf, Lane, type LaneConfiguration } from './lane.ts';
import { claimLanes, releaseLanes, renewLanes } from './lane-store.ts';
import { readDue, readEvents, type DueDelivery, type WantedLane } from './queue.ts';
import type { ResultRow } from './result-store.ts';
import { ResultWriter } from './result-writer.ts';
import { messageOf, send, type Answered, type Message } from './sender.ts';

export interface DispatcherParts {
  readonly pool: Pool;
  readonly vault: Pick<Vault, 'open' | 'seal'>;
  readonly upstream: UpstreamClient;
  readonly log: Log;
  readonly now: () => number;
  readonly random: () => number;
  /** Names this process in leases. */
  readonly owner: string;
  readonly disable: DisableEndpoint;
  readonly observer: Observer;
  readonly limits?: Partial<DispatcherLimits>;
  readonly health?: Partial<HealthPolicy>;
  readonly schedule?: readonly number[];
}

export interface DispatcherLimits {
  /** Attempts under way on this node. */
  readonly concurrent: number;
  readonly leaseMs: number;
  /** Longest sleep while nothing happens. */
  readonly idlePollMs: number;
  /** And for a second after something did. */
  readonly busyPollMs: number;
  /** How long attempts under way may go on when the node ends. */
  readonly drainMs: number;
}

const defaultLimits: DispatcherLimits = { concurrent: 1024, leaseMs: 10_000, idlePollMs: 500, busyPollMs: 25, drainMs: 20_000 };
/** Between two looks, so that what comes together is read together. */
const gatherMs = 8;
/** Results that wait to be written before no more is begun. */
const maxUnwritten = 5_000;
const idleLaneMs = 10_000;

export class Dispatcher {
  readonly #parts: DispatcherParts;
  readonly #limits: DispatcherLimits;
  readonly #policy: HealthPolicy;
  readonly #writer: ResultWriter;
  readonly #lanes = new Map<string, Lane>();
  readonly #messages = new LRUCache<string, Message>({ max: 2_000, maxSize: 32 * 1024 * 1024, sizeCalculation: ({ body }) => body.length + 500 });
  readonly #underWay = new Set<Cancellation>();
  readonly #counters: DeliveryCounters;
  /** Deliveries whose results are written: forgotten before the next look, not during one, which may not show it yet. */
  #written: { readonly lane: Lane; readonly id: string }[] = [];
  #sending = 0;
  #closing = false;
  #wake: (() => void) | null = null;
  #woken = false;
  #busyUntil = 0;
  #discoverAt = 0;
  #lookAt = 0;
  #renewAt = 0;
  #running: Promise<void> | null = null;

  constructor(parts: DispatcherParts) {
    this.#parts = parts;
    this.#limits = { ...defaultLimits, ...parts.limits };
    this.#policy = { ...defaultHealthPolicy, ...parts.health };
    this.#counters = new DeliveryCounters(parts.observer);
    this.#writer = new ResultWriter({ pool: parts.pool, log: parts.log, owner: parts.owner, aheadMs: () => this.#aheadMs() });
  }

  get counts(): DeliveryCounts {
    return this.#counters.snapshot({ underWay: this.#sending, unwritten: this.#writer.waiting, lanes: this.#lanes.size });
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** Something may be due that was not before. */
  notify(): void {
    this.#discoverAt = 0;
    for (const lane of this.#lanes.values()) lane.stale = true;
    this.#poke();
  }

  /** Begins nothing more, lets attempts under way end for a while, writes their results, gives the lanes back. */
  async close(): Promise<void> {
    this.#closing = true;
    this.#poke();
    await this.#running;
    const until = performance.now() + this.#limits.drainMs;
    while (this.#sending > 0 && performance.now() < until) await this.#sleep(50);
    // Nothing is known about these: they stay in the queue, due at once for whoever takes the lane.
    for (const { cancel } of this.#underWay) cancel?.();
    const lost = await this.#writer.close(10_000);
    if (lost > 0) this.#parts.log.error({ results: lost }, 'outbound: results could not be written before the end; these deliveries will be sent again');
    await releaseLanes(this.#parts.pool, this.#parts.owner, [...this.#lanes.keys()]).catch((error: unknown) => this.#parts.log.warn({ err: error }, 'outbound: lanes could not be given back; their leases will end'));
  }

  async #run(): Promise<void> {
    let failures = 0;
    while (!this.#closing) {
      try {
        const begun = await this.#cycle();
        failures = 0;
        if (begun > 0) this.#busyUntil = performance.now() + 1_000;
      } catch (error) {
        failures += 1;
        if (failures === 1) this.#parts.log.error({ err: error }, 'outbound: the queue of deliveries cannot be read, trying again');
      }
      if (this.#closing) return;
      if (failures > 0) await this.#sleep(Math.min(5_000, 100 * 2 ** failures));
      else {
        await new Promise((resolve) => setTimeout(resolve, gatherMs));
        await this.#sleep((performance.now() < this.#busyUntil ? this.#limits.busyPollMs : this.#limits.idlePollMs) - gatherMs);
      }
    }
  }

  /** One look at the queue. Returns how many attempts were begun. */
  async #cycle(): Promise<number> {
    const nowMs = performance.now();
    if (nowMs >= this.#renewAt) await this.#keepLanes();
    if (nowMs >= this.#discoverAt) await this.#discover();
    // Not every event gives a notice (publish.ts): lanes are looked at again and again while there is something to do.
    if (nowMs >= this.#lookAt) {
      this.#lookAt = nowMs + this.#limits.busyPollMs;
      for (const lane of this.#lanes.values()) lane.stale = true;
    }
    return this.#dispatch();
  }

  /** Looking costs a little for each endpoint with a queue, so the pause grows with what it took. */
  async #discover(): Promise<void> {
    const { pool, owner, now } = this.#parts;
    const startedAt = performance.now();
    this.#discoverAt = startedAt + this.#limits.idlePollMs;
    const claimed = await claimLanes(pool, { owner, leaseMs: this.#limits.leaseMs, atMost: 500, aheadMs: this.#aheadMs() });
    for (const { endpointId, health } of claimed) {
      const known = this.#lanes.get(endpointId);
      // A lane that was taken from us and is taken again: what is under way stays known, but how the endpoint fares is what
      // the database says, or one that was enabled anew would go on being spared, or be disabled, for what was before.
      if (known === undefined) this.#lanes.set(endpointId, new Lane(endpointId, health, now()));
      else known.health = health;
    }
    for (const lane of this.#lanes.values()) lane.stale = true;
    const endedAt = performance.now();
    this.#discoverAt = Math.max(this.#discoverAt, endedAt + 20 * (endedAt - startedAt));
  }

  /** Renews leases, forgets lanes that were lost, gives back those with nothing to do. */
  async #keepLanes(): Promise<void> {
    const { pool, owner, log } = this.#parts;
    this.#renewAt = performance.now() + this.#limits.leaseMs / 3;
    if (this.#lanes.size === 0) return;
    const held = await renewLanes(pool, owner, [...this.#lanes.keys()], this.#limits.leaseMs);
    const idle: string[] = [];
    for (const [id, lane] of this.#lanes) {
      if (lane.known.size > 0) lane.idleSinceMs = 0;
      else if (lane.idleSinceMs === 0) lane.idleSinceMs = performance.now();
      if (!held.has(id)) {
        log.warn({ endpoint: id }, 'outbound: the lease of a lane had ended, it is no longer worked here');
        this.#lanes.delete(id);
      } else if (lane.idleSinceMs > 0 && performance.now() - lane.idleSinceMs > idleLaneMs) {
        idle.push(id);
        this.#lanes.delete(id);
      }
    }
    await releaseLanes(pool, owner, idle);
  }

  async #dispatch(): Promise<number> {
    if (this.#writer.waiting > maxUnwritten) return 0;
    for (const { lane, id } of this.#written) lane.known.delete(id);
    this.#written = [];
    const wanted = this.#wantedLanes();
    if (wanted.length === 0) return 0;
    const { pool, owner } = this.#parts;
    const rows = await readDue(pool, wanted, { owner, aheadMs: this.#aheadMs() });
    const fresh = rows.filter((row) => this.#lanes.get(row.endpoint_id)?.known.has(row.id) === false);
    const messages = await this.#messagesOf(fresh);
    const erased = new Set([...messages.values()].flatMap(({ event }) => (event.is_erased ? [event.id] : [])));
    if (erased.size > 0) await cancelErased(pool, [...erased]);
    await this.#configure(fresh);
    const readOf = new Map<string, number>();
    for (const { endpoint_id: id } of rows) readOf.set(id, (readOf.get(id) ?? 0) + 1);
    for (const { endpointId, wanted: most } of wanted) {
      const lane = this.#lanes.get(endpointId);
      if (lane !== undefined) lane.stale = (readOf.get(endpointId) ?? 0) >= most;
    }
    let begun = 0;
    for (const row of fresh) if (!erased.has(row.event_id) && this.#begin(row, messages.get(row.event_id))) begun += 1;
    return begun;
  }

  #wantedLanes(): WantedLane[] {
    const nowMs = this.#parts.now();
    const wanted: WantedLane[] = [];
    for (const lane of this.#lanes.values()) {
      if (!lane.stale) continue;
      const free = lane.free(nowMs, this.#limits.concurrent - this.#sending);
      if (free > 0) wanted.push({ endpointId: lane.endpointId, wanted: free + lane.known.size, paused: lane.isPaused(nowMs) });
    }
    return wanted;
  }

  async #messagesOf(rows: readonly DueDelivery[]): Promise<Map<string, Message>> {
    const found = new Map<string, Message>();
    const missing = new Set<string>();
    for (const { event_id: id, cause } of rows) {
      // What was asked for again may have been erased since: it is read anew.
      const message = cause === 'event' ? this.#messages.get(id) : undefined;
      if (message === undefined) missing.add(id);
      else found.set(id, message);
    }
    if (missing.size === 0) return found;
    for (const event of await readEvents(this.#parts.pool, [...missing])) {
      const message = messageOf(event);
      found.set(event.id, message);
      this.#messages.set(event.id, message);
    }
    return found;
  }

  /** Reads endpoints anew that have changed since their lane was configured. */
  async #configure(rows: readonly DueDelivery[]): Promise<void> {
    const stale = new Set(rows.filter((row) => this.#lanes.get(row.endpoint_id)?.configuration?.revision !== row.revision).map(({ endpoint_id: id }) => id));
    await Promise.all([...stale].map((id) => this.#configureLane(id)));
  }

  async #configureLane(endpointId: string): Promise<void> {
    const { pool, vault, schedule } = this.#parts;
    const lane = this.#laneOf(endpointId);
    const endpoint = await findEndpoint(pool, endpointId, null);
    if (endpoint === undefined || endpoint.disabled_at !== null) lane.configuration = null;
    else lane.configuration = configurationOf(endpoint, await openSecrets(pool, vault, endpointId), schedule ?? defaultRetrySchedule);
  }

  #laneOf(endpointId: string): Lane {
    const present = this.#lanes.get(endpointId);
    if (present === undefined) throw new Error(`the lane of ${endpointId} is not held`);
    return present;
  }

  /** False when the lane has no room for it after all; it is read again then. */
  #begin(row: DueDelivery, message: Message | undefined): boolean {
    const lane = this.#lanes.get(row.endpoint_id);
    const configuration = lane?.configuration;
    if (this.#closing || lane === undefined || configuration === null || configuration === undefined || configuration.revision !== row.revision) return false;
    if (lane.free(this.#parts.now(), this.#limits.concurrent - this.#sending) < 1) {
      lane.stale = true;
      return false;
    }
    lane.began(row.id);
    this.#sending += 1;
    void this.#attempt(lane, configuration, row, message);
    return true;
  }

  async #attempt(lane: Lane, configuration: LaneConfiguration, row: DueDelivery, message: Message | undefined): Promise<void> {
    const { upstream, now, log } = this.#parts;
    const atMs = now();
    const cancellation: Cancellation = {};
    this.#underWay.add(cancellation);
    let answered: Answered | null = null;
    try {
      answered = message === undefined ? eventGone : await send(upstream, configuration, message, { deliveryId: row.id, number: row.attempts + 1, isTest: row.cause === 'test' || message.event.is_test, nowMs: atMs }, cancellation);
    } catch (error) {
      log.error({ err: error, delivery: row.id }, 'outbound: an attempt failed inside');
    }
    this.#underWay.delete(cancellation);
    this.#sending -= 1;
    lane.sending -= 1;
    lane.stale = true;
    if (answered === null) lane.known.delete(row.id);
    else this.#finish(lane, configuration, row, { answered, atMs });
    this.#poke();
  }

  #finish(lane: Lane, configuration: LaneConfiguration, row: DueDelivery, outcome: { answered: Answered; atMs: number }): void {
    const { now, random, disable, log } = this.#parts;
    const { answered } = outcome;
    const before = lane.health;
    const decision = decide({ delivery: { id: row.id, step: row.step }, health: before }, answered.result, { schedule: configuration.schedule, health: this.#policy }, now(), random());
    lane.health = decision.health;
    this.#counters.count(row, configuration, decision, outcome, now());
    const written = (): void => {
      this.#written.push({ lane, id: row.id });
      lane.stale = true;
      this.#poke();
      for (const { reason } of decision.effects) disable(row.endpoint_id, reason).catch((error: unknown) => log.error({ err: error, endpoint: row.endpoint_id }, 'outbound: an endpoint could not be disabled; its next failure tries again'));
    };
    this.#writer.push({ row: resultRow(row, decision, answered, outcome.atMs), written }, decision.health === before ? null : decision.health);
  }

  /** How far the clock of this process is ahead of the real one: 0 but in tests. */
  #aheadMs(): number {
    return Math.round(this.#parts.now() - Date.now());
  }

  #poke(): void {
    this.#woken = true;
    this.#wake?.();
  }

  async #sleep(ms: number): Promise<void> {
    if (!this.#woken && ms > 0) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, ms);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    this.#wake = null;
    this.#woken = false;
  }
}

/** The event was dropped by retention while its delivery waited: nothing can be sent. */
const eventGone: Answered = {
  result: { kind: 'failure', error: 'invalid', status: null, message: 'The event is beyond retention, so there is nothing to send any more.' },
  durationUs: 0,
  body: null,
  truncated: false,
  contentType: null,
};

function resultRow(row: DueDelivery, { next }: Decision, { result, durationUs, body, truncated, contentType }: Answered, atMs: number): ResultRow {
  return {
    delivery_id: row.id,
    endpoint_id: row.endpoint_id,
    attempt_id: newId('att', atMs),
    number: row.attempts + 1,
    cause: row.cause,
    at: new Date(atMs),
    duration_us: durationUs,
    succeeded: result.kind === 'success',
    status: result.status,
    error: result.kind === 'failure' ? result.error : null,
    message: result.kind === 'failure' ? result.message.replaceAll('\0', '').toWellFormed() : null,
    response_body: body === null || body.length === 0 ? null : Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('base64'),
    response_truncated: truncated,
    response_type: contentType,
    requested: row.requested,
    state: next.kind === 'retry' ? null : next.kind,
    reason: next.kind === 'failed' ? next.reason : null,
    step: next.kind === 'retry' ? next.step : null,
    retry_in_ms: next.kind === 'retry' ? next.inMs : null,
  };
}
