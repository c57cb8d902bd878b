/**
 * Calls of a team's own integrations, taken in as spans: counted in the second in which they ended, stored before they
 * are acknowledged. Sealed minutes get them as amendments, like everything late.
 */
import { writeCounts, writeSeriesIds } from '@evenkeel/core/telemetry/counts-codec.ts';
import { countFact, noCounts, type Counts } from '@evenkeel/core/telemetry/counts.ts';
import { externalCall, type ExternalCall } from '@evenkeel/core/telemetry/external-call.ts';
import type { Span } from '@evenkeel/core/telemetry/otlp-json.ts';
import { ByteWriter } from '@evenkeel/core/telemetry/varint.ts';
import type { Queryable } from '../../database/pool.ts';
import { insertLate } from '../counting/second-store.ts';
import { otherEndpoint } from '../counting/series-counter.ts';
import { resolveSeries } from '../counting/series-store.ts';
import type { SeriesKey } from '../observation.ts';

/** Older spans are refused: the minutes they would amend have been reported. */
const oldestMs = 24 * 3_600_000;
/** After this a series is asked for again, or it would be taken for one that rests. */
const askAgainMs = 24 * 3_600_000;

export interface Intake {
  readonly counted: number;
  /** Spans that are no calls over HTTP: servers, internal steps. Nothing is wrong with them. */
  readonly passedOver: number;
  readonly tooOld: number;
}

/** Bounds the series that come from outside: names in them are not ours. */
export class ExternalCalls {
  readonly #database: Queryable;
  readonly #nodeId: string;
  readonly #known = new Map<string, { readonly id: number; readonly askedMs: number }>();
  readonly #maxSeries: number;
  #overflowed = 0;
  readonly #counted: (key: SeriesKey, counts: Counts) => void;

  /** `counted` is told of what has been stored. */
  constructor(database: Queryable, nodeId: string, counted: (key: SeriesKey, counts: Counts) => void, maxSeries = 10_000) {
    this.#database = database;
    this.#nodeId = nodeId;
    this.#counted = counted;
    this.#maxSeries = maxSeries;
  }

  /** Calls counted under "other", because no more series may come from outside. */
  get overflowed(): number {
    return this.#overflowed;
  }

  /** `tenantId`: of the caller's key; only without one may spans name tenants themselves. */
  async take(spans: readonly Span[], tenantId: string | null, nowMs: number): Promise<Intake> {
    const calls = spans.flatMap((span) => externalCall(span) ?? []);
    const fresh = calls.filter(({ endMs }) => endMs > nowMs - oldestMs);
    const foreign = await this.#accountsOfOthers(fresh, tenantId);
    const keys = new Map<string, SeriesKey>();
    const bySecond = new Map<number, Map<string, Counts>>();
    for (const call of fresh) {
      const [name, key] = this.#keyOf(call.accountId !== null && foreign.has(call.accountId) ? { ...call, accountId: null } : call, tenantId, keys);
      keys.set(name, key);
      const second = Math.floor(Math.min(call.endMs, nowMs) / 1000);
      let counts = bySecond.get(second);
      if (counts === undefined) bySecond.set(second, (counts = new Map<string, Counts>()));
      let sum = counts.get(name);
      if (sum === undefined) counts.set(name, (sum = noCounts()));
      countFact(sum, call.fact);
    }
    await this.#identify(keys, nowMs);
    await insertLate(this.#database, this.#nodeId, [...bySecond].map(([second, counts]) => ({ second, counts: this.#pack(counts) })));
    for (const counts of bySecond.values()) {
      for (const [name, one] of counts) {
        const key = keys.get(name);
        if (key !== undefined) this.#counted(key, one);
      }
    }
    return { counted: fresh.length, passedOver: spans.length - calls.length, tooOld: calls.length - fresh.length };
  }

  /** A tenant's key must not speak of accounts that are not its own: their alerts would tell of calls they never made. */
  async #accountsOfOthers(calls: readonly ExternalCall[], tenantId: string | null): Promise<ReadonlySet<string>> {
    const named = [...new Set(calls.flatMap(({ accountId }) => accountId ?? []))];
    if (tenantId === null || named.length === 0) return new Set();
    const { rows } = await this.#database.query<{ id: string }>('select id from accounts where id = any($1) and tenant_id <> $2', [named, tenantId]);
    return new Set(rows.map(({ id }) => id));
  }

  #keyOf({ connectorId, accountId, endpoint, tenantId: named }: ExternalCall, tenantId: string | null, pending: ReadonlyMap<string, SeriesKey>): [string, SeriesKey] {
    const whole: SeriesKey = { kind: 'call', surface: 'external', tenantId: tenantId ?? named, accountId, connectorId, category: null, endpoint, vendorEndpoint: endpoint };
    const name = JSON.stringify(whole);
    if (this.#known.has(name) || pending.has(name) || this.#known.size + pending.size < this.#maxSeries) return [name, whole];
    this.#overflowed += 1;
    const other: SeriesKey = { ...whole, tenantId: null, accountId: null, connectorId: otherEndpoint, endpoint: otherEndpoint, vendorEndpoint: null };
    return [JSON.stringify(other), other];
  }

  async #identify(keys: ReadonlyMap<string, SeriesKey>, nowMs: number): Promise<void> {
    const asked = [...keys].filter(([name]) => (this.#known.get(name)?.askedMs ?? 0) <= nowMs - askAgainMs);
    if (asked.length === 0) return;
    const ids = await resolveSeries(this.#database, asked.map(([, key]) => key));
    asked.forEach(([name], at) => void this.#known.set(name, { id: ids[at] ?? 0, askedMs: nowMs }));
  }

  #pack(counts: ReadonlyMap<string, Counts>): Uint8Array {
    const writer = new ByteWriter();
    for (const one of counts.values()) writeCounts(writer, one);
    return Buffer.concat([writeSeriesIds([...counts.keys()].map((name) => this.#known.get(name)?.id ?? 0)), writer.finish()]);
  }
}
