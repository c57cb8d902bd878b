/**
 * The counts of the present half second, in memory, on the path of every call. Series are found through maps by account
 * and endpoint, without building a key; what was touched is in a list, so that the end of the half second costs nothing
 * for series that rested. Bounded: beyond `maxSeries` a connector's further series are counted as one.
 */
import { addFact, countColumns, type Fact } from '@evenkeel/core/telemetry/outcome.ts';
import { writeRawCounts } from '@evenkeel/core/telemetry/counts-codec.ts';
import { Measurements } from '@evenkeel/core/telemetry/measurements.ts';
import { bucketOf } from '@evenkeel/core/telemetry/sketch.ts';
import { ByteWriter } from '@evenkeel/core/telemetry/varint.ts';
import type { Observation, SeriesKey } from '../observation.ts';

export const otherEndpoint = 'other';

/** One series while it is kept in memory. */
export class LiveSeries {
  readonly key: SeriesKey;
  /** Of telemetry_series, once it is known. */
  id: number | undefined;
  /** The window it was last counted in. */
  window = -1;
  readonly columns = new Int32Array(countColumns.length);
  codes: Map<string, number> | null = null;
  readonly overhead = new Measurements();
  readonly total = new Measurements();
  readonly lag = new Measurements();

  constructor(key: SeriesKey) {
    this.key = key;
  }

  clear(): void {
    this.columns.fill(0);
    this.codes = null;
    this.overhead.clear();
    this.total.clear();
    this.lag.clear();
  }
}

/** What one half second came to: its series, and their counts packed in the same order. */
export interface CountedWindow {
  readonly series: readonly LiveSeries[];
  readonly packed: Uint8Array;
}

export interface CounterFigures {
  readonly series: number;
  /** Observations that were counted under `other` because the bound was reached. */
  readonly overflowed: number;
}

/** Distinct codes of one series in one half second; further ones are counted without their code. */
const maxCodes = 32;

export class SeriesCounter {
  readonly #maxSeries: number;
  readonly #ended: ((series: LiveSeries) => void) | undefined;
  readonly #byAccount = new Map<string | null, Map<string | null, LiveSeries[]>>();
  #touched: LiveSeries[] = [];
  #window = 0;
  #size = 0;
  #overflowed = 0;

  /** `ended` sees every series that was counted in a half second, as that ends. */
  constructor(maxSeries = 20_000, ended?: (series: LiveSeries) => void) {
    this.#maxSeries = maxSeries;
    this.#ended = ended;
  }

  get figures(): CounterFigures {
    return { series: this.#size, overflowed: this.#overflowed };
  }

  count(observation: Observation): void {
    const series = this.#find(observation) ?? this.#admit(observation);
    if (series.window !== this.#window) {
      series.window = this.#window;
      this.#touched.push(series);
    }
    addFact(series.columns, observation as Fact);
    if (observation.lagMs !== undefined) series.lag.push(bucketOf(observation.lagMs * 1000));
    if (observation.outcome === 'aborted') return;
    series.overhead.push(bucketOf(observation.totalUs - observation.upstreamUs));
    series.total.push(bucketOf(observation.totalUs));
    if (observation.outcome === 'failure' && observation.code !== null) noteCode(series, observation.code);
  }

  /** Ends the half second: hands out what was counted in it, and begins the next. */
  turn(): CountedWindow {
    const series = this.#touched;
    const writer = new ByteWriter(64 + series.length * 48);
    for (const one of series) {
      writeRawCounts(writer, one);
      this.#ended?.(one);
      one.clear();
    }
    this.#touched = [];
    this.#window += 1;
    return { series, packed: writer.finish() };
  }

  /** Forgets series that were not counted in the last `windows` half seconds. */
  forgetResting(windows: number): void {
    const bound = this.#window - windows;
    for (const [account, byEndpoint] of this.#byAccount) {
      for (const [endpoint, list] of byEndpoint) {
        const kept = list.filter(({ window }) => window >= bound);
        this.#size -= list.length - kept.length;
        if (kept.length === 0) byEndpoint.delete(endpoint);
        else if (kept.length < list.length) byEndpoint.set(endpoint, kept);
      }
      if (byEndpoint.size === 0) this.#byAccount.delete(account);
    }
  }

  #find(key: SeriesKey): LiveSeries | undefined {
    const list = this.#byAccount.get(key.accountId)?.get(key.endpoint);
    if (list === undefined) return undefined;
    for (const series of list) if (isSame(series.key, key)) return series;
    return undefined;
  }

  #admit(key: SeriesKey): LiveSeries {
    if (this.#size < this.#maxSeries) return this.#add(key);
    this.#overflowed += 1;
    const { kind, surface, connectorId, category } = key;
    const other: SeriesKey = { kind, surface, tenantId: null, accountId: null, connectorId, category, endpoint: otherEndpoint, vendorEndpoint: null };
    return this.#find(other) ?? this.#add(other);
  }

  #add({ kind, surface, tenantId, accountId, connectorId, category, endpoint, vendorEndpoint = null }: SeriesKey): LiveSeries {
    const series = new LiveSeries({ kind, surface, tenantId, accountId, connectorId, category, endpoint, vendorEndpoint });
    let byEndpoint = this.#byAccount.get(accountId);
    if (byEndpoint === undefined) this.#byAccount.set(accountId, (byEndpoint = new Map<string | null, LiveSeries[]>()));
    const list = byEndpoint.get(endpoint);
    if (list === undefined) byEndpoint.set(endpoint, [series]);
    else list.push(series);
    this.#size += 1;
    return series;
  }
}

/** Account and endpoint are equal already. */
function isSame(known: SeriesKey, key: SeriesKey): boolean {
  return (
    known.kind === key.kind &&
    known.surface === key.surface &&
    known.connectorId === key.connectorId &&
    known.tenantId === key.tenantId &&
    known.category === key.category &&
    known.vendorEndpoint === (key.vendorEndpoint ?? null)
  );
}

function noteCode(series: LiveSeries, code: string): void {
  const codes = (series.codes ??= new Map<string, number>());
  const known = codes.get(code);
  if (known !== undefined) codes.set(code, known + 1);
  else if (codes.size < maxCodes) codes.set(code, 1);
}
