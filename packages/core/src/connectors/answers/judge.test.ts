import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Manifest, Operation } from '@evenkeel/contract/manifest/manifest.ts';
import fc from 'fast-check';
import { compileMatcher } from './condition.ts';
import { compileJudgement, judge } from './judge.ts';
import { boundBody, cleanMessage, redact, secretsOf } from './redaction.ts';
import type { UpstreamAnswer } from './upstream-answer.ts';
import type { JudgeContext, UpstreamFault } from './verdict.ts';

const nowMs = Date.UTC(2026, 9, 1);
const context: JudgeContext = { nowMs, surface: 'proxy', limits: [], secrets: [] };
const manifest = (parts: Partial<Manifest>): Manifest => ({
  manifest: 1, id: 'acme', name: 'Acme', categories: [], auth: [{ type: 'none', id: 'none' }], http: { base_url: 'https://api.acme.test' }, resources: {}, ...parts,
});
const answer = (status: number, body?: unknown, headers: Record<string, string> = {}): UpstreamAnswer => ({ status, headers, body });

async function faultOf(given: UpstreamAnswer, parts: Partial<Manifest> = {}, operation?: Partial<Operation>, known: Partial<JudgeContext> = {}): Promise<UpstreamFault | undefined> {
  const judgement = compileJudgement(manifest(parts), operation === undefined ? undefined : { method: 'GET', ...operation }, 'resources.things.list');
  const verdict = await judge(judgement, given, { ...context, ...known });
  return verdict.ok ? undefined : verdict.error;
}

test('a status alone is classified, with who has to act', async () => {
  const expected: [number, string, string][] = [
    [400, 'invalid_request', 'caller'], [401, 'reauth_required', 'account'], [402, 'forbidden', 'account'], [403, 'forbidden', 'account'],
    [404, 'not_found', 'caller'], [405, 'unsupported_operation', 'platform'], [408, 'upstream_timeout', 'upstream'], [409, 'conflict', 'caller'],
    [410, 'not_found', 'caller'], [415, 'invalid_request', 'platform'], [418, 'invalid_request', 'caller'], [422, 'validation_failed', 'caller'],
    [429, 'rate_limited', 'upstream'], [500, 'upstream_unavailable', 'upstream'], [502, 'upstream_unavailable', 'upstream'], [503, 'upstream_unavailable', 'upstream'],
    [504, 'upstream_timeout', 'upstream'], [524, 'upstream_timeout', 'upstream'], [302, 'upstream_invalid_response', 'upstream'],
  ];
  for (const [status, code, origin] of expected) {
    const fault = await faultOf(answer(status));
    assert.deepEqual([fault?.code, fault?.origin, fault?.rule], [code, origin, `status:${status}`]);
    assert.equal(fault?.credentialRefused, status === 401);
  }
  for (const status of [200, 201, 202, 204, 206, 304]) assert.equal(await faultOf(answer(status)), undefined);
  assert.equal((await faultOf(answer(403), {}, undefined, { surface: 'passthrough' }))?.origin, 'caller');
  assert.equal((await faultOf(answer(405), {}, undefined, { surface: 'passthrough' }))?.origin, 'caller');
});

test('the body is judged before the status: 200 with ok:false, and a 400 that means rate limited', async () => {
  const parts: Partial<Manifest> = {
    errors: [
      { when: { body: { ok: false, error: { in: ['ratelimited', 'slow_down'] } } }, code: 'rate_limited', retry_after: { header: 'Retry-After', unit: 's' } },
      { when: { status: ['2xx'], body: { ok: false, error: 'invalid_auth' } }, code: 'unauthorized', message: 'error' },
      { when: { status: ['2xx'], body: { ok: false } }, code: 'validation_failed', message: 'error' },
      { when: { status: [400], body: { 'errors[0].extensions.code': 'RATELIMITED' } }, code: 'rate_limited', retry_after: { body: 'errors[0].extensions.resetAt', unit: 'epoch_ms' } },
    ],
  };
  assert.equal(await faultOf(answer(200, { ok: true }), parts), undefined);
  const limited = await faultOf(answer(200, { ok: false, error: 'ratelimited' }, { 'retry-after': '12' }), parts);
  assert.deepEqual([limited?.code, limited?.retryAfterS, limited?.rule], ['rate_limited', 12, 'errors[0]']);
  const auth = await faultOf(answer(200, { ok: false, error: 'invalid_auth' }), parts);
  assert.deepEqual([auth?.code, auth?.origin, auth?.credentialRefused, auth?.message], ['reauth_required', 'account', true, 'invalid_auth']);
  assert.equal((await faultOf(answer(200, { ok: false, error: 'name_taken' }), parts))?.rule, 'errors[2]');
  const byCode = await faultOf(answer(400, { errors: [{ message: 'too fast', extensions: { code: 'RATELIMITED', resetAt: nowMs + 30_000 } }] }), parts);
  assert.deepEqual([byCode?.code, byCode?.retryAfterS, byCode?.message], ['rate_limited', 30, 'too fast']);
  assert.equal((await faultOf(answer(400, { errors: [] }), parts))?.code, 'invalid_request');
});

test('the operation comes before the connector, and an expression may decide', async () => {
  const parts: Partial<Manifest> = { errors: [{ when: { status: ['4xx'] }, code: 'conflict' }] };
  const operation: Partial<Operation> = { errors: [{ when: { expr: "status = 404 and $contains(body.message, 'archived')" }, code: 'not_found' }] };
  const fault = await faultOf(answer(404, { message: 'is archived' }), parts, operation);
  assert.deepEqual([fault?.code, fault?.rule], ['not_found', 'resources.things.list.errors[0]']);
  assert.equal((await faultOf(answer(404, { message: 'unknown' }), parts, operation))?.code, 'conflict');
  assert.equal((await faultOf(answer(404, 42), parts, operation))?.code, 'conflict', 'an expression that fails does not match');
});

test('GraphQL errors with 200 are failures by their code', async () => {
  const operation: Partial<Operation> = { method: 'POST', body: { type: 'graphql', query: '{ things { id } }' } };
  const coded = (code: string | undefined) => answer(200, { data: null, errors: [{ message: 'Nope', extensions: { code } }] });
  assert.equal((await faultOf(coded('FORBIDDEN'), {}, operation))?.origin, 'account');
  assert.equal((await faultOf(coded('UNAUTHENTICATED'), {}, operation))?.credentialRefused, true);
  assert.deepEqual([(await faultOf(coded('GRAPHQL_VALIDATION_FAILED'), {}, operation))?.code, (await faultOf(coded('GRAPHQL_VALIDATION_FAILED'), {}, operation))?.origin], ['connector_invalid', 'platform']);
  assert.deepEqual([(await faultOf(coded(undefined), {}, operation))?.code, (await faultOf(coded(undefined), {}, operation))?.message], ['validation_failed', 'Nope']);
  assert.equal((await faultOf(coded('toString'), {}, operation))?.rule, 'graphql:errors');
  assert.equal(await faultOf(answer(200, { data: { things: [] }, errors: [] }), {}, operation), undefined);
  assert.equal((await faultOf(answer(500, { errors: [{ message: 'x' }] }), {}, operation))?.code, 'upstream_unavailable');
});

test('missing scopes are known from the challenge, from a header, from the grant, or from a rule', async () => {
  const wants: Partial<Operation> = { scopes: ['read:x', 'write:x'] };
  const challenged = await faultOf(answer(403, undefined, { 'www-authenticate': 'Bearer realm="x", error="insufficient_scope", scope="write:x admin"' }), {}, wants);
  assert.deepEqual([challenged?.code, challenged?.missingScopes], ['missing_scopes', ['write:x', 'admin']]);
  assert.equal((await faultOf(answer(401, undefined, { 'www-authenticate': 'Bearer error="insufficient_scope"' }), {}, wants))?.credentialRefused, false);
  const said = await faultOf(answer(403, undefined, { 'x-oauth-scopes': 'read:x, user' }), { granted_scopes: { header: 'X-OAuth-Scopes', separator: ',' } }, wants);
  assert.deepEqual(said?.missingScopes, ['write:x']);
  const granted = await faultOf(answer(403), {}, wants, { grantedScopes: ['write:x'] });
  assert.deepEqual([granted?.missingScopes, granted?.origin], [['read:x'], 'account']);
  assert.equal((await faultOf(answer(403), {}, wants, { grantedScopes: ['write:x', 'read:x'] }))?.code, 'forbidden');
  assert.equal((await faultOf(answer(403), {}, wants))?.code, 'forbidden', 'an unknown grant proves nothing');
  const ruled = await faultOf(answer(200, { ok: false, needed: 'chat:write,users:read' }), { errors: [{ when: { body: { ok: false } }, code: 'missing_scopes', missing_scopes: 'needed' }] });
  assert.deepEqual(ruled?.missingScopes, ['chat:write', 'users:read']);
  const unnamed = await faultOf(answer(403, {}), { errors: [{ when: { status: [403] }, code: 'missing_scopes' }] }, wants, { grantedScopes: ['read:x'] });
  assert.deepEqual(unnamed?.missingScopes, ['write:x']);
});

test('messages and request ids are found where the vendor keeps them, and are fit to show', async () => {
  const parts: Partial<Manifest> = { error_message: ['errorMessages[0]', { $expr: "$join(body.details.text, '; ')" }], request_id: { header: 'X-Vendor-Trace', body: 'meta.id' } };
  const fault = await faultOf(answer(400, { details: [{ text: 'a' }, { text: 'b\r\nc' }], meta: {} }, { 'x-vendor-trace': 'abc-1' }), parts);
  assert.deepEqual([fault?.message, fault?.upstreamRequestId], ['a; b c', 'abc-1']);
  assert.equal((await faultOf(answer(400, { error: { message: 'inner' } })))?.message, 'inner');
  assert.equal((await faultOf(answer(502, '<html><head><title>502 Bad Gateway</title></head><body>x</body></html>')))?.message, '502 Bad Gateway');
  assert.match((await faultOf(answer(500, { weird: true })))?.message ?? '', /status 500/);
  assert.ok(((await faultOf(answer(400, { message: 'x'.repeat(9000) })))?.message.length ?? 0) <= 500);
});

test('a body that is passed on unread is not judged by rules about bodies', async () => {
  const parts: Partial<Manifest> = { errors: [{ when: { status: ['2xx'], body: { ok: { not: true } } }, code: 'validation_failed' }] };
  assert.equal((await faultOf(answer(200), parts))?.code, 'validation_failed');
  assert.equal(await faultOf(answer(200), parts, undefined, { bodyUnread: true }), undefined);
});

test('judging is total on whatever a vendor sends', async () => {
  const parts: Partial<Manifest> = {
    error_message: ['a.b[0].c', { $expr: 'body.**.message' }],
    request_id: { body: 'id' },
    errors: [
      { when: { body: { 'a.b': { matches: '^x+$' }, c: { contains: 'z' } } }, code: 'conflict', message: 'a' },
      { when: { body: { n: { gte: 3 }, m: { lte: -1 } }, headers: { h: { exists: true } } }, code: 'rate_limited', retry_after: { body: 'n', unit: 'auto' } },
      { when: { expr: 'body.x.y > 3 or $length(body.z) = 2' }, code: 'missing_scopes', missing_scopes: 's' },
    ],
  };
  const judgement = compileJudgement(manifest(parts), { method: 'POST', body: { type: 'graphql', query: '{a}' } }, 'o');
  const body = fc.oneof(fc.jsonValue(), fc.anything(), fc.record({ a: fc.jsonValue(), n: fc.jsonValue(), m: fc.jsonValue(), errors: fc.jsonValue(), message: fc.jsonValue(), id: fc.jsonValue() }, { requiredKeys: [] }));
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 200, max: 599 }), body, fc.dictionary(fc.constantFrom('h', 'retry-after', 'www-authenticate', 'x-request-id'), fc.string()), async (status, given, headers) => {
      const verdict = await judge(judgement, answer(status, given, headers), context);
      if (verdict.ok) assert.ok(status < 300 || status === 304);
      else {
        assert.ok(verdict.error.message.length > 0 && verdict.error.message.length <= 500);
        assert.ok(verdict.error.retryAfterS === undefined || verdict.error.retryAfterS >= 0);
      }
    }),
    { numRuns: 300 },
  );
});

test('matchers: literals, numeric texts, absence and arrays', () => {
  const holds = (matcher: Parameters<typeof compileMatcher>[0], value: unknown): boolean => compileMatcher(matcher)(value);
  assert.ok(holds(5, 5) && holds(5, '5') && !holds('5', 5) && holds(true, 'true'));
  assert.ok(holds(null, null) && holds(null, undefined) && !holds(null, 0));
  assert.ok(holds({ not: 'a' }, undefined) && !holds({ not: 'a' }, 'a'));
  assert.ok(holds({ exists: true }, 0) && holds({ exists: false }, null));
  assert.ok(holds({ contains: 'b' }, 'abc') && holds({ contains: 'b' }, ['b']) && !holds({ contains: 'b' }, ['abc']));
  assert.ok(holds({ gte: 3 }, '3') && !holds({ gte: 3 }, '') && !holds({ gte: 0 }, null) && holds({ lte: 3 }, 3));
  assert.ok(holds({ matches: '^a\\d$' }, 'a1') && !holds({ matches: 'a' }, { a: 1 }));
});

test('no credential survives in a message or a body', () => {
  const scope = { secret: { api_key: 'k-s3cr3t/+=', nested: { pin: '1234' } }, token: { access_token: 'tok_abcdef', token_type: 'Bearer', scope: 'read write' }, app: { client_id: 'public-id', client_secret: 'app-s3cr3t' } };
  const secrets = secretsOf(scope, { authorization: 'Basic dXNlcjpwYXNz', cookie: 'sid=cookie-value; a=b' });
  for (const secret of ['k-s3cr3t/+=', 'k-s3cr3t%2F%2B%3D', 'tok_abcdef', 'app-s3cr3t', 'dXNlcjpwYXNz', 'cookie-value']) {
    assert.ok(secrets.includes(secret), secret);
    assert.ok(!redact(`before ${secret} after ${secret}`, secrets).includes(secret));
    assert.ok(!cleanMessage(`${'x'.repeat(495)}${secret}`, secrets).includes(secret.slice(0, 6)));
    const shown = JSON.stringify(boundBody({ echo: [`url?key=${secret}`], [secret]: 1, access_token: 'unknown to us', deep: { headers: { Authorization: 'Bearer other' } } }, secrets));
    assert.ok(!shown.includes(secret) && !shown.includes('unknown to us') && !shown.includes('Bearer other'));
  }
  assert.ok(!secrets.includes('public-id') && !secrets.includes('Bearer') && !secrets.includes('read write'));
});

test('an error body is bounded in every direction', () => {
  const deep: unknown[] = [];
  let at = deep;
  for (let level = 0; level < 10_000; level++) at.push((at = []));
  for (const hostile of [deep, Array.from({ length: 100_000 }, (_, index) => index), 'x'.repeat(1e6), { [`k${'y'.repeat(1e6)}`]: 'z'.repeat(1e6) }, Object.fromEntries(Array.from({ length: 10_000 }, (_, index) => [`k${index}`, 'v'.repeat(500)]))]) {
    assert.ok(JSON.stringify(boundBody(hostile, [])).length < 60_000);
  }
  assert.equal(boundBody(new Uint8Array(9), []), '[9 bytes]');
  assert.deepEqual(boundBody(JSON.parse('{"__proto__":{"x":1},"a":1}'), []), { a: 1 });
  fc.assert(fc.property(fc.anything(), (value) => JSON.stringify(boundBody(value, ['secret'])) !== ''));
});
