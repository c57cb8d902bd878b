import assert from 'node:assert/strict';
import { createHash, createPrivateKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { after, before, beforeEach, test } from 'node:test';
import { SignJWT } from 'jose';
import { sandboxApps } from '../../apps.ts';
import { startSandbox, type Sandbox } from '../../sandbox.ts';
import { at, decideConsent, mapped, wire, type WireAnswer } from '../../../test/user-agent.ts';

const app = sandboxApps.github;
const redirect = 'http://127.0.0.1:4400/oauth/callback';
const api = 'https://api.github.com';
const repo = `${api}/repos/evenkeel-sandbox-1/api`;
const verifier = 'a-verifier-of-at-least-forty-three-characters-0000';
const key = createPrivateKey(app.private_key);
let sandbox: Sandbox;
before(async () => {
  sandbox = await startSandbox({ port: 0, now: () => Date.UTC(2026, 10, 1) });
});
after(() => sandbox.close());
beforeEach(() => fetch(`${sandbox.url}/_sandbox/reset`, { method: 'POST' }));

const nowS = Date.UTC(2026, 10, 1) / 1000;
const appJwt = (signer: KeyObject = key, claims: { iss?: string; iat?: number; exp?: number } = {}): Promise<string> =>
  new SignJWT({}).setProtectedHeader({ alg: 'RS256' }).setIssuer(claims.iss ?? app.app_id).setIssuedAt(claims.iat ?? nowS - 60).setExpirationTime(claims.exp ?? nowS + 540).sign(signer);
const install = async (jwt: string, id = '51000001'): Promise<WireAnswer> => wire(sandbox.url, `${api}/app/installations/${id}/access_tokens`, { method: 'POST', bearer: jwt });
const installed = async (): Promise<string> => String(at((await install(await appJwt())).body, 'token'));
const exchange = (form: Record<string, string>, headers: Record<string, string> = { accept: 'application/json' }): Promise<WireAnswer> => wire(sandbox.url, 'https://github.com/login/oauth/access_token', { form: { client_id: app.client_id, client_secret: app.client_secret, ...form }, headers });
async function connect(headers?: Record<string, string>): Promise<WireAnswer> {
  const query = new URLSearchParams({ client_id: app.client_id, redirect_uri: redirect, scope: 'repo read:user', state: 'x', code_challenge: createHash('sha256').update(verifier).digest('base64url'), code_challenge_method: 'S256' });
  const back = await decideConsent(mapped(sandbox.url, `https://github.com/login/oauth/authorize?${query}`));
  return exchange({ code: back.searchParams.get('code') ?? '', redirect_uri: redirect, code_verifier: verifier }, headers);
}

test('an App JWT buys an installation token of one hour', async () => {
  const answer = await install(await appJwt());
  assert.equal(answer.status, 201);
  assert.match(String(at(answer.body, 'token')), /^ghs_/);
  assert.equal(at(answer.body, 'expires_at'), '2026-11-01T01:00:00Z');
  const bearer = String(at(answer.body, 'token'));
  assert.equal(at((await wire(sandbox.url, `${api}/installation/repositories`, { bearer })).body, 'total_count'), 38);
  sandbox.advance(3_600_001);
  assert.equal((await wire(sandbox.url, `${api}/installation/repositories`, { bearer })).status, 401);
});

test('a forged, expired, too long or foreign JWT is refused; an unknown installation is 404', async () => {
  const stranger = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
  for (const jwt of [await appJwt(stranger), await appJwt(key, { exp: nowS - 60, iat: nowS - 600 }), await appJwt(key, { exp: nowS + 3600 }), await appJwt(key, { iss: '1' }), 'x.y.z']) assert.equal((await install(jwt)).status, 401);
  assert.equal((await install(await appJwt(), '1')).status, 404);
});

test('OAuth answers a form unless JSON is asked for, and errors with 200; refresh tokens work once', async () => {
  const form = await connect({});
  assert.match(form.text, /^access_token=ghu_/);
  const first = await connect();
  assert.deepEqual([at(first.body, 'expires_in'), at(first.body, 'refresh_token_expires_in'), at(first.body, 'scope')], [28_800, 15_897_600, 'repo,read:user']);
  const bad = await exchange({ code: 'nope' });
  assert.deepEqual([bad.status, at(bad.body, 'error')], [200, 'bad_verification_code']);
  const refresh = { grant_type: 'refresh_token', refresh_token: String(at(first.body, 'refresh_token')) };
  const second = await exchange(refresh);
  assert.match(String(at(second.body, 'access_token')), /^ghu_/);
  assert.equal(at((await exchange(refresh)).body, 'error'), 'bad_refresh_token');
});

test('issues page by the Link header', async () => {
  const bearer = await installed();
  const numbers = new Set<number>();
  let next: string | undefined = `${repo}/issues?state=all&per_page=100`;
  while (next !== undefined) {
    const page: WireAnswer = await wire(sandbox.url, next, { bearer });
    for (const issue of page.body as { number: number }[]) numbers.add(issue.number);
    next = /<(https:\/\/api\.github\.com[^>]+)>; rel="next"/.exec(page.headers.get('link') ?? '')?.[1];
  }
  assert.equal(numbers.size, 255);
});

test('issues, comments and pull requests are written; refusals are 422 and 404', async () => {
  const bearer = await installed();
  const made = await wire(sandbox.url, `${repo}/issues`, { bearer, json: { title: 'Ny 🐛', labels: ['bug'] } });
  assert.equal(made.status, 201);
  const issue = `${repo}/issues/${String(at(made.body, 'number'))}`;
  const closed = await wire(sandbox.url, issue, { method: 'PATCH', bearer, json: { state: 'closed' } });
  assert.deepEqual([at(closed.body, 'state'), at(closed.body, 'state_reason')], ['closed', 'completed']);
  const comment = await wire(sandbox.url, `${issue}/comments`, { bearer, json: { body: 'hei' } });
  assert.equal(comment.status, 201);
  assert.equal((await wire(sandbox.url, `${repo}/issues/comments/${String(at(comment.body, 'id'))}`, { method: 'DELETE', bearer })).status, 204);
  const refused = await wire(sandbox.url, `${repo}/issues`, { bearer, json: {} });
  assert.deepEqual([refused.status, at(refused.body, 'errors.0.code')], [422, 'missing_field']);
  assert.equal((await wire(sandbox.url, `${api}/repos/evenkeel-sandbox-2/api`, { bearer })).status, 404);
  const pull = await wire(sandbox.url, `${repo}/pulls`, { bearer, json: { title: 'P', head: 'x', base: 'main' } });
  assert.equal(at((await wire(sandbox.url, `${repo}/pulls/${String(at(pull.body, 'number'))}/merge`, { method: 'PUT', bearer, json: {} })).body, 'merged'), true);
});

test('the quota stands in headers and ends in 403 with remaining 0; a User-Agent is required; revocation', async () => {
  const bearer = await installed();
  const limit = await wire(sandbox.url, `${api}/rate_limit`, { bearer });
  assert.equal(limit.headers.get('x-ratelimit-remaining'), '5000');
  assert.equal((await wire(sandbox.url, `${api}/rate_limit`, { bearer, headers: { 'user-agent': '' } })).status, 403);
  await fetch(`${sandbox.url}/_sandbox/limits/github`, { method: 'PUT', body: '{"core":{"limit":0,"window_ms":3600000}}' });
  const spent = await wire(sandbox.url, `${repo}/issues`, { bearer });
  assert.deepEqual([spent.status, spent.headers.get('x-ratelimit-remaining')], [403, '0']);
  assert.match(String(at(spent.body, 'message')), /^API rate limit exceeded/);
  assert.equal((await wire(sandbox.url, `${api}/installation/token`, { method: 'DELETE', bearer })).status, 204);
  assert.equal(at((await wire(sandbox.url, `${repo}/issues`, { bearer })).body, 'message'), 'Bad credentials');
  const user = String(at((await connect()).body, 'access_token'));
  const revoked = await wire(sandbox.url, `${api}/applications/${app.client_id}/token`, { method: 'DELETE', basic: `${app.client_id}:${app.client_secret}`, json: { access_token: user } });
  assert.equal(revoked.status, 204);
  assert.equal((await wire(sandbox.url, `${api}/user`, { bearer: user })).status, 401);
});
