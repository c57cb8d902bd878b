/**
 * A node's counting: everything observed is added up in memory and written twice a second, one row each half, also when
 * it is empty: that is the node's heartbeat, and its last row says how far its counts are stored. A process that is killed
 * loses what its next rows would have held, half a second and the write under way; a graceful end writes all. While the
 * database is slow or away rows wait within a bound.
 */
import { writeSeriesIds } from '@evenkeel/core/telemetry/counts-codec.ts';
import type { Notifications } from '../../database/notifications.ts';
import type { Queryable } from '../../database/pool.ts';
import type { Log } from '../../log.ts';
import type { Observation, Observer } from '../observation.ts';
import { DatabaseClock } from './database-clock.ts';
import { halfMs, insertHalves, insertNode, type HalfSecond } from './second-store.ts';
import { SeriesCounter, type CountedWindow, type LiveSeries } from './series-counter.ts';
import { resolveSeries } from './series-store.ts';

export interface NodeCounterParts {
  readonly database: Queryable;
  readonly log: Log;
  readonly nodeId: string;
  readonly maxSeries?: number;
  /** Sees every series that was counted in a half second, as that ends. */
  readonly ended?: (series: LiveSeries) => void;
  /** Bytes of counts that wait for the database at most; default 32 MiB. */
  readonly maxQueuedBytes?: number;
  /** Rows that wait for the database at most, one each half second; default 2,000. Older ones are a span of time that is lost. */
  readonly maxQueuedRows?: number;
  /** Shows to all nodes that this one is there: without it, rows that stop are taken for its death. */
  readonly presence?: Pick<Notifications, 'show'>;
}

export interface CountingFigures {
  readonly series: number;
  readonly overflowed: number;
  readonly observed: number;
  /** Observations that failed inside: a bug, and never the caller's affair. */
  readonly failed: number;
  readonly queuedBytes: number;
  readonly lostHalves: number;
  /** Of the last write, from the end of the half second to the commit. */
  readonly writeMs: number;
  readonly clockOffsetMs: number;
}

interface Waiting {
  readonly half: number;
  readonly beat: boolean;
  readonly last: boolean;
  /** Null: given up. */
  window: CountedWindow | null;
}

/** A process that stood still no longer than this still counts as having lived. */
const toleratedHalves = 10;
/** Series that rested for ten minutes are forgotten, looked for every minute. */
const restingHalves = 1200;
const sweepEvery = 120;
/** Rows of one write. */
const batchRows = 50;
const batchLostRows = 2_000;

export class NodeCounter implements Observer {
  readonly #parts: NodeCounterParts;
  readonly #counter: SeriesCounter;
  readonly #clock = new DatabaseClock();
  readonly #queue: Waiting[] = [];
  #half = 0;
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> | undefined;
  /** Half seconds of which the rows were dropped and it is not written yet. */
  #dropped: { from: number; to: number } | undefined;
  #ended = false;
  #observed = 0;
  #failed = 0;
  #queuedBytes = 0;
  #lostHalves = 0;
  #writeMs = 0;
  #failedWrites = 0;

  private constructor(parts: NodeCounterParts) {
    this.#parts = parts;
    this.#counter = new SeriesCounter(parts.maxSeries, parts.ended);
  }

  /** Registers the node and begins. Nothing before the next half second is a heartbeat; what is observed counts in it. */
  static async start(parts: NodeCounterParts): Promise<NodeCounter> {
    const counter = new NodeCounter(parts);
    await parts.presence?.show(parts.nodeId);
    const sentAtMs = Date.now();
    counter.#clock.learn(sentAtMs, await insertNode(parts.database, parts.nodeId, parts.presence !== undefined), Date.now());
    counter.#half = Math.floor(counter.#clock.now() / halfMs) + 1;
    counter.#schedule();
    return counter;
  }

  get figures(): CountingFigures {
    return {
      ...this.#counter.figures,
      observed: this.#observed,
      failed: this.#failed,
      queuedBytes: this.#queuedBytes,
      lostHalves: this.#lostHalves,
      writeMs: this.#writeMs,
      clockOffsetMs: this.#clock.offsetMs,
    };
  }

  observe(observation: Observation): void {
    this.#observed += 1;
    try {
      this.#counter.count(observation);
    } catch (error) {
      this.#failed += 1;
      if (this.#failed === 1) this.#parts.log.error({ err: error }, 'telemetry: an observation could not be counted');
    }
  }

  /** Writes everything observed until now, and the mark that this node ended of itself. */
  async close(withinMs = 5_000): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    clearTimeout(this.#timer);
    this.#turn(true);
    const late = Promise.withResolvers<void>();
    const timer = setTimeout(late.resolve, withinMs);
    await Promise.race([this.#drain(performance.now() + withinMs), late.promise]);
    clearTimeout(timer);
    if (this.#queue.length > 0 || this.#dropped !== undefined) this.#parts.log.error({ halves: this.#queue.length }, 'telemetry: the last counts could not be written and are lost');
  }

  #schedule(): void {
    this.#timer = setTimeout(() => this.#tick(), Math.max(1, (this.#half + 1) * halfMs - this.#clock.now()));
    this.#timer.unref();
  }

  #tick(): void {
    if (Math.floor(this.#clock.now() / halfMs) > this.#half) this.#turn(false);
    this.#schedule();
    void this.#write();
  }

  /** Ends the present half; those that passed meanwhile were lived through as well, if slowly, unless they are many. */
  #turn(last: boolean): void {
    const now = Math.max(this.#half + (last ? 0 : 1), Math.floor(this.#clock.now() / halfMs));
    this.#enqueue({ half: this.#half, beat: !last || now > this.#half, last: last && now === this.#half, window: this.#counter.turn() });
    const skipped = now - this.#half - 1;
    if (skipped > 0 && skipped <= toleratedHalves) {
      for (let half = this.#half + 1; half < now; half += 1) this.#enqueue({ half, beat: true, last: false, window: null });
    }
    if (last && now > this.#half) this.#enqueue({ half: now, beat: false, last: true, window: null });
    this.#half = now;
    if (now % sweepEvery === 0) this.#counter.forgetResting(restingHalves);
  }

  #enqueue(row: Waiting): void {
    this.#queue.push(row);
    this.#queuedBytes += row.window?.packed.length ?? 0;
    const { maxQueuedBytes = 32 * 1024 * 1024 } = this.#parts;
    for (const waiting of this.#queue) {
      if (this.#queuedBytes <= maxQueuedBytes) break;
      this.#giveUp(waiting);
    }
    const { maxQueuedRows = 2_000 } = this.#parts;
    // Not during a write: it takes out as many of the oldest as it wrote.
    if (this.#writing === undefined && this.#queue.length > maxQueuedRows) this.#dropOldest(this.#queue.length - maxQueuedRows);
  }

  #giveUp(waiting: Waiting): void {
    if (waiting.window === null || waiting.window.series.length === 0) return;
    this.#queuedBytes -= waiting.window.packed.length;
    this.#lostHalves += 1;
    waiting.window = { series: [], packed: lostMark };
  }

  /** A database that is away for long: of the oldest rows it is only kept from when to when they were. */
  #dropOldest(rows: number): void {
    for (const waiting of this.#queue.splice(0, rows)) {
      this.#giveUp(waiting);
      this.#dropped = { from: this.#dropped?.from ?? waiting.half, to: waiting.half };
    }
  }

  async #drain(untilMs: number): Promise<void> {
    while ((this.#queue.length > 0 || this.#dropped !== undefined) && performance.now() < untilMs) await this.#write();
  }

  /** One write at a time; rows that came meanwhile go with the next. */
  #write(): Promise<void> {
    this.#writing ??= this.#writeBatch().finally(() => {
      this.#writing = undefined;
    });
    return this.#writing;
  }

  async #writeBatch(): Promise<void> {
    if (this.#dropped !== undefined) return this.#writeDropped(this.#dropped);
    const batch = this.#queue.slice(0, batchRows);
    if (batch.length === 0) return;
    const { database, nodeId, log } = this.#parts;
    try {
      await this.#identify(batch);
      const sentAtMs = Date.now();
      const nowMs = await insertHalves(database, nodeId, batch.map(rowOf));
      this.#clock.learn(sentAtMs, nowMs, Date.now());
      this.#writeMs = nowMs - ((batch.at(-1)?.half ?? 0) + 1) * halfMs;
      if (this.#failedWrites > 0) log.info({ waited: this.#queue.length }, 'telemetry: counts are written again');
      this.#failedWrites = 0;
      this.#queue.splice(0, batch.length);
      for (const { window } of batch) this.#queuedBytes -= window?.packed.length ?? 0;
    } catch (error) {
      await this.#failedToWrite(error);
    }
  }

  /** Says of the oldest half seconds that they are lost: rows come in their order. */
  async #writeDropped({ from, to }: { from: number; to: number }): Promise<void> {
    const halves = Array.from({ length: Math.min(batchLostRows, to - from + 1) }, (_, at) => ({ half: from + at, beat: false, last: false, lost: true, counts: lostMark }));
    try {
      await insertHalves(this.#parts.database, this.#parts.nodeId, halves);
      this.#dropped = from + halves.length > to ? undefined : { from: from + halves.length, to };
    } catch (error) {
      await this.#failedToWrite(error);
    }
  }

  async #failedToWrite(error: unknown): Promise<void> {
    this.#failedWrites += 1;
    if (this.#failedWrites === 1) this.#parts.log.error({ err: error }, 'telemetry: counts cannot be written and wait in memory');
    await new Promise((resolve) => setTimeout(resolve, 100));
  }

  async #identify(batch: readonly Waiting[]): Promise<void> {
    const unknown = [...new Set(batch.flatMap(({ window }) => window?.series.filter(({ id }) => id === undefined) ?? []))];
    if (unknown.length === 0) return;
    const ids = await resolveSeries(this.#parts.database, unknown.map(({ key }) => key));
    unknown.forEach((series, at) => void (series.id = ids[at]));
  }
}

const lostMark = new Uint8Array(0);

function rowOf({ half, beat, last, window }: Waiting): HalfSecond {
  const lost = window?.packed === lostMark;
  if (window === null || window.series.length === 0) return { half, beat: beat && !lost, last, lost, counts: new Uint8Array(0) };
  return { half, beat, last, lost, counts: Buffer.concat([writeSeriesIds(window.series.map(({ id }) => id ?? 0)), window.packed]) };
}
