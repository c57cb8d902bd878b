/** Refused requests in the log: the first of an address and reason at once, then one line a minute with their number. */
import { refusalReasons, type RefusalReason } from '@evenkeel/core/inbound/refusal.ts';
import type { Log } from '../../log.ts';

const everyMs = 60_000;
const maxKept = 10_000;

export class RefusalLog {
  readonly #log: Log;
  readonly #now: () => number;
  readonly #seen = new Map<string, { sinceMs: number; more: number }>();
  /** Since the start, by reason. */
  readonly counts = new Map<RefusalReason, number>();

  constructor(log: Log, now: () => number) {
    this.#log = log;
    this.#now = now;
  }

  note(refused: { readonly connector: string; readonly addressId: string; readonly accountId: string | null; readonly reason: RefusalReason; readonly requestId: string }): void {
    const { reason } = refused;
    this.counts.set(reason, (this.counts.get(reason) ?? 0) + 1);
    const key = `${refused.addressId} ${reason}`;
    const seen = this.#seen.get(key);
    const nowMs = this.#now();
    if (seen !== undefined && nowMs - seen.sinceMs < everyMs) {
      seen.more += 1;
      return;
    }
    if (this.#seen.size >= maxKept) this.#seen.clear();
    this.#seen.set(key, { sinceMs: nowMs, more: 0 });
    this.#log.warn({ ...refused, since_last: seen?.more ?? 0 }, `inbound: a request was refused: ${refusalReasons[reason]}`);
  }
}
