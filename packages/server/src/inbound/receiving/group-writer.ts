/**
 * Group commit: rows that arrive while others are being written share the next statement and its commit. Nothing is
 * held back on purpose: with no write under way a row goes out at the end of the current turn of the event loop.
 */
export class WriterBusy extends Error {
  override readonly name = 'WriterBusy';
}

export interface GroupWriterOptions<Row> {
  /** One durable statement for all rows; rejects when none of them is stored. */
  readonly write: (rows: readonly Row[]) => Promise<void>;
  readonly bytesOf: (row: Row) => number;
  /** The rows' own fault (a value that cannot be stored), not the database's: then each is written alone. */
  readonly isRowFault: (error: unknown) => boolean;
  /** Statements under way at once; default 2, so that one group is encoded while another is committed. */
  readonly writers?: number;
  readonly maxGroupRows?: number;
  readonly maxGroupBytes?: number;
  /** Rows that may wait; more are refused at once. */
  readonly maxWaitingRows?: number;
  readonly maxWaitingBytes?: number;
}

interface Waiting<Row> {
  readonly row: Row;
  readonly bytes: number;
  readonly stored: () => void;
  readonly failed: (error: unknown) => void;
  readonly since: number;
}

const forgottenMs = 200;
/** Of the last group in the mean: half of the weight is that of the last 14, so that one slow commit does not count as many. */
const weightOfOne = 0.05;

export class GroupWriter<Row> {
  readonly #options: Required<GroupWriterOptions<Row>>;
  #waiting: Waiting<Row>[] = [];
  #waitingBytes = 0;
  #writing = 0;
  #scheduled = false;
  #recentMs = 0;
  #storedAt = Number.NEGATIVE_INFINITY;
  #idle: (() => void)[] = [];
  /** Since the start: rows stored, and statements that stored them. */
  readonly counts = { rows: 0, groups: 0, refused: 0, failed: 0 };

  constructor(options: GroupWriterOptions<Row>) {
    this.#options = { writers: 2, maxGroupRows: 500, maxGroupBytes: 8 * 1024 * 1024, maxWaitingRows: 10_000, maxWaitingBytes: 128 * 1024 * 1024, ...options };
  }

  /** How long the rows stored lately took to be committed, waiting included; 0 when none came lately. Milliseconds. */
  get recentMs(): number {
    return performance.now() - this.#storedAt > forgottenMs ? 0 : this.#recentMs;
  }

  /** Resolves once the row is committed. Rejects with `WriterBusy` when too much waits, or with the database's error. */
  store(row: Row): Promise<void> {
    const bytes = this.#options.bytesOf(row);
    if (this.#waiting.length >= this.#options.maxWaitingRows || this.#waitingBytes + bytes > this.#options.maxWaitingBytes) {
      this.counts.refused += 1;
      return Promise.reject(new WriterBusy('Too many requests wait to be written.'));
    }
    return new Promise<void>((stored, failed) => {
      this.#waiting.push({ row, bytes, stored, failed, since: performance.now() });
      this.#waitingBytes += bytes;
      this.#schedule();
    });
  }

  /** Resolves when nothing waits and nothing is being written. */
  settled(): Promise<void> {
    if (this.#waiting.length === 0 && this.#writing === 0) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  #schedule(): void {
    if (this.#scheduled || this.#writing >= this.#options.writers) return;
    this.#scheduled = true;
    // After the sockets that are readable in this turn have been read.
    setImmediate(() => {
      this.#scheduled = false;
      while (this.#waiting.length > 0 && this.#writing < this.#options.writers) void this.#writeGroup(this.#takeGroup());
    });
  }

  #takeGroup(): Waiting<Row>[] {
    let bytes = 0;
    let count = 0;
    for (const one of this.#waiting) {
      if (count > 0 && (count >= this.#options.maxGroupRows || bytes + one.bytes > this.#options.maxGroupBytes)) break;
      bytes += one.bytes;
      count += 1;
    }
    this.#waitingBytes -= bytes;
    return this.#waiting.splice(0, count);
  }

  async #writeGroup(group: readonly Waiting<Row>[]): Promise<void> {
    this.#writing += 1;
    try {
      await this.#write(group);
    } finally {
      this.#writing -= 1;
      if (this.#waiting.length > 0) this.#schedule();
      else if (this.#writing === 0) for (const resolve of this.#idle.splice(0)) resolve();
    }
  }

  async #write(group: readonly Waiting<Row>[]): Promise<void> {
    try {
      await this.#options.write(group.map(({ row }) => row));
      this.counts.rows += group.length;
      this.counts.groups += 1;
      this.#storedAt = performance.now();
      // The first of a group has waited longest.
      this.#recentMs += weightOfOne * (this.#storedAt - (group[0]?.since ?? this.#storedAt) - this.#recentMs);
      for (const { stored } of group) stored();
    } catch (error) {
      if (group.length > 1 && this.#options.isRowFault(error)) {
        for (const one of group) await this.#write([one]);
        return;
      }
      this.counts.failed += group.length;
      for (const { failed } of group) failed(error);
    }
  }
}
