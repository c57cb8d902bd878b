/**
 * Seals minutes some seconds after their end: the rows of all nodes are merged, stored and removed in one transaction, so
 * that a sealer that dies leaves either everything or nothing. Any node that works may seal; a lock lets one at a time.
 * Rows that come later become amendments of their minute, which itself never changes.
 */
import { readPackedCounts } from '@evenkeel/core/telemetry/counts-codec.ts';
import { mergeCounts, type Counts } from '@evenkeel/core/telemetry/counts.ts';
import { coverLate, coverMinute, halvesPerMinute, lostSeconds, noHalves, settleLosses, type Losses } from '@evenkeel/core/telemetry/coverage.ts';
import { transaction, type Pool, type Queryable } from '../../database/pool.ts';
import type { Log } from '../../log.ts';
import { halfMs } from '../counting/second-store.ts';
import { countsAt } from './count-rows.ts';
import { coveredHalves, insertAmendments, insertCoverageAmendment, insertMinute, insertMinuteCounts, lockSealing, lossesOf, noteMissing, openNodes, readSealingState, reviveNodes, storeFates, storeLosses, takeSeconds, type SecondRow } from './seal-store.ts';

/** Longer than a write usually waits; what comes later is an amendment. */
const graceMs = 5_000;
const minuteMs = 60_000;

export interface SealerParts {
  readonly pool: Pool;
  readonly log: Log;
  /** How long after its end a minute is sealed; default 5 s. */
  readonly graceMs?: number;
}

export interface SealingFigures {
  readonly sealed: number;
  readonly amended: number;
  /** Milliseconds that the last minute took to be sealed. */
  readonly lastMs: number;
  readonly failed: number;
}

export class Sealer {
  readonly #parts: SealerParts;
  readonly #graceMs: number;
  #timer: NodeJS.Timeout | undefined;
  #looking: NodeJS.Timeout | undefined;
  #running: Promise<number> | undefined;
  #sealed = 0;
  #amended = 0;
  #lastMs = 0;
  #failed = 0;

  constructor(parts: SealerParts) {
    this.#parts = parts;
    this.#graceMs = parts.graceMs ?? graceMs;
  }

  get figures(): SealingFigures {
    return { sealed: this.#sealed, amended: this.#amended, lastMs: this.#lastMs, failed: this.#failed };
  }

  /** Looks every second; on nodes that work. Who is missed is noted apart: it must not wait for a minute that is slow to seal. */
  start(): void {
    this.#looking = setInterval(() => void noteMissing(this.#parts.pool).catch(() => undefined), 1_000);
    this.#looking.unref();
    this.#timer = setInterval(() => void this.sealDue().catch((error: unknown) => this.#complain(error)), 1_000);
    this.#timer.unref();
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    clearInterval(this.#looking);
    await this.#running?.catch(() => undefined);
  }

  /** Seals every minute that is due and takes in what came late; resolves with the number of minutes sealed here. */
  sealDue(): Promise<number> {
    this.#running ??= this.#sealAll().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  async #sealAll(): Promise<number> {
    let sealed = 0;
    await noteMissing(this.#parts.pool);
    while (await transaction(this.#parts.pool, (client) => this.#sealOne(client))) sealed += 1;
    if (sealed > 0) this.#failed = 0;
    return sealed;
  }

  /** True when a minute was sealed and the next may be due as well. */
  async #sealOne(client: Queryable): Promise<boolean> {
    const startedAt = performance.now();
    if (!(await lockSealing(client))) return false;
    const { nowMs, sealed, next, late } = await readSealingState(client);
    if (late && sealed !== null) this.#amended += await amend(client, new Date(sealed.getTime() + minuteMs));
    if (next === null || next.getTime() + minuteMs + this.#graceMs > nowMs) return false;
    await seal(client, next, nowMs);
    this.#sealed += 1;
    this.#lastMs = performance.now() - startedAt;
    return true;
  }

  #complain(error: unknown): void {
    this.#failed += 1;
    if (this.#failed === 1) this.#parts.log.error({ err: error }, 'telemetry: minutes cannot be sealed; their rows stay and it is tried again');
  }
}

async function seal(client: Queryable, minute: Date, nowMs: number): Promise<void> {
  const end = new Date(minute.getTime() + minuteMs);
  const taken = await takeSeconds(client, minute, end);
  const { counts, unreadable } = merged(taken);
  const rows = taken.map((row) => (unreadable.has(row) ? { ...row, beat: false, lost: true } : row));
  const open = await openNodes(client, end);
  const known = new Map(open.map((node) => [node.nodeId, node]));
  const byNode = Map.groupBy(rows.filter(({ ofNode }) => ofNode), ({ nodeId }) => nodeId);
  const nodes = [...new Set([...known.keys(), ...byNode.keys()])].map((nodeId) => {
    const [before, own] = [known.get(nodeId), byNode.get(nodeId) ?? []];
    return { nodeId, lastHalf: before?.lastHalf ?? null, ...(before !== undefined && { beganHalf: before.beganHalf }), seenLater: before?.seenLater ?? false, presence: before?.presence ?? ('unknown' as const), rows: own };
  });
  const coverage = coverMinute(minute.getTime() / halfMs, nodes, Math.floor(nowMs / halfMs));
  await insertMinuteCounts(client, minute, counts);
  await storeFates(client, coverage.nodes);
  await insertMinute(client, minute, coverage);
  await storeLosses(client, minute, coverage.losses);
  await settleEarlier(client, newestHalves(rows), new Map(), new Map());
}

/** Rows of minutes before `bound`, which are sealed or were passed over. Resolves with the number of rows. */
async function amend(client: Queryable, bound: Date): Promise<number> {
  const rows = await takeSeconds(client, null, bound);
  const newest = newestHalves(rows);
  await reviveNodes(client, newest, new Set(rows.filter(({ last }) => last).map(({ nodeId }) => nodeId)));
  const [lostNow, covered] = [new Map<number, SecondRow[]>(), new Map<number, number>()];
  for (const [minuteMsOfRows, late] of Map.groupBy(rows, ({ half }) => Math.floor(half / halvesPerMinute) * minuteMs)) {
    const minute = new Date(minuteMsOfRows);
    const { counts, unreadable } = merged(late);
    await insertAmendments(client, minute, counts, 'late');
    const coveredMore = coverLate(minuteMsOfRows / halfMs, await coveredHalves(client, minute), late);
    covered.set(minuteMsOfRows, coveredMore);
    const lost = late.filter((row) => row.ofNode && (row.lost || unreadable.has(row)));
    if (lost.length > 0) lostNow.set(minuteMsOfRows, lost);
  }
  await settleEarlier(client, newest, lostNow, covered);
  return rows.length;
}

/** The newest half second of each node's rows. */
function newestHalves(rows: readonly SecondRow[]): Map<string, number> {
  const newest = new Map<string, number>();
  for (const { nodeId, half, ofNode } of rows) if (ofNode) newest.set(nodeId, Math.max(newest.get(nodeId) ?? 0, half));
  return newest;
}

/**
 * What was missing of nodes in sealed minutes and has come, up to their newest rows, and what has come and tells of a
 * loss: the difference amends those minutes, with the seconds by which `covered` says that more of them was covered.
 */
async function settleEarlier(client: Queryable, newest: ReadonlyMap<string, number>, lostNow: ReadonlyMap<number, readonly SecondRow[]>, covered: ReadonlyMap<number, number>): Promise<void> {
  const before = newest.size === 0 ? new Map<number, Losses[]>() : await lossesOf(client, [...newest.keys()], [...lostNow.keys()]);
  for (const at of new Set([...before.keys(), ...lostNow.keys(), ...covered.keys()])) {
    const known = before.get(at) ?? [];
    const after = settled(at / halfMs, known, newest, lostNow.get(at) ?? []);
    await storeLosses(client, new Date(at), after);
    const difference = { coveredSeconds: covered.get(at) ?? 0, lostSeconds: lostSeconds(after) - lostSeconds(known) };
    if (difference.coveredSeconds !== 0 || difference.lostSeconds !== 0) await insertCoverageAmendment(client, new Date(at), difference, 'late');
  }
}

/** The losses of a minute after these rows, of every node that has or had any. */
function settled(firstHalf: number, known: readonly Losses[], newest: ReadonlyMap<string, number>, lostRows: readonly SecondRow[]): Losses[] {
  const nodeIds = new Set([...known, ...lostRows].map(({ nodeId }) => nodeId));
  return [...nodeIds].map((nodeId) => {
    const { missing, lost } = settleLosses(known.find((one) => one.nodeId === nodeId) ?? { nodeId, missing: noHalves(), lost: noHalves() }, firstHalf, newest.get(nodeId) ?? 0);
    return { nodeId, missing, lost: lost.map((was, half) => was || lostRows.some((row) => row.nodeId === nodeId && row.half === firstHalf + half)) };
  });
}

/** Sums by series. A row that cannot be read must not hold up every minute behind it: its half second is lost, and said so. */
function merged(rows: readonly SecondRow[]): { counts: Map<number, Counts>; unreadable: ReadonlySet<SecondRow> } {
  const counts = new Map<number, Counts>();
  try {
    for (const { counts: packed } of rows) readPackedCounts(packed, counts);
    return { counts, unreadable: new Set() };
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
  }
  const [whole, unreadable] = [new Map<number, Counts>(), new Set<SecondRow>()];
  for (const row of rows) {
    try {
      const own = new Map<number, Counts>();
      readPackedCounts(row.counts, own);
      for (const [id, one] of own) mergeCounts(countsAt(whole, id), one);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      unreadable.add(row);
    }
  }
  return { counts: whole, unreadable };
}
