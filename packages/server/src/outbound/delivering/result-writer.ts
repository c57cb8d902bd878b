/**
 * Collects results and writes them in batches. What cannot be written waits here and is tried again for as long as the
 * process lives; its deliveries stay known as under way, so that nothing is sent again because a log could not be written.
 */
import type { EndpointHealth } from '@evenkeel/core/outbound/endpoint-health.ts';
import type { Pool } from '../../database/pool.ts';
import type { Log } from '../../log.ts';
import { correctCancelled, writeResults, type ResultRow } from './result-store.ts';

export interface Pending {
  readonly row: ResultRow;
  readonly written: () => void;
}

const batchRows = 500;

export class ResultWriter {
  readonly #parts: { readonly pool: Pool; readonly log: Log; readonly owner: string; readonly aheadMs: () => number };
  #queue: Pending[] = [];
  #health = new Map<string, EndpointHealth>();
  #writing: Promise<void> | null = null;
  #failures = 0;
  #given = false;

  constructor(parts: { pool: Pool; log: Log; owner: string; aheadMs: () => number }) {
    this.#parts = parts;
  }

  get waiting(): number {
    return this.#queue.length;
  }

  push(pending: Pending, health: EndpointHealth | null): void {
    this.#queue.push(pending);
    if (health !== null) this.#health.set(pending.row.endpoint_id, health);
    this.#writing ??= this.#run();
  }

  /** Resolves when everything is written, or at the latest after `withinMs`; then the rest is given up and returned. */
  async close(withinMs: number): Promise<number> {
    const timeout = Promise.withResolvers<void>();
    const timer = setTimeout(timeout.resolve, withinMs);
    while (this.#writing !== null && this.#queue.length > 0) {
      const late = await Promise.race([this.#writing.then(() => false), timeout.promise.then(() => true)]);
      if (late) break;
    }
    clearTimeout(timer);
    this.#given = true;
    return this.#queue.length;
  }

  async #run(): Promise<void> {
    while (this.#queue.length > 0 && !this.#given) {
      // What ends in the same moment is written together.
      await new Promise((resolve) => setTimeout(resolve, this.#failures === 0 ? 3 : Math.min(5_000, 50 * 2 ** this.#failures)));
      const batch = this.#queue.slice(0, batchRows);
      const health = this.#health;
      this.#health = new Map();
      try {
        await this.#write(batch, health);
        this.#failures = 0;
        this.#queue.splice(0, batch.length);
        for (const { written } of batch) written();
      } catch (error) {
        for (const [id, one] of health) if (!this.#health.has(id)) this.#health.set(id, one);
        this.#failures += 1;
        if (this.#failures === 1) this.#parts.log.error({ err: error, waiting: this.#queue.length }, 'outbound: results of deliveries cannot be written and wait in memory');
      }
    }
    this.#writing = null;
  }

  /** One row the database refuses must not hold up the others: it is given up, and its delivery is due again. */
  async #storeAlone(row: ResultRow, store: (rows: readonly ResultRow[], fared: ReadonlyMap<string, EndpointHealth>) => Promise<void>): Promise<void> {
    try {
      await store([row], new Map());
    } catch (error) {
      if (!isDataFault(error)) throw error;
      this.#parts.log.error({ err: error, delivery: row.delivery_id }, 'outbound: the result of a delivery was refused by the database');
    }
  }

  async #write(batch: readonly Pending[], health: ReadonlyMap<string, EndpointHealth>): Promise<void> {
    const { pool, owner, aheadMs } = this.#parts;
    const store = async (rows: readonly ResultRow[], fared: ReadonlyMap<string, EndpointHealth>): Promise<void> => {
      const strays = new Set(await writeResults(pool, rows, { owner, health: fared, aheadMs: aheadMs() }));
      if (strays.size > 0) await correctCancelled(pool, rows.filter((row) => row.succeeded && strays.has(row.delivery_id)).map(({ delivery_id: id }) => id));
    };
    try {
      await store(batch.map(({ row }) => row), health);
    } catch (error) {
      if (!isDataFault(error)) throw error;
      for (const { row } of batch) await this.#storeAlone(row, store);
    }
  }
}

/** SQLSTATE class 22: the row's fault. */
const isDataFault = (error: unknown): boolean => typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'string' && error.code.startsWith('22');
