/**
 * Jira webhooks. Those of an administrator carry X-Hub-Signature over the raw body; those an OAuth app registers at
 * /webhook carry a token signed with the app's secret, and end after thirty days unless they are refreshed.
 */
import { createHmac, randomUUID } from 'node:crypto';
import { sandboxApps } from '../../apps.ts';
import { bodyObject, empty, json, type Call, type Reply } from '../../exchange.ts';
import { asArray, asObject, asText, type JsonObject } from '../../json.ts';
import type { Change, WebhookMessage, WebhookRegistration, World } from '../../vendor.ts';

const lifetimeMs = 30 * 86_400_000;

function token(now: number): string {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const signed = `${part({ alg: 'HS256', typ: 'JWT' })}.${part({ iss: 'jira', iat: Math.floor(now / 1000), exp: Math.floor(now / 1000) + 180 })}`;
  return `${signed}.${createHmac('sha256', sandboxApps.jira.client_secret).update(signed).digest('base64url')}`;
}

export function jiraWebhooks(change: Change, registration: WebhookRegistration, now: number): WebhookMessage[] {
  const event = `jira:issue_${change.kind}`;
  if (change.resource !== 'issues' || (registration.events !== null && !registration.events.includes(event))) return [];
  const before = asObject(change.previous?.['fields']) ?? {};
  const after = asObject(change.record['fields']) ?? {};
  const items = Object.keys(after).filter((field) => change.kind === 'updated' && field !== 'updated' && JSON.stringify(before[field]) !== JSON.stringify(after[field])).map((field) => ({ field, fieldId: field }));
  const body = JSON.stringify({ timestamp: now, webhookEvent: event, issue: change.record, ...(change.kind === 'updated' ? { changelog: { id: '1', items } } : {}) });
  const proof: Record<string, string> = registration.secret === '' ? { authorization: `Bearer ${token(now)}` } : { 'x-hub-signature': `sha256=${createHmac('sha256', registration.secret).update(body).digest('hex')}` };
  return [{ body, headers: { 'content-type': 'application/json; charset=utf-8', 'x-atlassian-webhook-identifier': randomUUID(), ...proof } }];
}

/** The API speaks of numbers. */
const numberOf = ({ id }: WebhookRegistration): number => Number.parseInt(id.slice(0, 7), 16);
const jiraTime = (ms: number): string => new Date(ms).toISOString().replace('Z', '+0000');

/** The webhooks that the app has at one site. */
export function webhookApi(world: World, site: string, call: Call, now: number): Reply {
  const mine = world.subscriptions().filter((one) => one.account === site && one.secret === '');
  const body = bodyObject(call) ?? {};
  const named = asArray(body['webhookIds']).map(Number);
  switch (call.method) {
    case 'GET':
      return json(200, { maxResults: 100, startAt: 0, total: mine.length, isLast: true, values: mine.map((one): JsonObject => ({ id: numberOf(one), url: one.target_url, jqlFilter: 'project IS NOT EMPTY', events: [...(one.events ?? [])], expirationDate: jiraTime(one.expiresAt ?? 0) })) });
    case 'POST': {
      const results = asArray(body['webhooks']).map((wanted): JsonObject => {
        const made = world.subscribe({ target_url: asText(body['url']), secret: '', account: site, events: asArray(asObject(wanted)?.['events']).map(asText), expiresAt: now + lifetimeMs });
        return made.ok ? { createdWebhookId: numberOf(made.registration) } : { errors: ['The URL is not allowed.'] };
      });
      return json(200, { webhookRegistrationResult: results });
    }
    case 'PUT':
      for (const one of mine) if (named.includes(numberOf(one))) world.changeSubscription(one.id, { expiresAt: now + lifetimeMs });
      return json(200, { expirationDate: jiraTime(now + lifetimeMs) });
    default:
      for (const one of mine) if (named.includes(numberOf(one))) world.unsubscribe(one.id);
      return empty(202);
  }
}
