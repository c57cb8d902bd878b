/**
 * What the budget policy makes of the state of error budgets, as rules beside those of alerts.yaml: one for each tier of
 * burn rates, one for each mode but the normal one. The objectives room has judged already: a finding fires and ends with
 * the minute it is told of.
 */
import type { AlertSeverity } from '@evenkeel/contract/playbook/alerts.ts';
import { policyModes, type ModeRule, type Severity } from '@evenkeel/contract/playbook/budget-policy.ts';
import { decimalText } from '../objectives/share.ts';
import type { BudgetPolicy } from '../objectives/definition.ts';
import { BurnPlaces, scopeText } from './burn-places.ts';
import type { Detector } from './detector.ts';
import { nobody, type BudgetMode, type Burn, type BudgetScope, type Finding, type MinuteFacts, type Subject } from './facts.ts';
import type { RecentFailures } from './recent-failures.ts';
import type { ActiveRule, GroupingRule } from './rules.ts';

const lifecycle = { fireAfter: 1, resolveAfter: 1 } as const;
const runbook = 'error-budget';

export function budgetRules({ tiers, modes }: Pick<BudgetPolicy, 'tiers' | 'modes'>, grouping: GroupingRule): ActiveRule[] {
  const places = new BurnPlaces(grouping);
  const burning = tiers.map(({ id, factor, severity, notify }): ActiveRule => ({
    rule: { id: `burn-rate:${id}`, title: `An error budget burns more than ${decimalText((factor.num * 1_000_000n) / factor.den, 6)} times too fast`, severity: alertSeverity(severity), watch: 'burn-rate', runbook, notify },
    detector: new BurnDetector(id, places),
    lifecycle,
  }));
  const standing = policyModes.filter((mode) => mode !== 'normal').map((mode): ActiveRule => ({
    rule: { id: `budget-mode:${mode}`, title: `An error budget is ${mode}${freezeText[modes[mode].freeze]}`, severity: severityOf(modes[mode]), watch: 'budget-mode', runbook, notify: modes[mode].notify },
    detector: new ModeDetector(mode),
    lifecycle,
  }));
  return [...burning, ...standing];
}

/** Alerts know three. */
const alertSeverity = (severity: Severity): AlertSeverity => (severity === 'P4' ? 'P3' : severity);
/** As urgent as its incident; of a mode without one, P2 where nothing but reliability fixes may be deployed. */
const severityOf = ({ incident, freeze }: ModeRule): AlertSeverity => (incident === undefined ? (freeze === 'all_but_reliability' ? 'P2' : 'P3') : alertSeverity(incident));
const freezeText = { none: '', non_critical: ': only critical and reliability changes are deployed', all_but_reliability: ': only reliability fixes are deployed' } as const;

/** A title is read by every tenant that is met: it does not name one. */
const ofScope = ({ kind, id }: BudgetScope): string => (kind === 'overall' ? '' : kind === 'tenant' ? ' for a tenant' : ` for the ${kind} ${id}`);

class BurnDetector implements Detector {
  readonly historyMinutes = 0;
  readonly #tier: string;
  readonly #places: BurnPlaces;

  constructor(tier: string, places: BurnPlaces) {
    this.#tier = tier;
    this.#places = places;
  }

  minute(facts: MinuteFacts, recent: RecentFailures): readonly Finding[] {
    const all = facts.budgets?.burns ?? [];
    this.#places.take(facts.minute, all, recent);
    return all.filter(({ tier }) => tier === this.#tier).map((burn) => this.#finding(burn));
  }

  #finding(burn: Burn): Finding {
    const { objectiveId, scope, measures, origin, evidence } = burn;
    const place = this.#places.of(burn);
    return {
      key: `${measures} ${objectiveId} ${scopeText(scope)}`,
      verdict: 'bad',
      subject: { ...nobody, connectorId: place.connectorId, tenantId: scope.kind === 'tenant' ? scope.id : null },
      origin,
      evidence: { ...evidence, objective: objectiveId, scope: scopeText(scope), mostly_by: place.connectorId, whole_connector: place.ofConnector },
      affected: place.affected,
      ofConnector: place.ofConnector,
      title: `The error budget of ${objectiveId}${ofScope(scope)} burns more than ${String(evidence['factor'])} times too fast`,
    };
  }

  forget(): void {
    // Where a burn is, is kept for all tiers together, as long as one of them goes on.
  }

  resume(key: string, evidence: Readonly<Record<string, unknown>>, { subject, origin, affected }: Finding): void {
    this.#places.resume(key.split(' ', 1)[0] ?? '', origin ?? '', String(evidence['scope']), { connectorId: subject.connectorId, affected, ofConnector: evidence['whole_connector'] === true });
  }
}

class ModeDetector implements Detector {
  readonly historyMinutes = 0;
  readonly #mode: BudgetMode['mode'];

  constructor(mode: BudgetMode['mode']) {
    this.#mode = mode;
  }

  minute({ budgets }: MinuteFacts): readonly Finding[] {
    return (budgets?.modes ?? []).filter(({ mode }) => mode === this.#mode).map(({ objectiveId, scope, mode, evidence }) => ({
      key: `${objectiveId} ${scopeText(scope)}`,
      verdict: 'bad',
      subject: modeSubject(scope),
      origin: null,
      evidence: { ...evidence, objective: objectiveId, scope: scopeText(scope) },
      affected: [],
      title: `The error budget of ${objectiveId}${ofScope(scope)} is ${mode}`,
    }));
  }

  forget(): void {
    // Nothing is kept.
  }

  resume(): void {
    // Nothing is kept.
  }
}

const modeSubject = ({ kind, id }: BudgetScope): Subject => ({ ...nobody, connectorId: kind === 'connector' ? id : null, tenantId: kind === 'tenant' ? id : null });
