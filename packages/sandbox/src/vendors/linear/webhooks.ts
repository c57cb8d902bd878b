/** Linear webhooks: Linear-Signature is the HMAC-SHA256 hex of the body, whose webhookTimestamp is checked by receivers. */
import { createHmac, randomUUID } from 'node:crypto';
import type { JsonObject } from '../../json.ts';
import type { Change, WebhookMessage, WebhookRegistration } from '../../vendor.ts';

const types: Readonly<Record<string, string>> = { issues: 'Issue', comments: 'Comment', projects: 'Project' };
const actions = { created: 'create', updated: 'update', deleted: 'remove' } as const;

export function linearWebhooks(change: Change, registration: WebhookRegistration, now: number): WebhookMessage[] {
  const type = types[change.resource];
  if (type === undefined || (registration.events !== null && !registration.events.includes(type))) return [];
  const before = change.previous ?? {};
  const updatedFrom: JsonObject = Object.fromEntries(Object.entries(before).filter(([name, value]) => change.kind === 'updated' && value !== change.record[name]));
  const body = JSON.stringify({
    action: actions[change.kind], actor: { id: change.record['creatorId'] ?? change.record['userId'] ?? null, name: 'Ása', type: 'user' }, createdAt: new Date(now).toISOString(), data: change.record,
    ...(change.kind === 'updated' ? { updatedFrom } : {}), type, organizationId: change.account, webhookTimestamp: now, webhookId: registration.id,
  });
  return [{ body, headers: { 'content-type': 'application/json; charset=utf-8', 'user-agent': 'Linear-Webhook', 'linear-delivery': randomUUID(), 'linear-event': type, 'linear-signature': createHmac('sha256', registration.secret).update(body).digest('hex') } }];
}
