/**
 * Refreshes tokens before they end, whether or not anybody calls. What is due, and when again, stands in the database;
 * this process only takes from it, as much as each connector and its own limits allow, the soonest to end first. Many
 * nodes do so side by side; one that dies leaves leases that end, and what it had begun is due again.
 */
import { allowance, isClosed } from '@evenkeel/core/accounts/refresh-brake.ts';
import { concurrencyOf } from '@evenkeel/core/accounts/refresh-rules.ts';
import type { Pool } from '../../database/pool.ts';
import type { Log } from '../../log.ts';
import type { RefreshBrakes } from './refresh-brakes.ts';
import { RefreshCounters, type RefreshCounts } from './refresh-counters.ts';
import type { RefreshPace } from './refresh-pace.ts';
import { readQueueHeads, takeDue, type DueRefresh } from './refresh-queue.ts';
import type { Renewal } from './refresh-run.ts';
import { leaseMs } from './refresh-store.ts';
import type { Refresher } from './refresher.ts';
import type { ConnectorSource } from '../vendor.ts';

export interface SchedulerParts {
  readonly pool: Pool;
  readonly refresher: Pick<Refresher, 'run'>;
  readonly pace: RefreshPace;
  readonly brakes: RefreshBrakes;
  readonly connectors: ConnectorSource;
  readonly log: Log;
  readonly now: () => number;
  /** Names this process in leases. */
  readonly owner: string;
  readonly limits?: Partial<SchedulerLimits>;
}

export interface SchedulerLimits {
  /** Refreshes under way on this node. */
  readonly concurrent: number;
  /** Longest sleep: how late news of an earlier due time (a new account, another node's failure) can be noticed. */
  readonly pollMs: number;
}

export interface RefreshScheduler {
  start(): void;
  /** Begins what is due now and can be; resolves with how many were begun. The clock calls it by itself after `start`. */
  tick(): Promise<number>;
  /** Resolves when what was begun is over. */
  settled(): Promise<void>;
  counts(): RefreshCounts;
  /** Begins nothing more, waits for what is under way. */
  close(): Promise<void>;
}

const defaultLimits: SchedulerLimits = { concurrent: 128, pollMs: 1_000 };
/** After a refresh ended, others that end at the same time are waited for before the next are taken. */
const gatherMs = 15;

export function createRefreshScheduler(parts: SchedulerParts): RefreshScheduler {
  return new Scheduler(parts);
}

class Scheduler implements RefreshScheduler {
  readonly #parts: SchedulerParts;
  readonly #limits: SchedulerLimits;
  readonly #running = new Map<string, number>();
  readonly #underWay = new Set<Promise<void>>();
  readonly #counters = new RefreshCounters();
  #heads = new Map<string, number>();
  #turn = 0;
  /** There was more to begin than the pace of all nodes allows. */
  #paced = false;
  #timer: NodeJS.Timeout | undefined;
  #wakesAt = Infinity;
  #ticking: Promise<number> | undefined;
  #state: 'idle' | 'started' | 'closed' = 'idle';

  constructor(parts: SchedulerParts) {
    this.#parts = parts;
    this.#limits = { ...defaultLimits, ...parts.limits };
  }

  start(): void {
    if (this.#state !== 'idle') return;
    this.#state = 'started';
    this.#wakeIn(0);
  }

  tick(): Promise<number> {
    if (this.#state === 'closed') return Promise.resolve(0);
    this.#ticking ??= this.#begin().finally(() => (this.#ticking = undefined));
    return this.#ticking;
  }

  async settled(): Promise<void> {
    while (this.#underWay.size > 0) await Promise.all(this.#underWay);
  }

  counts(): RefreshCounts {
    return this.#counters.read(this.#underWay.size, this.#parts.brakes.closed);
  }

  async close(): Promise<void> {
    this.#state = 'closed';
    clearTimeout(this.#timer);
    await this.#ticking?.catch(() => undefined);
    await this.settled();
  }

  /** One look at the queue. Connectors take turns in being first, so that none starves behind another's backlog. */
  async #begin(): Promise<number> {
    const { pool, now, brakes } = this.#parts;
    const [heads] = await Promise.all([readQueueHeads(pool), brakes.read()]);
    this.#heads = new Map(heads.map(({ connectorId, dueAtMs }) => [connectorId, dueAtMs]));
    const due = heads.filter(({ dueAtMs }) => dueAtMs <= now());
    this.#turn += 1;
    this.#paced = false;
    let begun = 0;
    for (let index = 0; index < due.length; index += 1) {
      const head = due[(index + this.#turn) % due.length];
      if (head !== undefined && this.#state !== 'closed') begun += await this.#take(head.connectorId);
    }
    return begun;
  }

  async #take(connectorId: string): Promise<number> {
    const { pool, now, owner, connectors, pace, brakes } = this.#parts;
    const maxConcurrent = allowance(brakes.of(connectorId), concurrencyOf(connectors.get(connectorId)?.connector.manifest.auth ?? []), now());
    const running = this.#running.get(connectorId) ?? 0;
    const wanted = Math.min(maxConcurrent - running, this.#limits.concurrent - this.#underWay.size);
    if (wanted <= 0) return 0;
    const atMost = await pace.take(wanted);
    if (atMost < wanted) this.#paced = true;
    if (atMost <= 0) return 0;
    const claimedAtMs = performance.now();
    const taken = await takeDue(pool, { connectorId, owner, nowMs: now(), leaseMs, atMost, maxConcurrent });
    pace.used(taken.length);
    for (const one of taken) this.#perform(one, claimedAtMs);
    if (taken.length < atMost) this.#heads.delete(connectorId);
    return taken.length;
  }

  #perform(due: DueRefresh, claimedAtMs: number): void {
    const { refresher, log, now } = this.#parts;
    const { row } = due;
    const connectorId = row.connector_id;
    this.#counters.lag(now() - due.dueAtMs);
    this.#running.set(connectorId, (this.#running.get(connectorId) ?? 0) + 1);
    const work = refresher
      .run({ row, claimedAtMs, actor: 'system:scheduler' })
      .then((renewal) => this.#count(row, renewal))
      // The lease stays until it ends, and then the refresh is due again.
      .catch((error: unknown) => log.error({ err: error, accountId: row.account_id, connector: connectorId }, 'accounts: a scheduled refresh failed inside and will be repeated'))
      .finally(() => {
        this.#underWay.delete(work);
        const left = (this.#running.get(connectorId) ?? 1) - 1;
        if (left === 0) this.#running.delete(connectorId);
        else this.#running.set(connectorId, left);
        this.#wakeIn(gatherMs);
      });
    this.#underWay.add(work);
  }

  #count({ expires_at: endedAt }: DueRefresh['row'], renewal: Renewal): void {
    const counters = this.#counters;
    switch (renewal.kind) {
      case 'renewed':
        counters.refreshed += 1;
        if (endedAt !== null && endedAt.getTime() <= this.#parts.now()) counters.late += 1;
        return;
      case 'rejected':
        counters.refused += 1;
        return;
      case 'fixed':
        counters.spared += 1;
        return;
      case 'failed':
        counters.failed += 1;
    }
  }

  /** Keeps the earlier of two wake-ups. */
  #wakeIn(ms: number): void {
    if (this.#state !== 'started') return;
    const at = performance.now() + ms;
    if (at >= this.#wakesAt) return;
    clearTimeout(this.#timer);
    this.#wakesAt = at;
    this.#timer = setTimeout(() => void this.#wake(), ms);
  }

  async #wake(): Promise<void> {
    this.#wakesAt = Infinity;
    try {
      await this.tick();
      this.#wakeIn(this.#sleepMs());
    } catch (error) {
      this.#parts.log.warn({ err: error }, 'accounts: the queue of refreshes could not be read; trying again');
      this.#wakeIn(this.#limits.pollMs);
    }
  }

  /** Until the next due time that can be acted on; the end of a refresh wakes by itself. */
  #sleepMs(): number {
    const { brakes, pace } = this.#parts;
    const nowMs = this.#parts.now();
    let sleep = this.#limits.pollMs;
    for (const [connectorId, dueAtMs] of this.#heads) {
      const brake = brakes.of(connectorId);
      const wait = Math.max(dueAtMs, isClosed(brake) ? brake.untilMs : 0) - nowMs;
      // Due and not taken: for want of a slot (its end wakes us) or of the rate.
      sleep = Math.min(sleep, wait > 0 ? wait : this.#paced ? Math.max(gatherMs * 4, 10_000 / pace.perSecond) : gatherMs * 4);
    }
    return Math.max(1, sleep);
  }
}
