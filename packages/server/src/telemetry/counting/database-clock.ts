/**
 * The database's clock as a node knows it: its own clock and an offset, learnt from the answers of ordinary statements.
 * Wrong by at most half of the fastest recent round trip, which is a millisecond or less in one data centre.
 */

interface Sample {
  readonly roundTripMs: number;
  readonly offsetMs: number;
}

const kept = 32;

export class DatabaseClock {
  readonly #samples: Sample[] = [];
  #offsetMs = 0;

  get offsetMs(): number {
    return this.#offsetMs;
  }

  now(): number {
    return Date.now() + this.#offsetMs;
  }

  /** A statement was sent and answered at these times of our clock, and read `databaseMs` on its own in between. */
  learn(sentAtMs: number, databaseMs: number, answeredAtMs: number): void {
    this.#samples.push({ roundTripMs: answeredAtMs - sentAtMs, offsetMs: databaseMs - (sentAtMs + answeredAtMs) / 2 });
    if (this.#samples.length > kept) this.#samples.shift();
    let best = this.#samples[0];
    for (const sample of this.#samples) if (best === undefined || sample.roundTripMs <= best.roundTripMs) best = sample;
    this.#offsetMs = best?.offsetMs ?? 0;
  }
}
