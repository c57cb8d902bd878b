/** HubSpot webhooks: a JSON array of events, signed v1 and v3 at once (v3: HMAC over method, address, body, time). */
import { createHash, createHmac } from 'node:crypto';
import { asObject, asText, type JsonObject } from '../../json.ts';
import type { Change, WebhookMessage, WebhookRegistration } from '../../vendor.ts';
import { sandboxApps } from '../../apps.ts';

const singular: Record<string, string> = { contacts: 'contact', companies: 'company', deals: 'deal', notes: 'note' };
let nextEventId = 3_000_000_000;

function changedProperties(change: Change): [string, string][] {
  const before = asObject(change.previous?.['properties']) ?? {};
  const after = asObject(change.record['properties']) ?? {};
  return Object.keys(after).filter((name) => after[name] !== before[name] && !name.includes('lastmodifieddate')).map((name) => [name, asText(after[name])]);
}

export function hubspotWebhooks(change: Change, registration: WebhookRegistration, now: number): WebhookMessage[] {
  const object = singular[change.resource] ?? change.resource;
  const event = (type: string, more: JsonObject): JsonObject => {
    nextEventId += 1;
    return { eventId: nextEventId, subscriptionId: 1_966_001, portalId: Number(change.account), appId: Number(sandboxApps.hubspot.app_id), occurredAt: now, subscriptionType: type, attemptNumber: 0, objectId: Number(change.record['id']), ...more };
  };
  const all = change.kind === 'created' ? [event(`${object}.creation`, { changeFlag: 'CREATED', changeSource: 'INTEGRATION' })]
    : change.kind === 'deleted' ? [event(`${object}.deletion`, { changeFlag: 'DELETED', changeSource: 'INTEGRATION' })]
    : changedProperties(change).map(([propertyName, propertyValue]) => event(`${object}.propertyChange`, { propertyName, propertyValue, changeSource: 'INTEGRATION', sourceId: '1046201' }));
  const events = all.filter((one) => registration.events === null || registration.events.includes(asText(one['subscriptionType'])));
  if (events.length === 0) return [];
  const body = JSON.stringify(events);
  return [{
    body,
    headers: {
      'content-type': 'application/json',
      'user-agent': 'HubSpot Connect 2.0 (http://dev.hubspot.com/) (namespace: webhooks-nio-http-client) - WebhooksExecutorDaemon-executor',
      'x-hubspot-signature': createHash('sha256').update(registration.secret + body).digest('hex'),
      'x-hubspot-signature-version': 'v1',
      'x-hubspot-signature-v3': createHmac('sha256', registration.secret).update(`POST${registration.target_url}${body}${now}`).digest('base64'),
      'x-hubspot-request-timestamp': String(now),
    },
  }];
}
