/** What is known of one sealed minute, as the evaluation of alerts takes it: the same from a running system and from history. */
import type { Origin } from '@evenkeel/contract/errors.ts';
import type { AlertRule, AlertSeverity } from '@evenkeel/contract/playbook/alerts.ts';
import type { PolicyMode } from '@evenkeel/contract/playbook/budget-policy.ts';
import type { ScopeKind } from '@evenkeel/contract/playbook/objectives.ts';
import type { Sketch } from '../telemetry/sketch.ts';
import type { Baseline } from './flat-line.ts';

export interface SeriesIdentity {
  readonly kind: string;
  readonly surface: string;
  readonly tenantId: string | null;
  readonly accountId: string | null;
  readonly connectorId: string | null;
  readonly endpoint: string | null;
}

export interface CountRow {
  readonly series: SeriesIdentity;
  /** The number of its series, from 0 and without large gaps, the same in every minute. */
  readonly slot: number;
  readonly total: number;
  readonly success: number;
  readonly caller: number;
  readonly account: number;
  readonly platform: number;
  readonly upstream: number;
  readonly aborted: number;
  /** Of inbound events: from the vendor's time to processing, in microseconds. */
  readonly lag: Sketch | null;
}

export interface EarlyEnd {
  readonly connectorId: string;
  readonly accountId: string;
  readonly driftS: number;
}

export interface ShapeChange {
  readonly id: string;
  readonly connectorId: string;
  readonly endpoint: string;
  readonly change: 'breaking' | 'warning';
}

export interface MinuteFacts {
  /** Its begin, ms since the epoch. */
  readonly minute: number;
  /** False: too little of it was covered to say anything. */
  readonly measured: boolean;
  /** False: counts of some node are missing in most of it. What is counted holds; that something did not come says nothing. */
  readonly complete?: boolean;
  readonly rows: readonly CountRow[];
  /** Accounts in needs_reauth, by connector. */
  readonly needsReauth: ReadonlyMap<string, number>;
  /** Tokens that were found to have ended early in this minute. */
  readonly earlyEnds: readonly EarlyEnd[];
  /** Changes that nobody has acknowledged. */
  readonly shapeChanges: readonly ShapeChange[];
  /** How error budgets stand; left out where they are not asked for. */
  readonly budgets?: BudgetFacts;
}

/** What a budget is of. `id` is empty for overall. */
export interface BudgetScope {
  readonly kind: ScopeKind;
  readonly id: string;
}

/** A burn-rate alert that goes on, as the objectives room decides it. */
export interface Burn {
  readonly objectiveId: string;
  readonly scope: BudgetScope;
  readonly tier: string;
  readonly measures: 'calls' | 'deliveries';
  /** Whose fault most of what burns is. */
  readonly origin: 'platform' | 'upstream';
  /** Of a category: its connectors. */
  readonly connectorIds: readonly string[];
  /** Figures a person can check. */
  readonly evidence: Readonly<Record<string, unknown>>;
}

/** A budget that is not in the normal mode. */
export interface BudgetMode {
  readonly objectiveId: string;
  readonly scope: BudgetScope;
  readonly mode: PolicyMode;
  readonly evidence: Readonly<Record<string, unknown>>;
}

export interface BudgetFacts {
  readonly burns: readonly Burn[];
  readonly modes: readonly BudgetMode[];
}

/** What an alert says of the rule behind a finding: one of alerts.yaml, or one that follows from the budget policy. */
export interface FindingRule {
  readonly id: string;
  readonly title: string;
  readonly severity: AlertSeverity;
  readonly watch: AlertRule['watch'] | 'burn-rate' | 'budget-mode';
  readonly runbook?: string;
  /** Roles that are told, beside the routes. */
  readonly notify?: readonly string[];
}

/** An inbound stream that is watched for silence: of an account, or of a whole connector. */
export interface Stream {
  readonly connectorId: string;
  readonly accountId: string | null;
  readonly tenantId: string | null;
  readonly baseline: Baseline;
  readonly lastEventMs: number;
}

/** Of a tenant: its last success, or the first failure without any, and the failures since. */
export interface TenantStanding {
  readonly sinceMs: number;
  readonly failures: number;
  /** Of the last of them; null when there is none. */
  readonly lastFailureMs: number | null;
}

export interface Affected {
  readonly accountId: string;
  readonly tenantId: string | null;
}

/** What a rule found about one subject in one minute. */
export interface Finding {
  /** Unique within the rule. */
  readonly key: string;
  /** `elevated`: not enough to fire, too much to resolve. What is not told of is good. */
  readonly verdict: 'bad' | 'elevated';
  readonly subject: Subject;
  readonly origin: Origin | null;
  /** Figures a person can check, as JSON. */
  readonly evidence: Readonly<Record<string, unknown>>;
  readonly affected: readonly Affected[];
  /** In place of the rule's; it is shown to every tenant that is met, so it names none. */
  readonly title?: string;
  /** It is the failure of the whole connector, although only one account of it is told of here. */
  readonly ofConnector?: boolean;
}

export interface Subject {
  readonly connectorId: string | null;
  readonly accountId: string | null;
  readonly tenantId: string | null;
  /** Of calls `<resource>.<method>` or `crm.contacts.list`, of deliveries the endpoint's id, of a shape change its place. */
  readonly endpoint: string | null;
}

export const nobody: Subject = { connectorId: null, accountId: null, tenantId: null, endpoint: null };

/** What an alert is about. */
export type AlertScope = 'platform' | 'connector' | 'account' | 'tenant' | 'endpoint' | 'installation';

/** A finding that goes on, with its rule. */
export interface FiringFinding {
  readonly rule: FindingRule;
  readonly finding: Finding;
}
