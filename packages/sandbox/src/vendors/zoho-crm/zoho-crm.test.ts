import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { sandboxApps } from '../../apps.ts';
import { startSandbox, type Sandbox } from '../../sandbox.ts';
import { at, decideConsent, mapped, wire, type WireAnswer, type WireRequest } from '../../../test/user-agent.ts';
import { parseCriteria } from './records.ts';

const app = sandboxApps['zoho-crm'];
const redirect = 'http://127.0.0.1:4400/oauth/callback';
const api = 'https://www.zohoapis.eu/crm/v8';
let sandbox: Sandbox;
before(async () => {
  sandbox = await startSandbox({ port: 0 });
});
after(() => sandbox.close());
beforeEach(() => fetch(`${sandbox.url}/_sandbox/reset`, { method: 'POST' }));

async function consent(): Promise<URL> {
  const query = new URLSearchParams({ response_type: 'code', client_id: app.client_id, redirect_uri: redirect, scope: 'ZohoCRM.modules.ALL,ZohoCRM.users.READ,ZohoCRM.org.READ', access_type: 'offline', prompt: 'consent', state: 'x' });
  return decideConsent(mapped(sandbox.url, `https://accounts.zoho.com/oauth/v2/auth?${query}`));
}
const token = (server: string, form: Record<string, string>): Promise<WireAnswer> => wire(sandbox.url, `${server}/oauth/v2/token`, { form: { client_id: app.client_id, client_secret: app.client_secret, ...form } });
async function connect(): Promise<WireAnswer> {
  const back = await consent();
  return token(back.searchParams.get('accounts-server') ?? '', { grant_type: 'authorization_code', code: back.searchParams.get('code') ?? '', redirect_uri: redirect });
}
const caller = (answer: WireAnswer) => (path: string, request: WireRequest = {}): Promise<WireAnswer> => wire(sandbox.url, `${api}${path}`, { ...request, headers: { authorization: `Zoho-oauthtoken ${String(at(answer.body, 'access_token'))}`, ...request.headers } });

test('the callback names the data centre, the token response the API host; a refusal is HTTP 200', async () => {
  const back = await consent();
  assert.deepEqual([back.searchParams.get('location'), back.searchParams.get('accounts-server')], ['eu', 'https://accounts.zoho.eu']);
  const code = { grant_type: 'authorization_code', code: back.searchParams.get('code') ?? '', redirect_uri: redirect };
  const granted = await connect();
  assert.equal(at(granted.body, 'api_domain'), 'https://www.zohoapis.eu');
  const elsewhere = await token('https://accounts.zoho.in', code);
  assert.deepEqual([elsewhere.status, at(elsewhere.body, 'error')], [200, 'invalid_code']);
  const again = await token('https://accounts.zoho.eu', { grant_type: 'refresh_token', refresh_token: String(at(granted.body, 'refresh_token')) });
  assert.equal(at(again.body, 'refresh_token'), undefined);
  assert.equal((await caller(again)('/org')).status, 200);
  sandbox.advance(3_601_000);
  assert.equal(at((await caller(again)('/org')).body, 'code'), 'INVALID_TOKEN');
});

test('page tokens lead through every contact once; nothing found is 204, nothing new 304', async () => {
  const call = caller(await connect());
  assert.equal(at((await call('/Contacts')).body, 'code'), 'REQUIRED_PARAM_MISSING');
  const ids = new Set<unknown>();
  for (let more = ''; ; ) {
    const page = await call(`/Contacts?fields=Last_Name&per_page=200${more}`);
    for (const row of at(page.body, 'data') as { id: string }[]) ids.add(row.id);
    if (at(page.body, 'info.more_records') !== true) break;
    more = `&page_token=${String(at(page.body, 'info.next_page_token'))}`;
  }
  assert.equal(ids.size, 260);
  assert.equal((await call('/Contacts/1')).status, 204);
  assert.equal((await call('/Contacts?fields=Last_Name', { headers: { 'if-modified-since': '2099-01-01T00:00:00Z' } })).status, 304);
});

test('records are written one by one; refusals come per record; criteria find them', async () => {
  const call = caller(await connect());
  assert.equal(at((await call('/Contacts', { json: { data: [{ First_Name: 'x' }] } })).body, 'data.0.code'), 'MANDATORY_NOT_FOUND');
  const made = await call('/Contacts', { json: { data: [{ Last_Name: 'Ødegård', Email: 'new@mail.example' }] } });
  assert.equal(made.status, 201);
  assert.equal(at((await call('/Contacts', { json: { data: [{ Last_Name: 'x', Email: 'new@mail.example' }] } })).body, 'data.0.code'), 'DUPLICATE_DATA');
  const id = String(at(made.body, 'data.0.details.id'));
  assert.equal((await call(`/Contacts/${id}`, { method: 'PUT', json: { data: [{ Title: 'CFO' }] } })).status, 200);
  assert.equal(at((await call(`/Contacts/${id}`)).body, 'data.0.Title'), 'CFO');
  assert.equal(at((await call(`/Contacts/search?criteria=${encodeURIComponent('((Email:equals:new@mail.example)and(Modified_Time:greater_equal:2025-01-01T00:00:00+00:00))')}`)).body, 'data.0.id'), id);
  assert.equal((await call(`/Contacts/${id}`, { method: 'DELETE' })).status, 200);
  assert.equal((await call(`/Contacts/${id}`, { method: 'DELETE' })).status, 400);
});

test('criteria: operators, references, alternatives; garbage is none', () => {
  const record = { Stage: 'Closed Won', Amount: 500, Account_Name: { id: '7', name: 'Blåfjell (Nord)' } };
  for (const text of ['(Stage:equals:closed won)', '(Amount:greater_than:499)', '(Account_Name.id:equals:7)', '(Account_Name:equals:Blåfjell \\(Nord\\))', '((Stage:equals:x)or(Amount:less_equal:500))', '(Stage:in:Closed Won,Closed Lost)']) assert.equal(parseCriteria(text)?.(record), true, text);
  assert.equal(parseCriteria('((Stage:equals:x)and(Amount:less_equal:500))')?.(record), false);
  assert.equal(parseCriteria('nonsense'), null);
});
