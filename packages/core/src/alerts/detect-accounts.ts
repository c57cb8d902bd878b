/** Watches of accounts' credentials: how many need re-authorisation, by its change, and tokens that end early. */
import type { AlertRule } from '@evenkeel/contract/playbook/alerts.ts';
import type { Detector } from './detector.ts';
import { nobody, type Affected, type EarlyEnd, type Finding, type MinuteFacts } from './facts.ts';
import { hasRisen, stillElevated, type GaugeChangeRule } from './gauge-change.ts';

type AuthRule = Extract<AlertRule, { watch: 'auth-health' }>;
type DriftRule = Extract<AlertRule, { watch: 'token-drift' }>;

export class AuthHealthDetector implements Detector {
  readonly historyMinutes: number;
  readonly #rule: AuthRule;
  readonly #change: GaugeChangeRule;
  readonly #counts: ReadonlyMap<string, number>[] = [];
  readonly #before = new Map<string, number>();

  constructor(rule: AuthRule) {
    this.#rule = rule;
    this.#change = { factor: rule.factor ?? 4, minRise: rule.min_rise ?? 5 };
    this.historyMinutes = rule.window_minutes ?? 60;
  }

  minute(facts: MinuteFacts): readonly Finding[] {
    this.#counts.push(facts.needsReauth);
    if (this.#counts.length > this.historyMinutes + 1) this.#counts.shift();
    const [oldest] = this.#counts;
    const found: Finding[] = [];
    for (const connectorId of new Set([...facts.needsReauth.keys(), ...this.#before.keys()])) {
      if (this.#rule.connectors !== undefined && !this.#rule.connectors.includes(connectorId)) continue;
      const later = facts.needsReauth.get(connectorId) ?? 0;
      const earlier = oldest?.get(connectorId) ?? 0;
      const before = this.#before.get(connectorId);
      const risen = hasRisen(earlier, later, this.#change);
      if (!risen && (before === undefined || !stillElevated(before, later, this.#change))) continue;
      if (before === undefined) this.#before.set(connectorId, earlier);
      found.push({ key: connectorId, verdict: risen ? 'bad' : 'elevated', subject: { ...nobody, connectorId }, origin: 'account', evidence: { before: before ?? earlier, now: later, window_minutes: this.historyMinutes }, affected: [] });
    }
    return found;
  }

  forget(key: string): void {
    this.#before.delete(key);
  }

  resume(key: string, evidence: Readonly<Record<string, unknown>>): void {
    if (typeof evidence['before'] === 'number') this.#before.set(key, evidence['before']);
  }
}

export class TokenDriftDetector implements Detector {
  readonly historyMinutes: number;
  readonly #rule: DriftRule;
  readonly #ends: (readonly EarlyEnd[])[] = [];

  constructor(rule: DriftRule) {
    this.#rule = rule;
    this.historyMinutes = rule.window_minutes ?? 60;
  }

  minute(facts: MinuteFacts): readonly Finding[] {
    const { min_accounts: minAccounts = 3, min_drift_s: minDriftS = 60, connectors } = this.#rule;
    this.#ends.push(facts.earlyEnds.filter(({ driftS, connectorId }) => driftS >= minDriftS && (connectors?.includes(connectorId) ?? true)));
    if (this.#ends.length > this.historyMinutes) this.#ends.shift();
    const found: Finding[] = [];
    for (const [connectorId, ends] of Map.groupBy(this.#ends.flat(), (end) => end.connectorId)) {
      const accounts = new Map<string, Affected>(ends.map(({ accountId }) => [accountId, { accountId, tenantId: null }]));
      if (accounts.size < minAccounts) continue;
      const drifts = ends.map(({ driftS }) => driftS).toSorted((a, b) => a - b);
      found.push({ key: connectorId, verdict: 'bad', subject: { ...nobody, connectorId }, origin: 'upstream', evidence: { accounts: accounts.size, tokens: ends.length, median_drift_s: drifts[Math.floor(drifts.length / 2)], window_minutes: this.historyMinutes }, affected: [...accounts.values()] });
    }
    return found;
  }

  forget(): void {}
  resume(): void {}
}
