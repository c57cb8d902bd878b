/** Slack Web API methods: everything is 200, the verdict stands in `ok`. */
import type { JsonObject } from '../../json.ts';
import { asText, readInteger } from '../../json.ts';
import { botUser, channelRecord, teams, type Workspace } from './data.ts';

export interface MethodCall {
  /** Query, form or JSON arguments, as text. */
  arg(name: string): string | undefined;
  readonly args: JsonObject;
  readonly team: string;
  readonly isBot: boolean;
  readonly workspace: Workspace;
  readonly now: number;
}
export interface Method {
  /** Any one of these suffices. */
  readonly scopes: readonly string[];
  /** Calls a minute. */
  readonly perMinute: number;
  run(call: MethodCall): JsonObject;
}
const fail = (error: string, more: JsonObject = {}): JsonObject => ({ ok: false, error, ...more });

/** Cursors are opaque base64 in Slack; an empty next_cursor ends the list. */
function page(call: MethodCall, key: string, rows: readonly JsonObject[], fallback: number): JsonObject {
  const cursor = call.arg('cursor') ?? '';
  const from = cursor === '' ? 0 : Number(/^offset:(\d+)$/.exec(Buffer.from(cursor, 'base64').toString('utf8'))?.[1] ?? Number.NaN);
  if (Number.isNaN(from)) return fail('invalid_cursor');
  const limit = readInteger(call.arg('limit'), fallback, 0, 1_000_000);
  if (limit > 1000) return fail('invalid_limit');
  const size = limit === 0 ? fallback : limit;
  const next = from + size < rows.length ? Buffer.from(`offset:${from + size}`).toString('base64') : '';
  return { ok: true, [key]: rows.slice(from, from + size), response_metadata: { next_cursor: next } };
}

const channelOf = (call: MethodCall): JsonObject | undefined => call.workspace.channels.get(call.arg('channel') ?? '');
const nameFault = (name: string): string | null => (name === '' ? 'invalid_name_required' : name.length > 80 ? 'invalid_name_maxlength' : /[A-Z\s.,/]/.test(name) ? 'invalid_name_specials' : null);

function listChannels(call: MethodCall): JsonObject {
  const types = (call.arg('types') ?? 'public_channel').split(',');
  const rows = call.workspace.channels.all().filter((channel) => (call.arg('exclude_archived') !== 'true' || channel['is_archived'] !== true) && types.includes(channel['is_private'] === true ? 'private_channel' : 'public_channel'));
  return page(call, 'channels', rows, 100);
}
function createChannel(call: MethodCall): JsonObject {
  const name = call.arg('name') ?? '';
  const fault = nameFault(name);
  if (fault !== null) return fail(fault);
  if (call.workspace.channels.all().some((channel) => channel['name'] === name)) return fail('name_taken');
  const id = call.workspace.nextChannelId();
  const channel = { ...channelRecord(id, name, botUser, call.now), is_private: call.arg('is_private') === 'true' };
  call.workspace.channels.insert(id, channel);
  return { ok: true, channel };
}
function changeChannel(call: MethodCall, change: (channel: JsonObject) => JsonObject | string): JsonObject {
  const channel = channelOf(call);
  if (channel === undefined) return fail('channel_not_found');
  const changed = change(channel);
  if (typeof changed === 'string') return fail(changed);
  call.workspace.channels.replace(asText(channel['id']), { ...changed, updated: call.now });
  return { ok: true, channel: changed };
}
function rename(call: MethodCall): JsonObject {
  const name = call.arg('name') ?? '';
  return changeChannel(call, (channel) => {
    const fault = nameFault(name);
    if (fault !== null) return fault;
    if (call.workspace.channels.all().some((other) => other['name'] === name && other['id'] !== channel['id'])) return 'name_taken';
    return { ...channel, name, name_normalized: name, previous_names: [asText(channel['name'])] };
  });
}
function archive(call: MethodCall): JsonObject {
  const done = changeChannel(call, (channel) => (channel['is_general'] === true ? 'cant_archive_general' : channel['is_archived'] === true ? 'already_archived' : { ...channel, is_archived: true }));
  return done['ok'] === true ? { ok: true } : done;
}
function history(call: MethodCall): JsonObject {
  const channel = channelOf(call);
  if (channel === undefined) return fail('channel_not_found');
  const [oldest, latest] = [Number(call.arg('oldest') ?? '0'), Number(call.arg('latest') ?? '9999999999')];
  const inclusive = call.arg('inclusive') === 'true' || call.arg('inclusive') === '1';
  const rows = call.workspace.messages.all()
    .filter((message) => message['channel'] === channel['id'])
    .filter((message) => {
      const ts = Number(message['ts']);
      return (ts > oldest && ts < latest) || (inclusive && (ts === oldest || ts === latest));
    })
    .toSorted((a, b) => Number(b['ts']) - Number(a['ts']))
    .map(({ channel: _channel, ...message }) => message);
  const answer = page(call, 'messages', rows, 100);
  return answer['ok'] === true ? { ...answer, has_more: asText((answer['response_metadata'] as JsonObject)['next_cursor']) !== '', pin_count: 0 } : answer;
}
function post(call: MethodCall): JsonObject {
  const channel = channelOf(call) ?? call.workspace.channels.all().find((one) => `#${asText(one['name'])}` === call.arg('channel'));
  if (channel === undefined) return fail('channel_not_found');
  if (channel['is_archived'] === true) return fail('is_archived');
  if ((call.arg('text') ?? '') === '' && call.args['blocks'] === undefined && call.args['attachments'] === undefined) return fail('no_text');
  const ts = call.workspace.newTs(call.now);
  const message: JsonObject = { type: 'message', channel: asText(channel['id']), user: botUser, bot_id: 'B0EVENBOT', app_id: 'A0EVENKEEL1', text: call.arg('text') ?? '', ts, team: call.team, ...(call.args['blocks'] === undefined ? {} : { blocks: call.args['blocks'] }) };
  call.workspace.messages.insert(`${asText(channel['id'])}:${ts}`, message);
  return { ok: true, channel: asText(channel['id']), ts, message };
}
function withMessage(call: MethodCall, change: (key: string, message: JsonObject) => JsonObject): JsonObject {
  if (channelOf(call) === undefined) return fail('channel_not_found');
  const key = `${call.arg('channel') ?? ''}:${call.arg('ts') ?? ''}`;
  const message = call.workspace.messages.get(key);
  return message === undefined ? fail('message_not_found') : change(key, message);
}

const user = (call: MethodCall): JsonObject => {
  const found = call.workspace.users.get(call.arg('user') ?? '');
  return found === undefined ? fail('user_not_found') : { ok: true, user: found };
};

export const methods: Readonly<Record<string, Method>> = {
  'auth.test': { scopes: [], perMinute: 300, run: (call) => ({ ok: true, url: `https://${call.team.toLowerCase()}.slack.com/`, team: teams.find((team) => team.id === call.team)?.name ?? '', user: 'evenkeel', team_id: call.team, user_id: call.isBot ? botUser : 'U0000025', ...(call.isBot ? { bot_id: 'B0EVENBOT' } : {}), is_enterprise_install: false }) },
  'team.info': { scopes: ['team:read'], perMinute: 50, run: (call) => ({ ok: true, team: { id: call.team, name: teams.find((team) => team.id === call.team)?.name ?? '', domain: call.team.toLowerCase(), email_domain: '' } }) },
  'conversations.list': { scopes: ['channels:read', 'groups:read'], perMinute: 20, run: listChannels },
  'conversations.info': { scopes: ['channels:read'], perMinute: 50, run(call) {
    const channel = channelOf(call);
    return channel === undefined ? fail('channel_not_found') : { ok: true, channel };
  } },
  'conversations.create': { scopes: ['channels:manage', 'channels:write'], perMinute: 20, run: createChannel },
  'conversations.rename': { scopes: ['channels:manage', 'channels:write'], perMinute: 20, run: rename },
  'conversations.archive': { scopes: ['channels:manage', 'channels:write'], perMinute: 20, run: archive },
  'conversations.join': { scopes: ['channels:join', 'channels:write'], perMinute: 50, run: (call) => changeChannel(call, (channel) => ({ ...channel, is_member: true })) },
  'conversations.setTopic': { scopes: ['channels:manage', 'channels:write', 'channels:write.topic'], perMinute: 20, run: (call) => changeChannel(call, (channel) => ({ ...channel, topic: { value: call.arg('topic') ?? '', creator: botUser, last_set: Math.floor(call.now / 1000) } })) },
  'conversations.history': { scopes: ['channels:history', 'groups:history'], perMinute: 50, run: history },
  'users.list': { scopes: ['users:read'], perMinute: 20, run: (call) => page(call, 'members', call.workspace.users.all(), 1000) },
  'users.info': { scopes: ['users:read'], perMinute: 100, run: user },
  'users.lookupByEmail': { scopes: ['users:read.email'], perMinute: 50, run(call) {
    const found = call.workspace.users.all().find((one) => (one['profile'] as JsonObject)['email'] === call.arg('email'));
    return found === undefined ? fail('users_not_found') : { ok: true, user: found };
  } },
  'chat.postMessage': { scopes: ['chat:write'], perMinute: 60, run: post },
  'chat.update': { scopes: ['chat:write'], perMinute: 50, run: (call) => withMessage(call, (key, message) => {
    if (message['user'] !== botUser) return fail('cant_update_message');
    const changed = { ...message, text: call.arg('text') ?? asText(message['text']), edited: { user: botUser, ts: call.workspace.newTs(call.now) } };
    call.workspace.messages.replace(key, changed);
    return { ok: true, channel: asText(message['channel']), ts: asText(message['ts']), text: asText(changed.text), message: changed };
  }) },
  'chat.delete': { scopes: ['chat:write'], perMinute: 50, run: (call) => withMessage(call, (key, message) => {
    if (message['user'] !== botUser) return fail('cant_delete_message');
    call.workspace.messages.remove(key);
    return { ok: true, channel: asText(message['channel']), ts: asText(message['ts']) };
  }) },
};
