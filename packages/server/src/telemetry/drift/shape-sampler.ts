/**
 * Samples answers and events for their shape. On the path of a call it compares two times; what is drawn is read later,
 * when nothing waits for it, and kept as paths and types alone. Every few seconds the shapes go to the database, where
 * the baseline of each endpoint is, and changes are found.
 */
import type { Manifest } from '@evenkeel/contract/manifest/manifest.ts';
import { classOfChange, newShape, observeShape, shapeChanges } from '@evenkeel/core/telemetry/drift.ts';
import { isRead, readPaths } from '@evenkeel/core/telemetry/read-paths.ts';
import { tallyShape, type ShapeTally } from '@evenkeel/core/telemetry/shape.ts';
import { transaction, type Pool } from '../../database/pool.ts';
import type { Log } from '../../log.ts';
import { insertBaseline, lockBaseline, storeBaseline, storeChanges, type ShapePlace } from './shape-store.ts';

export interface SamplerParts {
  readonly pool: Pool;
  readonly log: Log;
  /** What the account's connector reads; undefined when it is not installed any more. */
  readonly manifestOf: (connectorId: string) => Manifest | undefined;
  /** At most one sample of a place in this time; default 5 s. */
  readonly everyMs?: number;
  /** At most one sample of this node in this time; default 100 ms. */
  readonly anyEveryMs?: number;
  /** Length of a bucket of time; default 5 min. A change has to last for three. */
  readonly bucketMs?: number;
  readonly flushMs?: number;
}

export interface ShapeSample {
  readonly connectorId: string;
  readonly accountId: string;
  readonly endpoint: string;
  readonly vendorEndpoint: string;
  /** HTTP status, or null for an inbound event. */
  readonly status: number | null;
}

interface Tallied {
  readonly place: ShapePlace;
  readonly accountId: string;
  readonly tally: ShapeTally;
  documents: number;
}

/** Larger documents cost more than their shape is worth. */
const maxBytes = 256 * 1024;
const maxPlaces = 2_000;
const maxPending = 50;

export class ShapeSampler {
  readonly #parts: SamplerParts;
  readonly #limits: { everyMs: number; anyEveryMs: number; bucketMs: number; flushMs: number };
  /** Connector → endpoint → when the next sample of it is due, of `performance.now()`. */
  readonly #due = new Map<string, Map<string, number>>();
  #places = 0;
  #anyDueMs = 0;
  readonly #tallied = new Map<string, Tallied>();
  #pending: { sample: ShapeSample; body: Uint8Array }[] = [];
  #reading = false;
  readonly #timer: NodeJS.Timeout;
  #flushing: Promise<void> = Promise.resolve();
  #failed = 0;

  constructor(parts: SamplerParts) {
    this.#parts = parts;
    this.#limits = { everyMs: parts.everyMs ?? 5_000, anyEveryMs: parts.anyEveryMs ?? 100, bucketMs: parts.bucketMs ?? 300_000, flushMs: parts.flushMs ?? 10_000 };
    this.#timer = setInterval(() => void this.flush(), this.#limits.flushMs);
    this.#timer.unref();
  }

  /** Draws or does not; `body` is asked only when drawn. Never waits, never throws. */
  offer(sample: ShapeSample, body: () => Uint8Array | null): void {
    const nowMs = performance.now();
    if (nowMs < this.#anyDueMs || !this.#isDue(sample, nowMs)) return;
    const bytes = body();
    if (bytes === null || bytes.length === 0 || bytes.length > maxBytes || this.#pending.length >= maxPending) return;
    this.#anyDueMs = nowMs + this.#limits.anyEveryMs;
    // Copied: the bytes may be a connection's, which goes on.
    this.#pending.push({ sample, body: Uint8Array.from(bytes) });
    if (this.#reading) return;
    this.#reading = true;
    setImmediate(() => this.#read());
  }

  /** Resolves when what was sampled before is in its baseline. */
  flush(): Promise<void> {
    this.#flushing = this.#flushing.then(() => this.#store());
    return this.#flushing;
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    this.#read();
    await this.flush();
  }

  #isDue({ connectorId, endpoint, status }: ShapeSample, nowMs: number): boolean {
    let byEndpoint = this.#due.get(connectorId);
    if (byEndpoint === undefined) this.#due.set(connectorId, (byEndpoint = new Map<string, number>()));
    // Failures are apart from successes, so that neither is starved.
    const key = status !== null && status >= 400 ? `!${endpoint}` : endpoint;
    const due = byEndpoint.get(key);
    if (due !== undefined && nowMs < due) return false;
    if (due === undefined) {
      if (this.#places >= maxPlaces) return false;
      this.#places += 1;
    }
    byEndpoint.set(key, nowMs + this.#limits.everyMs);
    return true;
  }

  /** Reads what was drawn. What is no JSON has no shape. */
  #read(): void {
    this.#reading = false;
    const pending = this.#pending;
    this.#pending = [];
    for (const { sample, body } of pending) {
      try {
        this.#tally(sample, JSON.parse(Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('utf8')));
      } catch {
        // No JSON.
      }
    }
  }

  #tally({ connectorId, accountId, endpoint, vendorEndpoint, status }: ShapeSample, document: unknown): void {
    const statusClass = status === null ? 'event' : `${Math.floor(status / 100)}xx`;
    const key = [connectorId, endpoint, statusClass, accountId].join('\u001f');
    let tallied = this.#tallied.get(key);
    if (tallied === undefined) this.#tallied.set(key, (tallied = { place: { connectorId, endpoint, vendorEndpoint, statusClass }, accountId, tally: new Map(), documents: 0 }));
    tallyShape(document, tallied.tally);
    tallied.documents += 1;
  }

  async #store(): Promise<void> {
    const tallied = [...this.#tallied.values()];
    this.#tallied.clear();
    for (const group of Map.groupBy(tallied, ({ place }) => [place.connectorId, place.endpoint, place.statusClass].join('\u001f')).values()) {
      const [first] = group;
      if (first === undefined) continue;
      try {
        await this.#merge(first.place, group);
        this.#failed = 0;
      } catch (error) {
        // Samples are many: these are not worth keeping.
        this.#failed += 1;
        if (this.#failed === 1) this.#parts.log.warn({ err: error, place: first.place }, 'drift: the shapes of an endpoint could not be stored');
      }
    }
  }

  async #merge(place: ShapePlace, group: readonly Tallied[]): Promise<void> {
    const bucket = Math.floor(Date.now() / this.#limits.bucketMs);
    const manifest = this.#parts.manifestOf(place.connectorId);
    const reads = manifest === undefined ? [] : readPaths(manifest, place.vendorEndpoint);
    await transaction(this.#parts.pool, async (client) => {
      let state = await lockBaseline(client, place);
      if (state === undefined) {
        await insertBaseline(client, place, newShape());
        state = (await lockBaseline(client, place)) ?? newShape();
      }
      for (const { accountId, documents, tally } of group) observeShape(state, { account: accountId, documents, tally }, bucket);
      await storeBaseline(client, place, state);
      await storeChanges(client, place, shapeChanges(state).map((change) => ({ ...change, class: classOfChange(change.kind, isRead(change.path, reads)) })));
    });
  }
}
