/** Bob's webhooks, version 2: the ids of what changed, signed with HMAC-SHA512 in base64. They are set up in Bob's settings. */
import { createHmac } from 'node:crypto';
import { asText } from '../../json.ts';
import type { Change, WebhookMessage, WebhookRegistration } from '../../vendor.ts';

export function hibobWebhooks(change: Change, registration: WebhookRegistration, now: number): WebhookMessage[] {
  const type = `employee.${change.kind}`;
  if (change.resource !== 'employees' || (registration.events !== null && !registration.events.includes(type))) return [];
  const changed = Object.keys(change.record).filter((name) => change.kind === 'updated' && JSON.stringify(change.record[name]) !== JSON.stringify(change.previous?.[name]));
  const body = JSON.stringify({ companyId: 636_192, type, triggeredBy: '0', triggeredAt: new Date(now).toISOString(), version: 'v2', creationDate: new Date(now).toISOString(), data: { employeeId: asText(change.record['id']), fieldUpdates: changed.map((id) => ({ id })) } });
  return [{ body, headers: { 'content-type': 'application/json', 'bob-signature': createHmac('sha512', registration.secret).update(body).digest('base64') } }];
}
