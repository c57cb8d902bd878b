/** Lever webhooks: the proof stands in the body, an HMAC over its token and time; each event is registered by itself. */
import { createHmac, randomUUID } from 'node:crypto';
import { bodyObject, empty, json, type Call, type Reply } from '../../exchange.ts';
import { asText, type JsonObject } from '../../json.ts';
import { secretHex } from '../../random.ts';
import type { Change, WebhookMessage, WebhookRegistration, World } from '../../vendor.ts';
import { leverError, notFound } from './records.ts';

function eventOf({ resource, kind, record, previous }: Change): string | null {
  if (resource !== 'opportunities') return null;
  if (kind !== 'updated') return kind === 'created' ? 'applicationCreated' : 'candidateDeleted';
  if (JSON.stringify(record['archived']) !== JSON.stringify(previous?.['archived'])) return 'candidateArchiveChange';
  return record['stage'] === previous?.['stage'] ? null : 'candidateStageChange';
}

export function leverWebhooks(change: Change, registration: WebhookRegistration, now: number): WebhookMessage[] {
  const event = eventOf(change);
  if (event === null || (registration.events !== null && !registration.events.includes(event))) return [];
  const token = secretHex(36);
  const signature = createHmac('sha256', registration.secret).update(`${token}${now}`).digest('hex');
  const data: JsonObject = { opportunityId: change.record['id'] ?? '', contactId: change.record['contact'] ?? null, ...(event === 'candidateStageChange' ? { fromStageId: change.previous?.['stage'] ?? null, toStageId: change.record['stage'] ?? null } : {}) };
  return [{ body: JSON.stringify({ id: randomUUID(), event, triggeredAt: now, token, signature, data }), headers: { 'content-type': 'application/json' } }];
}

export function webhookApi(world: World, account: string, call: Call): Reply {
  const mine = world.subscriptions().filter((one) => one.account === account);
  const shown = (one: WebhookRegistration, secret: boolean): JsonObject => ({ id: one.id, event: one.events?.[0] ?? '', url: one.target_url, configuration: { conditions: {}, ...(secret ? { signatureToken: one.secret } : {}) }, verifiedAt: null });
  if (call.method === 'GET') return json(200, { data: mine.map((one) => shown(one, false)), hasNext: false });
  if (call.method === 'DELETE') {
    if (!mine.some((one) => one.id === call.params['id'])) return notFound('Webhook');
    world.unsubscribe(call.params['id'] ?? '');
    return empty(204);
  }
  const body = bodyObject(call) ?? {};
  const made = world.subscribe({ target_url: asText(body['url']), secret: secretHex(64), account, events: [asText(body['event'])] });
  return made.ok ? json(201, { data: shown(made.registration, true) }) : leverError(400, 'BadRequest', 'url is not allowed');
}
