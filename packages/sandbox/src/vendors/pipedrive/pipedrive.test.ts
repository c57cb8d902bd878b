import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { sandboxApps, sandboxKeys } from '../../apps.ts';
import { startSandbox, type Sandbox } from '../../sandbox.ts';
import { at, decideConsent, mapped, wire, type WireAnswer } from '../../../test/user-agent.ts';

const app = sandboxApps.pipedrive;
const redirect = 'http://127.0.0.1:4400/oauth/callback';
let sandbox: Sandbox;
before(async () => {
  sandbox = await startSandbox({ port: 0 });
});
after(() => sandbox.close());

const token = (form: Record<string, string>, basic = `${app.client_id}:${app.client_secret}`): Promise<WireAnswer> => wire(sandbox.url, 'https://oauth.pipedrive.com/oauth/token', { basic, form });
async function connect(): Promise<WireAnswer> {
  const back = await decideConsent(mapped(sandbox.url, `https://oauth.pipedrive.com/oauth/authorize?${new URLSearchParams({ client_id: app.client_id, redirect_uri: redirect, state: 'x' })}`));
  return token({ grant_type: 'authorization_code', redirect_uri: redirect, code: back.searchParams.get('code') ?? '' });
}

test('the token answer names api_domain; refresh rotates and the old token dies once the new one is used', async () => {
  const first = await connect();
  assert.deepEqual([at(first.body, 'api_domain'), at(first.body, 'expires_in')], ['https://evenkeel-sandbox-1.pipedrive.com', 3600]);
  const old = String(at(first.body, 'refresh_token'));
  const second = await token({ grant_type: 'refresh_token', refresh_token: old });
  assert.equal((await token({ grant_type: 'refresh_token', refresh_token: old })).status, 200, 'a lost answer can be asked for again');
  const next = String(at(second.body, 'refresh_token'));
  assert.equal((await token({ grant_type: 'refresh_token', refresh_token: next })).status, 200);
  assert.equal(at((await token({ grant_type: 'refresh_token', refresh_token: old })).body, 'error'), 'invalid_grant');
  assert.equal((await token({ grant_type: 'refresh_token', refresh_token: next }, 'a:b')).status, 401);
});

test('persons page by cursor on the company\'s host, and by start in v1', async () => {
  const first = await connect();
  const bearer = String(at(first.body, 'access_token'));
  const base = String(at(first.body, 'api_domain'));
  const ids = new Set<number>();
  let cursor: unknown = '';
  while (cursor !== null) {
    const page = await wire(sandbox.url, `${base}/api/v2/persons?limit=100&cursor=${encodeURIComponent(String(cursor))}`, { bearer });
    for (const row of at(page.body, 'data') as { id: number }[]) ids.add(row.id);
    cursor = at(page.body, 'additional_data.next_cursor');
    assert.equal(page.headers.get('x-ratelimit-limit'), '80');
  }
  assert.equal(ids.size, 271);
  const v1 = await wire(sandbox.url, `${base}/api/v1/deals?start=80&limit=100`, { bearer });
  assert.deepEqual([(at(v1.body, 'data') as unknown[]).length, at(v1.body, 'additional_data.pagination.more_items_in_collection')], [4, false]);
  assert.equal((await wire(sandbox.url, 'https://evenkeel-sandbox-2.pipedrive.com/api/v2/persons', { bearer })).status, 401);
});

test('v2 writes are strictly typed; a deleted record stays readable', async () => {
  const headers = { 'x-api-token': sandboxKeys.pipedrive[0] ?? '' };
  const base = 'https://api.pipedrive.com/api/v2/deals';
  assert.equal((await wire(sandbox.url, base, { headers, json: { title: 'x', value: '12' } })).status, 400);
  const made = await wire(sandbox.url, base, { headers, json: { title: 'Größer', value: 12 } });
  assert.equal(made.status, 201);
  const row = `${base}/${String(at(made.body, 'data.id'))}`;
  assert.equal(at((await wire(sandbox.url, row, { method: 'PATCH', headers, json: { status: 'won' } })).body, 'data.status'), 'won');
  assert.deepEqual(at((await wire(sandbox.url, row, { method: 'DELETE', headers })).body, 'data.id'), at(made.body, 'data.id'));
  assert.equal(at((await wire(sandbox.url, row, { headers })).body, 'data.is_deleted'), true);
  const gone = await wire(sandbox.url, `${base}/99999`, { headers });
  assert.deepEqual([gone.status, at(gone.body, 'success'), at(gone.body, 'error')], [404, false, 'Deal not found']);
});

test('a scope taken from the app is a mismatch; the burst limit is 429', async () => {
  await fetch(`${sandbox.url}/_sandbox/settings/pipedrive`, { method: 'PUT', body: '{"scopes":["base","deals:full"]}' });
  const bearer = String(at((await connect()).body, 'access_token'));
  const refused = await wire(sandbox.url, 'https://evenkeel-sandbox-1.pipedrive.com/api/v2/persons', { bearer });
  assert.deepEqual([refused.status, at(refused.body, 'error')], [403, 'Scope and URL mismatch']);
  await fetch(`${sandbox.url}/_sandbox/limits/pipedrive`, { method: 'PUT', body: '{"burst":{"limit":0,"window_ms":2000}}' });
  const limited = await wire(sandbox.url, 'https://evenkeel-sandbox-1.pipedrive.com/api/v2/deals', { bearer });
  assert.deepEqual([limited.status, limited.headers.get('x-ratelimit-remaining')], [429, '0']);
});
