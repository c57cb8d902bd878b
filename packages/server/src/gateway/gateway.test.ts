/** The gateway end to end: real HTTP in front, real small vendors behind, real keys and records; accounts by an adapter. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, request as httpRequest, type IncomingMessage, type RequestListener } from 'node:http';
import net, { type AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { after, beforeEach, test } from 'node:test';
import { compileConnector } from '@evenkeel/core/connectors/compile.ts';
import type { CallWithEvidence } from '@evenkeel/contract/api/calls.ts';
import type { Problem } from '@evenkeel/contract/errors.ts';
import { createTestDatabase } from '@evenkeel/tests/harness/database.ts';
import { createKey, ensureTenant, KeyLookup } from '../access/keys.ts';
import type { AccountAccess } from '../accounts/account-access.ts';
import type { OpenAccount, OpenResult } from '../accounts/open-account.ts';
import { createApplication } from '../http/application.ts';
import { createLog } from '../log.ts';
import { BufferedCallRecorder } from '../telemetry/buffered-recorder.ts';
import { callRoutes } from '../telemetry/call-routes.ts';
import { createUpstreamClient } from '../upstream/client.ts';
import { createCrypto } from '../upstream/crypto.ts';
import { Gateway } from './gateway.ts';
import { gatewayRoutes } from './routes.ts';

const database = await createTestDatabase();
const log = createLog('silent');
await ensureTenant(database.pool, 'acme');
await ensureTenant(database.pool, 'other');
const { key } = await createKey(database.pool, { name: 'all', scope: 'admin', tenantId: null });
const { key: otherKey } = await createKey(database.pool, { name: 'other', scope: 'write', tenantId: 'other' });
const { key: readKey } = await createKey(database.pool, { name: 'read', scope: 'read', tenantId: null });

/** What the vendor does; each test sets it. */
let vendor: (...parameters: Parameters<RequestListener>) => unknown = () => undefined;
let hits: { method: string; url: string; headers: IncomingMessage['headers'] }[] = [];
const vendorServer = createServer((request, response) => {
  hits.push({ method: request.method ?? '', url: request.url ?? '', headers: request.headers });
  vendor(request, response);
}).listen(0, '127.0.0.1');
await once(vendorServer, 'listening');
const vendorOrigin = `http://127.0.0.1:${(vendorServer.address() as AddressInfo).port}`;

const compiled = compileConnector({
  manifest: 1,
  id: 'acmecrm',
  name: 'Acme CRM',
  categories: ['crm'],
  auth: [{ id: 'token', type: 'api_key', fields: [{ name: 'api_key', label: 'Key', secret: true }, { name: 'base_url', label: 'Address' }], apply: { headers: { authorization: 'Bearer {{token.access_token}}' } } }],
  http: { base_url: '{{config.base_url}}', timeout_ms: 500 },
  request_id: { header: 'x-request-id' },
  errors: [{ when: { status: [200], body: { ok: false } }, code: 'validation_failed' }, { when: { status: [403], body: { error: 'scope' } }, code: 'missing_scopes', missing_scopes: 'needed' }],
  rate_limits: [{ name: 'minute', limit: { header: 'x-limit' }, remaining: { header: 'x-left' }, reset: { header: 'x-reset', unit: 's' }, window_s: 60 }],
  resources: {
    contacts: {
      list: { method: 'GET', path: '/contacts', query: { limit: '{{page.limit}}', after: '{{page.cursor}}' }, response: { records: 'items' }, pagination: { type: 'cursor', next: 'next', limit: { default: 10, max: 100 } } },
      get: { method: 'GET', path: '/contacts/{{input.id}}' },
      create: { method: 'POST', path: '/contacts', body: { type: 'json', value: '{{input.body}}' } },
      delete: { method: 'DELETE', path: '/contacts/{{input.id}}' },
      actions: { merge: { method: 'POST', path: '/contacts/{{input.id}}/merge', body: { type: 'json', value: '{{input.body}}' } } },
    },
    files: { get: { method: 'GET', path: '/files/{{input.id}}', response: { format: 'binary' } } },
  },
});
assert.ok(compiled.ok, JSON.stringify(compiled));
const { connector } = compiled;

/** The accounts of these tests: one that works, one that is dead. Counts what the gateway asks. */
let asked: string[] = [];
let renewal: 'renews' | 'cannot' = 'renews';
let probe: 'dead' | 'alive' = 'dead';
let version = 1;
const account = (): OpenAccount => {
  const scheme = connector.scheme();
  assert.ok(scheme !== undefined);
  const scope = { config: { base_url: vendorOrigin }, captured: {}, secret: {}, token: { access_token: `planted-token-${version}` }, app: {} };
  return { id: 'acc_1', tenantId: 'acme', connectorId: 'acmecrm', connectorVersion: 7, state: 'active', credentialVersion: version, connector, scheme, scope };
};
const accounts: AccountAccess = {
  async open(id, caller): Promise<OpenResult> {
    if (id === 'acc_dead') return { ok: false, failure: { code: 'reauth_required', detail: 'Its grant is gone.', connectUrl: 'https://app.example/connect/x' } };
    if (id !== 'acc_1' || (caller.tenantId !== null && caller.tenantId !== 'acme')) return { ok: false, failure: { code: 'not_found', detail: `There is no account ${id}.` } };
    return { ok: true, opened: account() };
  },
  ownerOf: () => null,
  async renew() {
    asked.push('renew');
    if (renewal === 'renews') version += 1;
    return { ok: true, opened: account() };
  },
  async refused() {
    asked.push('refused');
    return probe;
  },
  succeeded: () => void asked.push('succeeded'),
  missingScopes: (_opened, scopes) => void asked.push(`missing ${scopes.join(' ')}`),
};

const recorder = new BufferedCallRecorder({ database: database.pool, log, sampleEvery: 1, flushIntervalMs: 5 });
const upstream = createUpstreamClient({ allowPrivate: ['127.0.0.0/8'], bodyIdleTimeoutMs: 300, maxBodyBytes: 1024 * 1024 });
const gateway = new Gateway({ accounts, upstream, crypto: createCrypto(), recorder, log, now: Date.now });
const keys = new KeyLookup(database.pool, Date.now);
const application = await createApplication({ database: database.pool, keys, log, version: 'test', routes: [...gatewayRoutes(gateway, Date.now), ...callRoutes(database.pool)] });
const base = await application.listen({ port: 0, host: '127.0.0.1' });

after(async () => {
  await application.close();
  await upstream.close();
  await recorder.close();
  vendorServer.closeAllConnections();
  vendorServer.close();
});
beforeEach(() => {
  hits = [];
  asked = [];
  version = 1;
  renewal = 'renews';
  probe = 'dead';
});

interface Options {
  method?: string;
  headers?: Record<string, string>;
  body?: string | Uint8Array<ArrayBuffer>;
  key?: string;
}
const call = (path: string, { method = 'GET', headers = {}, body, key: used = key }: Options = {}) =>
  fetch(`${base}/v1/${path}`, { method, headers: { authorization: `Bearer ${used}`, 'evenkeel-account': 'acc_1', ...headers }, ...(body === undefined ? {} : { body }) });
const json = (value: unknown): RequestListener => (_request, response) => void response.setHeader('content-type', 'application/json').end(JSON.stringify(value));

async function problem(response: Response): Promise<Problem> {
  assert.equal(response.headers.get('content-type'), 'application/problem+json');
  const body = (await response.json()) as Problem;
  assert.equal(body.status, response.status);
  assert.equal(body.request_id, response.headers.get('evenkeel-request-id'));
  return body;
}

async function recorded(response: { headers: Headers } | string): Promise<CallWithEvidence> {
  const requestId = typeof response === 'string' ? response : response.headers.get('evenkeel-request-id');
  await recorder.flush();
  const list = (await (await call(`calls?request_id=${requestId}`)).json()) as { results: { id: string }[] };
  const [first] = list.results;
  assert.ok(first !== undefined, `no record of ${requestId}`);
  assert.equal(list.results.length, 1);
  return (await (await call(`calls/${first.id}`)).json()) as CallWithEvidence;
}

test('a list, with its page and its quota', async () => {
  vendor = (_request, response) => response.writeHead(200, { 'content-type': 'application/json', 'x-limit': '100', 'x-left': '98', 'x-reset': '7', 'set-cookie': 'v=1' }).end('{"items":[{"id":1}],"next":"abc"}');
  const response = await call('proxy/contacts?limit=5&colour=red');
  assert.equal(response.status, 200);
  const body = (await response.json()) as { results: unknown[]; next_cursor: string };
  assert.deepEqual(body.results, [{ id: 1 }]);
  assert.equal(hits[0]?.url, '/contacts?limit=5&colour=red');
  assert.equal(hits[0].headers.authorization, 'Bearer planted-token-1');
  assert.equal(hits[0].headers['evenkeel-account'], undefined);
  assert.deepEqual([response.headers.get('ratelimit-remaining'), response.headers.get('ratelimit-reset'), response.headers.get('set-cookie')], ['98', '7', null]);
  assert.ok(Number(response.headers.get('evenkeel-upstream-ms')) > 0);
  vendor = json({ items: [], next: null });
  const second = (await (await call(`proxy/contacts?cursor=${body.next_cursor}&account_id=acc_1`)).json()) as { next_cursor: unknown };
  assert.equal(second.next_cursor, null);
  assert.match(hits[1]?.url ?? '', /after=abc/);
  const record = await recorded(response);
  assert.deepEqual([record.outcome, record.resource, record.method, record.connector, record.connector_version, record.tenant_id], ['success', 'contacts', 'list', 'acmecrm', 7, 'acme']);
  assert.ok(record.overhead_us > 0 && record.overhead_us + record.upstream_us === record.total_us);
});

test('get, create, delete and an action', async () => {
  vendor = json({ id: 'a/b', name: 'Zoë' });
  const got = await call('proxy/contacts/a%2Fb');
  assert.deepEqual(await got.json(), { id: 'a/b', name: 'Zoë' });
  assert.equal(hits[0]?.url, '/contacts/a%2Fb');
  vendor = async (request, response) => {
    let text = '';
    for await (const chunk of request) text += String(chunk);
    response.setHeader('content-type', 'application/json').end(text);
  };
  const created = await call('proxy/contacts', { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"name":"Ada"}' });
  assert.equal(created.status, 201);
  assert.deepEqual(await created.json(), { name: 'Ada' });
  const merged = await call('proxy/contacts/1/merge', { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"into":2}' });
  assert.deepEqual(await merged.json(), { into: 2 });
  vendor = (_request, response) => response.writeHead(204).end();
  const deleted = await call('proxy/contacts/1', { method: 'DELETE' });
  assert.deepEqual([deleted.status, await deleted.text()], [204, '']);
});

test('what cannot be called is refused here, the vendor is not asked', async () => {
  const cases: [string, Options, string, string][] = [
    ['proxy/contracts', {}, 'unsupported_operation', 'caller'],
    ['proxy/contacts/1', { method: 'PATCH', headers: { 'content-type': 'application/json' }, body: '{}' }, 'unsupported_operation', 'caller'],
    ['proxy/contacts', { headers: { 'evenkeel-account': 'acc_none' } }, 'not_found', 'caller'],
    ['proxy/contacts', { headers: { 'evenkeel-account': '' } }, 'invalid_request', 'caller'],
    ['proxy/contacts', { headers: { 'evenkeel-account': 'acc_dead' } }, 'reauth_required', 'account'],
    ['proxy/contacts', { key: otherKey }, 'not_found', 'caller'],
    ['proxy/contacts', { key: readKey, method: 'POST', headers: { 'content-type': 'application/json' }, body: '{}' }, 'forbidden', 'caller'],
    ['passthrough/contacts', { key: readKey, method: 'POST', headers: { 'content-type': 'application/json' }, body: '{}' }, 'forbidden', 'caller'],
    ['proxy/contacts?cursor=forged', {}, 'invalid_request', 'caller'],
  ];
  for (const [path, options, code, origin] of cases) {
    const body = await problem(await call(path, options));
    assert.deepEqual([body.code, body.origin], [code, origin], path);
    if (code === 'reauth_required') assert.equal(body.connect_url, 'https://app.example/connect/x');
  }
  assert.equal(hits.length, 0);
});

test('a key that may only read may read at the vendor', async () => {
  vendor = (_request, response) => response.writeHead(200, { 'content-type': 'application/json' }).end('{"id":"1"}');
  for (const path of ['proxy/contacts/1', 'passthrough/contacts/1']) assert.equal(await (await call(path, { key: readKey })).text(), '{"id":"1"}', path);
});

test('a 429 passes at once with its headers, and is never repeated', async () => {
  vendor = (_request, response) => response.writeHead(429, { 'content-type': 'application/json', 'x-limit': '100', 'x-left': '0', 'x-reset': '13', 'retry-after': '17' }).end('{"message":"slow down"}');
  for (const [path, options] of [['proxy/contacts', {}], ['proxy/contacts', { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{}' }], ['passthrough/x', {}]] as const) {
    hits = [];
    const response = await call(path, options);
    const body = await problem(response);
    assert.deepEqual([body.status, body.code, body.origin, body.retryable, body.retry_after, body.upstream?.status], [429, 'rate_limited', 'upstream', true, 17, 429]);
    assert.deepEqual(['retry-after', 'ratelimit-limit', 'ratelimit-remaining', 'ratelimit-reset'].map((name) => response.headers.get(name)), ['17', '100', '0', '13']);
    assert.match(response.headers.get('ratelimit') ?? '', /"minute";r=0;t=13/);
    assert.equal(hits.length, 1, path);
  }
});

test('the 401 rule: renew once, build anew, repeat once', async () => {
  vendor = (request, response) => {
    if (request.headers.authorization === 'Bearer planted-token-2') json({ id: 1 })(request, response);
    else response.writeHead(401).end();
  };
  const response = await call('proxy/contacts/1');
  assert.equal(response.status, 200);
  assert.deepEqual(hits.map(({ headers }) => headers.authorization), ['Bearer planted-token-1', 'Bearer planted-token-2']);
  assert.deepEqual(asked, ['renew', 'succeeded']);
  assert.equal((await recorded(response)).evidence?.attempts, 2);
});

test('the 401 rule: refused again, the probe decides', async () => {
  vendor = (_request, response) => response.writeHead(401, { 'content-type': 'application/json' }).end('{"message":"planted-token-2 is bad"}');
  const dead = await call('proxy/contacts/1');
  const body = await problem(dead);
  assert.deepEqual([body.code, body.origin], ['reauth_required', 'account']);
  assert.deepEqual(asked, ['renew', 'refused']);
  assert.equal(hits.length, 2);
  assert.doesNotMatch(JSON.stringify(body), /planted-token/);
  assert.doesNotMatch(JSON.stringify(await recorded(dead)), /planted-token/);
  probe = 'alive';
  renewal = 'cannot';
  hits = [];
  const alive = await problem(await call('proxy/contacts/1'));
  assert.deepEqual([alive.code, alive.origin], ['forbidden', 'account']);
  assert.equal(hits.length, 1, 'a credential that cannot be renewed is not sent again');
});

test('the 401 rule: a streamed body is not sent twice', async () => {
  vendor = (request, response) => {
    request.resume().on('end', () => response.writeHead(401).end());
  };
  const body = new Uint8Array(300 * 1024).fill(65);
  const large = await problem(await call('passthrough/upload', { method: 'POST', body }));
  assert.deepEqual([large.code, hits.length], ['account_not_ready', 1]);
  vendor = (request, response) => {
    request.resume().on('end', () => (request.headers.authorization === 'Bearer planted-token-3' ? response.end('ok') : response.writeHead(401).end()));
  };
  assert.equal(await (await call('passthrough/upload', { method: 'POST', body: 'small' })).text(), 'ok');
});

test('a 403 notes missing scopes and leaves the account be', async () => {
  vendor = (_request, response) => response.writeHead(403, { 'content-type': 'application/json' }).end('{"error":"scope","needed":["contacts.write"]}');
  const body = await problem(await call('proxy/contacts/1'));
  assert.deepEqual([body.code, body.origin, body.missing_scopes], ['missing_scopes', 'account', ['contacts.write']]);
  assert.deepEqual(asked, ['missing contacts.write']);
});

test('each failure of the vendor has its origin, code and evidence', async () => {
  const cases: [string, typeof vendor, string, number][] = [
    ['503', (_request, response) => response.writeHead(503, { 'x-request-id': 'v-1', 'content-type': 'application/json' }).end('{"message":"down"}'), 'upstream_unavailable', 502],
    ['false', json({ ok: false, message: 'name is taken' }), 'validation_failed', 422],
    ['garbage', (_request, response) => response.setHeader('content-type', 'application/json').end('<html>'), 'upstream_invalid_response', 502],
    ['truncated', (_request, response) => response.writeHead(200, { 'content-length': '100' }).write('{"id"', () => response.destroy()), 'upstream_invalid_response', 502],
    ['hang', () => undefined, 'upstream_timeout', 504],
    ['reset', (request) => request.socket.resetAndDestroy(), 'upstream_unavailable', 502],
    ['oversized', (_request, response) => void Readable.from(Array.from({ length: 40 }, () => Buffer.alloc(64 * 1024, 32))).pipe(response.setHeader('content-type', 'application/json')), 'upstream_invalid_response', 502],
  ];
  for (const [name, listener, code, status] of cases) {
    vendor = listener;
    const response = await call('proxy/contacts/1');
    const body = await problem(response);
    assert.deepEqual([body.code, body.status], [code, status], name);
    const record = await recorded(response);
    assert.deepEqual([record.outcome, record.code, record.origin], ['failure', code, body.origin], name);
    assert.ok(record.reason !== null && record.evidence?.request?.line.startsWith('GET http://127.0.0.1'), name);
    if (name === '503') {
      assert.deepEqual(body.upstream, { status: 503, body: { message: 'down' }, request_id: 'v-1' });
      assert.equal(record.evidence?.response?.body?.text, '{"message":"down"}');
    }
  }
});

test('passthrough carries any bytes, method and path as they are', async () => {
  const bytes = Uint8Array.from({ length: 1024 }, (_value, at) => at % 256);
  vendor = async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    response.writeHead(200, { 'content-type': 'application/octet-stream', 'content-encoding': 'x-odd', 'x-own': 'kept' }).end(Buffer.concat(chunks));
  };
  for (const method of ['POST', 'PUT', 'PATCH', 'DELETE']) {
    const response = await call('passthrough/any/p%C3%A4th?a=1&account_id=acc_1&b=%20', { method, body: bytes, headers: { 'content-type': 'application/x-thing' } });
    assert.equal(hits.at(-1)?.url, '/any/p%C3%A4th?a=1&b=%20');
    assert.equal(hits.at(-1)?.method, method);
    assert.equal(hits.at(-1)?.headers['content-type'], 'application/x-thing');
    assert.deepEqual([response.status, response.headers.get('x-own'), response.headers.get('content-encoding')], [200, 'kept', 'x-odd']);
    assert.deepEqual(new Uint8Array(await response.arrayBuffer()), bytes);
  }
  const head = await call('passthrough/any', { method: 'HEAD' });
  assert.deepEqual([head.status, await head.text()], [200, '']);
});

test('256 MB stream through in both directions with flat memory', async () => {
  const size = 256 * 1024 * 1024;
  const chunk = Buffer.alloc(64 * 1024, 9);
  vendor = (request, response) => {
    response.writeHead(200, { 'content-type': 'application/octet-stream' });
    request.pipe(response);
  };
  const outgoing = httpRequest(`${base}/v1/passthrough/echo`, { method: 'POST', headers: { authorization: `Bearer ${key}`, 'evenkeel-account': 'acc_1' } });
  const most = { firstHalf: 0, secondHalf: 0 };
  let received = 0;
  const answered = once(outgoing, 'response') as Promise<[IncomingMessage]>;
  const source = Readable.from((function* () {
    for (let sent = 0; sent < size; sent += chunk.length) yield chunk;
  })());
  source.pipe(outgoing);
  const [answer] = await answered;
  for await (const part of answer as AsyncIterable<Buffer>) {
    received += part.length;
    const half = received < size / 2 ? 'firstHalf' : 'secondHalf';
    most[half] = Math.max(most[half], process.memoryUsage().rss);
  }
  assert.equal(received, size);
  // Vendor, gateway and caller share this process, its buffers and what is not collected yet; a body that was kept would be 128 MB here.
  const grownMb = Math.round((most.secondHalf - most.firstHalf) / 1048576);
  assert.ok(grownMb < 64, `${grownMb} MB more in the second half`);
});

test('a caller that hangs up cancels the call at the vendor, and is recorded as such', async () => {
  for (const [path, begins] of [['proxy/contacts/1', false], ['passthrough/slow', true]] as const) {
    const arrived = Promise.withResolvers<void>();
    const cancelled = Promise.withResolvers<void>();
    vendor = (_request, response) => {
      response.on('close', cancelled.resolve);
      if (begins) response.writeHead(200, { 'content-type': 'application/octet-stream' }).write('begun');
      arrived.resolve();
    };
    const socket = net.connect(Number(new URL(base).port), '127.0.0.1');
    socket.write(`GET /v1/${path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${key}\r\nevenkeel-account: acc_1\r\n\r\n`);
    await arrived.promise;
    if (begins) await once(socket, 'data');
    socket.destroy();
    await cancelled.promise;
    await untilRecorded('aborted');
    const { results } = (await (await call('calls?outcome=aborted&limit=1')).json()) as { results: CallWithEvidence[] };
    assert.deepEqual([results[0]?.status, results[0]?.origin, results[0]?.code, results[0]?.reason], [499, 'caller', null, 'transport:aborted']);
    await database.pool.query(`delete from calls where outcome = 'aborted'`);
  }
});

async function untilRecorded(outcome: 'aborted'): Promise<void> {
  for (let turn = 0; turn < 200; turn += 1) {
    await recorder.flush();
    const { rows } = await database.pool.query(`select 1 from calls where outcome = $1`, [outcome]);
    if (rows.length > 0) return;
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.fail(`no call was recorded as ${outcome}`);
}

test('headers that would inject are refused, the caller\'s own credentials stay here', async () => {
  vendor = json({ id: 1 });
  await call('passthrough/x', { headers: { cookie: 'session=1', 'x-forwarded-for': '1.2.3.4', 'x-fine': 'yes', connection: 'keep-alive' } });
  const sent = hits.at(-1)?.headers;
  assert.deepEqual([sent?.['cookie'], sent?.['x-forwarded-for'], sent?.['x-fine'], sent?.authorization], [undefined, undefined, 'yes', 'Bearer planted-token-1']);
  const hitsBefore = hits.length;
  const socket = net.connect(Number(new URL(base).port), '127.0.0.1');
  const rest = ` HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${key}\r\nevenkeel-account: acc_1\r\n`;
  socket.write(`GET /v1/proxy/contacts/a%0d%0ax-injected:%201${rest}\r\nGET /v1/passthrough/a/%2e%2e/%2e%2e/b${rest}connection: close\r\n\r\n`);
  let text = '';
  for await (const chunk of socket as AsyncIterable<Buffer>) text += chunk.toString();
  assert.equal(text.match(/HTTP\/1.1 400 /g)?.length, 2, text);
  assert.equal(hits.length, hitsBefore);
});

test('a tenant sees its own calls only', async () => {
  vendor = json({ id: 1 });
  const response = await call('proxy/contacts/1');
  await recorder.flush();
  const mine = (await (await call(`calls?request_id=${response.headers.get('evenkeel-request-id')}`, { key: otherKey })).json()) as { results: unknown[] };
  assert.deepEqual(mine.results, []);
  assert.equal((await call('calls?tenant_id=acme', { key: otherKey })).status, 403);
});
