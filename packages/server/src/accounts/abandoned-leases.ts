/**
 * Leases of processes that are gone. A lease ends by itself, but only after as long as the slowest vendor may take; a
 * killed process is noticed sooner by its connection, which PostgreSQL loses at once (`Notifications.show`). Freeing a
 * lease is no more than its end: fences and doubts hold as they do then, so that a process which only lost its
 * connection for a while does no harm either.
 */
import type { Pool } from '../database/pool.ts';
import { isShown } from '../database/notifications.ts';
import type { Log } from '../log.ts';

/** A connection is restored within seconds; its owner is given this long. */
const missingForMs = 4_000;

export class AbandonedLeases {
  readonly #pool: Pool;
  readonly #log: Log;
  readonly #missingForMs: number;
  /** Owners that were not there when last looked, and since when, by `performance.now()`. */
  #missing = new Map<string, number>();

  constructor(parts: { pool: Pool; log: Log; missingForMs?: number }) {
    this.#pool = parts.pool;
    this.#log = parts.log;
    this.#missingForMs = parts.missingForMs ?? missingForMs;
  }

  /** Ends the leases of owners that were missing at each look for a while. Resolves with how many leases that were. */
  async free(nowMs: number): Promise<number> {
    const { rows } = await this.#pool.query<{ owner: string }>(
      `select owner
       from (select lease_owner from credentials where lease_until > clock_timestamp() and lease_owner is not null
             union
             select setup_owner from accounts where setup_until > clock_timestamp() and setup_due_at is not null and deleted_at is null and setup_owner is not null) held (owner)
       where not ${isShown('owner')}`,
    );
    const at = performance.now();
    this.#missing = new Map(rows.map(({ owner }) => [owner, this.#missing.get(owner) ?? at]));
    const gone = [...this.#missing].filter(([, since]) => at - since >= this.#missingForMs).map(([owner]) => owner);
    if (gone.length === 0) return 0;
    const freed = await this.#pool.query<{ refreshes: number; setups: number }>(
      `with refreshes as (
         update credentials set lease_until = clock_timestamp(), refresh_due_at = least(refresh_due_at, $2)
         where lease_owner = any($1) and lease_until > clock_timestamp()
         returning 1
       ), setups as (
         update accounts set setup_until = clock_timestamp()
         where setup_owner = any($1) and setup_until > clock_timestamp() and setup_due_at is not null and deleted_at is null
         returning 1
       )
       select (select count(*) from refreshes) as refreshes, (select count(*) from setups) as setups`,
      [gone, new Date(nowMs)],
    );
    const { refreshes = 0, setups = 0 } = freed.rows[0] ?? {};
    this.#log.warn({ owners: gone, refreshes, setups }, 'accounts: processes are gone that had work under way; it is taken over');
    return refreshes + setups;
  }
}
