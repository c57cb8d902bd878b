/** Whether a deployment may go ahead: yes or no with one line of reason. */
import type { DeployFreeze, PolicyMode } from '@evenkeel/contract/playbook/budget-policy.ts';

/** What kind of change is to be deployed. */
export const changeKinds = ['normal', 'critical', 'reliability'] as const;
export type ChangeKind = (typeof changeKinds)[number];

export interface GateInput {
  readonly objective: string;
  readonly change: ChangeKind;
  /** The last known mode; null when there never was one, or it has expired. */
  readonly mode: PolicyMode | null;
  /** Why present data cannot bear the mode out; null when it does. */
  readonly missing: string | null;
  /** Remaining budget as text in percent; null while it is not known. */
  readonly remaining: string | null;
  readonly freeze: DeployFreeze;
  /** Minutes since the last evaluated minute; null when there is none. */
  readonly lagMinutes: number | null;
  readonly policy: { readonly when_unknown: 'allow' | 'deny'; readonly stale_after_minutes: number };
  readonly override: { readonly id: string; readonly reason: string; readonly expiresAt: string } | null;
}

export interface GateDecision {
  readonly decision: 'allow' | 'deny';
  readonly reason: string;
}

export function decideGate(input: GateInput): GateDecision {
  const { objective, override } = input;
  const own = withoutOverride(input);
  if (own.decision === 'allow' || override === null) return own;
  return { decision: 'allow', reason: `${objective}: overridden until ${override.expiresAt} (${override.reason}); without it: ${own.reason}` };
}

/** What is not known now does not open what was closed: the last known mode holds. */
function withoutOverride({ objective, change, mode, missing, remaining, freeze, lagMinutes, policy }: GateInput): GateDecision {
  const unknown = (why: string): GateDecision => {
    if (mode !== null && !isAllowed(freeze, change)) return { decision: 'deny', reason: `${objective}: ${why}; the last known mode, ${mode}, holds: ${frozen(freeze)}.` };
    return { decision: policy.when_unknown, reason: `${objective}: ${why}; the policy says ${policy.when_unknown}.` };
  };
  if (lagMinutes === null) return unknown('nothing was evaluated yet');
  if (lagMinutes > policy.stale_after_minutes) return unknown(`the last evaluated minute is ${lagMinutes} minutes old`);
  if (missing !== null || mode === null) return unknown(missing === null ? 'insufficient data' : `insufficient data (${missing})`);
  const state = `${objective}: ${mode}, ${remaining ?? '?'} % of the budget remains`;
  if (isAllowed(freeze, change)) return { decision: 'allow', reason: `${state}.` };
  return { decision: 'deny', reason: `${state}; ${frozen(freeze)}.` };
}

const frozen = (freeze: DeployFreeze): string => (freeze === 'non_critical' ? 'only critical and reliability changes are deployed' : 'only reliability fixes are deployed');

function isAllowed(freeze: DeployFreeze, change: ChangeKind): boolean {
  switch (freeze) {
    case 'none':
      return true;
    case 'non_critical':
      return change !== 'normal';
    case 'all_but_reliability':
      return change === 'reliability';
  }
}
