/** Tells the routes of the playbook about an alert: one job an alert, route and status, repeated until it is taken. */
import type { AlertsFile } from '@evenkeel/contract/playbook/alerts.ts';
import { writeWebhook } from '@evenkeel/core/alerts/alertmanager.ts';
import type { Queryable } from '../database/pool.ts';
import { queueJob } from '../jobs/job.ts';
import { job, type AnyJob } from '../jobs/runner.ts';
import type { Log } from '../log.ts';
import type { UpstreamClient } from '../upstream/client.ts';
import { maxAttempts, noticeOf } from './alert-notice.ts';
import { findAlert } from './alert-store.ts';
import { silenceOf } from './silence-store.ts';

export const notifyJobName = 'alerts.notify';
const silenceCheckMs = 60_000;

export interface Notice {
  readonly alert_id: string;
  readonly status: 'firing' | 'resolved';
  /** The route of the playbook, by id. */
  readonly route: string;
}

export function notifyJob({ database, upstream, rules, publicUrl, log, now }: { database: Queryable; upstream: UpstreamClient; rules: AlertsFile; publicUrl: string; log: Log; now: () => number }): AnyJob {
  return job<Notice>({
    name: notifyJobName,
    timeoutMs: 20_000,
    parse: (payload) => payload as Notice,
    async run({ alert_id: id, status, route: routeId }, signal) {
      const route = rules.routes?.find((one) => one.id === routeId);
      const alert = await findAlert(database, id);
      // The playbook may have changed meanwhile; and a firing one that has ended is told by its end.
      if (route === undefined || alert === undefined || (status === 'firing' && alert.state !== 'firing')) return;
      if (status === 'resolved' && route.send_resolved === false) return;
      if (route.severities?.includes(alert.severity) === false || (route.connectors !== undefined && !route.connectors.includes(alert.connector_id ?? ''))) return;
      const silence = await silenceOf(database, alert);
      if (silence !== undefined) {
        log.info({ alert: id, silence: silence.id }, 'alerts: not sent, it is silenced');
        // One that outlasts its silence is told then; looked at in between, since a silence can be ended early.
        if (status === 'firing') await queueJob(database, notifyJobName, { alert_id: id, status, route: routeId }, { maxAttempts, runAt: new Date(Math.min(silence.expires_at.getTime(), now() + silenceCheckMs)), key: `${notifyJobName} ${id} ${routeId}` });
        return;
      }
      const body = JSON.stringify(writeWebhook(noticeOf(alert), route.id, publicUrl));
      const reply = await upstream.send({ method: 'POST', url: route.url, headers: { 'content-type': 'application/json', 'user-agent': 'evenkeel' }, body, timeoutMs: 10_000 }, { signal, redirects: 'none' });
      await reply.bytes();
      if (reply.status < 200 || reply.status > 299) throw new Error(`the route ${route.id} answered ${reply.status}`);
    },
  });
}
