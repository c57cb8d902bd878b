import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { sandboxApps, sandboxKeys } from '../../apps.ts';
import { startSandbox, type Sandbox } from '../../sandbox.ts';
import { at, decideConsent, mapped, wire } from '../../../test/user-agent.ts';

const app = sandboxApps.hubspot;
const redirect = 'http://127.0.0.1:4400/oauth/callback';
const scopes = 'oauth crm.objects.contacts.read crm.objects.contacts.write crm.objects.companies.read crm.objects.deals.read crm.objects.owners.read';
const authorizeUrl = (more: Record<string, string> = {}): string => `https://app.hubspot.com/oauth/authorize?${new URLSearchParams({ client_id: app.client_id, redirect_uri: redirect, scope: scopes, state: 's 1', ...more })}`;
let sandbox: Sandbox;
before(async () => {
  sandbox = await startSandbox({ port: 0 });
});
after(() => sandbox.close());

const tokenRequest = (form: Record<string, string>) => wire(sandbox.url, 'https://api.hubapi.com/oauth/v3/token', { form: { client_id: app.client_id, client_secret: app.client_secret, ...form } });
async function connect(more: Record<string, string> = {}): Promise<{ access: string; refresh: string; code: string }> {
  const back = await decideConsent(mapped(sandbox.url, authorizeUrl(more)));
  const code = back.searchParams.get('code') ?? '';
  const answer = await tokenRequest({ grant_type: 'authorization_code', redirect_uri: redirect, code });
  assert.equal(answer.status, 200, answer.text);
  return { access: String(at(answer.body, 'access_token')), refresh: String(at(answer.body, 'refresh_token')), code };
}

test('the consent page shows a form, and comes back with the state', async () => {
  const page = await wire(sandbox.url, authorizeUrl());
  assert.equal(page.status, 200);
  assert.match(page.text, /<form method="post">/);
  assert.match(page.text, /crm\.objects\.deals\.read/);
  const back = await decideConsent(mapped(sandbox.url, authorizeUrl()));
  assert.equal(back.origin + back.pathname, redirect);
  assert.equal(back.searchParams.get('state'), 's 1');
  const denied = await decideConsent(mapped(sandbox.url, authorizeUrl()), 'deny');
  assert.equal(denied.searchParams.get('error'), 'access_denied');
});

test('a foreign redirect URI, an unknown client and an unknown scope are refused', async () => {
  for (const more of [{ redirect_uri: 'https://evil.example/oauth/callback' }, { client_id: 'nobody' }]) {
    const page = await wire(sandbox.url, authorizeUrl(more));
    assert.equal(page.status, 400);
    assert.equal(page.headers.get('location'), null);
  }
  const back = await wire(sandbox.url, authorizeUrl({ scope: 'everything' }));
  assert.match(back.headers.get('location') ?? '', /error=invalid_scope/);
});

test('a code works once, for its redirect URI, with the right secret', async () => {
  const { access, code } = await connect();
  const again = await tokenRequest({ grant_type: 'authorization_code', redirect_uri: redirect, code });
  assert.equal(again.status, 400);
  assert.equal(at(again.body, 'status'), 'BAD_AUTH_CODE');
  const dead = await wire(sandbox.url, 'https://api.hubapi.com/account-info/v3/details', { bearer: access });
  assert.equal(dead.status, 401, 'a code used twice ends what it bought');
  const back = await decideConsent(mapped(sandbox.url, authorizeUrl()));
  const other = { grant_type: 'authorization_code', code: back.searchParams.get('code') ?? '' };
  assert.equal((await tokenRequest({ ...other, redirect_uri: `${redirect}/x` })).status, 400);
  assert.equal((await tokenRequest({ ...other, redirect_uri: redirect, client_secret: 'wrong' })).status, 400);
  assert.equal((await tokenRequest({ ...other, redirect_uri: redirect })).status, 200);
});

test('tokens live 30 minutes by the virtual clock, and are refreshed with the same refresh token', async () => {
  const { access, refresh } = await connect();
  const details = 'https://api.hubapi.com/account-info/v3/details';
  assert.equal(at((await wire(sandbox.url, details, { bearer: access })).body, 'portalId'), 24810001);
  sandbox.advance(30 * 60_000 + 1000);
  const expired = await wire(sandbox.url, details, { bearer: access });
  assert.equal(expired.status, 401);
  assert.equal(at(expired.body, 'category'), 'EXPIRED_AUTHENTICATION');
  const fresh = await tokenRequest({ grant_type: 'refresh_token', refresh_token: refresh });
  assert.equal(at(fresh.body, 'expires_in'), 1800);
  assert.equal(at(fresh.body, 'refresh_token'), refresh);
  assert.equal((await wire(sandbox.url, details, { bearer: String(at(fresh.body, 'access_token')) })).status, 200);
  const revoked = await wire(sandbox.url, `https://api.hubapi.com/oauth/v1/refresh-tokens/${refresh}`, { method: 'DELETE' });
  assert.equal(revoked.status, 204);
  assert.equal(at((await tokenRequest({ grant_type: 'refresh_token', refresh_token: refresh })).body, 'status'), 'BAD_REFRESH_TOKEN');
});

test('contacts page to the end by the cursor, each once', async () => {
  const { access } = await connect();
  const ids = new Set<string>();
  let after: unknown;
  let pages = 0;
  do {
    const page = await wire(sandbox.url, `https://api.hubapi.com/crm/v3/objects/contacts?limit=100&properties=email,phone${after === undefined ? '' : `&after=${String(after)}`}`, { bearer: access });
    assert.equal(page.status, 200);
    for (const row of at(page.body, 'results') as { id: string }[]) ids.add(row.id);
    after = at(page.body, 'paging.next.after');
    if (after !== undefined) assert.match(String(at(page.body, 'paging.next.link')), /^https:\/\/api\.hubapi\.com\/crm\/v3\/objects\/contacts\?/);
    pages += 1;
  } while (after !== undefined);
  assert.equal(pages, 3);
  assert.equal(ids.size, 264);
});

test('create, conflict, validation, read, update, search and delete', async () => {
  const { access } = await connect();
  const base = 'https://api.hubapi.com/crm/v3/objects/contacts';
  const made = await wire(sandbox.url, base, { bearer: access, json: { properties: { email: 'new@x.example', firstname: 'Zoë' } } });
  assert.equal(made.status, 201);
  const id = String(at(made.body, 'id'));
  const conflict = await wire(sandbox.url, base, { bearer: access, json: { properties: { email: 'NEW@x.example' } } });
  assert.equal(conflict.status, 409);
  assert.equal(at(conflict.body, 'message'), `Contact already exists. Existing ID: ${id}`);
  const invalid = await wire(sandbox.url, base, { bearer: access, json: { properties: { nope: '1' } } });
  assert.equal(invalid.status, 400);
  assert.equal(at(invalid.body, 'category'), 'VALIDATION_ERROR');
  const patched = await wire(sandbox.url, `${base}/${id}`, { method: 'PATCH', bearer: access, json: { properties: { lastname: 'Ødegård' } } });
  assert.equal(at(patched.body, 'properties.lastname'), 'Ødegård');
  const found = await wire(sandbox.url, `${base}/search`, { bearer: access, json: { filterGroups: [{ filters: [{ propertyName: 'email', operator: 'EQ', value: 'new@x.example' }] }], properties: ['lastname'] } });
  assert.equal(at(found.body, 'total'), 1);
  assert.equal(at(found.body, 'results.0.properties.lastname'), 'Ødegård');
  assert.equal((await wire(sandbox.url, `${base}/${id}`, { method: 'DELETE', bearer: access })).status, 204);
  const gone = await wire(sandbox.url, `${base}/${id}`, { bearer: access });
  assert.equal(gone.status, 404);
  assert.equal(at(gone.body, 'status'), 'error');
});

test('a missing scope is named; quotas stand in headers and end in 429', async () => {
  const { access } = await connect({ scope: 'oauth crm.objects.contacts.read' });
  const refused = await wire(sandbox.url, 'https://api.hubapi.com/crm/v3/objects/deals', { bearer: access });
  assert.equal(refused.status, 403);
  assert.deepEqual(at(refused.body, 'errors.0.context.requiredGranularScopes'), ['crm.objects.deals.read']);
  assert.equal(refused.headers.get('x-hubspot-ratelimit-max'), '110');
  assert.equal(refused.headers.get('x-hubspot-ratelimit-daily'), null);
  assert.ok(refused.headers.get('x-hubspot-correlation-id'));
  const key = sandboxKeys.hubspot[4] ?? '';
  assert.equal((await wire(sandbox.url, 'https://api.hubapi.com/crm/v3/owners', { bearer: key })).headers.get('x-hubspot-ratelimit-daily'), '250000');
  await fetch(`${sandbox.url}/_sandbox/limits/hubspot`, { method: 'PUT', body: JSON.stringify({ ten_secondly: { limit: 0, window_ms: 10_000 } }) });
  const limited = await wire(sandbox.url, 'https://api.hubapi.com/crm/v3/owners', { bearer: key });
  await fetch(`${sandbox.url}/_sandbox/limits/hubspot`, { method: 'DELETE' });
  assert.equal(limited.status, 429);
  assert.equal(at(limited.body, 'policyName'), 'TEN_SECONDLY_ROLLING');
});
