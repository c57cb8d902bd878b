/** Zendesk webhooks: HMAC-SHA256 in base64 over timestamp and body, both in headers. */
import { createHmac, randomUUID } from 'node:crypto';
import { asText } from '../../json.ts';
import type { Change, WebhookMessage, WebhookRegistration } from '../../vendor.ts';

export function zendeskWebhooks(change: Change, registration: WebhookRegistration, now: number): WebhookMessage[] {
  const subject = { tickets: 'ticket', users: 'user', organizations: 'organization' }[change.resource];
  const type = `zen:event-type:${subject ?? ''}.${change.kind}`;
  if (subject === undefined || (registration.events !== null && !registration.events.includes(type))) return [];
  const time = new Date(now).toISOString();
  const body = JSON.stringify({ account_id: 22_129_848, detail: change.record, event: {}, id: randomUUID(), subject: `zen:${subject}:${asText(change.record['id'])}`, time, type, zendesk_event_version: '2022-11-06' });
  const signature = createHmac('sha256', registration.secret).update(time + body).digest('base64');
  return [{ body, headers: { 'content-type': 'application/json; charset=utf-8', 'x-zendesk-webhook-signature': signature, 'x-zendesk-webhook-signature-timestamp': time, 'x-zendesk-webhook-id': registration.id, 'x-zendesk-account-id': '22129848' } }];
}
