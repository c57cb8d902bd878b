/**
 * One cause, one alert: findings of several rules, endpoints and accounts that tell of the same failure become one alert
 * with everybody it meets. A connector whose failures meet most of its accounts is one cause; connectors that fail
 * together through our own fault are the platform.
 */
import type { AlertSeverity } from '@evenkeel/contract/playbook/alerts.ts';
import type { Origin } from '@evenkeel/contract/errors.ts';
import { groupBurns, groupModes, isWideBurn } from './budget-groups.ts';
import { nobody, type Affected, type AlertScope, type Finding, type FindingRule, type FiringFinding, type Subject } from './facts.ts';
import type { GroupingRule } from './rules.ts';

export interface Cause {
  /** The same as long as the alert lasts. */
  readonly key: string;
  readonly scope: AlertScope;
  readonly subject: Subject;
  readonly origin: Origin | null;
  /** Of the most severe rule. */
  readonly severity: AlertSeverity;
  readonly title: string;
  readonly runbook: string | null;
  readonly findings: readonly FiringFinding[];
  readonly affected: readonly Affected[];
}

/** Families of rules whose findings can have one cause. What is in none is a cause by itself. */
const families: Partial<Record<FindingRule['watch'], string>> = { 'error-rate': 'failures', 'refresh-failures': 'failures', 'burn-rate': 'failures', 'flat-line': 'silence' };

/** `watched`: accounts with traffic of a connector. `openCauses`: the alerts that are open; a connector's stays one until nothing of it fires. */
export function findCauses(firing: readonly FiringFinding[], watched: (connectorId: string) => number, openCauses: readonly Cause[], rule: GroupingRule): Cause[] {
  const causes: Cause[] = [];
  const joined = new Map<string, FiringFinding[]>();
  const open = new Set(openCauses.map(({ key }) => key));
  const origins = originsOf(firing, openCauses);
  const wide = firing.filter(isWideBurn);
  const modes = firing.filter(({ rule: { watch } }) => watch === 'budget-mode');
  for (const one of firing) {
    if (wide.includes(one) || modes.includes(one)) continue;
    const family = families[one.rule.watch];
    const { connectorId } = one.finding.subject;
    if (family === undefined || connectorId === null) {
      causes.push(causeOf(`${one.rule.id} ${one.finding.key}`, scopeOf(one.finding.subject), one.finding.subject, [one]));
      continue;
    }
    const key = keyOf(family, connectorId, origins.get(one));
    const known = joined.get(key);
    if (known === undefined) joined.set(key, [one]);
    else known.push(one);
  }
  for (const [key, findings] of joined) causes.push(...ofConnector(key, findings, origins, watched, open, rule));
  const { causes: withPlatform, rest } = joinPlatform(causes, wide, open, rule);
  const grouped = [...groupBurns(rest, open, rule), ...groupModes(modes)].map(({ key, scope, subject, findings }) => causeOf(key, scope, subject, findings));
  return [...withPlatform, ...grouped].toSorted((a, b) => (a.key < b.key ? -1 : 1));
}

/**
 * Whose failures each finding tells of: what an open alert says of it, else what it says itself. A finding of failures
 * that are both ours and the vendor's stays with the alert that told of it first, however its share changes.
 */
function originsOf(firing: readonly FiringFinding[], open: readonly Cause[]): Map<FiringFinding, Origin> {
  const told = new Map(open.flatMap(({ findings, origin }) => (origin === null ? [] : findings.map((one) => [nameOf(one), origin] as const))));
  return new Map(firing.flatMap((one) => {
    const origin = told.get(nameOf(one)) ?? one.finding.origin;
    return origin === null ? [] : [[one, origin] as const];
  }));
}

/** Failures of one connector that are the vendor's, ours, and of single accounts are different causes, also at the same time. */
const keyOf = (family: string, connectorId: string, origin: Origin | undefined): string =>
  family === 'failures' && (origin === 'platform' || origin === 'account') ? `${family} ${connectorId} ${origin}` : `${family} ${connectorId}`;

export const nameOf = ({ rule, finding }: FiringFinding): string => `${rule.id} ${finding.key}`;

/** The findings of one family about one connector and of one origin: one cause if they meet most of its accounts, else one an account. */
function ofConnector(key: string, findings: readonly FiringFinding[], origins: ReadonlyMap<FiringFinding, Origin>, watched: (connectorId: string) => number, open: ReadonlySet<string>, rule: GroupingRule): Cause[] {
  const connectorId = findings[0]?.finding.subject.connectorId ?? '';
  const origin = findings.map((one) => origins.get(one)).find((one) => one !== undefined) ?? null;
  const single = findings.map((one) => ({ one, account: onlyAccount(one.finding) }));
  const accounts = new Set(single.flatMap(({ account }) => account?.accountId ?? []));
  const many = accounts.size >= rule.minAccounts && accounts.size * 100 >= rule.sharePercent * Math.max(watched(connectorId), accounts.size);
  if (many || open.has(key) || single.some(({ account }) => account === null)) return [causeOf(key, 'connector', { ...nobody, connectorId }, findings, origin)];
  return [...Map.groupBy(single, ({ account }) => account?.accountId ?? '')].map(([accountId, own]) =>
    causeOf(`${key} ${accountId}`, 'account', { ...nobody, connectorId, accountId, tenantId: own[0]?.account?.tenantId ?? null }, own.map(({ one }) => one), origin),
  );
}

/** The one account a finding meets, be it about the account or about an endpoint only it calls. */
function onlyAccount({ subject, affected, ofConnector }: Finding): Affected | null {
  if (ofConnector === true) return null;
  if (subject.accountId !== null) return { accountId: subject.accountId, tenantId: subject.tenantId };
  const [first, second] = affected;
  return first !== undefined && second === undefined ? first : null;
}

const platformKey = 'failures platform';

/** Budgets that burn all over through our own fault are the platform's as well: one of the whole installation tells by itself that it is one cause. */
function joinPlatform(causes: readonly Cause[], wide: readonly FiringFinding[], open: ReadonlySet<string>, rule: GroupingRule): { causes: Cause[]; rest: FiringFinding[] } {
  const ours = causes.filter(({ key, scope, origin }) => scope === 'connector' && origin === 'platform' && key.startsWith('failures '));
  const burns = wide.filter(({ finding: { key, origin } }) => origin === 'platform' && key.startsWith('calls '));
  const everywhere = ours.length >= rule.platformConnectors || burns.some(({ finding }) => finding.subject.tenantId === null) || open.has(platformKey);
  if (ours.length === 0 || !everywhere) return { causes: [...causes], rest: [...wide] };
  const joined = causeOf(platformKey, 'platform', nobody, [...ours.flatMap(({ findings }) => findings), ...burns]);
  return { causes: [joined, ...causes.filter((cause) => !ours.includes(cause))], rest: wide.filter((one) => !burns.includes(one)) };
}

function causeOf(key: string, scope: AlertScope, subject: Subject, findings: readonly FiringFinding[], origin: Origin | null = originOf(findings)): Cause {
  // Of two that are as severe, the one that meets more says it better.
  const [worst] = findings.toSorted((a, b) => compare(a.rule.severity, b.rule.severity) || compare(a.rule.id, b.rule.id) || b.finding.affected.length - a.finding.affected.length);
  const affected = new Map(findings.flatMap(({ finding }) => finding.affected.map((one) => [one.accountId, one] as const)));
  return {
    key,
    scope,
    subject,
    origin,
    severity: worst?.rule.severity ?? 'P3',
    title: worst?.finding.title ?? worst?.rule.title ?? key,
    runbook: worst?.rule.runbook ?? null,
    findings: findings.toSorted((a, b) => compare(a.rule.id, b.rule.id) || compare(a.finding.key, b.finding.key)),
    affected: [...affected.values()].toSorted((a, b) => compare(a.accountId, b.accountId)),
  };
}

/** What most findings say, weighed by whom they meet. */
function originOf(findings: readonly FiringFinding[]): Origin | null {
  const weights = new Map<Origin, number>();
  for (const { finding } of findings) if (finding.origin !== null) weights.set(finding.origin, (weights.get(finding.origin) ?? 0) + 1 + finding.affected.length);
  return [...weights].toSorted(([a, x], [b, y]) => y - x || compare(a, b))[0]?.[0] ?? null;
}

function scopeOf({ accountId, connectorId, tenantId, endpoint }: Subject): AlertScope {
  if (accountId !== null) return 'account';
  if (connectorId !== null) return 'connector';
  if (tenantId !== null) return 'tenant';
  return endpoint === null ? 'installation' : 'endpoint';
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
