import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, beforeEach, test } from 'node:test';
import { sandboxApps } from '../../apps.ts';
import { startSandbox, type Sandbox } from '../../sandbox.ts';
import { at, decideConsent, mapped, wire, type WireAnswer } from '../../../test/user-agent.ts';

const app = sandboxApps.salesforce;
const redirect = 'http://127.0.0.1:4400/oauth/callback';
const login = 'https://login.salesforce.com/services/oauth2';
const org = 'https://evenkeel-sandbox-1.my.salesforce.com';
const data = `${org}/services/data/v62.0`;
const verifier = 'a-verifier-of-at-least-forty-three-characters-0000';
let sandbox: Sandbox;
before(async () => {
  sandbox = await startSandbox({ port: 0 });
});
after(() => sandbox.close());
beforeEach(() => fetch(`${sandbox.url}/_sandbox/reset`, { method: 'POST' }));

const client = { client_id: app.client_id, client_secret: app.client_secret };
const token = (form: Record<string, string>): Promise<WireAnswer> => wire(sandbox.url, `${login}/token`, { form: { ...client, ...form } });
async function connect(withVerifier = verifier, scope = 'api refresh_token id'): Promise<WireAnswer> {
  const query = new URLSearchParams({ response_type: 'code', client_id: app.client_id, redirect_uri: redirect, scope, state: 'x', code_challenge: createHash('sha256').update(verifier).digest('base64url'), code_challenge_method: 'S256' });
  const back = await decideConsent(mapped(sandbox.url, `${login}/authorize?${query}`));
  return token({ grant_type: 'authorization_code', redirect_uri: redirect, code: back.searchParams.get('code') ?? '', code_verifier: withVerifier });
}
const accessOf = (answer: WireAnswer): string => String(at(answer.body, 'access_token'));

test('the token answer names the org\'s host and no lifetime; PKCE is verified', async () => {
  const answer = await connect();
  assert.equal(answer.status, 200);
  assert.equal(at(answer.body, 'instance_url'), org);
  assert.equal(at(answer.body, 'expires_in'), undefined);
  assert.match(String(at(answer.body, 'id')), /^https:\/\/login\.salesforce\.com\/id\/00D\w+\/005\w+$/);
  const wrong = await connect('another-verifier-of-at-least-forty-three-characters');
  assert.equal(wrong.status, 400);
  assert.equal(at(wrong.body, 'error'), 'invalid_grant');
});

test('introspection tells the end, the session ends there, and a refresh brings no new refresh token', async () => {
  const first = await connect();
  const introspected = await wire(sandbox.url, `${org}/services/oauth2/introspect`, { form: { ...client, token: accessOf(first), token_type_hint: 'access_token' } });
  assert.equal(at(introspected.body, 'active'), true);
  assert.equal(Number(at(introspected.body, 'exp')) - Number(at(introspected.body, 'iat')), 7200);
  sandbox.advance(7_201_000);
  const ended = await wire(sandbox.url, `${data}/limits`, { bearer: accessOf(first) });
  assert.equal(ended.status, 401);
  assert.equal(at(ended.body, '0.errorCode'), 'INVALID_SESSION_ID');
  const fresh = await token({ grant_type: 'refresh_token', refresh_token: String(at(first.body, 'refresh_token')) });
  assert.equal(at(fresh.body, 'refresh_token'), undefined);
  assert.equal((await wire(sandbox.url, `${data}/limits`, { bearer: accessOf(fresh) })).status, 200);
});

test('with rotation on, reuse of an old refresh token ends the whole family', async () => {
  await fetch(`${sandbox.url}/_sandbox/settings/salesforce`, { method: 'PUT', body: '{"refresh_token_rotation":true}' });
  const first = await connect();
  const old = String(at(first.body, 'refresh_token'));
  const second = await token({ grant_type: 'refresh_token', refresh_token: old });
  const rotated = String(at(second.body, 'refresh_token'));
  assert.notEqual(rotated, old);
  assert.equal(at((await token({ grant_type: 'refresh_token', refresh_token: old })).body, 'error'), 'invalid_grant');
  assert.equal((await token({ grant_type: 'refresh_token', refresh_token: rotated })).status, 400);
  assert.equal((await wire(sandbox.url, `${data}/limits`, { bearer: accessOf(second) })).status, 401);
});

test('SOQL pages by locator to the end; the usage header counts', async () => {
  const bearer = accessOf(await connect());
  const options = { bearer, headers: { 'sforce-query-options': 'batchSize=200' } };
  let url = `${data}/query?q=${encodeURIComponent("SELECT Id, Name, Email FROM Contact WHERE CreatedDate >= 2025-01-01T00:00:00Z ORDER BY LastName ASC NULLS LAST, Id")}`;
  const ids = new Set<string>();
  let pages = 0;
  for (;;) {
    const page = await wire(sandbox.url, url, options);
    assert.equal(page.status, 200, page.text);
    for (const row of at(page.body, 'records') as { Id: string; attributes: { type: string } }[]) {
      ids.add(row.Id);
      assert.equal(row.attributes.type, 'Contact');
    }
    pages += 1;
    assert.match(page.headers.get('sforce-limit-info') ?? '', /^api-usage=\d+\/15000$/);
    if (at(page.body, 'done') === true) break;
    url = `${org}${String(at(page.body, 'nextRecordsUrl'))}`;
  }
  assert.deepEqual([pages, ids.size], [3, 430]);
});

test('SOQL conditions, and errors with their codes', async () => {
  const bearer = accessOf(await connect());
  const run = (soql: string) => wire(sandbox.url, `${data}/query?q=${encodeURIComponent(soql)}`, { bearer });
  const won = await run("SELECT Id FROM Opportunity WHERE (StageName = 'Closed Won' OR StageName IN ('Closed Lost')) AND Amount > 1000 AND NOT Name LIKE 'zzz%' LIMIT 5");
  assert.equal((at(won.body, 'records') as unknown[]).length, 5);
  assert.equal(at((await run('SELECT COUNT() FROM Account')).body, 'totalSize'), 72);
  const quoted = await run("SELECT Id FROM Contact WHERE LastName = 'O\\'Brien' AND Email != null");
  assert.equal(quoted.status, 200);
  for (const [soql, code] of [['SELECT Nope FROM Contact', 'INVALID_FIELD'], ['SELECT Id FROM Nope', 'INVALID_TYPE'], ['SELEKT Id', 'MALFORMED_QUERY'], ["SELECT Id FROM Contact WHERE Name = 'x", 'MALFORMED_QUERY']] as const) {
    const answer = await run(soql);
    assert.deepEqual([answer.status, at(answer.body, '0.errorCode')], [400, code]);
  }
});

test('sObjects are created, read, updated and deleted; refusals name fields', async () => {
  const bearer = accessOf(await connect());
  const rows = `${data}/sobjects/Contact`;
  const missing = await wire(sandbox.url, rows, { bearer, json: { FirstName: 'Ada' } });
  assert.deepEqual([missing.status, at(missing.body, '0.errorCode'), at(missing.body, '0.fields.0')], [400, 'REQUIRED_FIELD_MISSING', 'LastName']);
  const made = await wire(sandbox.url, rows, { bearer, json: { LastName: 'Ødegård' } });
  assert.deepEqual([made.status, at(made.body, 'success')], [201, true]);
  const row = `${rows}/${String(at(made.body, 'id'))}`;
  assert.equal((await wire(sandbox.url, row, { method: 'PATCH', bearer, json: { Title: 'CFO' } })).status, 204);
  assert.equal(at((await wire(sandbox.url, `${row}?fields=Title,Name`, { bearer })).body, 'Title'), 'CFO');
  assert.equal((await wire(sandbox.url, row, { method: 'DELETE', bearer })).status, 204);
  assert.equal(at((await wire(sandbox.url, row, { bearer })).body, '0.errorCode'), 'NOT_FOUND');
});

test('a session of one org opens no other, and the daily quota ends in 403', async () => {
  const bearer = accessOf(await connect());
  assert.equal((await wire(sandbox.url, 'https://evenkeel-sandbox-2.my.salesforce.com/services/data/v62.0/limits', { bearer })).status, 401);
  await fetch(`${sandbox.url}/_sandbox/limits/salesforce`, { method: 'PUT', body: '{"daily_api_requests":{"limit":0,"window_ms":86400000}}' });
  const spent = await wire(sandbox.url, `${data}/limits`, { bearer });
  assert.deepEqual([spent.status, at(spent.body, '0.errorCode')], [403, 'REQUEST_LIMIT_EXCEEDED']);
});
