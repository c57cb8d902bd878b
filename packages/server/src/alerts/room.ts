/** The alerts room, put together: rules come from the playbook, facts from telemetry and accounts. */
import type { AlertsFile } from '@evenkeel/contract/playbook/alerts.ts';
import type { BudgetPolicyFile } from '@evenkeel/contract/playbook/budget-policy.ts';
import type { ContactsFile } from '@evenkeel/contract/playbook/contacts.ts';
import { definePolicy } from '@evenkeel/core/objectives/definition.ts';
import type { Pool } from '../database/pool.ts';
import type { Route } from '../http/route.ts';
import type { AnyJob } from '../jobs/runner.ts';
import type { Log } from '../log.ts';
import type { UpstreamClient } from '../upstream/client.ts';
import type { Metric } from '../telemetry/metrics/exposition.ts';
import { alertMetrics } from './alert-metrics.ts';
import { AlertWatch } from './alert-watch.ts';
import type { FactSource } from './minute-facts.ts';
import { createMailer } from '../mail/mailer.ts';
import { notifyJob } from './notify.ts';
import { addresseesOf, type RoleBook } from './role-notices.ts';
import { alertRoutes } from './routes.ts';
import { tellRoleJob } from './tell-role.ts';

export interface AlertsParts {
  readonly pool: Pool;
  readonly log: Log;
  readonly now: () => number;
  readonly rules: AlertsFile;
  readonly budgetPolicy: BudgetPolicyFile;
  readonly contacts: ContactsFile;
  /** Of SMTP_URL, EVENKEEL_MAIL_FROM and EVENKEEL_MAIL_TO. */
  readonly mail: { readonly smtpUrl: string | undefined; readonly from: string; readonly operator: string | undefined };
  readonly facts: FactSource;
  readonly upstream: UpstreamClient;
  readonly publicUrl: string;
}

export interface AlertsRoom {
  /** Judges minutes, once it is started: on nodes that work. */
  readonly watch: AlertWatch;
  readonly routes: readonly Route[];
  readonly jobs: readonly AnyJob[];
  metrics(): Promise<Metric[]>;
  close(): Promise<void>;
}

export function createAlertsRoom({ pool, log, now, rules, budgetPolicy, contacts, mail, facts, upstream, publicUrl }: AlertsParts): AlertsRoom {
  const roles = { contacts, operator: mail.operator };
  warnOfUnreachable(log, roles, mail.smtpUrl);
  const mailer = mail.smtpUrl === undefined ? null : createMailer(mail.smtpUrl, mail.from);
  const watch = new AlertWatch({ pool, log, rules, facts, budgetPolicy: definePolicy(budgetPolicy), roles });
  return {
    watch,
    routes: alertRoutes({ pool, rules, now }),
    jobs: [notifyJob({ database: pool, upstream, rules, publicUrl, log, now }), tellRoleJob({ database: pool, upstream, mailer, publicUrl, log, now })],
    metrics: () => alertMetrics(pool, watch.figures),
    async close() {
      await watch.close();
      mailer?.close();
    },
  };
}

/** What could reach nobody is said before it is needed. */
function warnOfUnreachable(log: Log, book: RoleBook, smtpUrl: string | undefined): void {
  const reached = Object.keys(book.contacts.roles).map((role) => ({ role, channels: addresseesOf(role, 'P1', book).map(({ channel }) => channel) }));
  const nobody = reached.filter(({ channels }) => channels.every((channel) => channel === 'none')).map(({ role }) => role);
  if (nobody.length > 0) log.warn({ roles: nobody }, 'alerts: these roles of contacts.yaml reach nobody; name a mail or webhook there, or set EVENKEEL_MAIL_TO and SMTP_URL');
  const unsent = smtpUrl === undefined ? reached.filter(({ channels }) => channels.includes('mail')).map(({ role }) => role) : [];
  if (unsent.length > 0) log.warn({ roles: unsent }, 'alerts: these roles are told by mail, and SMTP_URL is not set: nothing can be sent');
}
