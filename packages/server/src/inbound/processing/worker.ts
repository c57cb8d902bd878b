/**
 * The loops that work on inbound events while this node is up. Each looks for work, works until there is none, and
 * sleeps until it is woken or its time is over. A database that is gone makes them wait longer, never end.
 */
import type { Log } from '../../log.ts';

export interface LoopOptions {
  readonly name: string;
  /** Works on what there is; how much that was. */
  readonly work: () => Promise<number>;
  readonly idleMs: number;
  readonly log: Log;
}

const failedMs = 500;
const longestFailedMs = 5_000;

export class Loop {
  readonly #options: LoopOptions;
  readonly #ended: Promise<void>;
  #closing = false;
  #woken = false;
  #wake: (() => void) | undefined;

  constructor(options: LoopOptions) {
    this.#options = options;
    this.#ended = this.#run();
  }

  /** Looks again at once. Cheap: to be called for every piece of news. */
  wake(): void {
    this.#woken = true;
    this.#wake?.();
  }

  /** Ends after the work under way. */
  async close(): Promise<void> {
    this.#closing = true;
    this.wake();
    await this.#ended;
  }

  async #run(): Promise<void> {
    let failures = 0;
    while (!this.#closing) {
      this.#woken = false;
      try {
        const worked = await this.#options.work();
        failures = 0;
        if (worked === 0) await this.#sleep(this.#options.idleMs);
      } catch (error) {
        failures += 1;
        this.#options.log.warn({ err: error, loop: this.#options.name }, 'inbound: a look for work failed and is repeated');
        this.#woken = false;
        await this.#sleep(Math.min(failedMs * failures, longestFailedMs));
      }
    }
  }

  #sleep(ms: number): Promise<void> {
    if (this.#woken || this.#closing) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(done, ms);
      timer.unref();
      const settle = resolve;
      function done(): void {
        clearTimeout(timer);
        settle();
      }
      this.#wake = done;
    });
  }
}
