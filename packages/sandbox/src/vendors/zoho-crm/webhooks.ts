/** Zoho CRM notifications: ids and a shared token, nothing signed; a channel of /actions/watch ends after a week at most. */
import { bodyObject, empty, json, type Call, type Reply } from '../../exchange.ts';
import { asArray, asObject, asText, type JsonObject } from '../../json.ts';
import type { Change, WebhookMessage, WebhookRegistration, World } from '../../vendor.ts';
import { zohoTime } from './data.ts';
import { zohoError } from './errors.ts';

const operations = { created: 'insert', updated: 'update', deleted: 'delete' } as const;

/** The secret is the token, with the channel's id before it. */
const channelOf = ({ secret }: WebhookRegistration): string => secret.split('\n')[0] ?? '';

export function zohoWebhooks(change: Change, registration: WebhookRegistration, now: number): WebhookMessage[] {
  const operation = operations[change.kind];
  if (registration.events !== null && !registration.events.some((event) => event === `${change.resource}.all` || event === `${change.resource}.${operation}`)) return [];
  const body = JSON.stringify({ server_time: now, query_params: {}, module: change.resource, resource_uri: `https://www.zohoapis.com/crm/v8/${change.resource}`, ids: [change.record['id'] ?? ''], affected_fields: [], operation, channel_id: channelOf(registration), token: registration.secret.split('\n')[1] ?? '' });
  return [{ body, headers: { 'content-type': 'application/json;charset=UTF-8' } }];
}

const longestMs = 7 * 86_400_000;

export function watchApi(world: World, org: string, call: Call, now: number): Reply {
  const mine = world.subscriptions().filter((one) => one.account === org);
  const shown = (one: WebhookRegistration): JsonObject => ({ channel_expiry: zohoTime(one.expiresAt ?? now), channel_id: channelOf(one), notify_url: one.target_url, events: [...(one.events ?? [])] });
  if (call.method === 'DELETE') {
    for (const one of mine) if ((call.query.get('channel_ids') ?? '').split(',').includes(channelOf(one))) world.unsubscribe(one.id);
    return json(200, { watch: [{ code: 'SUCCESS', details: {}, message: 'Successfully un-subscribed', status: 'success' }] });
  }
  if (call.method === 'GET') {
    const found = mine.filter((one) => channelOf(one) === (call.query.get('channel_id') ?? channelOf(one)));
    return found.length === 0 ? empty(204) : json(200, { watch: found.map(shown), info: { per_page: 200, count: found.length, page: 1, more_records: false } });
  }
  const wanted = asObject(asArray(bodyObject(call)?.['watch'])[0] ?? null) ?? {};
  const channel = asText(wanted['channel_id']);
  const expiresAt = wanted['channel_expiry'] === undefined ? now + 3_600_000 : Date.parse(asText(wanted['channel_expiry']));
  if (Number.isNaN(expiresAt) || expiresAt > now + longestMs) return zohoError(400, 'INVALID_DATA', 'invalid data', { param_name: 'channel_expiry' });
  const before = mine.find((one) => channelOf(one) === channel);
  let kept = before;
  if (call.method === 'PATCH') {
    if (before === undefined) return zohoError(400, 'NOT_SUBSCRIBED', 'the channel is not subscribed');
    world.changeSubscription(before.id, { expiresAt });
  } else {
    if (before !== undefined) world.unsubscribe(before.id);
    const made = world.subscribe({ target_url: asText(wanted['notify_url']), secret: `${channel}\n${asText(wanted['token'])}`, account: org, events: asArray(wanted['events']).map(asText), expiresAt });
    if (!made.ok) return zohoError(400, 'INVALID_DATA', 'invalid data', { param_name: 'notify_url' });
    kept = made.registration;
  }
  const events = (kept?.events ?? []).map((event) => ({ channel_expiry: zohoTime(expiresAt), resource_uri: `https://www.zohoapis.com/crm/v8/${event.split('.')[0] ?? ''}`, resource_name: event.split('.')[0] ?? '', channel_id: channel }));
  return json(call.method === 'POST' ? 201 : 200, { watch: [{ code: 'SUCCESS', details: { events }, message: 'Successfully subscribed for actions-watch of the given module', status: 'success' }] });
}
