/**
 * Distribution of durations as counts in log-linear buckets: every octave is cut into 64 equal parts, as in HDR
 * Histogram. Integers only, so that a merge is an addition, associative and exact, and the same on every machine. A
 * quantile is at most 1/128 (0.79 %) away from a value that was really measured at that rank.
 */

const partsLog2 = 6;
const parts = 1 << partsLog2;
/** 2^43 µs are 101 days; what is longer counts as that. */
const maxBucket = (43 - partsLog2 + 2) * parts - 1;

/** The bucket of a duration in microseconds: a whole number, 0 for nothing and for negative ones. */
export function bucketOf(us: number): number {
  if (!(us >= 1)) return 0;
  if (us < 4_294_967_296) return smallBucket(us, 0);
  return Math.min(maxBucket, us < 281_474_976_710_656 ? smallBucket(us / 65_536, 16) : maxBucket);
}

function smallBucket(value: number, octavesBelow: number): number {
  const whole = value >>> 0;
  const octave = 31 - Math.clz32(whole);
  if (octave + octavesBelow < partsLog2) return whole;
  const fraction = octave < partsLog2 ? whole << (partsLog2 - octave) : whole >>> (octave - partsLog2);
  return ((octave + octavesBelow - partsLog2 + 1) << partsLog2) + (fraction & (parts - 1));
}

/** The middle of a bucket, in microseconds. */
export function valueOf(bucket: number): number {
  if (bucket < parts) return bucket;
  const octave = (bucket >>> partsLog2) + partsLog2 - 1;
  const width = 2 ** (octave - partsLog2);
  return 2 ** octave + (bucket & (parts - 1)) * width + (width - 1) / 2;
}

/** Counts by bucket. Buckets that were never met take no room. */
export class Sketch {
  readonly #counts = new Map<number, number>();
  #total = 0;

  get total(): number {
    return this.#total;
  }

  get buckets(): ReadonlyMap<number, number> {
    return this.#counts;
  }

  /** `us`: a duration in microseconds. */
  record(us: number, times = 1): void {
    this.add(bucketOf(us), times);
  }

  /** `times` may be negative in an amendment that takes something back. */
  add(bucket: number, times: number): void {
    this.#counts.set(bucket, (this.#counts.get(bucket) ?? 0) + times);
    this.#total += times;
  }

  merge(other: Sketch): void {
    for (const [bucket, times] of other.#counts) this.add(bucket, times);
  }

  /** By nearest rank, in microseconds; null when nothing was recorded. `q` in [0, 1]. */
  quantile(q: number): number | null {
    if (this.#total <= 0) return null;
    let rank = Math.max(1, Math.ceil(q * this.#total));
    for (const [bucket, times] of this.sorted()) {
      rank -= times;
      if (rank <= 0) return valueOf(bucket);
    }
    return null;
  }

  /** How many were longer than `us`, to the accuracy of a bucket. */
  above(us: number): number {
    const bound = bucketOf(us);
    let above = 0;
    for (const [bucket, times] of this.#counts) if (bucket > bound) above += times;
    return above;
  }

  sorted(): [bucket: number, times: number][] {
    return [...this.#counts].filter(([, times]) => times !== 0).toSorted(([a], [b]) => a - b);
  }
}
