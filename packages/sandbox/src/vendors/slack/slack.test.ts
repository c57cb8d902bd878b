import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { sandboxApps } from '../../apps.ts';
import { startSandbox, type Sandbox } from '../../sandbox.ts';
import { at, decideConsent, mapped, wire, type WireAnswer } from '../../../test/user-agent.ts';

const app = sandboxApps.slack;
const redirect = 'http://127.0.0.1:4400/oauth/callback';
const api = 'https://slack.com/api';
let sandbox: Sandbox;
before(async () => {
  sandbox = await startSandbox({ port: 0 });
});
after(() => sandbox.close());
beforeEach(() => fetch(`${sandbox.url}/_sandbox/reset`, { method: 'POST' }));

const access = (form: Record<string, string>): Promise<WireAnswer> => wire(sandbox.url, `${api}/oauth.v2.access`, { form: { client_id: app.client_id, client_secret: app.client_secret, ...form } });
async function connect(scopes: Record<string, string> = { scope: 'channels:read,channels:manage,channels:history,users:read,chat:write' }): Promise<WireAnswer> {
  const back = await decideConsent(mapped(sandbox.url, `https://slack.com/oauth/v2/authorize?${new URLSearchParams({ client_id: app.client_id, redirect_uri: redirect, state: 'x', ...scopes })}`));
  return access({ code: back.searchParams.get('code') ?? '', redirect_uri: redirect });
}
const bot = async (): Promise<string> => String(at((await connect()).body, 'access_token'));

test('bot and user tokens, the user\'s under authed_user, no expiry without rotation', async () => {
  const both = await connect({ scope: 'channels:read', user_scope: 'users:read' });
  assert.match(String(at(both.body, 'access_token')), /^xoxb-/);
  assert.match(String(at(both.body, 'authed_user.access_token')), /^xoxp-/);
  assert.equal(at(both.body, 'expires_in'), undefined);
  const user = await connect({ user_scope: 'users:read' });
  assert.equal(at(user.body, 'access_token'), undefined);
  assert.match(String(at(user.body, 'authed_user.access_token')), /^xoxp-/);
});

test('refusals are HTTP 200 with ok:false', async () => {
  for (const [form, error] of [[{ code: 'nope' }, 'invalid_code'], [{ client_secret: 'no', code: 'x' }, 'bad_client_secret'], [{ grant_type: 'refresh_token', refresh_token: 'x' }, 'invalid_refresh_token']] as const) {
    const answer = await access(form);
    assert.deepEqual([answer.status, at(answer.body, 'ok'), at(answer.body, 'error')], [200, false, error]);
  }
  assert.equal(at((await wire(sandbox.url, `${api}/users.list`)).body, 'error'), 'not_authed');
  assert.equal(at((await wire(sandbox.url, `${api}/no.such`, { bearer: await bot() })).body, 'error'), 'unknown_method');
});

test('with rotation tokens live twelve hours and refresh tokens are replaced', async () => {
  await fetch(`${sandbox.url}/_sandbox/settings/slack`, { method: 'PUT', body: '{"token_rotation":true}' });
  const first = await connect();
  assert.equal(at(first.body, 'expires_in'), 43_200);
  sandbox.advance(43_201_000);
  assert.equal(at((await wire(sandbox.url, `${api}/users.list`, { bearer: String(at(first.body, 'access_token')) })).body, 'error'), 'token_expired');
  const second = await access({ grant_type: 'refresh_token', refresh_token: String(at(first.body, 'refresh_token')) });
  assert.notEqual(at(second.body, 'refresh_token'), at(first.body, 'refresh_token'));
  assert.equal(at((await wire(sandbox.url, `${api}/auth.test`, { bearer: String(at(second.body, 'access_token')) })).body, 'ok'), true);
});

test('lists page by next_cursor to an empty one', async () => {
  const bearer = await bot();
  const ids = new Set<string>();
  let cursor = '';
  do {
    const page = await wire(sandbox.url, `${api}/users.list?limit=100&cursor=${encodeURIComponent(cursor)}`, { bearer });
    for (const member of at(page.body, 'members') as { id: string }[]) ids.add(member.id);
    cursor = String(at(page.body, 'response_metadata.next_cursor'));
  } while (cursor !== '');
  assert.equal(ids.size, 256);
});

test('channels and messages: create, rename, post, update, history, delete, archive', async () => {
  const bearer = await bot();
  const send = (method: string, json: object) => wire(sandbox.url, `${api}/${method}`, { bearer, json, headers: { 'content-type': 'application/json; charset=utf-8' } });
  const made = await send('conversations.create', { name: 'neu-ö' });
  const channel = String(at(made.body, 'channel.id'));
  assert.equal(at((await send('conversations.create', { name: 'neu-ö' })).body, 'error'), 'name_taken');
  assert.equal(at((await send('conversations.rename', { channel, name: 'alt' })).body, 'channel.name'), 'alt');
  const posted = await send('chat.postMessage', { channel, text: 'hei 👋' });
  const ts = String(at(posted.body, 'ts'));
  assert.equal(at((await send('chat.update', { channel, ts, text: 'ho' })).body, 'ok'), true);
  const history = await wire(sandbox.url, `${api}/conversations.history?channel=${channel}&latest=${ts}&inclusive=true&limit=1`, { bearer });
  assert.equal(at(history.body, 'messages.0.text'), 'ho');
  assert.equal(at((await send('chat.delete', { channel, ts })).body, 'ok'), true);
  assert.equal(at((await send('chat.delete', { channel, ts })).body, 'error'), 'message_not_found');
  assert.equal(at((await send('conversations.archive', { channel })).body, 'ok'), true);
});

test('missing_scope names needed and provided; a tier ends in 429 with Retry-After; revocation is at once', async () => {
  const bearer = String(at((await connect({ scope: 'chat:write' })).body, 'access_token'));
  const refused = await wire(sandbox.url, `${api}/users.list`, { bearer });
  assert.deepEqual([at(refused.body, 'error'), at(refused.body, 'needed'), at(refused.body, 'provided')], ['missing_scope', 'users:read', 'chat:write']);
  assert.equal(refused.headers.get('x-oauth-scopes'), 'chat:write');
  await fetch(`${sandbox.url}/_sandbox/limits/slack`, { method: 'PUT', body: '{"auth.test":{"limit":0,"window_ms":60000}}' });
  const limited = await wire(sandbox.url, `${api}/auth.test`, { bearer });
  assert.equal(limited.status, 429);
  assert.ok(Number(limited.headers.get('retry-after')) > 0);
  assert.equal(at((await wire(sandbox.url, `${api}/auth.revoke`, { bearer })).body, 'revoked'), true);
  assert.equal(at((await wire(sandbox.url, `${api}/auth.test`, { bearer })).body, 'error'), 'token_revoked');
});
