/** The failures of the last minutes, row by row, and who had traffic: for telling whose failure a risen ratio is and whom it meets. */
import type { Origin } from '@evenkeel/contract/errors.ts';
import type { Affected, CountRow, MinuteFacts } from './facts.ts';

const origins = ['account', 'platform', 'upstream'] as const;

export interface Blame {
  readonly origin: Origin;
  /** How many of the failures are whose. */
  readonly failures: Readonly<Record<(typeof origins)[number], number>>;
  readonly affected: readonly Affected[];
}

export class RecentFailures {
  readonly #minutes: number;
  readonly #failed: (readonly CountRow[])[] = [];
  /** Connector → account → the last minute it had traffic in. */
  readonly #active = new Map<string, Map<string, number>>();
  /** By slot: the minute, in minutes since the epoch, that #active knows of: most accounts have several series. */
  #seen = new Int32Array(1024);
  #now = 0;

  constructor(minutes: number) {
    this.#minutes = minutes;
  }

  push(facts: MinuteFacts): void {
    this.#now = facts.minute;
    this.#failed.push(facts.rows.filter((row) => row.series.kind === 'call' && row.account + row.platform + row.upstream > 0));
    if (this.#failed.length > this.#minutes) this.#failed.shift();
    const number = Math.floor(facts.minute / 60_000);
    for (const { series, slot } of facts.rows) {
      if (slot >= this.#seen.length) this.#growTo(slot + 1);
      // A third of the window is soon enough to note that an account still has traffic.
      if (number - (this.#seen[slot] ?? 0) < this.#minutes / 3) continue;
      this.#seen[slot] = number;
      if (series.kind !== 'call' || series.connectorId === null || series.accountId === null) continue;
      const accounts = this.#active.get(series.connectorId) ?? new Map<string, number>();
      this.#active.set(series.connectorId, accounts.set(series.accountId, facts.minute));
    }
  }

  /** Calls that failed otherwise than by their caller, of all the minutes. */
  *rows(): Generator<CountRow> {
    for (const rows of this.#failed) yield* rows;
  }

  /** Accounts of the connector that had traffic lately. */
  watched(connectorId: string): number {
    const accounts = this.#active.get(connectorId);
    if (accounts === undefined) return 0;
    const oldest = this.#now - (4 / 3) * this.#minutes * 60_000;
    for (const [account, seen] of accounts) if (seen <= oldest) accounts.delete(account);
    return accounts.size;
  }

  /**
   * Of the failures of each group: whose they mostly are, and which accounts they met. One pass for all groups, since an
   * outage raises as many findings as it meets accounts. `groupOf` gives a row's group, below 0 for none; `of`:
   * only failures that are theirs.
   */
  blame(groupOf: (row: CountRow) => number, wanted: ReadonlySet<number>, of: readonly (typeof origins)[number][] = origins): Map<number, Blame> {
    const sums = new Map<number, { account: number; platform: number; upstream: number; readonly affected: Map<string, Affected> }>();
    for (const rows of this.#failed) {
      for (const row of rows) {
        const group = groupOf(row);
        if (!wanted.has(group)) continue;
        if (of.length < origins.length && !of.some((origin) => row[origin] > 0)) continue;
        let sum = sums.get(group);
        if (sum === undefined) sums.set(group, (sum = { account: 0, platform: 0, upstream: 0, affected: new Map() }));
        for (const origin of of) sum[origin] += row[origin];
        const { accountId, tenantId } = row.series;
        if (accountId !== null && !sum.affected.has(accountId)) sum.affected.set(accountId, { accountId, tenantId });
      }
    }
    return new Map([...sums].map(([group, { affected, ...counts }]) => {
      const origin = origins.reduce((most, one) => (counts[one] > counts[most] ? one : most), 'upstream' as (typeof origins)[number]);
      return [group, { origin, failures: counts, affected: [...affected.values()].toSorted((a, b) => (a.accountId < b.accountId ? -1 : 1)) }];
    }));
  }

  #growTo(needed: number): void {
    const larger = new Int32Array(Math.max(needed, this.#seen.length * 2));
    larger.set(this.#seen);
    this.#seen = larger;
  }
}
