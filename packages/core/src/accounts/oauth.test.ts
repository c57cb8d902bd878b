import assert from 'node:assert/strict';
import { createHash, createHmac, createPublicKey, generateKeyPairSync, sign, verify } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import type { AuthSchemeOf } from '@evenkeel/contract/manifest/auth.ts';
import type { CryptoPort } from '../connectors/requests/crypto-port.ts';
import { buildAssertion } from './jwt-assertion.ts';
import { buildAuthorizationRequest, buildTokenRequest, processAuthorizationResponse, type CodeScheme } from './oauth.ts';
import { buildAddress } from './token-address.ts';
import { processTokenResponse, type TokenReading } from './token-response.ts';
import { effectiveExpiry, processIntrospection, readClaims, readExpiry } from './token.ts';

const crypto: CryptoPort = {
  hash: (algorithm, data) => createHash(algorithm).update(data).digest(),
  hmac: (algorithm, key, data) => createHmac(algorithm, key).update(data).digest(),
  sign: (_algorithm, pem, data) => sign('sha256', data, pem),
};
const scheme: CodeScheme = { type: 'oauth2_code', id: 'oauth', authorize_url: 'https://{{config.region}}.example.com/authorize?fixed=1', token_url: 'https://example.com/token', scopes: ['a', 'b'] };
const scope = { app: { client_id: 'client 1', client_secret: 's:/&' }, config: { region: 'eu' } };
const nowMs = Date.UTC(2026, 10, 23, 12);
const answer = (body: unknown, status = 200, headers: Record<string, string> = {}) => ({ status, headers, body });
const jwt = (claims: object): string => ['{"alg":"none"}', JSON.stringify(claims), 'x'].map((part) => Buffer.from(part).toString('base64url')).join('.');

test('authorization request: RFC 7636 appendix B challenge, state, joined scopes, manifest parameters win and null removes', async () => {
  const url = await buildAuthorizationRequest({ ...scheme, scope_separator: ',', authorize_params: { prompt: 'consent', state: 'x', response_type: null } }, scope, {
    redirectUri: 'https://us.example/oauth/callback',
    state: 'st',
    codeVerifier: 'dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk',
    crypto,
  });
  const { origin, pathname, searchParams } = new URL(url);
  assert.equal(origin + pathname, 'https://eu.example.com/authorize');
  assert.deepEqual(Object.fromEntries(searchParams), {
    fixed: '1',
    client_id: 'client 1',
    redirect_uri: 'https://us.example/oauth/callback',
    scope: 'a,b',
    state: 'x',
    code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM',
    code_challenge_method: 'S256',
    prompt: 'consent',
  });
});

test('authorization request without an app names what to set', async () => {
  await assert.rejects(buildAuthorizationRequest(scheme, { config: { region: 'eu' } }, { redirectUri: 'r', state: 's', codeVerifier: 'v', crypto }), /PUT \/v1\/connectors/);
});

test('authorization response: code, refusal, neither; inherited names are not read', () => {
  assert.deepEqual(processAuthorizationResponse({ code: 'c', state: 's' }), { ok: true, code: 'c' });
  const declined = processAuthorizationResponse({ error: 'access_denied', error_description: 'no' });
  assert.ok(!declined.ok && declined.error === 'access_denied' && declined.message.includes('declined'));
  assert.ok(!processAuthorizationResponse({ code: '' }).ok);
  assert.ok(!processAuthorizationResponse(Object.create({ code: 'inherited' }) as Record<string, string>).ok);
});

test('token request: each client authentication, form and JSON, header secrets form-encoded (RFC 6749 2.3.1)', async () => {
  const grant = { type: 'authorization_code', code: 'c d', redirectUri: 'https://us/cb', codeVerifier: 'v' } as const;
  const inBody = await buildTokenRequest(scheme, scheme, grant, scope);
  assert.deepEqual(Object.fromEntries(new URLSearchParams(String(inBody.body))), {
    grant_type: 'authorization_code', code: 'c d', redirect_uri: 'https://us/cb', code_verifier: 'v', client_id: 'client 1', client_secret: 's:/&',
  });
  const inHeader = await buildTokenRequest(scheme, { ...scheme, client_auth: 'header', token_format: 'json', token_params: { redirect_uri: null } }, grant, scope);
  assert.equal(Buffer.from(String(inHeader.headers['authorization']).slice(6), 'base64').toString(), 'client+1:s%3A%2F%26');
  assert.deepEqual(JSON.parse(String(inHeader.body)), { grant_type: 'authorization_code', code: 'c d', code_verifier: 'v' });
  const open = await buildTokenRequest(scheme, { ...scheme, client_auth: 'none' }, grant, scope);
  assert.ok(!String(open.body).includes('secret'));
});

test('refresh request takes its own address and parameters; client credentials take the account\'s own client', async () => {
  const refreshed = await buildTokenRequest(scheme, { ...scheme, token_params: { only: 'code' }, refresh: { url: 'https://example.com/renew', params: { extra: '{{config.region}}' } } }, { type: 'refresh_token', refreshToken: 'rt' }, scope);
  assert.equal(refreshed.url, 'https://example.com/renew');
  const sent = Object.fromEntries(new URLSearchParams(String(refreshed.body)));
  assert.deepEqual([sent['grant_type'], sent['refresh_token'], sent['extra'], sent['only']], ['refresh_token', 'rt', 'eu', undefined]);
  const own: AuthSchemeOf<'oauth2_client_credentials'> = { type: 'oauth2_client_credentials', id: 'cc', token_url: 'https://example.com/token', client_id: '{{config.id}}', client_secret: '{{secret.key}}', scopes: ['x', 'y'] };
  const machine = await buildTokenRequest(own, own, { type: 'client_credentials' }, { config: { id: 'i' }, secret: { key: 'k' } });
  assert.equal(String(machine.body), 'grant_type=client_credentials&scope=x+y&client_id=i&client_secret=k');
});

test('a header injected through a form value is refused', async () => {
  await assert.rejects(buildTokenRequest(scheme, { ...scheme, token_headers: { 'x-a': '{{config.region}}' } }, { type: 'client_credentials' }, { ...scope, config: { region: 'a\r\nx: y' } }), /header x-a/);
});

test('addresses: no placeholder moves the request to another host', () => {
  assert.equal(buildAddress('https://{{config.region}}.example.com/{{config.tenant}}/token', { config: { region: 'eu-1', tenant: 'a/../b' } }), 'https://eu-1.example.com/a%2F..%2Fb/token');
  assert.equal(buildAddress('{{captured.server}}/oauth/token', { captured: { server: 'https://accounts.example.eu' } }), 'https://accounts.example.eu/oauth/token');
  for (const region of ['evil.com/', 'evil.com#', 'evil.com?', 'a@evil.com', 'evil.com\\', 'evil.com:80', 'a b', '-', '']) {
    assert.throws(() => buildAddress('https://{{config.region}}.example.com/token', { config: { region } }), TypeError, region);
  }
  for (const server of ['javascript:alert(1)', 'https://a@evil.com', 'https://evil.com?x', 'ftp://x', 'evil.com']) {
    assert.throws(() => buildAddress('{{captured.server}}/token', { captured: { server } }), TypeError, server);
  }
  fc.assert(
    fc.property(fc.string(), (region) => {
      try {
        assert.ok(new URL(buildAddress('https://{{config.region}}.example.com/t', { config: { region } })).hostname.endsWith('.example.com'));
      } catch (error) {
        assert.ok(error instanceof TypeError);
      }
    }),
  );
});

test('token response: standard, then under a root with other names, success condition and captures of claims', async () => {
  const plain = await processTokenResponse({}, {}, answer({ access_token: 'at', refresh_token: 'rt', expires_in: 3600, scope: ['a', 'b'] }), nowMs);
  assert.ok(plain.ok);
  assert.deepEqual(plain.token, { access_token: 'at', refresh_token: 'rt', scope: 'a b', expires_at: '2026-11-23T13:00:00.000Z' });
  const odd: TokenReading = {
    response: { root: 'authed_user', access_token: 'tok.value', success: { body: { ok: true } }, message: 'error' },
    capture: { captured: { team: '{{response.body.team.id}}', tid: '{{claims.tid}}', gone: '{{response.body.none}}' }, secret: { whole: '{{token.access_token}}' } },
    expiry: { from: 'jwt' },
  };
  const token = jwt({ tid: 't-1', exp: nowMs / 1000 + 60 });
  const read = await processTokenResponse(odd, {}, answer({ ok: true, team: { id: 'T' }, authed_user: { tok: { value: token } } }), nowMs);
  assert.ok(read.ok);
  assert.deepEqual(read.captures, { captured: { team: 'T', tid: 't-1' }, secret: { whole: token } });
  assert.equal(read.expiresAtMs, nowMs + 60_000);
  const failed = await processTokenResponse(odd, {}, answer({ ok: false, error: 'invalid_code' }), nowMs);
  assert.ok(!failed.ok && failed.failure.kind === 'rejected' && failed.failure.message === 'invalid_code');
});

test('a refresh that omits the refresh token keeps the old one', async () => {
  const kept = await processTokenResponse({}, { token: { refresh_token: 'old', scope: 's' } }, answer({ access_token: 'new' }), nowMs);
  assert.ok(kept.ok && kept.token.refresh_token === 'old' && kept.token.scope === 's' && kept.expiresAtMs === null);
});

test('refusals: who can help', async () => {
  const kind = async (body: unknown, status: number, reading: TokenReading = {}) => {
    const outcome = await processTokenResponse(reading, {}, answer(body, status, { 'retry-after': '7' }), nowMs);
    assert.ok(!outcome.ok);
    assert.equal(outcome.failure.retryAfterS, 7);
    return outcome.failure.kind;
  };
  assert.equal(await kind({ error: 'invalid_grant', error_description: 'expired' }, 400), 'terminal');
  assert.equal(await kind({ error: 'invalid_grant' }, 200), 'terminal');
  assert.equal(await kind({ error: 'invalid_client' }, 401), 'configuration');
  assert.equal(await kind({ error: 'invalid_grant' }, 503), 'transient');
  assert.equal(await kind({ error: 'slow_down' }, 429), 'transient');
  assert.equal(await kind('<html>', 502), 'transient');
  assert.equal(await kind('', 200), 'transient');
  assert.equal(await kind({ error: 'weird' }, 400), 'rejected');
  assert.equal(await kind({ error: 'bad_refresh_token' }, 200, { refresh: { terminal: [{ body: { error: 'bad_refresh_token' } }] } }), 'terminal');
});

test('any garbage for an answer gives a failure or a token, never a throw', async () => {
  await fc.assert(
    fc.asyncProperty(fc.jsonValue(), fc.integer({ min: 200, max: 599 }), async (body, status) => {
      const outcome = await processTokenResponse({}, {}, answer(body, status), nowMs);
      if (outcome.ok) assert.equal(typeof outcome.token.access_token, 'string');
      else assert.ok(outcome.failure.message.length > 0);
    }),
  );
});

test('ends of tokens: every source and unit; zero and nonsense are unknown', () => {
  const read = (expiry: Parameters<typeof readExpiry>[0], root: unknown) => readExpiry(expiry, { access_token: jwt({ exp: 1_800_000_000 }) }, root, nowMs);
  assert.equal(read(undefined, { expires_in: '120' }), nowMs + 120_000);
  assert.equal(read({ from: 'response', unit: 'ms' }, { expires_in: 500 }), nowMs + 500);
  assert.equal(read({ from: 'response', path: 'at', unit: 'epoch_s' }, { at: 1_800_000_000 }), 1_800_000_000_000);
  assert.equal(read({ from: 'response', path: 'at', unit: 'iso' }, { at: '2026-11-23T13:00:00Z' }), nowMs + 3_600_000);
  assert.equal(read({ from: 'response', fallback_s: 60 }, {}), nowMs + 60_000);
  assert.equal(read({ from: 'jwt' }, {}), 1_800_000_000_000);
  assert.equal(read({ from: 'assumed', lifetime_s: 5 }, {}), nowMs + 5000);
  for (const value of [0, -1, 'x', null, {}, NaN]) assert.equal(read(undefined, { expires_in: value }), null);
  for (const from of ['never', 'on_401'] as const) assert.equal(read({ from }, { expires_in: 5 }), null);
  const introspection = { from: 'introspection', request: { method: 'POST' } } as const;
  assert.equal(processIntrospection(introspection, { active: true, exp: 1_800_000_000 }, nowMs), 1_800_000_000_000);
  assert.equal(processIntrospection(introspection, { active: false }, nowMs), nowMs);
  assert.equal(read(introspection, { expires_in: 90 }), nowMs + 90_000);
  assert.equal(effectiveExpiry(nowMs + 10_000, { effective_lifetime_s: 5 }, nowMs), nowMs + 5000);
});

test('assertion: verifies, carries stated claims, is backdated; a key that is none is told without showing it', async () => {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  const bearer: AuthSchemeOf<'jwt_bearer'> = {
    type: 'jwt_bearer', id: 'svc', grant: { type: 'direct' },
    assertion: { alg: 'RS256', key: '{{secret.private_key}}', header: { kid: 'k1' }, claims: { iss: '{{config.email}}' }, lifetime_s: 600, backdate_s: 60 },
  };
  const { jwt: assertion, expiresAtMs } = await buildAssertion(bearer, { secret: { private_key: pem }, config: { email: 'e' } }, { nowMs, crypto });
  const [head = '', payload = '', signature = ''] = assertion.split('.');
  assert.ok(verify('sha256', Buffer.from(`${head}.${payload}`), createPublicKey(privateKey), Buffer.from(signature, 'base64url')));
  assert.deepEqual(readClaims(assertion), { iat: nowMs / 1000 - 60, exp: nowMs / 1000 + 540, iss: 'e' });
  assert.equal(expiresAtMs, nowMs + 540_000);
  await assert.rejects(buildAssertion(bearer, { secret: { private_key: 'planted-key' } }, { nowMs, crypto }), (error: Error) => /PEM/.test(error.message) && !error.message.includes('planted'));
});
