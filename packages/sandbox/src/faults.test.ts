import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { sandboxApps, sandboxKeys } from './apps.ts';
import { startSandbox, type Sandbox } from './sandbox.ts';
import { at, decideConsent, mapped, wire } from '../test/user-agent.ts';

const app = sandboxApps.hubspot;
const redirect = 'http://127.0.0.1:4400/oauth/callback';
const contacts = 'https://api.hubapi.com/crm/v3/objects/contacts?limit=2&properties=email';
const key = sandboxKeys.hubspot[0] ?? '';
let sandbox: Sandbox;
before(async () => {
  sandbox = await startSandbox({ port: 0 });
});
after(() => sandbox.close());
beforeEach(() => fetch(`${sandbox.url}/_sandbox/reset`, { method: 'POST' }));

async function put(...faults: object[]): Promise<void> {
  const answer = await fetch(`${sandbox.url}/_sandbox/faults/hubspot`, { method: 'PUT', body: JSON.stringify(faults) });
  assert.equal(answer.status, 200, await answer.text());
}
async function connect(account?: string): Promise<{ access: string; refresh: string }> {
  const query = new URLSearchParams({ client_id: app.client_id, redirect_uri: redirect, scope: 'oauth crm.objects.contacts.read', state: 'x' });
  const back = await decideConsent(mapped(sandbox.url, `https://app.hubspot.com/oauth/authorize?${query}`), 'approve', account);
  const answer = await wire(sandbox.url, 'https://api.hubapi.com/oauth/v3/token', { form: { grant_type: 'authorization_code', client_id: app.client_id, client_secret: app.client_secret, redirect_uri: redirect, code: back.searchParams.get('code') ?? '' } });
  return { access: String(at(answer.body, 'access_token')), refresh: String(at(answer.body, 'refresh_token')) };
}
const refresh = (token: string) => wire(sandbox.url, 'https://api.hubapi.com/oauth/v3/token', { form: { grant_type: 'refresh_token', client_id: app.client_id, client_secret: app.client_secret, refresh_token: token } });
const read = (bearer = key) => wire(sandbox.url, contacts, { bearer });

test('outage answers in the vendor\'s own words, by path, and ends when deleted', async () => {
  await put({ kind: 'outage', path: '/crm/', params: { status: 502 } });
  const down = await read();
  assert.equal(down.status, 502);
  assert.equal(at(down.body, 'status'), 'error');
  assert.equal((await wire(sandbox.url, 'https://api.hubapi.com/account-info/v3/details', { bearer: key })).status, 200);
  await fetch(`${sandbox.url}/_sandbox/faults/hubspot`, { method: 'DELETE' });
  assert.equal((await read()).status, 200);
});

test('a fault reaches one account or token only, and a stated number of times', async () => {
  await put({ kind: 'outage', account: '24810001', times: 2, params: {} });
  assert.equal((await read(sandboxKeys.hubspot[1])).status, 200);
  assert.deepEqual([(await read()).status, (await read()).status, (await read()).status], [503, 503, 200]);
  await put({ kind: 'missing_scope', token: key, params: { scopes: ['a.b'] } });
  assert.equal((await read(sandboxKeys.hubspot[1])).status, 200);
  assert.deepEqual(at((await read()).body, 'errors.0.context.requiredGranularScopes'), ['a.b']);
});

test('a rate draws from the seed: the same seed fails the same requests', async () => {
  const draw = async (): Promise<number[]> => {
    const own = await startSandbox({ port: 0, seed: 'fixed' });
    await fetch(`${own.url}/_sandbox/faults/hubspot`, { method: 'PUT', body: JSON.stringify([{ kind: 'outage', rate: 0.5, params: {} }]) });
    const statuses: number[] = [];
    for (let n = 0; n < 20; n += 1) statuses.push((await wire(own.url, contacts, { bearer: key })).status);
    await own.close();
    return statuses;
  };
  const first = await draw();
  assert.deepEqual(await draw(), first);
  assert.ok(first.includes(200) && first.includes(503));
});

test('latency delays an answer', async () => {
  await put({ kind: 'latency', params: { ms: 60, jitter: 10 } });
  const started = performance.now();
  assert.equal((await read()).status, 200);
  assert.ok(performance.now() - started >= 49);
});

test('a rate-limit storm is the vendor\'s 429', async () => {
  await put({ kind: 'rate_limit_storm', params: { policy: 'SECONDLY' } });
  const answer = await read();
  assert.equal(answer.status, 429);
  assert.equal(at(answer.body, 'policyName'), 'SECONDLY');
});

test('revoked tokens stay revoked after the fault; a new grant works', async () => {
  const [mine, other] = [await connect(), await connect('24810002')];
  await put({ kind: 'revoke_tokens', account: '24810001', params: {} });
  assert.equal((await read(mine.access)).status, 401);
  assert.equal(at((await refresh(mine.refresh)).body, 'error'), 'invalid_grant');
  assert.equal((await read(other.access)).status, 200);
  assert.equal((await read()).status, 401, 'keys of the account are revoked too');
  assert.equal((await read(`${key}r1`)).status, 200, 'a renewed key works');
  assert.equal((await read((await connect()).access)).status, 200);
});

test('early expiry refuses a token before its stated end; a refreshed one lives as long again', async () => {
  const grant = await connect();
  await put({ kind: 'early_expiry', params: { after_ms: 60_000 } });
  assert.equal((await read(grant.access)).status, 200);
  sandbox.advance(61_000);
  const early = await read(grant.access);
  assert.equal(at(early.body, 'category'), 'EXPIRED_AUTHENTICATION');
  const fresh = await refresh(grant.refresh);
  assert.equal((await read(String(at(fresh.body, 'access_token')))).status, 200);
});

test('a refresh outage touches the token endpoint alone', async () => {
  const grant = await connect();
  await put({ kind: 'refresh_outage', params: { status: 500 } });
  assert.equal((await refresh(grant.refresh)).status, 500);
  assert.equal((await read(grant.access)).status, 200);
});

test('fields are dropped and retyped inside records', async () => {
  await put({ kind: 'drop_field', params: { path: 'results[].properties.email' } }, { kind: 'retype_field', params: { path: 'results[].id', to: 'number' } });
  const { body } = await read();
  assert.equal(at(body, 'results.1.properties.email'), undefined);
  assert.equal(typeof at(body, 'results.1.id'), 'number');
  assert.notEqual(at(body, 'results.1.properties.hs_object_id'), undefined);
});

test('garbage, truncation, a reset and a hang are what they say', async () => {
  await put({ kind: 'garbage_body', params: {} });
  const garbage = await read();
  assert.equal(garbage.status, 200);
  assert.equal(garbage.body, undefined);
  await put({ kind: 'truncated_body', params: {} });
  await assert.rejects(read());
  await put({ kind: 'connection_reset', params: {} });
  await assert.rejects(read());
  await put({ kind: 'hang', params: {} });
  await assert.rejects(fetch(mapped(sandbox.url, contacts), { signal: AbortSignal.timeout(80) }), { name: 'TimeoutError' });
});

test('a malformed fault is refused with its place', async () => {
  for (const [body, message] of [
    ['{"kind":"nope"}', /faults\[0\]\.kind/], ['[{"kind":"hang","rate":2}]', /faults\[0\]\.rate/], ['[{"kind":"hang","tiems":1}]', /faults\[0\]\.tiems/], ['nonsense', /JSON list/], ['{"kind":"hang","path":"/[/"}', /faults\[0\]\.path/],
  ] as const) {
    const answer = await fetch(`${sandbox.url}/_sandbox/faults/hubspot`, { method: 'PUT', body });
    assert.equal(answer.status, 400);
    assert.match(await answer.text(), message);
  }
  assert.equal((await fetch(`${sandbox.url}/_sandbox/faults/nobody`)).status, 404);
});

test('a path is a prefix or a regular expression over host and path', async () => {
  await put({ kind: 'outage', path: '/hubapi\\.com/crm/v3/objects/contacts$/', params: {} });
  assert.equal((await read()).status, 503);
  assert.equal((await wire(sandbox.url, 'https://api.hubapi.com/crm/v3/owners', { bearer: key })).status, 200);
});

test('an unknown host, a malformed one and an unknown path have answers', async () => {
  assert.equal((await wire(sandbox.url, 'https://nobody.example/x')).status, 404);
  assert.equal((await fetch(`${sandbox.url}/%zz/x`)).status, 404);
  const lost = await wire(sandbox.url, 'https://api.hubapi.com/nowhere', { bearer: key });
  assert.deepEqual([lost.status, at(lost.body, 'status')], [404, 'error']);
});

test('the log counts token requests and refreshes apart, and reset clears all', async () => {
  const grant = await connect();
  await refresh(grant.refresh);
  await read(grant.access);
  const log: unknown = await (await fetch(`${sandbox.url}/_sandbox/requests?vendor=hubspot&kind=token`)).json();
  assert.deepEqual([at(log, 'counts.token'), at(log, 'counts.refresh'), at(log, 'counts.api'), at(log, 'requests.length')], [2, 1, 1, 2]);
  assert.equal(at(log, 'requests.1.grant_type'), 'refresh_token');
  assert.equal(at(log, 'requests.1.account'), '24810001');
  await fetch(`${sandbox.url}/_sandbox/reset`, { method: 'POST' });
  const cleared: unknown = await (await fetch(`${sandbox.url}/_sandbox/requests?vendor=hubspot`)).json();
  assert.equal(at(cleared, 'counts.total'), 0);
  assert.equal((await read(grant.access)).status, 401, 'grants are gone with the reset');
});
