/** Makes the standing tasks of an account as soon as it is active, and looks after all of them now and then. */
import { LRUCache } from 'lru-cache';
import type { Log } from '../../log.ts';

export interface PlannedParts {
  /** Makes the missing tasks of one account, or of all; how many. */
  plan(accountId: string | null): Promise<number>;
  /** There are new tasks. */
  readonly made: () => void;
  readonly log: Log;
}

/** Accounts are announced with every renewal of their token: what was planned a while ago is not asked for again. */
const believedMs = 600_000;
const remembered = 50_000;

export class PlannedAccounts {
  readonly #parts: PlannedParts;
  readonly #planned = new LRUCache<string, true>({ max: remembered, ttl: believedMs });

  constructor(parts: PlannedParts) {
    this.#parts = parts;
  }

  /** An account has changed: it may be active now. */
  heard(accountId: string): void {
    if (this.#planned.has(accountId)) return;
    this.#parts.plan(accountId).then(
      (made) => {
        if (made === 0) return;
        this.#planned.set(accountId, true);
        this.#parts.made();
      },
      (error: unknown) => this.#parts.log.debug({ err: error, accountId }, 'inbound: the tasks of an account are planned with all others'),
    );
  }

  forget(): void {
    this.#planned.clear();
  }

  /** Always 0: a look at all of them is not followed by another at once. */
  async planAll(): Promise<number> {
    if ((await this.#parts.plan(null)) > 0) this.#parts.made();
    return 0;
  }
}
