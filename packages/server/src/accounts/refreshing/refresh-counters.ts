/** What the scheduler of this process has done, for telemetry to read: counts since the start and the recent lags. */

export interface RefreshCounts {
  readonly refreshed: number;
  readonly failed: number;
  readonly refused: number;
  /** Begun and found to need nothing: not renewable, deleted meanwhile, or renewed by somebody else. */
  readonly spared: number;
  /** Successes that came after the token's end. */
  readonly late: number;
  readonly running: number;
  /** From being due to being begun, over the last 10,000 refreshes; null before the first. */
  readonly lagP50Ms: number | null;
  readonly lagP99Ms: number | null;
  readonly lagMaxMs: number | null;
  /** Connectors whose refreshes are held back because the vendor fails. */
  readonly braked: readonly string[];
}

const kept = 10_000;

export class RefreshCounters {
  refreshed = 0;
  failed = 0;
  refused = 0;
  spared = 0;
  late = 0;
  readonly #lags = new Float64Array(kept);
  #seen = 0;

  lag(ms: number): void {
    this.#lags[this.#seen % kept] = Math.max(0, ms);
    this.#seen += 1;
  }

  read(running: number, braked: readonly string[]): RefreshCounts {
    const { refreshed, failed, refused, spared, late } = this;
    const sorted = this.#lags.slice(0, Math.min(this.#seen, kept)).toSorted();
    const at = (q: number): number | null => sorted[Math.max(0, Math.ceil(sorted.length * q) - 1)] ?? null;
    return { refreshed, failed, refused, spared, late, running, lagP50Ms: at(0.5), lagP99Ms: at(0.99), lagMaxMs: at(1), braked };
  }
}
