/** What a schema cannot say about contacts: that every role somebody names is one that somebody stands for. */
import type { BudgetPolicyFile } from '@evenkeel/contract/playbook/budget-policy.ts';
import type { ContactsFile } from '@evenkeel/contract/playbook/contacts.ts';
import { nearest, warning, type Fault } from '../connectors/lint/fault.ts';

export function lintContacts({ roles }: ContactsFile, policy: BudgetPolicyFile | undefined): Fault[] {
  const named = policy === undefined ? new Map<string, string>() : namedRoles(policy);
  const faults: Fault[] = [];
  for (const [role, place] of named) {
    if (!Object.hasOwn(roles, role)) faults.push(warning('roles', `Nobody stands for the role "${role}", which ${place} of budget-policy.yaml tells: it is recorded and sent to nobody. Add roles.${role} with a mail or webhook.`, nearest(role, Object.keys(roles))));
    else if (roles[role]?.length === 0) faults.push(warning(`roles.${role}`, `The role has no contact, and ${place} of budget-policy.yaml tells it: it is recorded and sent to nobody. Add a mail or webhook.`));
  }
  if (policy !== undefined) {
    for (const role of Object.keys(roles)) if (!named.has(role)) faults.push(warning(`roles.${role}`, `Nothing in budget-policy.yaml tells the role "${role}".`, nearest(role, [...named.keys()])));
  }
  return faults;
}

/** Role → the first place that names it. */
function namedRoles({ modes, burn_alerts: tiers }: BudgetPolicyFile): Map<string, string> {
  const named = new Map<string, string>();
  const add = (roles: readonly string[], place: string): void => {
    for (const role of roles) if (!named.has(role)) named.set(role, place);
  };
  for (const [mode, { notify }] of Object.entries(modes)) add(notify, `modes.${mode}`);
  tiers.forEach(({ notify, enabled }, index) => enabled !== false && add(notify, `burn_alerts[${index}]`));
  return named;
}
