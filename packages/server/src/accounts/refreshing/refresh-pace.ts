/**
 * The pace of all nodes together: a token bucket in one row, from which each scheduler takes before it takes refreshes.
 * What was taken and not used is good for a moment only, so that no node saves up for a burst of its own.
 */
import type { Queryable } from '../../database/pool.ts';

/** What is in hand is good for so long. */
const goodForMs = 500;

export class RefreshPace {
  readonly #database: Queryable;
  readonly #perSecond: number;
  #inHand = 0;
  #takenAtMs = 0;

  constructor(database: Queryable, perSecond: number) {
    this.#database = database;
    this.#perSecond = perSecond;
  }

  /** How many of `wanted` refreshes may begin now. */
  async take(wanted: number): Promise<number> {
    if (performance.now() - this.#takenAtMs > goodForMs) this.#inHand = 0;
    if (wanted > this.#inHand) {
      this.#inHand += await takeTokens(this.#database, { wanted: wanted - this.#inHand, perSecond: this.#perSecond });
      this.#takenAtMs = performance.now();
    }
    return Math.min(wanted, this.#inHand);
  }

  used(count: number): void {
    this.#inHand -= count;
  }
}

/** A quarter of a second's worth is the most that comes at once. By the clock of the database, which all share. */
async function takeTokens(database: Queryable, { wanted, perSecond }: { wanted: number; perSecond: number }): Promise<number> {
  const { rows } = await database.query<{ granted: number }>({
    name: 'take-refresh-tokens',
    text: `insert into refresh_pace as p (tokens, granted, filled_at)
           values ($3::float8 - least($1::float8, floor($3::float8)), least($1::float8, floor($3::float8)), statement_timestamp())
           on conflict (one) do update
           set (tokens, granted, filled_at) = (
             select held - least($1::float8, floor(held)), least($1::float8, floor(held)), greatest(p.filled_at, statement_timestamp())
             from (select least($3::float8, p.tokens + $2::float8 * greatest(0, extract(epoch from statement_timestamp() - p.filled_at))) as held) bucket)
           returning granted`,
    values: [wanted, perSecond, Math.max(1, perSecond / 4)],
  });
  return rows[0]?.granted ?? 0;
}
