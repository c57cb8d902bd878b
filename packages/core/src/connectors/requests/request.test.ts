import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Request } from '@evenkeel/contract/manifest/request.ts';
import { compileConnector } from '../compile.ts';
import type { BuildResult, Connector, OutgoingRequest } from '../connector.ts';
import { buildRequest } from './request.ts';
import type { Scope } from '../values/scope.ts';

const manifest = {
  manifest: 1,
  id: 'example',
  name: 'Example',
  categories: ['crm'],
  auth: [{ type: 'api_key', id: 'key', fields: [{ name: 'subdomain', label: 'Subdomain' }, { name: 'key', label: 'Key', secret: true }], apply: { headers: { 'x-key': '{{secret.key}}' } } }],
  http: { base_url: 'https://{{config.subdomain}}.example.com/v1/', origins: ['https://files.example.net'], query: { version: '3' }, headers: { 'X-Client': 'evenkeel' } },
  validation: { request: { method: 'GET', path: '/me' } },
  resources: {
    things: {
      list: { method: 'GET', path: '/things', query: { 'page[size]': '{{page.limit}}', since: '{{input.query.after|default:0}}' }, pagination: { type: 'next_url', next: 'next' } },
      get: { method: 'GET', path: 'things/{{input.id}}' },
      create: { method: 'POST', path: '/things', body: { type: 'json', value: { thing: '{{input.body}}' } } },
    },
    files: { get: { method: 'GET', path: '/files/{{input.query.path|segments}}/{{input.id}}', response: { format: 'binary' } } },
  },
};

function connector(): Connector {
  const compiled = compileConnector(manifest);
  assert.ok(compiled.ok, compiled.ok ? '' : JSON.stringify(compiled.faults));
  return compiled.connector;
}

const example = connector();
const account: Scope = { config: { subdomain: 'acme' }, secret: { key: 'k' } };

function built(result: BuildResult | Promise<BuildResult>): OutgoingRequest {
  assert.ok(!(result instanceof Promise));
  assert.ok(result.ok, result.ok ? '' : result.problem.message);
  return result.request;
}

async function send(request: Partial<Request>, scope: Scope = {}): Promise<BuildResult> {
  return buildRequest(example.request({ method: 'POST', path: '/x', ...request }), { ...account, ...scope });
}

async function sent(request: Partial<Request>, scope: Scope = {}): Promise<OutgoingRequest> {
  const result = await send(request, scope);
  assert.ok(result.ok, result.ok ? '' : result.problem.message);
  return result.request;
}

test('a plain GET is built without a promise', () => {
  const operation = example.operation('things', 'get');
  assert.ok(operation !== undefined);
  assert.deepEqual(built(operation.build({ ...account, input: { id: 'a/b c', query: {} } })), {
    method: 'GET',
    url: 'https://acme.example.com/v1/things/a%2Fb%20c?version=3',
    headers: { accept: 'application/json', 'x-client': 'evenkeel' },
    body: null,
    timeoutMs: 30_000,
  });
  assert.equal(example.operation('things', 'delete'), undefined);
  assert.equal(example.operation('constructor', 'get'), undefined);
  assert.equal(operation.idempotent, true);
});

test('the caller\'s query goes on to the vendor, but for what the manifest sends or reads', () => {
  const operation = example.operation('things', 'list');
  assert.ok(operation !== undefined);
  const input = { query: { after: '5', version: '9', q: 'x y', tags: ['a', 'b'] } };
  assert.equal(built(operation.build({ ...account, input, page: { limit: 10 } })).url, 'https://acme.example.com/v1/things?version=3&page%5Bsize%5D=10&since=5&q=x%20y&tags=a&tags=b');
});

test('a next-page address is taken whole, and only within the connector\'s origins', () => {
  const operation = example.operation('things', 'list');
  assert.ok(operation !== undefined);
  assert.equal(built(operation.build(account, 'https://acme.example.com/v1/things?cursor=2')).url, 'https://acme.example.com/v1/things?cursor=2');
  assert.equal(built(operation.build(account, '/v1/things?cursor=2')).url, 'https://acme.example.com/v1/things?cursor=2');
  for (const url of ['https://evil.example/', 'http://acme.example.com/', 'https://u:p@acme.example.com/', '//evil.example/x', 'javascript:1', 'https://acme.example.com:8443/']) {
    const result = operation.build(account, url);
    assert.ok(!(result instanceof Promise) && !result.ok, url);
  }
});

test('no value leaves its place in the address', () => {
  const operation = example.operation('files', 'get');
  assert.ok(operation !== undefined);
  assert.equal(built(operation.build({ ...account, input: { id: '1', query: { path: 'a b/c' } } })).url.split('?')[0], 'https://acme.example.com/v1/files/a%20b/c/1');
  fc.assert(
    fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom('..', '.', '../..', '%2e%2e', '?x=1', '#', '\\..', 'a\r\nb', '//evil.example')), fc.constantFrom('id', 'path', 'host'), (value, where) => {
      const scope: Scope =
        where === 'host' ? { config: { subdomain: value }, input: { id: '1', query: { path: 'p' } } } : { ...account, input: { id: where === 'id' ? value : '1', query: { path: where === 'path' ? value : 'p' } } };
      const result = operation.build(scope);
      assert.ok(!(result instanceof Promise));
      if (!result.ok) return;
      const url = new URL(result.request.url);
      assert.ok(url.hostname.endsWith('.example.com') && url.protocol === 'https:' && url.username === '' && url.hash === '');
      assert.ok(url.pathname.startsWith('/v1/files/'), url.pathname);
      if (where === 'id') assert.equal(url.pathname, `/v1/files/p/${encodeURIComponent(value.toWellFormed()).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`)}`);
    }),
    { numRuns: 500 },
  );
});

test('a missing value is a problem of whoever owes it', async () => {
  const missing = await send({ path: '/x/{{input.id}}' });
  assert.ok(!missing.ok && missing.problem.origin === 'caller' && missing.problem.code === 'invalid_request');
  const unset = await send({ path: '/x/{{captured.org}}' });
  assert.ok(!unset.ok && unset.problem.origin === 'platform');
  const failing = await send({ body: { type: 'json', value: { $expr: '$error("no")' } } });
  assert.ok(!failing.ok && failing.problem.message.includes('no'));
});

test('headers cannot be split or forged', async () => {
  for (const value of ['a\r\nb: c', 'a\nb', 'a\0', 'snow ☃']) {
    const result = await send({ headers: { 'x-note': '{{input.body}}' } }, { input: { body: value } });
    assert.ok(!result.ok, JSON.stringify(value));
  }
  const request = await sent({ headers: { 'X-Note': ' {{input.body}} ', 'x-none': '{{input.none}}', 'x-list': ['a', 1] } }, { input: { body: 'ok' } });
  assert.deepEqual(request.headers, { accept: 'application/json', 'x-client': 'evenkeel', 'x-note': 'ok', 'x-list': 'a, 1' });
});

test('every body format', async () => {
  const input = { body: { name: 'Ann & Bob', items: [{ price: 'p1' }], file: 'aGVsbG8=' } };
  const body = async (value: Request['body']): Promise<OutgoingRequest> => sent(value === undefined ? {} : { body: value }, { input });
  assert.equal((await body({ type: 'json', value: { n: '{{input.body.name}}' } })).body, '{"n":"Ann & Bob"}');
  assert.equal((await body({ type: 'form', value: { n: '{{input.body.name}}' } })).body, 'n=Ann+%26+Bob');
  assert.equal(decodeURIComponent(String((await body({ type: 'form', nesting: 'brackets', value: { items: '{{input.body.items}}' } })).body)), 'items[0][price]=p1');
  assert.equal((await body({ type: 'raw', content_type: 'text/plain', value: 'hi {{input.body.name}}' })).body, 'hi Ann & Bob');
  assert.deepEqual((await body({ type: 'binary', content_type: 'image/png', value: '{{input.body.file}}' })).body, Uint8Array.from(Buffer.from('hello')));
  assert.equal(
    (await body({ type: 'xml', root: 'request', attributes: { v: '1' }, value: { name: '{{input.body.name}}', item: ['a', 'b'], empty: '', tag: { '@id': 5, '#text': '<x>' } } })).body,
    '<?xml version="1.0" encoding="UTF-8"?><request v="1"><name>Ann &amp; Bob</name><item>a</item><item>b</item><empty/><tag id="5">&lt;x&gt;</tag></request>',
  );
  const graphql = await body({ type: 'graphql', query: 'query Q($n: String) { x(n: $n) }', variables: { n: '{{input.body.name}}' }, operation_name: 'Q' });
  assert.deepEqual(JSON.parse(String(graphql.body)), { query: 'query Q($n: String) { x(n: $n) }', variables: { n: 'Ann & Bob' }, operationName: 'Q' });
  assert.equal((await body({ type: 'json', value: '{{input.missing}}' })).body, null);
});

test('multipart is read back by the platform', async () => {
  const request = await sent(
    { body: { type: 'multipart', parts: [{ name: 'meta', value: { a: 1 }, encoding: 'json', content_type: 'application/json' }, { name: 'fi"le', value: '{{input.body}}', encoding: 'base64', filename: 'a\r\n"b.txt', content_type: 'text/plain' }] } },
    { input: { body: Buffer.from('--part-hello\r\n').toString('base64') } },
  );
  const form = await new Response(Buffer.from(request.body ?? ''), { headers: { 'content-type': request.headers['content-type'] ?? '' } }).formData();
  assert.equal(await (form.get('meta') instanceof File ? (form.get('meta') as unknown as File).text() : form.get('meta')), '{"a":1}');
  const file = [...form.values()].at(1);
  assert.ok(file instanceof File);
  assert.equal(await file.text(), '--part-hello\r\n');
});

test('data cannot add markup to XML', async () => {
  for (const value of [{ 'a b': 1 }, { 'a><x': 1 }, { '@on"': 1 }, { a: 'x\u0000' }]) {
    const result = await send({ body: { type: 'xml', root: 'r', value: '{{input.body}}' } }, { input: { body: value } });
    assert.ok(!result.ok, JSON.stringify(value));
  }
});

test('a url of the manifest goes to an origin of the connector only', async () => {
  assert.equal((await sent({ path: undefined as never, url: 'https://files.example.net/{{input.id}}' }, { input: { id: '1' } })).url.split('?')[0], 'https://files.example.net/1');
  const foreign = await send({ url: 'https://other.example.net/x' });
  assert.ok(!foreign.ok && foreign.problem.message.includes('http.origins'));
  assert.deepEqual(example.origins(account), ['https://acme.example.com', 'https://files.example.net']);
  assert.deepEqual(example.origins({}), ['https://files.example.net']);
});

test('an address that comes as a value may be https, or http on this machine; credentials never go in clear text over a network', async () => {
  const [scheme] = manifest.auth;
  const compiled = compileConnector({ ...manifest, auth: [{ ...scheme, fields: [{ name: 'address', label: 'Address' }, { name: 'key', label: 'Key', secret: true }] }], http: { base_url: '{{config.address}}' }, resources: {} });
  assert.ok(compiled.ok);
  const build = (address: string) => compiled.connector.request({ method: 'GET', path: '/me' }).build({ ...account, config: { address } });
  for (const address of ['https://vendor.example', 'http://127.0.0.1:4410/vendor', 'http://localhost:80']) assert.equal(built(await build(address)).url, `${address}/me`);
  for (const address of ['http://vendor.example', 'HTTP://vendor.example', 'http://127.0.0.1.vendor.example']) {
    const refused = await build(address);
    assert.ok(!refused.ok);
    assert.match(refused.problem.message, /https/);
    assert.equal(refused.problem.origin, 'platform');
  }
});
