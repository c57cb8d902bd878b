/** The published JSON Schemas of the playbook's files, for editors: one a file of playbook/. */
import * as alerts from '@evenkeel/contract/playbook/alerts.ts';
import * as agreements from '@evenkeel/contract/playbook/agreements.ts';
import * as contacts from '@evenkeel/contract/playbook/contacts.ts';
import * as policy from '@evenkeel/contract/playbook/budget-policy.ts';
import * as objectives from '@evenkeel/contract/playbook/objectives.ts';
import * as share from '@evenkeel/contract/playbook/share.ts';
import { published } from './manifest-schema.ts';

export const playbookSchemas = [
  { name: 'objectives', render: () => published(objectives.ObjectivesFile, [share, objectives]) },
  { name: 'agreements', render: () => published(agreements.AgreementsFile, [share, agreements]) },
  { name: 'budget-policy', render: () => published(policy.BudgetPolicyFile, [share, objectives, policy]) },
  { name: 'alerts', render: () => published(alerts.AlertsFile, [share, alerts]) },
  { name: 'contacts', render: () => published(contacts.ContactsFile, [share, alerts, contacts]) },
] as const;
