/** The job that tells one role by one channel, and writes down what became of it. Repeated until it is taken. */
import { writeWebhook } from '@evenkeel/core/alerts/alertmanager.ts';
import { writeRoleMessage } from '@evenkeel/core/alerts/role-message.ts';
import type { Queryable } from '../database/pool.ts';
import { queueJob } from '../jobs/job.ts';
import { job, type AnyJob } from '../jobs/runner.ts';
import type { Log } from '../log.ts';
import type { Mailer } from '../mail/mailer.ts';
import type { UpstreamClient } from '../upstream/client.ts';
import { maxAttempts, noticeOf } from './alert-notice.ts';
import { findAlert, type AlertRow } from './alert-store.ts';
import { tellRoleJobName, type RoleNoticeRow } from './role-notices.ts';
import { silenceOf } from './silence-store.ts';

const silenceCheckMs = 60_000;

export interface TellRoleParts {
  readonly database: Queryable;
  readonly upstream: UpstreamClient;
  /** Null: there is no SMTP_URL. */
  readonly mailer: Mailer | null;
  readonly publicUrl: string;
  readonly log: Log;
  readonly now: () => number;
}

export function tellRoleJob(parts: TellRoleParts): AnyJob {
  const { database, log, now } = parts;
  return job<{ readonly notice_id: string }>({
    name: tellRoleJobName,
    timeoutMs: 45_000,
    parse: (payload) => payload as { notice_id: string },
    async run({ notice_id: id }, signal) {
      const { rows } = await database.query<RoleNoticeRow>(`select * from role_notices where id = $1 and state = 'pending'`, [id]);
      const notice = rows[0];
      const alert = notice === undefined ? undefined : await findAlert(database, notice.alert_id);
      if (notice === undefined || alert === undefined) return;
      if (notice.status === 'firing' && alert.state !== 'firing') return settle(database, id, 'passed', 'The alert had ended before it could be told.');
      if (notice.status === 'resolved' && !(await wasTold(database, notice))) return settle(database, id, 'passed', 'Nobody had been told of its begin.');
      const silence = await silenceOf(database, alert);
      if (silence !== undefined) {
        if (notice.status === 'resolved') return settle(database, id, 'passed', `Silenced by ${silence.id}.`);
        log.info({ alert: alert.id, role: notice.role, silence: silence.id }, 'alerts: a role is not told, the alert is silenced');
        await queueJob(database, tellRoleJobName, { notice_id: id }, { maxAttempts, runAt: new Date(Math.min(silence.expires_at.getTime(), now() + silenceCheckMs)), key: `${tellRoleJobName} ${id}` });
        return;
      }
      try {
        await send(parts, notice, alert, signal);
      } catch (error) {
        await failed(database, notice, error);
        throw error;
      }
      await settle(database, id, 'sent', null);
    },
  });
}

async function send({ upstream, mailer, publicUrl }: TellRoleParts, { role, channel, address, status }: RoleNoticeRow, alert: AlertRow, signal: AbortSignal): Promise<void> {
  const told = noticeOf(alert);
  // It may have ended since: then its end is told apart.
  const shown = status === 'firing' ? { ...told, resolvedAt: null } : told;
  if (channel === 'mail') {
    if (mailer === null) throw new Error('SMTP_URL is not set, so no mail can be sent');
    await mailer.send({ to: address, ...writeRoleMessage(role, shown, alert.findings, publicUrl) });
    return;
  }
  const body = JSON.stringify(writeWebhook(shown, role, publicUrl));
  const reply = await upstream.send({ method: 'POST', url: address, headers: { 'content-type': 'application/json', 'user-agent': 'evenkeel' }, body, timeoutMs: 10_000 }, { signal, redirects: 'none' });
  await reply.bytes();
  if (reply.status < 200 || reply.status > 299) throw new Error(`the webhook of the role ${role} answered ${reply.status}`);
}

async function wasTold(database: Queryable, { alert_id, role, channel, address }: RoleNoticeRow): Promise<boolean> {
  const { rows } = await database.query<{ state: string }>(`select state from role_notices where alert_id = $1 and role = $2 and channel = $3 and address = $4 and status = 'firing'`, [alert_id, role, channel, address]);
  return rows.some(({ state }) => state === 'sent');
}

async function settle(database: Queryable, id: string, state: 'sent' | 'passed', detail: string | null): Promise<void> {
  await database.query(`update role_notices set state = $2, detail = $3, settled_at = now(), attempts = attempts + case when $2 = 'sent' then 1 else 0 end where id = $1`, [id, state, detail]);
}

/** The last attempt leaves it as failed. */
async function failed(database: Queryable, { id, attempts }: RoleNoticeRow, error: unknown): Promise<void> {
  const last = attempts + 1 >= maxAttempts;
  await database.query(`update role_notices set attempts = attempts + 1, detail = $2, state = case when $3 then 'failed' else 'pending' end, settled_at = case when $3 then now() end where id = $1`, [id, error instanceof Error ? error.message.slice(0, 500) : String(error), last]);
}
