/**
 * Findings of error budgets that no connector explains, put together: an outage burns the budgets of every tenant, and is
 * one alert. What burns through one connector is not here; it joins that connector's failures.
 */
import { nobody, type AlertScope, type FiringFinding, type Subject } from './facts.ts';
import type { GroupingRule } from './rules.ts';

export interface FindingGroup {
  readonly key: string;
  readonly scope: AlertScope;
  readonly subject: Subject;
  readonly findings: readonly FiringFinding[];
}

export const isWideBurn = ({ rule, finding }: FiringFinding): boolean => rule.watch === 'burn-rate' && finding.subject.connectorId === null;

/** By what is measured and whose fault it is. Few tenants alone are each their own; with anything wider, or many of them, they are one. */
export function groupBurns(burns: readonly FiringFinding[], open: ReadonlySet<string>, rule: GroupingRule): FindingGroup[] {
  const kinds = Map.groupBy(burns, ({ finding }) => `burn-rate ${finding.key.split(' ', 1)[0]} ${finding.origin}`);
  return [...kinds].flatMap(([key, findings]) => {
    const tenants = new Set(findings.map(({ finding }) => finding.subject.tenantId));
    if (tenants.has(null) || tenants.size >= rule.minAccounts || open.has(key)) return [{ key, scope: 'installation', subject: nobody, findings }];
    return [...Map.groupBy(findings, ({ finding }) => finding.subject.tenantId)].map(([tenantId, own]): FindingGroup => ({ key: `${key} ${tenantId}`, scope: 'tenant', subject: { ...nobody, tenantId }, findings: own }));
  });
}

/** One an objective and mode. When the whole budget enters a mode in which smaller ones are, that is a new alert, and theirs is part of it. */
export function groupModes(modes: readonly FiringFinding[]): FindingGroup[] {
  return [...Map.groupBy(modes, ({ rule, finding }) => `${finding.key.split(' ', 1)[0]} ${rule.id.slice(rule.id.indexOf(':') + 1)}`)].map(([name, findings]) => {
    const whole = findings.some(({ finding }) => finding.key.endsWith(' overall'));
    return { key: whole ? `budget-mode ${name}` : `budget-mode ${name} scopes`, scope: 'installation', subject: nobody, findings };
  });
}
