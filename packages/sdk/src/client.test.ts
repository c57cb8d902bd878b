import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test, type TestContext } from 'node:test';
import { Evenkeel } from './client.ts';
import { EvenkeelError } from './error.ts';
import type { ClientOptions } from './transport.ts';

interface Seen {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}
interface Reply {
  readonly status?: number;
  readonly headers?: Record<string, string>;
  readonly body?: unknown;
  readonly text?: string;
}

/** A server that answers by `reply`, and a client of it that does not wait. */
async function connected(context: TestContext, reply: (seen: Seen, nth: number) => Reply, options: Partial<ClientOptions> = {}) {
  const seen: Seen[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      const one = { method: request.method ?? '', url: request.url ?? '', headers: request.headers, body };
      seen.push(one);
      const { status = 200, headers = {}, text, ...rest } = reply(one, seen.length);
      response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(text ?? ('body' in rest ? JSON.stringify(rest.body) : ''));
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  context.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/prefix`;
  const backoff = { sleep: () => Promise.resolve(), maxRetries: 2 };
  return { seen, client: new Evenkeel({ baseUrl, apiKey: 'ek_test', backoff, ...options }) };
}

const problem = {
  type: '/docs/errors#rate_limited',
  title: 'Rate limited',
  status: 429,
  detail: 'The vendor allows 100 calls in 10 s.',
  code: 'rate_limited',
  origin: 'upstream',
  retryable: true,
  retry_after: 7,
  request_id: 'req_1',
  upstream: { status: 429, request_id: 'up_1' },
};

test('lists run over all pages, carry the key and keep the filter', async (context) => {
  const { client, seen } = await connected(context, (_seen, nth) => ({ body: { results: [{ id: `acc_${nth}` }], next_cursor: nth < 3 ? `c ${nth}` : null } }));
  const ids: string[] = [];
  for await (const account of client.accounts.list({ state: 'needs_reauth', limit: 1 })) ids.push(account.id);
  assert.deepEqual(ids, ['acc_1', 'acc_2', 'acc_3']);
  assert.deepEqual(seen.map(({ url }) => url), [
    '/prefix/v1/accounts?state=needs_reauth&limit=1',
    '/prefix/v1/accounts?state=needs_reauth&limit=1&cursor=c+1',
    '/prefix/v1/accounts?state=needs_reauth&limit=1&cursor=c+2',
  ]);
  assert.equal(seen[0]?.headers.authorization, 'Bearer ek_test');
});

test('a cursor given twice ends the list with an error', async (context) => {
  const { client, seen } = await connected(context, () => ({ body: { results: [], next_cursor: 'same' } }));
  await assert.rejects(async () => {
    for await (const account of client.accounts.list()) assert.fail(account.id);
  }, { name: 'EvenkeelError', code: 'unexpected_answer' });
  assert.equal(seen.length, 2);
});

test('each call has the method, path and body the API documents', async (context) => {
  const { client, seen } = await connected(context, () => ({ body: {} }));
  const proxy = client.proxy('acc_1');
  await client.connectors.list().page();
  await client.connectors.get('crm');
  await client.connectors.put('crm', { manifest: 1 });
  await client.connectors.versions('crm').page();
  await client.connectors.rollout('crm', { version: 2, percent: 10 });
  await client.connectors.rollback('crm');
  await client.apps.put('crm', { client_id: 'a', client_secret: 'b' });
  await client.connectSessions.create({ tenant_id: 't', connector: 'crm' });
  await client.accounts.get('acc_1');
  await client.accounts.transitions('acc_1').page();
  await client.accounts.retry('acc_1');
  await client.accounts.refresh('acc_1');
  await client.accounts.delete('acc_1');
  await client.calls.list({ account_id: 'acc_1' }).page();
  await client.calls.get('call_1');
  await proxy.list('contacts', { limit: 2, filter: ['a', 'b'] }).page('c1');
  await proxy.get('contacts', 'a/b?c', { fields: 'x' });
  await proxy.create('contacts', { name: 'n' });
  await proxy.update('contacts', '1', { name: 'm' });
  await proxy.delete('contacts', '1');
  await proxy.action('contacts', '1', 'merge', { into: '2' });
  assert.deepEqual(
    seen.map(({ method, url, body }) => `${method} ${url.slice('/prefix/v1'.length)} ${body}`.trim()),
    [
      'GET /connectors',
      'GET /connectors/crm',
      'PUT /connectors/crm {"manifest":1}',
      'GET /connectors/crm/versions',
      'POST /connectors/crm/rollout {"version":2,"percent":10}',
      'POST /connectors/crm/rollback {}',
      'PUT /connectors/crm/app {"client_id":"a","client_secret":"b"}',
      'POST /connect-sessions {"tenant_id":"t","connector":"crm"}',
      'GET /accounts/acc_1',
      'GET /accounts/acc_1/transitions',
      'POST /accounts/acc_1/retry',
      'POST /accounts/acc_1/refresh',
      'DELETE /accounts/acc_1',
      'GET /calls?account_id=acc_1',
      'GET /calls/call_1',
      'GET /proxy/contacts?limit=2&filter=a&filter=b&cursor=c1',
      'GET /proxy/contacts/a%2Fb%3Fc?fields=x',
      'POST /proxy/contacts {"name":"n"}',
      'PATCH /proxy/contacts/1 {"name":"m"}',
      'DELETE /proxy/contacts/1',
      'POST /proxy/contacts/1/merge {"into":"2"}',
    ],
  );
  assert.equal(seen.at(-1)?.headers['evenkeel-account'], 'acc_1');
  assert.equal(seen[0]?.headers['evenkeel-account'], undefined);
});

test('an empty answer is null', async (context) => {
  const { client } = await connected(context, () => ({ status: 204 }));
  assert.equal(await client.proxy('acc_1').delete('contacts', '1'), null);
});

test('a problem becomes an EvenkeelError with its fields', async (context) => {
  const { client, seen } = await connected(context, () => ({ status: 429, headers: { 'content-type': 'application/problem+json' }, body: problem }), { backoff: false });
  await assert.rejects(client.accounts.get('acc_1'), (error) => {
    assert.ok(error instanceof EvenkeelError);
    const { message, code, origin, retryable, status, retryAfter, requestId, upstream } = error;
    assert.deepEqual(
      { message, code, origin, retryable, status, retryAfter, requestId, upstream },
      { message: problem.detail, code: 'rate_limited', origin: 'upstream', retryable: true, status: 429, retryAfter: 7, requestId: 'req_1', upstream: { status: 429, request_id: 'up_1' } },
    );
    return true;
  });
  assert.equal(seen.length, 1);
});

test('an error page of something else on the way is named as such', async (context) => {
  const { client } = await connected(context, () => ({ status: 404, text: '<html>\n<h1>nginx</h1>' }));
  await assert.rejects(client.accounts.get('acc_1'), { code: 'unexpected_answer', status: 404, message: /404.*<html> <h1>nginx<\/h1>.*base URL/ });
  const other = await connected(context, () => ({ text: 'hello' }));
  await assert.rejects(other.client.accounts.get('acc_1'), { code: 'unexpected_answer', message: /not JSON: hello/ });
});

test('a server that is not there is a network error after the retries', async () => {
  const client = new Evenkeel({ baseUrl: 'http://127.0.0.1:1', apiKey: 'k', backoff: { maxRetries: 0 } });
  await assert.rejects(client.accounts.get('acc_1'), { name: 'EvenkeelError', code: 'network_error', message: /No answer from http:\/\/127\.0\.0\.1:1/ });
});

test('reads are repeated, creates only with an idempotency key', async (context) => {
  const { client, seen } = await connected(context, (_seen, nth) => (nth % 2 === 1 ? { status: 503, body: { ...problem, status: 503, code: 'upstream_unavailable' } } : { body: { id: '1' } }));
  assert.deepEqual(await client.proxy('acc_1').get('contacts', '1'), { id: '1' });
  await assert.rejects(client.proxy('acc_1').create('contacts', {}), { code: 'upstream_unavailable' });
  assert.equal(seen.length, 3);
});

test('a create with an idempotency key sends the same key each time', async (context) => {
  const { client, seen } = await connected(context, (_seen, nth) => (nth === 1 ? { status: 503 } : { body: {} }));
  await client.proxy('acc_1').create('contacts', { a: 1 }, { idempotencyKey: 'k1' });
  assert.deepEqual(seen.map(({ headers, body }) => [headers['idempotency-key'], body]), [['k1', '{"a":1}'], ['k1', '{"a":1}']]);
});

test('the breaker of an account opens on failures and spares the others', async (context) => {
  const { client, seen } = await connected(context, ({ headers }) => (headers['evenkeel-account'] === 'acc_bad' ? { status: 502, headers: { 'retry-after': '60' } } : { body: { ok: true } }), {
    backoff: false,
    breaker: { failureThreshold: 2 },
  });
  for (const code of ['unexpected_answer', 'unexpected_answer', 'circuit_open']) await assert.rejects(client.proxy('acc_bad').get('contacts', '1'), { code });
  await assert.rejects(client.passthrough('acc_bad').fetch('/x'), { code: 'circuit_open', retryable: true, retryAfter: 60 });
  assert.deepEqual(await client.proxy('acc_good').get('contacts', '1'), { ok: true });
  assert.equal(seen.length, 3);
});

test('passthrough gives the answer as it is and streams both ways', async (context) => {
  const { client, seen } = await connected(context, ({ body }) => ({ status: 418, headers: { 'x-vendor': 'v' }, text: `got ${body}` }));
  const init = { method: 'POST', body: new Blob(['one ', 'two']).stream(), duplex: 'half', headers: { 'content-type': 'text/csv' } } as const;
  const response = await client.passthrough('acc_1').fetch('/files/v2/import?mode=a%2Fb#part', init);
  assert.equal(response.status, 418);
  assert.equal(response.headers.get('x-vendor'), 'v');
  assert.equal(await response.text(), 'got one two');
  assert.equal(seen[0]?.url, '/prefix/v1/passthrough/files/v2/import?mode=a%2Fb');
  assert.equal(seen[0]?.headers['evenkeel-account'], 'acc_1');
  assert.equal(seen[0]?.headers['content-type'], 'text/csv');
});

test('nothing climbs out of its path', async (context) => {
  const { client, seen } = await connected(context, () => ({ body: {} }));
  assert.throws(() => client.passthrough('acc_1').fetch('/../accounts/acc_1'), TypeError);
  assert.throws(() => client.passthrough('acc_1').fetch('/%2e%2e/accounts/acc_1'), TypeError);
  await assert.rejects(async () => client.accounts.delete('..'), TypeError);
  await assert.rejects(async () => client.accounts.get(''), TypeError);
  assert.equal(seen.length, 0);
});

test('an abort is the signal\'s own reason', async (context) => {
  const { client } = await connected(context, () => ({ body: {} }));
  await assert.rejects(client.accounts.get('acc_1', { signal: AbortSignal.abort(new Error('stop')) }), /^Error: stop$/);
});

test('an address or a key that cannot be right is refused at once', () => {
  assert.throws(() => new Evenkeel({ baseUrl: 'localhost:4400', apiKey: 'k' }), /baseUrl/);
  assert.throws(() => new Evenkeel({ baseUrl: 'no address', apiKey: 'k' }), /baseUrl/);
  assert.throws(() => new Evenkeel({ baseUrl: 'http://127.0.0.1', apiKey: 'k\n' }), /apiKey/);
});
