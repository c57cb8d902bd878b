/** Slack Events API: event_callback envelopes signed v0 over "v0:timestamp:body", and the url_verification challenge. */
import { createHmac } from 'node:crypto';
import { sandboxApps } from '../../apps.ts';
import type { JsonObject } from '../../json.ts';
import { secretText } from '../../random.ts';
import type { Change, WebhookMessage, WebhookRegistration } from '../../vendor.ts';
import { botUser } from './data.ts';

function signed(payload: JsonObject, secret: string, now: number): WebhookMessage {
  const body = JSON.stringify(payload);
  const timestamp = String(Math.floor(now / 1000));
  const signature = `v0=${createHmac('sha256', secret).update(`v0:${timestamp}:${body}`).digest('hex')}`;
  return {
    body,
    headers: { 'content-type': 'application/json', 'user-agent': 'Slackbot 1.0 (+https://api.slack.com/robots)', 'x-slack-request-timestamp': timestamp, 'x-slack-signature': signature },
    retryHeaders: (resend) => ({ 'x-slack-retry-num': String(resend), 'x-slack-retry-reason': 'http_error' }),
  };
}

export const challenge = (registration: WebhookRegistration, now: number): WebhookMessage[] => [signed({ token: 'sandbox-verification-token', challenge: secretText(52), type: 'url_verification' }, registration.secret, now)];

function event(change: Change, now: number): JsonObject {
  const { record, previous, kind } = change;
  const ts = `${Math.floor(now / 1000)}.${String((now % 1000) * 1000).padStart(6, '0')}`;
  if (change.resource === 'messages') {
    const channel = record['channel'] ?? '';
    if (kind === 'created') return { ...record, channel, channel_type: 'channel', event_ts: record['ts'] ?? ts };
    if (kind === 'deleted') return { type: 'message', subtype: 'message_deleted', hidden: true, channel, deleted_ts: record['ts'] ?? '', previous_message: record, ts, event_ts: ts, channel_type: 'channel' };
    return { type: 'message', subtype: 'message_changed', hidden: true, channel, message: record, previous_message: previous, ts, event_ts: ts, channel_type: 'channel' };
  }
  if (change.resource === 'users') return { type: kind === 'created' ? 'team_join' : 'user_change', user: record, event_ts: ts };
  const channel = { id: record['id'] ?? '', name: record['name'] ?? '', created: record['created'] ?? 0, creator: record['creator'] ?? '' };
  if (kind === 'created') return { type: 'channel_created', channel, event_ts: ts };
  if (record['is_archived'] === true && previous?.['is_archived'] !== true) return { type: 'channel_archive', channel: record['id'] ?? '', user: botUser, event_ts: ts };
  return { type: kind === 'deleted' ? 'channel_deleted' : 'channel_rename', channel, event_ts: ts };
}

export function slackWebhooks(change: Change, registration: WebhookRegistration, now: number): WebhookMessage[] {
  const inner = event(change, now);
  if (registration.events !== null && !registration.events.includes(String(inner['type']))) return [];
  return [signed({
    token: 'sandbox-verification-token', team_id: change.account, api_app_id: sandboxApps.slack.app_id, event: inner, type: 'event_callback', event_id: `Ev${secretText(9).toUpperCase()}`, event_time: Math.floor(now / 1000),
    authorizations: [{ enterprise_id: null, team_id: change.account, user_id: botUser, is_bot: true, is_enterprise_install: false }], is_ext_shared_channel: false,
  }, registration.secret, now)];
}
