/** An alert as the API shows it: to whom it may be shown, and no more of it than a list can bear. */
import type { Alert } from '@evenkeel/contract/api/alerts.ts';
import type Type from 'typebox';
import type { Caller } from '../access/keys.ts';
import type { AlertRow, StoredFinding } from './alert-store.ts';

/** An outage of ten thousand accounts has as many findings. */
const shownFindings = 20;

/** Figures of a budget are those of everyone in its scope. */
const isBudget = (watch: string): boolean => watch === 'burn-rate' || watch === 'budget-mode';

export function shownAlert(row: AlertRow, caller: Caller): Type.Static<typeof Alert> {
  const findings = visibleFindings(row, caller);
  return {
    id: row.id,
    title: row.title,
    severity: row.severity,
    state: row.state,
    source: row.source,
    scope: row.scope,
    origin: row.origin,
    connector: row.connector_id,
    account_id: row.account_id,
    tenant_id: row.tenant_id,
    endpoint: row.endpoint,
    runbook: row.runbook,
    opened_at: row.opened_at.toISOString(),
    updated_at: row.updated_at.toISOString(),
    resolved_at: row.resolved_at?.toISOString() ?? null,
    joined_into: row.joined_into,
    affected_accounts: row.affected,
    findings: oneOfEachRuleFirst(findings).slice(0, shownFindings).map(shownFinding),
    findings_total: findings.length,
  };
}

/** What is told of others' accounts stays with those who see all. */
function visibleFindings({ findings }: AlertRow, caller: Caller): StoredFinding[] {
  return findings.filter(({ subject, watch }) => caller.tenantId === null || (subject.tenantId ?? (isBudget(watch) ? null : caller.tenantId)) === caller.tenantId);
}

/** Findings the caller may see, each with its place, in the order of their places, which are unique: those after `after`. */
export function findingsAfter(row: AlertRow, caller: Caller, after: string): { finding: StoredFinding; place: string }[] {
  return visibleFindings(row, caller)
    .map((finding) => ({ finding, place: `${finding.rule} ${finding.key}` }))
    .filter(({ place }) => place > after)
    .toSorted((a, b) => (a.place < b.place ? -1 : 1));
}

function oneOfEachRuleFirst(findings: readonly StoredFinding[]): StoredFinding[] {
  const first = new Set(new Map(findings.toReversed().map((finding) => [finding.rule, finding])).values());
  return [...findings.filter((finding) => first.has(finding)), ...findings.filter((finding) => !first.has(finding))];
}

export const shownFinding = ({ rule, watch, key, evidence }: StoredFinding): Type.Static<typeof Alert>['findings'][number] => ({ rule, watch, key, evidence: { ...evidence } });
