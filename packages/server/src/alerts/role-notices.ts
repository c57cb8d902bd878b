/**
 * Tells roles about alerts: who stands behind a role is in contacts.yaml. Each notice is a row with its result, written in
 * the transaction that makes it necessary, and sent by a job that repeats until it is taken. A role is told once of an
 * alert, again when it has become more severe, and of its end when it was told of its begin.
 */
import type { AlertSeverity } from '@evenkeel/contract/playbook/alerts.ts';
import type { Contact, ContactsFile } from '@evenkeel/contract/playbook/contacts.ts';
import type { FiringFinding } from '@evenkeel/core/alerts/facts.ts';
import type { Queryable } from '../database/pool.ts';
import { newId } from '../identifier.ts';
import { queueJob } from '../jobs/job.ts';
import type { Log } from '../log.ts';
import { maxAttempts } from './alert-notice.ts';

export const tellRoleJobName = 'alerts.tell-role';

export interface Addressee {
  readonly channel: 'mail' | 'webhook' | 'none';
  readonly address: string;
}

export interface RoleBook {
  readonly contacts: ContactsFile;
  /** EVENKEEL_MAIL_TO. */
  readonly operator: string | undefined;
}

/** How a role is reached for something so urgent; a role that nobody stands for is reached by `none`. */
export function addresseesOf(role: string, severity: AlertSeverity, { contacts, operator }: RoleBook): Addressee[] {
  const found = (Object.hasOwn(contacts.roles, role) ? (contacts.roles[role] ?? []) : []).map((contact) => ({ contact, addressee: addresseeOf(contact, operator) }));
  const reachable = found.flatMap(({ contact, addressee }) => (addressee === null ? [] : [{ contact, addressee }]));
  if (reachable.length === 0) return [{ channel: 'none', address: '' }];
  return reachable.filter(({ contact }) => contact.severities?.includes(severity) !== false).map(({ addressee }) => addressee);
}

function addresseeOf(contact: Contact, operator: string | undefined): Addressee | null {
  if ('mail' in contact) return { channel: 'mail', address: contact.mail };
  if ('webhook' in contact) return { channel: 'webhook', address: contact.webhook };
  return operator === undefined ? null : { channel: 'mail', address: operator };
}

/** Roles of these findings are told that the alert fires. Telling the same again in a `round` changes nothing. */
export async function tellRoles(client: Queryable, book: RoleBook, log: Log, alert: { readonly id: string; readonly severity: AlertSeverity; readonly round: string }, findings: readonly FiringFinding[]): Promise<void> {
  for (const role of new Set(findings.flatMap(({ rule }) => rule.notify ?? []))) {
    for (const to of addresseesOf(role, alert.severity, book)) {
      if ((await insertNotice(client, alert.id, role, 'firing', alert.round, to)) && to.channel === 'none') {
        log.warn({ role, alert: alert.id, severity: alert.severity }, 'alerts: a role is to be told and nobody stands for it; add it to contacts.yaml, or set EVENKEEL_MAIL_TO');
      }
    }
  }
}

/** Whoever was told that it fires is told that it has ended. */
export async function tellRolesOfEnd(client: Queryable, alertId: string): Promise<void> {
  const { rows } = await client.query<{ role: string; channel: 'mail' | 'webhook'; address: string }>(
    `select distinct role, channel, address from role_notices where alert_id = $1 and status = 'firing' and state in ('sent', 'pending') order by role, channel, address`,
    [alertId],
  );
  for (const { role, channel, address } of rows) await insertNotice(client, alertId, role, 'resolved', '', { channel, address });
}

async function insertNotice(client: Queryable, alertId: string, role: string, status: 'firing' | 'resolved', round: string, { channel, address }: Addressee): Promise<boolean> {
  const id = newId('rnt');
  const { rowCount } = await client.query(
    `insert into role_notices (id, alert_id, role, status, round, channel, address, state, settled_at)
     values ($1, $2, $3, $4, $5, $6, $7, $8, case when $8 = 'pending' then null else now() end) on conflict do nothing`,
    [id, alertId, role, status, round, channel, address, channel === 'none' ? 'unaddressed' : 'pending'],
  );
  if (rowCount === 1 && channel !== 'none') await queueJob(client, tellRoleJobName, { notice_id: id }, { maxAttempts });
  return rowCount === 1;
}

export interface RoleNoticeRow {
  id: string;
  alert_id: string;
  role: string;
  status: 'firing' | 'resolved';
  round: string;
  channel: 'mail' | 'webhook' | 'none';
  address: string;
  state: 'pending' | 'sent' | 'failed' | 'passed' | 'unaddressed';
  attempts: number;
  detail: string | null;
  queued_at: Date;
  settled_at: Date | null;
}

/** What roles were told of an alert, in the order of telling. */
export async function listRoleNotices(database: Queryable, alertId: string): Promise<RoleNoticeRow[]> {
  const { rows } = await database.query<RoleNoticeRow>('select * from role_notices where alert_id = $1 order by queued_at, id limit 1000', [alertId]);
  return rows;
}
