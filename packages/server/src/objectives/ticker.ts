/** Ticks soon after telemetry has sealed a minute or taken in late facts; on nodes that work. */
import type { Pool } from '../database/pool.ts';
import type { Log } from '../log.ts';
import type { Definitions } from './definitions.ts';
import { tick, type TickOptions } from './tick.ts';

const lookEveryMs = 2_000;

export class Ticker {
  readonly #pool: Pool;
  readonly #log: Log;
  readonly #definitions: Definitions;
  readonly #options: TickOptions;
  readonly #ending = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;
  #failed = 0;

  constructor(pool: Pool, log: Log, definitions: Definitions, options: Omit<TickOptions, 'signal'>) {
    this.#pool = pool;
    this.#log = log;
    this.#definitions = definitions;
    this.#options = { ...options, signal: this.#ending.signal };
  }

  start(): void {
    this.#timer = setInterval(() => void this.#look(), lookEveryMs);
    this.#timer.unref();
  }

  /** Lets the round under way end. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    this.#ending.abort();
    await this.#running;
  }

  /** Resolves when everything sealed so far is evaluated, or cannot be. */
  settled(): Promise<void> {
    return this.#look();
  }

  #look(): Promise<void> {
    this.#running ??= this.#tickWhenDue()
      .then(
        () => void (this.#failed = 0),
        (error: unknown) => {
          this.#failed += 1;
          if (this.#failed === 1) this.#log.error({ err: error }, 'objectives: sealed minutes cannot be evaluated; they stay and it is tried again');
        },
      )
      .finally(() => (this.#running = undefined));
    return this.#running;
  }

  async #tickWhenDue(): Promise<void> {
    const { rows } = await this.#pool.query<{ due: boolean }>(
      `select coalesce((select max(seq) from telemetry_minutes), 0) > coalesce((select min(minute_seq) from objective_counters where minute_seq > 0), 0)
         or coalesce((select max(seq) from minute_amendments), 0) > (select amendment_seq from objective_progress) as due`,
    );
    if (rows[0]?.due !== true) return;
    const done = await tick(this.#pool, this.#definitions, this.#options);
    if (done.modeChanges + done.fired + done.resolved + done.statements.length > 0) this.#log.info(done, 'objectives: something changed');
  }
}
