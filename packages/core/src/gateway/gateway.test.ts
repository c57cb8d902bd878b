import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Manifest } from '@evenkeel/contract/manifest/manifest.ts';
import fc from 'fast-check';
import { compileConnector } from '../connectors/compile.ts';
import { canStream, readingOf } from '../connectors/answers/reading.ts';
import type { Connector } from '../connectors/connector.ts';
import { answerCall, answerHead, type CallAnswer } from './answer.ts';
import { buildCall, resolveCall, type BuiltCall, type IncomingCall, type ResolvedCall } from './call.ts';
import { afterProbe, problemOf, type CallFailure } from './failure.ts';

const nowMs = Date.UTC(2026, 9, 1);
const scope = { config: { subdomain: 'acme' }, secret: { api_key: 'k3y-very-secret' }, token: { scope: 'read' } };

const manifest: Manifest = {
  manifest: 1,
  id: 'acme',
  name: 'Acme',
  categories: ['crm'],
  auth: [{ type: 'api_key', id: 'key', fields: [{ name: 'api_key', label: 'Key', secret: true }, { name: 'subdomain', label: 'Subdomain' }], apply: { headers: { 'x-api-key': '{{secret.api_key}}' } } }],
  http: { base_url: 'https://{{config.subdomain}}.acme.test/v1', headers: { 'x-version': '2026-01' } },
  rate_limits: [{ name: 'minute', limit: { header: 'x-limit' }, remaining: { header: 'x-left' }, reset: { header: 'x-reset', unit: 's' } }],
  resources: {
    contacts: {
      list: { method: 'GET', path: '/contacts', response: { records: 'items' }, pagination: { type: 'cursor', next: 'next', limit: { default: 2, max: 10 }, query: { limit: '{{page.limit}}', after: '{{page.cursor}}' } } },
      get: { method: 'GET', path: '/contacts/{{input.id}}' },
      create: { method: 'POST', path: '/contacts', body: { type: 'json', value: '{{input.body}}' }, response: { record: 'contact' } },
      delete: { method: 'DELETE', path: '/contacts/{{input.id}}' },
      actions: { merge: { method: 'POST', path: '/contacts/{{input.id}}/merge', body: { type: 'json', value: '{{input.body}}' } } },
    },
    files: { get: { method: 'GET', path: '/files/{{input.id}}', response: { format: 'binary' } } },
  },
};

function connectorOf(input: Manifest): Connector {
  const compiled = compileConnector(input);
  assert.ok(compiled.ok, JSON.stringify(compiled));
  return compiled.connector;
}
const connector = connectorOf(manifest);

const proxied = (httpMethod: string, parts: Partial<Extract<IncomingCall, { surface: 'proxy' }>> = {}): IncomingCall => ({ surface: 'proxy', httpMethod, resource: 'contacts', query: {}, headers: {}, ...parts });
const passed = (httpMethod: string, path: string, query = ''): IncomingCall => ({ surface: 'passthrough', httpMethod, path, query, headers: {}, body: null });

async function built(incoming: IncomingCall, given: Connector = connector): Promise<{ call: ResolvedCall; built: BuiltCall }> {
  const resolved = resolveCall(given, incoming);
  assert.ok(resolved.ok, JSON.stringify(resolved));
  const building = await buildCall(resolved.call, scope, nowMs);
  assert.ok(building.ok, JSON.stringify(building));
  return { call: resolved.call, built: building.built };
}
async function refusal(incoming: IncomingCall): Promise<CallFailure> {
  const resolved = resolveCall(connector, incoming);
  if (!resolved.ok) return resolved.failure;
  const building = await buildCall(resolved.call, scope, nowMs);
  assert.ok(!building.ok, 'the call was expected to be refused');
  return building.failure;
}
async function answered(incoming: IncomingCall, status: number, body: unknown, headers: Record<string, string> = { 'content-type': 'application/json' }, given: Connector = connector): Promise<CallAnswer> {
  const { call, built: made } = await built(incoming, given);
  const text = typeof body === 'string' ? body : body === undefined ? '' : JSON.stringify(body);
  return answerCall(call, made, made.request, { status, headers, bytes: new TextEncoder().encode(text) }, nowMs);
}
async function failedWith(...given: Parameters<typeof answered>): Promise<CallFailure> {
  const answer = await answered(...given);
  assert.ok(!answer.ok, 'the answer was expected to be a failure');
  return answer.failure;
}

test('HTTP methods mean operations', async () => {
  assert.equal((await built(proxied('GET'))).built.request.url, 'https://acme.acme.test/v1/contacts?limit=2');
  assert.equal((await built(proxied('GET', { id: '7' }))).built.request.url, 'https://acme.acme.test/v1/contacts/7');
  assert.equal((await built(proxied('POST', { body: { name: 'A' } }))).built.request.body, '{"name":"A"}');
  const action = await built(proxied('POST', { id: '7', action: 'merge', body: { with: 8 } }));
  assert.deepEqual([action.call.endpoint, action.built.request.url], ['contacts.actions.merge', 'https://acme.acme.test/v1/contacts/7/merge']);
});

test('what is not offered is refused with what is', async () => {
  const unknown = await refusal(proxied('GET', { resource: 'contcats' }));
  assert.deepEqual([unknown.code, unknown.origin], ['unsupported_operation', 'caller']);
  assert.match(unknown.detail, /Did you mean "contacts"\?.*contacts, files/);
  assert.match((await refusal(proxied('PATCH', { id: '1', body: {} }))).detail, /list, get, create, delete, action merge/);
  for (const incoming of [proxied('GET', { resource: 'constructor' }), proxied('GET', { resource: '__proto__' }), proxied('POST', { id: '1', action: 'toString' }), proxied('TRACE')]) assert.equal((await refusal(incoming)).code, 'unsupported_operation');
});

test('an id of any text stays one segment of the path', async () => {
  const url = async (id: string): Promise<string> => (await built(proxied('GET', { id }))).built.request.url;
  assert.equal(await url('a/b?c#d'), 'https://acme.acme.test/v1/contacts/a%2Fb%3Fc%23d');
  assert.equal(await url('Zoë 日本'), `https://acme.acme.test/v1/contacts/${encodeURIComponent('Zoë 日本')}`);
  assert.equal(await url('../../admin'), 'https://acme.acme.test/v1/contacts/..%2F..%2Fadmin');
  for (const id of ['', '.', '..', 'a\r\nb', '\ud800', 'x'.repeat(3000)]) assert.equal((await refusal(proxied('GET', { id }))).code, 'invalid_request', JSON.stringify(id));
  await fc.assert(
    fc.asyncProperty(fc.string({ minLength: 1, maxLength: 30, unit: 'binary' }), async (id) => {
      const resolved = resolveCall(connector, proxied('GET', { id }));
      if (!resolved.ok) return;
      const building = await buildCall(resolved.call, scope, nowMs);
      if (!building.ok) return;
      const sent = new URL(building.built.request.url);
      assert.equal(sent.origin, 'https://acme.acme.test');
      assert.equal(decodeURIComponent(sent.pathname.slice('/v1/contacts/'.length)), id);
    }),
  );
});

test('limit and cursor are ours, other parameters are the vendor\'s', async () => {
  const sent = new URL((await built(proxied('GET', { query: { limit: '3', account_id: 'acc_1', archived: 'true', tag: ['a', 'b'] } }))).built.request.url);
  sent.searchParams.sort();
  assert.equal(sent.search, '?archived=true&limit=3&tag=a&tag=b');
  for (const limit of ['0', '-1', '1.5', 'many', ['1', '2']]) assert.equal((await refusal(proxied('GET', { query: { limit } }))).code, 'invalid_request', String(limit));
  assert.match((await refusal(proxied('GET', { query: { cursor: 'garbage' } }))).detail, /not one this API gave out/);
});

test('a list is answered with results, a cursor and the quota', async () => {
  const answer = await answered(proxied('GET'), 200, { items: [{ id: 1 }, { id: 2 }], next: 'abc' }, { 'content-type': 'application/json', 'x-limit': '100', 'x-left': '40', 'x-reset': '9', 'set-cookie': 'a=b', etag: '"1"' });
  assert.ok(answer.ok && answer.body.kind === 'json');
  const { results, next_cursor: cursor } = answer.body.value as { results: unknown; next_cursor: string };
  assert.deepEqual(results, [{ id: 1 }, { id: 2 }]);
  assert.deepEqual(answer.headers, { etag: '"1"', 'ratelimit-limit': '100', 'ratelimit-remaining': '40', 'ratelimit-reset': '9', ratelimit: '"minute";r=40;t=9', 'ratelimit-policy': '"minute";q=100' });
  assert.match((await built(proxied('GET', { query: { cursor } }))).built.request.url, /after=abc/);
});

test('a record that is the whole body goes out as the bytes it came in, unless a number would not survive a caller', async () => {
  const same = await answered(proxied('GET', { id: '7' }), 200, '{ "id" : 7 }');
  assert.ok(same.ok && same.body.kind === 'bytes');
  assert.equal(new TextDecoder().decode(same.body.bytes), '{ "id" : 7 }');
  const exact = await answered(proxied('GET', { id: '7' }), 200, '{"id":12345678901234567890}');
  assert.ok(exact.ok && exact.body.kind === 'json');
  assert.deepEqual(exact.body.value, { id: '12345678901234567890' });
});

test('created is 201, nothing is 204, accepted stays 202', async () => {
  const created = await answered(proxied('POST', { body: {} }), 200, { contact: { id: 9 } });
  assert.ok(created.ok && created.body.kind === 'json');
  assert.deepEqual([created.status, created.body.value], [201, { id: 9 }]);
  const gone = await answered(proxied('DELETE', { id: '9' }), 204, undefined);
  assert.deepEqual(gone.ok && [gone.status, gone.body.kind], [204, 'none']);
  const later = await answered(proxied('POST', { id: '9', action: 'merge', body: {} }), 202, undefined);
  assert.equal(later.ok && later.status, 202);
});

test('an unreadable success is the vendor\'s fault, an unreadable error keeps its status', async () => {
  const cut = await failedWith(proxied('GET'), 200, '{"items":[{"id":1}');
  assert.deepEqual([cut.code, cut.origin, cut.reason], ['upstream_invalid_response', 'upstream', 'body:truncated']);
  assert.equal((await failedWith(proxied('GET'), 200, '<html>maintenance</html>')).reason, 'body:mislabelled');
  assert.equal((await failedWith(proxied('GET'), 200, { data: [] })).reason, 'records:absent');
  assert.equal((await failedWith(proxied('GET'), 200, undefined)).code, 'upstream_invalid_response');
  assert.equal((await failedWith(proxied('GET', { id: '1' }), 200, undefined)).reason, 'body:truncated');
  const down = await failedWith(proxied('GET'), 503, '<html><title>Sorry</title>', { 'content-type': 'application/json', 'retry-after': '120' });
  assert.deepEqual([down.code, down.reason, down.retryAfterS, down.upstream?.status], ['upstream_unavailable', 'status:503', 120, 503]);
});

test('429 passes with normalised headers and a problem', async () => {
  const answer = await answered(proxied('GET'), 429, { message: 'slow down' }, { 'content-type': 'application/json', 'x-limit': '100', 'x-left': '0', 'x-reset': '17' });
  assert.ok(!answer.ok);
  assert.deepEqual([answer.headers['retry-after'], answer.headers['ratelimit-remaining'], answer.headers['ratelimit-reset']], ['17', '0', '17']);
  const problem = problemOf(answer.failure, 'req_1');
  assert.deepEqual([problem.status, problem.code, problem.origin, problem.retryable, problem.retry_after, problem.upstream], [429, 'rate_limited', 'upstream', true, 17, { status: 429, body: { message: 'slow down' } }]);
});

test('an error that echoes the credential does not pass it on', async () => {
  const { call, built: made } = await built(proxied('GET'));
  const sent = { ...made.request, headers: { ...made.request.headers, 'x-api-key': 'k3y-very-secret' } };
  const echo = { message: 'bad key k3y-very-secret', headers: { 'x-api-key': 'k3y-very-secret' } };
  const answer = await answerCall(call, made, sent, { status: 400, headers: { 'x-request-id': 'k3y-very-secret' }, bytes: new TextEncoder().encode(JSON.stringify(echo)) }, nowMs);
  assert.ok(!answer.ok);
  assert.ok(!JSON.stringify([answer.failure, problemOf(answer.failure, 'r')]).includes('k3y-very-secret'));
});

test('a refused credential is the account\'s affair, and the probe tells what it means', async () => {
  const answer = await answered(proxied('GET'), 401, { error: 'expired' });
  assert.ok(!answer.ok && answer.fault !== undefined && answer.failure.credentialRefused);
  const dead = problemOf(afterProbe('Acme', answer.fault, 'dead'), 'r');
  assert.deepEqual([dead.code, dead.origin, dead.status], ['reauth_required', 'account', 409]);
  const alive = problemOf(afterProbe('Acme', answer.fault, 'alive'), 'r');
  assert.deepEqual([alive.code, alive.origin], ['forbidden', 'account']);
});

test('passthrough keeps to the base address, whatever the path', async () => {
  const url = async (path: string, query = ''): Promise<string> => (await built(passed('GET', path, query))).built.request.url;
  assert.equal(await url('reports/a%2Fb', 'q=1&q=2'), 'https://acme.acme.test/v1/reports/a%2Fb?q=1&q=2');
  assert.equal(await url('//evil.test/x'), 'https://acme.acme.test/v1/evil.test/x');
  assert.equal(await url('@evil.test'), 'https://acme.acme.test/v1/@evil.test');
  for (const path of ['../admin', 'a/%2e%2E/b', 'a/.', '..%2f'.replace('%2f', '/x'), 'a\\b', 'a b', 'a%zz', 'a\r\nb', 'a?b', 'a#b', 'é']) assert.equal((await refusal(passed('GET', path))).code, 'invalid_request', path);
  assert.equal((await refusal(passed('GET', 'a', 'x=\r\n'))).code, 'invalid_request');
  assert.equal((await refusal(passed('CONNECT', 'a'))).code, 'invalid_request');
  await fc.assert(
    fc.asyncProperty(fc.string({ unit: fc.constantFrom('.', '/', '%', '2', 'e', 'f', '@', ':', 'a', ';', '\\') }), async (path) => {
      const resolved = resolveCall(connector, passed('GET', path));
      assert.ok(resolved.ok);
      const building = await buildCall(resolved.call, scope, nowMs);
      if (building.ok) assert.ok(building.built.request.url.startsWith('https://acme.acme.test/v1/'), building.built.request.url);
    }),
  );
});

test('passthrough hands on what the vendor said, and turns its failures into problems', async () => {
  const answer = await answered(passed('GET', 'odd'), 206, 'not { json', { 'content-type': 'application/json', 'x-vendor': '1', server: 'x' });
  assert.ok(answer.ok && answer.body.kind === 'bytes');
  assert.deepEqual([answer.status, answer.headers['x-vendor'], answer.headers['server'], answer.headers['content-type']], [206, '1', undefined, 'application/json']);
  assert.equal((await failedWith(passed('GET', 'odd'), 404, { message: 'no' })).origin, 'caller');
});

test('what may stream, and its head', async () => {
  const contacts = readingOf(connector, connector.operation('contacts', 'get'));
  const files = readingOf(connector, connector.operation('files', 'get'));
  assert.equal(canStream(files, 'proxy', { status: 200, contentType: 'application/json' }), true);
  assert.equal(canStream(files, 'proxy', { status: 404, contentType: undefined }), false);
  assert.equal(canStream(contacts, 'proxy', { status: 200, contentType: 'application/pdf' }), true);
  assert.equal(canStream(contacts, 'proxy', { status: 200, contentType: 'application/json' }), false);
  assert.equal(canStream(readingOf(connector, connector.operation('contacts', 'list')), 'proxy', { status: 200, contentType: 'application/pdf' }), false);
  assert.equal(canStream(readingOf(connector), 'passthrough', { status: 200, contentType: 'application/json' }), true);
  const judged = connectorOf({ ...manifest, errors: [{ when: { status: ['2xx'], body: { ok: false } }, code: 'conflict' }] });
  assert.equal(canStream(readingOf(judged), 'passthrough', { status: 200, contentType: 'application/json' }), false);
  assert.equal(canStream(readingOf(judged), 'passthrough', { status: 200, contentType: 'image/png' }), true);
  assert.equal(readingOf(judged, judged.operation('contacts', 'get')).mustBuffer, true);
  assert.equal(contacts.mustBuffer, false);
  const { call, built: made } = await built(proxied('GET', { resource: 'files', id: '1' }));
  const head = await answerHead(call, made, made.request, { status: 200, headers: { 'content-type': 'image/png', 'content-encoding': 'gzip', 'x-limit': '5', 'x-left': '4' } }, nowMs);
  assert.deepEqual(head.ok && head.headers, { 'content-type': 'image/png', 'content-encoding': 'gzip', 'ratelimit-limit': '5', 'ratelimit-remaining': '4', ratelimit: '"minute";r=4', 'ratelimit-policy': '"minute";q=5' });
});

test('answering is total on whatever a vendor sends', async () => {
  const calls = [proxied('GET'), proxied('GET', { id: '1' }), proxied('POST', { body: {} }), proxied('DELETE', { id: '1' }), passed('GET', 'x')];
  const body = fc.oneof(fc.json(), fc.string(), fc.record({ items: fc.jsonValue(), next: fc.jsonValue(), contact: fc.jsonValue(), message: fc.jsonValue() }, { requiredKeys: [], noNullPrototype: true }));
  const type = fc.constantFrom('application/json', 'text/html', 'application/xml', 'image/png', '', 'application/json; charset=nonsense');
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...calls), fc.integer({ min: 200, max: 599 }), body, type, async (incoming, status, given, contentType) => {
      const answer = await answered(incoming, status, given, { 'content-type': contentType });
      if (answer.ok) return;
      assert.ok(answer.failure.code !== null && answer.failure.detail !== '');
      assert.ok(JSON.stringify(problemOf(answer.failure, 'r')).length < 60_000);
    }),
    { numRuns: 300 },
  );
});

test('what a host refuses that a redirect led to, and that got no credential, says nothing of the account', async () => {
  const { call, built: made } = await built(proxied('GET', { id: '1' }));
  const at = (url: string, status: number): CallAnswer | Promise<CallAnswer> => answerCall(call, made, made.request, { status, headers: {}, bytes: new Uint8Array(0), url }, nowMs);
  for (const status of [401, 403]) {
    const elsewhere = await at('https://files.example/1', status);
    assert.ok(!elsewhere.ok);
    const { code, origin, reason, credentialRefused, upstream } = elsewhere.failure;
    assert.deepEqual([code, origin, reason, credentialRefused, upstream?.status, elsewhere.fault], ['upstream_invalid_response', 'upstream', 'redirect:refused', false, status, undefined]);
    const home = await at('https://acme.acme.test/v1/moved', status);
    assert.equal(home.ok ? undefined : home.failure.origin, 'account');
  }
});
