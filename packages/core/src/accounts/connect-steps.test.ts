import assert from 'node:assert/strict';
import { createHash, createHmac } from 'node:crypto';
import { test } from 'node:test';
import type { AuthScheme } from '@evenkeel/contract/manifest/auth.ts';
import { isRenewable, obtainGrant, type GrantTools } from './connect-steps.ts';
import { drive, type StepReply } from './driver.ts';
import { runStep, runValidation } from './step.ts';
import { compileConnector } from '../connectors/compile.ts';
import type { OutgoingRequest } from '../connectors/connector.ts';
import type { Scope } from '../connectors/values/scope.ts';

const nowMs = Date.UTC(2026, 10, 23, 12);

/** The tools over a real connector; judging is by status, as far as these tests need it. */
function toolsOf(auth: object[]): GrantTools {
  const compiled = compileConnector({ manifest: 1, id: 'a', name: 'A', categories: ['crm'], auth, http: { base_url: 'https://api.example.com', origins: ['https://login.example.com'] }, resources: { x: { list: { method: 'GET', path: '/x' } } } });
  assert.ok(compiled.ok, JSON.stringify(compiled));
  return {
    nowMs,
    crypto: { hash: (algorithm, data) => createHash(algorithm).update(data).digest(), hmac: (algorithm, key, data) => createHmac(algorithm, key).update(data).digest(), sign: () => new Uint8Array() },
    async build(request, scope) {
      const built = await compiled.connector.request(request).build(scope);
      return built.ok ? built : { ok: false, message: built.problem.message };
    },
    attach: (request, scope) => Promise.resolve({ ...request, headers: { ...request.headers, attached: JSON.stringify(scope.token) } }),
    judge: ({ status }) => Promise.resolve(status < 400 ? { ok: true } : { ok: false, code: status === 401 ? 'reauth_required' : status === 429 ? 'rate_limited' : 'validation_failed', message: `status ${status}`, retryAfterS: null }),
  };
}

/** Answers in turn, and keeps what was asked. */
function vendor(...answers: (StepReply | [number, unknown])[]): { asked: OutgoingRequest[]; perform: (step: { request: OutgoingRequest }) => Promise<StepReply> } {
  const asked: OutgoingRequest[] = [];
  return {
    asked,
    perform({ request }) {
      const answer = answers[asked.length] ?? { ok: false as const, message: 'asked too often' };
      asked.push(request);
      return Promise.resolve(Array.isArray(answer) ? { ok: true, answer: { status: answer[0], headers: {}, body: answer[1] } } : answer);
    },
  };
}

const code: Extract<AuthScheme, { type: 'oauth2_code' }> = {
  type: 'oauth2_code',
  id: 'oauth',
  authorize_url: 'https://login.example.com/authorize',
  token_url: 'https://login.example.com/token',
  callback: { captured: { realm: '{{callback.realm}}' } },
  capture: { captured: { host: '{{response.body.host}}' } },
  apply: { headers: { authorization: 'Bearer {{token.access_token}}' } },
};
const scope: Scope = { app: { client_id: 'id', client_secret: 'secret' }, callback: { realm: 'r-1', code: 'c' }, captured: {}, secret: {}, config: {} };
const source = { type: 'code', code: 'c', redirectUri: 'https://us/cb', codeVerifier: 'v' } as const;

test('a code becomes a grant with what callback, answer, introspection and exchange gave', async () => {
  const scheme = {
    ...code,
    expiry: { from: 'introspection' as const, request: { method: 'POST' as const, url: 'https://login.example.com/introspect', body: { type: 'form' as const, value: { token: '{{token.access_token}}' } } } },
    exchange: [{ id: 'session', request: { method: 'GET' as const, path: '/login', query: { token: '{{token.access_token}}', realm: '{{captured.realm}}' } }, capture: { captured: { rest: '{{response.body.url}}' }, secret: { session: '{{response.body.session}}' } } }],
  };
  const { asked, perform } = vendor([200, { access_token: 'at', refresh_token: 'rt', host: 'h' }], [200, { active: true, exp: nowMs / 1000 + 600 }], [200, { session: 's-1', url: 'https://rest' }]);
  const outcome = await drive(obtainGrant(scheme, source, scope, toolsOf([scheme])), perform);
  assert.ok(outcome.ok, JSON.stringify(outcome));
  const { grant } = outcome;
  assert.deepEqual(grant.captured, { realm: 'r-1', host: 'h', rest: 'https://rest' });
  assert.deepEqual(grant.secret, { session: 's-1' });
  assert.equal(grant.expiresAtMs, nowMs + 600_000);
  assert.equal(grant.token.expires_at, new Date(nowMs + 600_000).toISOString());
  assert.deepEqual(asked.map(({ url }) => new URL(url).pathname), ['/token', '/introspect', '/login']);
  assert.equal(new URL(asked[2]?.url ?? '').search, '?token=at&realm=r-1');
});

test('an unreachable vendor is transient, a failed exchange fails the grant, a missing refresh token is terminal', async () => {
  const silent = await drive(obtainGrant(code, source, scope, toolsOf([code])), vendor({ ok: false, message: 'timeout' }).perform);
  assert.ok(!silent.ok && silent.failure.kind === 'transient');
  const scheme = { ...code, exchange: [{ id: 'session', request: { method: 'GET' as const, path: '/login' } }] };
  const fallen = await drive(obtainGrant(scheme, source, scope, toolsOf([scheme])), vendor([200, { access_token: 'at' }], [403, {}]).perform);
  assert.ok(!fallen.ok && fallen.failure.step === 'session' && fallen.failure.kind === 'rejected');
  const { asked, perform } = vendor();
  const bare = await drive(obtainGrant(code, { type: 'stored' }, { ...scope, token: { access_token: 'at' } }, toolsOf([code])), perform);
  assert.ok(!bare.ok && bare.failure.kind === 'terminal' && asked.length === 0);
  assert.equal(isRenewable(code, { access_token: 'at' }), false);
});

test('an assertion: direct without a request, or exchanged by the manifest\'s own request', async () => {
  const assertion = { alg: 'HS256' as const, key: '{{secret.key}}', claims: { iss: 'me' }, lifetime_s: 60 };
  const common = { type: 'jwt_bearer' as const, id: 'svc', fields: [{ name: 'key', label: 'Key', secret: true }], assertion, apply: { headers: { authorization: 'Bearer {{token.access_token}}' } } };
  const direct: AuthScheme = { ...common, grant: { type: 'direct' } };
  const known = { ...scope, secret: { key: 'k' } };
  const first = await drive(obtainGrant(direct, { type: 'stored' }, known, toolsOf([direct])), vendor().perform);
  assert.ok(first.ok && first.grant.expiresAtMs === nowMs + 60_000 && first.grant.token.access_token?.split('.').length === 3);
  const exchanged: AuthScheme = { ...common, grant: { type: 'request', request: { method: 'POST', path: '/installations/1/tokens', headers: { authorization: 'Bearer {{token.assertion}}' } }, response: { access_token: 'token' }, expiry: { from: 'response', path: 'expires_at', unit: 'iso' } } };
  const { asked, perform } = vendor([201, { token: 'inst', expires_at: '2026-11-23T13:00:00Z' }]);
  const second = await drive(obtainGrant(exchanged, { type: 'stored' }, known, toolsOf([exchanged])), perform);
  assert.ok(second.ok && second.grant.token.access_token === 'inst' && second.grant.expiresAtMs === nowMs + 3_600_000);
  assert.match(asked[0]?.headers['authorization'] ?? '', /^Bearer ey/);
  const keyless = await drive(obtainGrant(direct, { type: 'stored' }, scope, toolsOf([direct])), vendor().perform);
  assert.ok(!keyless.ok && keyless.failure.kind === 'configuration');
});

test('a login in two steps passes on what it captured, unauthenticated; its refusal is terminal', async () => {
  const scheme: AuthScheme = {
    type: 'session',
    id: 'login',
    login: [
      { id: 'begin', request: { method: 'POST', path: '/begin' }, capture: { secret: { ticket: '{{response.body.ticket}}' } } },
      { id: 'finish', request: { method: 'POST', path: '/finish', query: { ticket: '{{secret.ticket}}' } }, capture: { secret: { session: '{{response.body.session}}' } } },
    ],
    expiry: { from: 'response', path: 'ttl', unit: 's' },
    apply: { headers: { 'x-session': '{{secret.session}}' } },
  };
  const { asked, perform } = vendor([200, { ticket: 't' }], [200, { session: 's', ttl: 60 }]);
  const outcome = await drive(obtainGrant(scheme, { type: 'stored' }, scope, toolsOf([scheme])), perform);
  assert.ok(outcome.ok && outcome.grant.expiresAtMs === nowMs + 60_000);
  assert.deepEqual(outcome.grant.secret, { ticket: 't', session: 's' });
  assert.ok(asked.every(({ headers }) => headers['attached'] === undefined) && asked[1]?.url.endsWith('?ticket=t'));
  const refused = await drive(obtainGrant(scheme, { type: 'stored' }, scope, toolsOf([scheme])), vendor([401, {}]).perform);
  assert.ok(!refused.ok && refused.failure.kind === 'terminal' && refused.failure.step === 'begin');
});

test('a step: skipped by its condition, authenticated by default, judged by its own success and the connector\'s rules', async () => {
  const tools = toolsOf([code]);
  const step = { id: 'hook', request: { method: 'POST' as const, path: '/hooks' } };
  const skipped = await drive(runStep({ ...step, when: 'config.hooks = true' }, scope, tools), vendor().perform);
  assert.ok(skipped.ok && skipped.answer === undefined);
  const { asked, perform } = vendor([200, { ok: true, id: 1 }]);
  const done = await drive(runStep({ ...step, when: '$exists(config.hooks) = false', success: { body: { ok: true } }, capture: { captured: { hook: '{{response.body.id}}' } } }, { ...scope, token: { a: 1 } }, tools), perform);
  assert.ok(done.ok && done.captures.captured['hook'] === 1 && asked[0]?.headers['attached'] === '{"a":1}');
  const unproven = await drive(runValidation({ request: step.request, success: { body: { ok: true } }, message: 'why' }, scope, tools), vendor([200, { ok: false, why: 'asleep' }]).perform);
  assert.ok(!unproven.ok && unproven.failure.kind === 'rejected' && unproven.failure.message === 'asleep');
  const limited = await drive(runValidation({ request: step.request }, scope, tools), vendor([429, {}]).perform);
  assert.ok(!limited.ok && limited.failure.kind === 'transient');
  const broken = await drive(runStep({ ...step, when: '(((' }, scope, tools), vendor().perform);
  assert.ok(!broken.ok && broken.failure.kind === 'configuration');
});
