/** Watches of a level over a window: success of deliveries, lag of inbound events. */
import type { AlertRule } from '@evenkeel/contract/playbook/alerts.ts';
import { Sketch } from '../telemetry/sketch.ts';
import { binomialUpperTail } from './exact-tests.ts';
import type { Detector } from './detector.ts';
import { nobody, type Finding, type MinuteFacts } from './facts.ts';

type DeliveryRule = Extract<AlertRule, { watch: 'delivery-rate' }>;
type LagRule = Extract<AlertRule, { watch: 'webhook-lag' }>;

/** Sums of the last minutes by a key. */
class Sliding<Sum> {
  readonly #minutes: number;
  readonly #kept: ReadonlyMap<string, Sum>[] = [];

  constructor(minutes: number) {
    this.#minutes = minutes;
  }

  push(minute: ReadonlyMap<string, Sum>): void {
    this.#kept.push(minute);
    if (this.#kept.length > this.#minutes) this.#kept.shift();
  }

  keys(): Set<string> {
    return new Set(this.#kept.flatMap((minute) => [...minute.keys()]));
  }

  of(key: string): Sum[] {
    return this.#kept.flatMap((minute) => minute.get(key) ?? []);
  }
}

export class DeliveryRateDetector implements Detector {
  readonly historyMinutes: number;
  readonly #rule: DeliveryRule;
  readonly #sums: Sliding<{ total: number; success: number }>;

  constructor(rule: DeliveryRule) {
    this.#rule = rule;
    this.historyMinutes = rule.window_minutes ?? 15;
    this.#sums = new Sliding(this.historyMinutes);
  }

  minute(facts: MinuteFacts): readonly Finding[] {
    const { by, below_percent: below, min_total: minTotal = 5, alpha = 1e-6 } = this.#rule;
    const sums = new Map<string, { total: number; success: number }>();
    for (const { series, total, success, aborted } of facts.rows) {
      if (series.kind !== 'delivery') continue;
      const key = by === 'overall' ? 'overall' : (series.endpoint ?? 'other');
      const sum = sums.get(key) ?? { total: 0, success: 0 };
      sums.set(key, { total: sum.total + total - aborted, success: sum.success + success });
    }
    this.#sums.push(sums);
    const found: Finding[] = [];
    for (const key of this.#sums.keys()) {
      const kept = this.#sums.of(key);
      const total = kept.reduce((sum, one) => sum + one.total, 0);
      const success = kept.reduce((sum, one) => sum + one.success, 0);
      if (total < minTotal || success * 100 >= below * total) continue;
      // One failure of a hundred is under 99.5 % as well.
      const chance = binomialUpperTail(total, total - success, 1 - below / 100);
      if (chance >= alpha && alpha < 1) continue;
      found.push({ key, verdict: 'bad', subject: { ...nobody, endpoint: by === 'overall' ? null : key }, origin: null, evidence: { deliveries: total, succeeded: success, below_percent: below, chance, window_minutes: this.historyMinutes }, affected: [] });
    }
    return found;
  }

  forget(): void {}
  resume(): void {}
}

export class LagDetector implements Detector {
  readonly historyMinutes: number;
  readonly #rule: LagRule;
  readonly #lags: Sliding<Sketch>;

  constructor(rule: LagRule) {
    this.#rule = rule;
    this.historyMinutes = rule.window_minutes ?? 5;
    this.#lags = new Sliding(this.historyMinutes);
  }

  minute(facts: MinuteFacts): readonly Finding[] {
    const { quantile = 0.95, above_s: above, min_total: minTotal = 20, connectors } = this.#rule;
    const lags = new Map<string, Sketch>();
    for (const { series, lag } of facts.rows) {
      if (series.kind !== 'inbound' || lag === null || series.connectorId === null) continue;
      if (connectors !== undefined && !connectors.includes(series.connectorId)) continue;
      const sum = lags.get(series.connectorId) ?? new Sketch();
      sum.merge(lag);
      lags.set(series.connectorId, sum);
    }
    this.#lags.push(lags);
    const found: Finding[] = [];
    for (const connectorId of this.#lags.keys()) {
      const all = new Sketch();
      for (const lag of this.#lags.of(connectorId)) all.merge(lag);
      const us = all.quantile(quantile);
      if (us === null || all.total < minTotal || us <= above * 1e6) continue;
      found.push({ key: connectorId, verdict: 'bad', subject: { ...nobody, connectorId }, origin: 'platform', evidence: { lag_s: Math.round(us / 1e4) / 100, quantile, above_s: above, events: all.total, window_minutes: this.historyMinutes }, affected: [] });
    }
    return found;
  }

  forget(): void {}
  resume(): void {}
}
