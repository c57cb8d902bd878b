/** Jira webhooks: X-Hub-Signature over the raw body, the delivery's id in an unsigned header. */
import { createHmac, randomUUID } from 'node:crypto';
import type { Change, WebhookMessage, WebhookRegistration } from '../../vendor.ts';

export function jiraWebhooks(change: Change, registration: WebhookRegistration, now: number): WebhookMessage[] {
  const event = `jira:issue_${change.kind}`;
  if (change.resource !== 'issues' || (registration.events !== null && !registration.events.includes(event))) return [];
  const body = JSON.stringify({ timestamp: now, webhookEvent: event, issue: change.record });
  return [{ body, headers: { 'content-type': 'application/json; charset=utf-8', 'x-hub-signature': `sha256=${createHmac('sha256', registration.secret).update(body).digest('hex')}`, 'x-atlassian-webhook-identifier': randomUUID() } }];
}
