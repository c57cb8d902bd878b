/**
 * Evaluates all rules minute by minute. Deterministic: the same minutes give the same alerts, so that rules can be tried
 * on stored history. It keeps windows and lifecycles in memory; what outlives a restart is handed in by `resume`.
 */
import type { AlertsFile } from '@evenkeel/contract/playbook/alerts.ts';
import type { BudgetPolicy } from '../objectives/definition.ts';
import { budgetRules } from './budget-rules.ts';
import { findCauses, nameOf, type Cause } from './cause.ts';
import { FlatLineDetector, TenantSuccessDetector } from './detect-silence.ts';
import type { Finding, FindingRule, FiringFinding, MinuteFacts, Stream, TenantStanding } from './facts.ts';
import { idle, nextState, type AlertState, type Verdict } from './lifecycle.ts';
import { RecentFailures } from './recent-failures.ts';
import { activeRules, groupingOf, type ActiveRule, type GroupingRule } from './rules.ts';

export type AlertChange =
  | { readonly kind: 'opened'; readonly cause: Cause }
  /** More or others are affected, it became more severe, or other rules tell of it; `joining` are findings it did not have. */
  | { readonly kind: 'updated'; readonly cause: Cause; readonly joining: readonly FiringFinding[] }
  /** `joined`: what it told of is told by that alert now. */
  | { readonly kind: 'resolved'; readonly key: string; readonly joined: string | null };

interface Life {
  state: AlertState;
  /** The last that was said of it. */
  finding: Finding | null;
}

const recentMinutes = 15;

export class AlertEvaluator {
  readonly #rules: readonly (ActiveRule & { readonly lives: Map<string, Life> })[];
  readonly #grouping: GroupingRule;
  readonly #recent = new RecentFailures(recentMinutes);
  #open = new Map<string, Cause>();

  /** `policy`: what follows from error budgets is judged as well. */
  constructor(file: AlertsFile, policy?: Pick<BudgetPolicy, 'tiers' | 'modes'>) {
    this.#grouping = groupingOf(file);
    const rules = [...activeRules(file), ...(policy === undefined ? [] : budgetRules(policy, this.#grouping))];
    this.#rules = rules.map((active) => ({ ...active, lives: new Map() }));
  }

  /** Every rule that findings can be of. */
  get rules(): readonly FindingRule[] {
    return this.#rules.map(({ rule }) => rule);
  }

  /** Minutes of history after which it judges as if it had always run. */
  get historyMinutes(): number {
    return Math.max(recentMinutes, ...this.#rules.map(({ detector }) => detector.historyMinutes));
  }

  /** What only a longer history tells: inbound streams with their baselines, how tenants stand, and the minutes so far of which nothing is known. */
  watch(streams: readonly Stream[], tenants: ReadonlyMap<string, TenantStanding> | null, unmeasured: readonly number[] | null = null): void {
    for (const { detector } of this.#rules) {
      if (detector instanceof FlatLineDetector) detector.watch(streams, unmeasured);
      if (detector instanceof TenantSuccessDetector && tenants !== null) detector.watch(tenants);
    }
  }

  /** A minute before the first one to judge: fills the windows. */
  remember(facts: MinuteFacts): void {
    this.#recent.push(facts);
    for (const { detector } of this.#rules) {
      // What was found on windows that were not full yet is no reference.
      for (const { key } of detector.minute(facts, this.#recent)) detector.forget(key);
    }
  }

  /** Alerts that are open from before; findings of rules that are gone are dropped, and resolve with the next minute. */
  resume(open: readonly Cause[]): void {
    for (const cause of open) {
      this.#open.set(cause.key, cause);
      for (const { rule, finding } of cause.findings) {
        const active = this.#rules.find((one) => one.rule.id === rule.id);
        active?.lives.set(finding.key, { state: { kind: 'firing', since: 0, quietTimes: 0 }, finding });
        active?.detector.resume(finding.key, finding.evidence, finding);
      }
    }
  }

  /** The next minute; minutes come in their order, each once. */
  minute(facts: MinuteFacts): AlertChange[] {
    this.#recent.push(facts);
    const firing = this.#rules.flatMap((active) => this.#live(active, facts));
    const causes = findCauses(firing, (connectorId) => this.#recent.watched(connectorId), [...this.#open.values()], this.#grouping);
    const changes = this.#compare(causes);
    this.#open = new Map(causes.map((cause) => [cause.key, cause]));
    return changes;
  }

  #live({ rule, detector, lifecycle, lives }: ActiveRule & { lives: Map<string, Life> }, facts: MinuteFacts): FiringFinding[] {
    const findings = new Map(detector.minute(facts, this.#recent).map((finding) => [finding.key, finding]));
    for (const key of findings.keys()) if (!lives.has(key)) lives.set(key, { state: idle, finding: null });
    const firing: FiringFinding[] = [];
    for (const [key, life] of lives) {
      const finding = findings.get(key);
      const step = nextState(life.state, verdictOf(facts, finding), facts.minute, lifecycle);
      life.state = step.state;
      life.finding = finding ?? life.finding;
      if (step.state.kind === 'idle') {
        lives.delete(key);
        detector.forget(key);
      } else if (step.state.kind === 'firing' && life.finding !== null) firing.push({ rule, finding: life.finding });
    }
    return firing;
  }

  #compare(causes: readonly Cause[]): AlertChange[] {
    const changes: AlertChange[] = [];
    const told = new Map(causes.flatMap((cause) => cause.findings.map((one) => [nameOf(one), cause.key] as const)));
    const present = new Set(causes.map(({ key }) => key));
    for (const [key, cause] of this.#open) {
      if (present.has(key)) continue;
      changes.push({ kind: 'resolved', key, joined: cause.findings.map((one) => told.get(nameOf(one))).find((other) => other !== undefined) ?? null });
    }
    for (const cause of causes) {
      const before = this.#open.get(cause.key);
      if (before === undefined) changes.push({ kind: 'opened', cause });
      else if (differs(before, cause)) {
        const known = new Set(before.findings.map(nameOf));
        changes.push({ kind: 'updated', cause, joining: cause.findings.filter((one) => !known.has(nameOf(one))) });
      }
    }
    return changes;
  }
}

/** What was found holds though counts are missing; that nothing was found is good only where none are. */
function verdictOf({ measured, complete }: MinuteFacts, finding: Finding | undefined): Verdict {
  if (!measured) return 'unmeasured';
  return finding?.verdict ?? (complete === false ? 'unmeasured' : 'good');
}

function differs(before: Cause, after: Cause): boolean {
  if (before.severity !== after.severity || before.origin !== after.origin) return true;
  const names = new Set(before.findings.map(nameOf));
  if (names.size !== after.findings.length || after.findings.some((one) => !names.has(nameOf(one)))) return true;
  const known = new Set(before.affected.map(({ accountId }) => accountId));
  return after.affected.some(({ accountId }) => !known.has(accountId));
}
