/**
 * Zendesk webhooks: HMAC-SHA256 in base64 over timestamp and body, both in headers; one event for each kind of change.
 * Registered at /api/v2/webhooks; the secret is made by Zendesk and asked for.
 */
import { createHmac, randomUUID } from 'node:crypto';
import { bodyObject, empty, json, type Call, type Reply } from '../../exchange.ts';
import { asArray, asObject, asText, type JsonObject } from '../../json.ts';
import { secretText } from '../../random.ts';
import type { Change, WebhookMessage, WebhookRegistration, World } from '../../vendor.ts';
import { invalid, notFound } from './errors.ts';

const subjects: Readonly<Record<string, string>> = { tickets: 'ticket', users: 'user', organizations: 'organization' };
const fieldEvents: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  ticket: { status: 'status_changed', priority: 'priority_changed', subject: 'subject_changed', description: 'description_changed', type: 'type_changed', tags: 'tags_changed', assignee_id: 'agent_assignment_changed', group_id: 'group_assignment_changed' },
  user: { name: 'name_changed', role: 'role_changed', active: 'active_changed' },
};

function typesOf(change: Change, subject: string): string[] {
  if (change.kind === 'created') return [`${subject}.created`];
  if (change.kind === 'deleted') return [subject === 'ticket' ? 'ticket.soft_deleted' : `${subject}.deleted`];
  const before = change.previous ?? {};
  return Object.entries(fieldEvents[subject] ?? {}).filter(([field]) => JSON.stringify(before[field]) !== JSON.stringify(change.record[field])).map(([, event]) => `${subject}.${event}`);
}

export function zendeskWebhooks(change: Change, registration: WebhookRegistration, now: number): WebhookMessage[] {
  const subject = subjects[change.resource];
  if (subject === undefined) return [];
  return typesOf(change, subject).map((type) => `zen:event-type:${type}`).filter((type) => registration.events === null || registration.events.includes(type)).map((type) => {
    const time = new Date(now).toISOString();
    const body = JSON.stringify({ account_id: 22_129_848, detail: { ...change.record, id: asText(change.record['id']) }, event: {}, id: randomUUID(), subject: `zen:${subject}:${asText(change.record['id'])}`, time, type, zendesk_event_version: '2022-11-06' });
    const signature = createHmac('sha256', registration.secret).update(time + body).digest('base64');
    return { body, headers: { 'content-type': 'application/json; charset=utf-8', 'x-zendesk-webhook-signature': signature, 'x-zendesk-webhook-signature-timestamp': time, 'x-zendesk-webhook-id': registration.id, 'x-zendesk-account-id': '22129848' } };
  });
}

/** The webhooks API of one help desk. */
export function webhookApi(world: World, account: string, call: Call): Reply {
  const mine = world.subscriptions().filter((one) => one.account === account);
  const shown = (one: WebhookRegistration): JsonObject => ({ id: one.id, name: 'webhook', endpoint: one.target_url, http_method: 'POST', request_format: 'json', status: one.enabled ? 'active' : 'inactive', subscriptions: [...(one.events ?? [])] });
  const written = asObject(bodyObject(call)?.['webhook']) ?? {};
  const found = mine.find((one) => one.id === call.params['id']);
  if (call.params['id'] === undefined) {
    if (call.method === 'GET') return json(200, { webhooks: mine.map(shown), meta: { has_more: false } });
    const made = world.subscribe({ target_url: asText(written['endpoint']), secret: secretText(40), account, events: asArray(written['subscriptions']).map(asText) });
    return made.ok ? json(201, { webhook: shown(made.registration) }) : invalid('endpoint', 'is not allowed');
  }
  if (found === undefined) return notFound();
  if (call.method === 'DELETE') {
    world.unsubscribe(found.id);
    return empty(204);
  }
  if (call.path.endsWith('/signing_secret')) return json(200, { signing_secret: { algorithm: 'SHA256', secret: found.secret } });
  if (call.method !== 'PATCH') return json(200, { webhook: shown(found) });
  const enabled = written['status'] === undefined ? found.enabled : written['status'] === 'active';
  world.changeSubscription(found.id, { enabled });
  return empty(204);
}
