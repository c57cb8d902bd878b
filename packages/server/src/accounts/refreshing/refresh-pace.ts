/**
 * The pace of all nodes together: a token bucket in one row, from which each scheduler takes before it takes refreshes.
 * What was taken and not used is good for a moment only, so that no node saves up for a burst of its own. A refresh that
 * somebody waits for is counted and does not wait: the bucket owes it, and schedulers begin the less. A tenth of the
 * pace is theirs in any case, or accounts that nobody calls would end behind those that many call.
 */
import type { Log } from '../../log.ts';
import type { Queryable } from '../../database/pool.ts';

/** What is in hand is good for so long. */
const goodForMs = 500;
/** Refreshes a second, on all nodes together: how a backlog after downtime is spread. */
const defaultPerSecond = 400;

export class RefreshPace {
  readonly perSecond: number;
  readonly #database: Queryable;
  readonly #log: Log;
  #inHand = 0;
  #takenAtMs = 0;
  /** Begun for callers, not yet told to the bucket. */
  #spent = 0;
  #paying: Promise<void> | undefined;

  constructor(database: Queryable, log: Log, perSecond = defaultPerSecond) {
    this.#database = database;
    this.#log = log;
    this.perSecond = perSecond;
  }

  /** How many of `wanted` refreshes may begin now. */
  async take(wanted: number): Promise<number> {
    if (performance.now() - this.#takenAtMs > goodForMs) this.#inHand = 0;
    if (wanted > this.#inHand) {
      this.#inHand += await takeTokens(this.#database, { wanted: wanted - this.#inHand, perSecond: this.perSecond });
      this.#takenAtMs = performance.now();
    }
    return Math.min(wanted, this.#inHand);
  }

  used(count: number): void {
    this.#inHand -= count;
  }

  /** One begins for a caller. It is not held up: what comes together is told to the bucket behind it. */
  spend(): void {
    this.#spent += 1;
    this.#paying ??= this.#pay().finally(() => (this.#paying = undefined));
  }

  /** Resolves when the bucket knows of everything. */
  async settled(): Promise<void> {
    await this.#paying;
  }

  async #pay(): Promise<void> {
    try {
      while (this.#spent > 0) {
        const count = this.#spent;
        this.#spent = 0;
        await spendTokens(this.#database, { count, perSecond: this.perSecond });
      }
    } catch (error) {
      this.#log.warn({ err: error }, 'accounts: refreshes for calls could not be counted into the pace');
    }
  }
}

/** What the bucket holds at this moment, and of it what is reserved for schedulers; by the clock of the database, which all share. */
const held = `
  (select least($3::float8, p.tokens + $2::float8 * passed) as held, least(greatest(1, $3::float8 / 10), p.reserved + $2::float8 / 10 * passed) as kept
   from (select greatest(0, extract(epoch from statement_timestamp() - p.filled_at)) as passed) elapsed)`;

/** A quarter of a second's worth is the most that comes at once. */
const capacityOf = (perSecond: number): number => Math.max(1, perSecond / 4);

async function takeTokens(database: Queryable, { wanted, perSecond }: { wanted: number; perSecond: number }): Promise<number> {
  const { rows } = await database.query<{ granted: number }>({
    name: 'take-refresh-tokens',
    text: `insert into refresh_pace as p (tokens, granted, filled_at)
           values ($3::float8 - least($1::float8, floor($3::float8)), least($1::float8, floor($3::float8)), statement_timestamp())
           on conflict (one) do update
           set (tokens, reserved, granted, filled_at) = (
             select held - taken, greatest(0, kept - taken), taken, greatest(p.filled_at, statement_timestamp())
             from (select held, kept, least($1::float8, floor(greatest(held, kept))) as taken from ${held} as present) bucket)
           returning granted`,
    values: [wanted, perSecond, capacityOf(perSecond)],
  });
  return rows[0]?.granted ?? 0;
}

/** It owes a second's worth at most. */
async function spendTokens(database: Queryable, { count, perSecond }: { count: number; perSecond: number }): Promise<void> {
  await database.query({
    name: 'spend-refresh-tokens',
    text: `insert into refresh_pace as p (tokens, granted, filled_at) values ($3::float8 - $1::float8, 0, statement_timestamp())
           on conflict (one) do update
           set (tokens, reserved, filled_at) = (select greatest(-$2::float8, held - $1::float8), kept, greatest(p.filled_at, statement_timestamp()) from ${held} as present)`,
    values: [count, perSecond, capacityOf(perSecond)],
  });
}
