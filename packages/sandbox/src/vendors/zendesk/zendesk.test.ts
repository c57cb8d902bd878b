import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { sandboxApps, sandboxKeys } from '../../apps.ts';
import { startSandbox, type Sandbox } from '../../sandbox.ts';
import { at, decideConsent, mapped, wire, type WireAnswer } from '../../../test/user-agent.ts';

const app = sandboxApps.zendesk;
const redirect = 'http://127.0.0.1:4400/oauth/callback';
const desk = 'https://evenkeel-sandbox-1.zendesk.com';
const api = `${desk}/api/v2`;
let sandbox: Sandbox;
before(async () => {
  sandbox = await startSandbox({ port: 0 });
});
after(() => sandbox.close());
beforeEach(() => fetch(`${sandbox.url}/_sandbox/reset`, { method: 'POST' }));

const token = (body: Record<string, unknown>): Promise<WireAnswer> => wire(sandbox.url, `${desk}/oauth/tokens`, { json: { client_id: app.client_id, client_secret: app.client_secret, ...body } });
async function connect(more: Record<string, unknown> = {}, scope = 'read write'): Promise<WireAnswer> {
  const query = new URLSearchParams({ response_type: 'code', client_id: app.client_id, redirect_uri: redirect, scope, state: 'x' });
  const back = await decideConsent(mapped(sandbox.url, `${desk}/oauth/authorizations/new?${query}`));
  return token({ grant_type: 'authorization_code', code: back.searchParams.get('code') ?? '', redirect_uri: redirect, ...more });
}

test('a token ends only when that was asked for, and a refresh ends what was there before', async () => {
  assert.equal(at((await connect()).body, 'expires_in'), undefined);
  const first = await connect({ expires_in: '7200' });
  assert.equal(at(first.body, 'expires_in'), 7200);
  const refresh = String(at(first.body, 'refresh_token'));
  const next = await token({ grant_type: 'refresh_token', refresh_token: refresh, expires_in: '7200' });
  assert.equal(next.status, 200, next.text);
  assert.equal(at((await token({ grant_type: 'refresh_token', refresh_token: refresh })).body, 'error'), 'invalid_grant');
  sandbox.advance(7_201_000);
  assert.equal((await wire(sandbox.url, `${api}/users/me`, { bearer: String(at(next.body, 'access_token')) })).status, 401);
});

test('cursor pages lead through every ticket once; the search export knows conditions', async () => {
  const basic = `admin@evenkeel-sandbox-1.example/token:${sandboxKeys.zendesk[0]}`;
  const ids = new Set<unknown>();
  for (let after = ''; ; ) {
    const page = await wire(sandbox.url, `${api}/tickets?page[size]=100${after}`, { basic });
    for (const ticket of at(page.body, 'tickets') as { id: number }[]) ids.add(ticket.id);
    if (at(page.body, 'meta.has_more') !== true) break;
    after = `&page[after]=${String(at(page.body, 'meta.after_cursor'))}`;
  }
  assert.equal(ids.size, 240);
  const found = await wire(sandbox.url, `${api}/search/export?filter[type]=ticket&query=${encodeURIComponent('status:open status:new priority:high')}`, { basic });
  const tickets = at(found.body, 'results') as { status: string; priority: string }[];
  assert.ok(tickets.length > 0 && tickets.every(({ status, priority }) => ['open', 'new'].includes(status) && priority === 'high'));
});

test('a comment is written through its ticket; refusals are worded as Zendesk words them', async () => {
  const bearer = String(at((await connect()).body, 'access_token'));
  const made = await wire(sandbox.url, `${api}/tickets`, { bearer, json: { ticket: { subject: 'Drucker', comment: { body: 'Er brennt.' } } } });
  assert.equal(made.status, 201);
  const ticket = `${api}/tickets/${String(at(made.body, 'ticket.id'))}`;
  const said = await wire(sandbox.url, ticket, { method: 'PUT', bearer, json: { ticket: { comment: { body: 'Gelöscht.', public: false } } } });
  assert.equal(at(said.body, 'audit.events.0.body'), 'Gelöscht.');
  assert.equal((at((await wire(sandbox.url, `${ticket}/comments`, { bearer })).body, 'comments') as unknown[]).length, 2);
  assert.equal((await wire(sandbox.url, `${api}/tickets`, { bearer, json: { ticket: { subject: 'x' } } })).status, 422);
  assert.equal(at((await wire(sandbox.url, `${api}/tickets/999999`, { bearer })).body, 'error'), 'RecordNotFound');
  assert.equal((await wire(sandbox.url, ticket, { method: 'DELETE', bearer })).status, 204);
});

test('a token of one subdomain opens no other; a read token does not write; the minute has an end', async () => {
  const bearer = String(at((await connect({}, 'read')).body, 'access_token'));
  assert.equal((await wire(sandbox.url, 'https://evenkeel-sandbox-2.zendesk.com/api/v2/users/me', { bearer })).status, 401);
  assert.match((await wire(sandbox.url, `${api}/tickets`, { bearer, json: { ticket: {} } })).text, /required scopes: write/);
  await fetch(`${sandbox.url}/_sandbox/limits/zendesk`, { method: 'PUT', body: '{"minute":{"limit":0,"window_ms":60000}}' });
  const limited = await wire(sandbox.url, `${api}/tickets`, { bearer });
  assert.equal(limited.status, 429);
  assert.match(limited.headers.get('retry-after') ?? '', /^\d+$/);
});
