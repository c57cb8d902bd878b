/** Burn-rate alerts and budget modes of objectives among the other alerts: listed, silenced and sent along the playbook's routes like them. */
import type { AlertsFile } from '@evenkeel/contract/playbook/alerts.ts';
import type { Queryable } from '../database/pool.ts';
import { queueJob } from '../jobs/job.ts';
import { insertAlert, resolveAlert } from './alert-store.ts';
import { maxAttempts, notifyJobName, type Notice } from './notify.ts';

export interface BudgetNotice {
  /** One alert is open for it at a time. */
  readonly key: string;
  readonly title: string;
  readonly severity: 'P1' | 'P2' | 'P3';
  readonly status: 'firing' | 'resolved';
  /** The end of the minute that fired or ended it. */
  readonly at: Date;
}

/** Writes it and queues what is sent, in the transaction of the evaluation. Its source is external: no rule of this room tells of it or ends it. */
export async function tellBudgetAlert(client: Queryable, rules: AlertsFile, { key, title, severity, status, at }: BudgetNotice): Promise<void> {
  const subject = { connectorId: null, accountId: null, tenantId: null, endpoint: null };
  const cause = { key, scope: 'installation' as const, subject, origin: null, severity, title, runbook: null, findings: [], affected: [] };
  const id = status === 'firing' ? await insertAlert(client, cause, at, 'external') : await resolveAlert(client, cause.key, null, at, 'external');
  if (id === undefined) return;
  const notice: Omit<Notice, 'route'> = { alert_id: id, status };
  for (const route of rules.routes ?? []) await queueJob(client, notifyJobName, { ...notice, route: route.id }, { maxAttempts });
}
