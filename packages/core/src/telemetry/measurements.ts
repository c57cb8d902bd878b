/**
 * Measurements of one series in one half second, as buckets, in memory that is used again for the next. Arrays that grow and are
 * dropped twice a second live just long enough for the old generation of the heap, and were most of what went there.
 */

const firstCapacity = 8;
/** Up to here sorting in place is cheaper than a view to sort. */
const fewValues = 24;

export class Measurements {
  #buckets = new Uint16Array(firstCapacity);
  #length = 0;

  static of(buckets: readonly number[]): Measurements {
    const made = new Measurements();
    for (const bucket of buckets) made.push(bucket);
    return made;
  }

  get length(): number {
    return this.#length;
  }

  /** `bucket`: of `bucketOf`. */
  push(bucket: number): void {
    if (this.#length === this.#buckets.length) this.#resize(this.#length * 2);
    this.#buckets[this.#length] = bucket;
    this.#length += 1;
  }

  /** `at` from 0 to `length` - 1. */
  at(at: number): number {
    return this.#buckets[at] ?? 0;
  }

  sort(): void {
    if (this.#length > fewValues) this.#buckets.subarray(0, this.#length).sort();
    else this.#sortFew();
  }

  /** Begins anew; what a busy half second needed is given back when the next needed far less. */
  clear(): void {
    if (this.#buckets.length > firstCapacity && this.#length < this.#buckets.length / 8) this.#buckets = new Uint16Array(this.#buckets.length / 2);
    this.#length = 0;
  }

  #resize(capacity: number): void {
    const larger = new Uint16Array(capacity);
    larger.set(this.#buckets);
    this.#buckets = larger;
  }

  #sortFew(): void {
    const buckets = this.#buckets;
    for (let next = 1; next < this.#length; next += 1) {
      const bucket = buckets[next] ?? 0;
      let at = next;
      for (; at > 0 && (buckets[at - 1] ?? 0) > bucket; at -= 1) buckets[at] = buckets[at - 1] ?? 0;
      buckets[at] = bucket;
    }
  }
}
