/**
 * The windows of very many series as columns of integers: a minute is added and one falls out, and one pass over plain
 * arrays finds the few series that deserve a test. What a minute costs depends on the series that had traffic in it,
 * what a scan costs on all.
 */
import { judgeRateChange, worthTesting, type RateChange, type RateChangeRule } from './rate-change.ts';

/** The series that had traffic in a minute, each once, in columns of the same length. */
export interface SeriesMinute {
  readonly series: Int32Array;
  readonly total: Int32Array;
  readonly bad: Int32Array;
}

export interface Risen {
  readonly series: number;
  readonly earlier: { readonly total: number; readonly bad: number };
  readonly later: { readonly total: number; readonly bad: number };
  readonly chance: number;
}

/** Two adjacent windows of `windowMinutes` for each series; series are numbered from 0. */
export class SeriesWindows {
  readonly windowMinutes: number;
  #earlierTotal: Int32Array;
  #earlierBad: Int32Array;
  #laterTotal: Int32Array;
  #laterBad: Int32Array;
  /** The minutes of both windows, newest last. */
  readonly #minutes: SeriesMinute[] = [];

  constructor(windowMinutes: number, capacity = 1024) {
    this.windowMinutes = windowMinutes;
    this.#earlierTotal = new Int32Array(capacity);
    this.#earlierBad = new Int32Array(capacity);
    this.#laterTotal = new Int32Array(capacity);
    this.#laterBad = new Int32Array(capacity);
  }

  /** Minutes seen, at most those of both windows. */
  get filled(): number {
    return this.#minutes.length;
  }

  /** Adds the newest minute. */
  push(minute: SeriesMinute): void {
    let highest = -1;
    for (const series of minute.series) if (series > highest) highest = series;
    if (highest >= this.#laterTotal.length) this.#grow(highest + 1);
    this.#minutes.push(minute);
    this.#add(this.#laterTotal, this.#laterBad, minute, 1);
    const crossing = this.#minutes.at(-1 - this.windowMinutes);
    if (crossing !== undefined) {
      this.#add(this.#laterTotal, this.#laterBad, crossing, -1);
      this.#add(this.#earlierTotal, this.#earlierBad, crossing, 1);
    }
    if (this.#minutes.length > 2 * this.windowMinutes) {
      const leaving = this.#minutes.shift();
      if (leaving !== undefined) this.#add(this.#earlierTotal, this.#earlierBad, leaving, -1);
    }
  }

  earlier(series: number): { total: number; bad: number } {
    return { total: this.#earlierTotal[series] ?? 0, bad: this.#earlierBad[series] ?? 0 };
  }

  later(series: number): { total: number; bad: number } {
    return { total: this.#laterTotal[series] ?? 0, bad: this.#laterBad[series] ?? 0 };
  }

  judge(series: number, rule: RateChangeRule): RateChange {
    return judgeRateChange(this.earlier(series), this.later(series), rule);
  }

  /** Every series that has risen, in the order of their numbers. */
  scan(rule: RateChangeRule): Risen[] {
    const found: Risen[] = [];
    const [earlierTotal, earlierBad, laterTotal, laterBad] = [this.#earlierTotal, this.#earlierBad, this.#laterTotal, this.#laterBad];
    const { minBad } = rule;
    for (let series = 0; series < laterBad.length; series += 1) {
      const bad = laterBad[series] ?? 0;
      if (bad < minBad || !worthTesting(earlierTotal[series] ?? 0, earlierBad[series] ?? 0, laterTotal[series] ?? 0, bad, rule)) continue;
      const verdict = this.judge(series, rule);
      if (verdict.kind === 'risen') found.push({ series, earlier: this.earlier(series), later: this.later(series), chance: verdict.chance });
    }
    return found;
  }

  #add(totals: Int32Array, bads: Int32Array, { series, total, bad }: SeriesMinute, sign: 1 | -1): void {
    for (let at = 0; at < series.length; at += 1) {
      const number = series[at] ?? 0;
      totals[number] = (totals[number] ?? 0) + sign * (total[at] ?? 0);
      bads[number] = (bads[number] ?? 0) + sign * (bad[at] ?? 0);
    }
  }

  #grow(needed: number): void {
    const size = Math.max(needed, this.#laterTotal.length * 2);
    const grown = (from: Int32Array): Int32Array => {
      const to = new Int32Array(size);
      to.set(from);
      return to;
    };
    this.#earlierTotal = grown(this.#earlierTotal);
    this.#earlierBad = grown(this.#earlierBad);
    this.#laterTotal = grown(this.#laterTotal);
    this.#laterBad = grown(this.#laterBad);
  }
}
