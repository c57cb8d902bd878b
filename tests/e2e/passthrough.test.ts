/** The passthrough at the edges of HTTP: rare methods, odd answers, callers and vendors that do not wait for each other. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { RequestListener } from 'node:http';
import net from 'node:net';
import { beforeEach, test } from 'node:test';
import { Browser } from 'evenkeel/demo/browser.ts';
import { startTestEvenkeel } from '../harness/evenkeel.ts';
import { serve } from '../harness/loopback-servers.ts';

/** What the vendor does; each test sets it. */
let vendor: RequestListener;
let urls: (string | undefined)[] = [];
const healthy: RequestListener = (_request, response) => void response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
beforeEach(() => {
  urls = [];
});
const vendorUrl = await serve((request, response) => {
  urls.push(request.url);
  vendor(request, response);
});
const { url, adminKey, call, client } = await startTestEvenkeel({ EVENKEEL_HOST_MAP: JSON.stringify({ 'api.edge.example': vendorUrl }) });
const account = await connected();

async function connected(): Promise<string> {
  vendor = healthy;
  const manifest = {
    manifest: 1,
    id: 'edge',
    name: 'Edge',
    categories: ['crm'],
    auth: [{ id: 'key', type: 'api_key', fields: [{ name: 'api_key', label: 'Key', secret: true }], apply: { headers: { authorization: 'Bearer {{secret.api_key}}' } } }],
    http: { base_url: 'https://api.edge.example' },
    validation: { request: { method: 'GET', path: '/me' } },
    resources: {},
  };
  const put = await call('PUT', '/v1/connectors/edge', { body: manifest });
  assert.ok(put.status < 300, put.text);
  const browser = new Browser();
  const page = await browser.open((await client.connectSessions.create({ tenant_id: 'acme', connector: 'edge' })).url);
  const form = page.forms[0];
  assert.ok(form);
  await browser.submit(page, form, { api_key: 'edge-key' }, form.buttons[0]);
  const { results } = await client.accounts.list({ connector: 'edge', state: 'active' }).page();
  assert.ok(results[0] !== undefined);
  return results[0].id;
}

const passthrough = (method: string, path: string, key = adminKey): Promise<Response> => fetch(`${url}/v1/${path}`, { method, headers: { authorization: `Bearer ${key}`, 'evenkeel-account': account } });

test('methods OpenAPI has no word for are passed on, to those who may write', async () => {
  vendor = (request, response) => void response.writeHead(207, { 'content-type': 'application/xml' }).end(`<a>${request.method}</a>`);
  const report = await passthrough('REPORT', 'passthrough/calendars/1');
  assert.deepEqual([report.status, await report.text()], [207, '<a>REPORT</a>']);
  const { json } = await call('POST', '/v1/api-keys', { body: { name: 'reader', scope: 'read' } });
  assert.equal((await passthrough('REPORT', 'passthrough/calendars/1', String(json?.['key']))).status, 403);
});

test('the path is what stands behind our own part of it, however that is written', async () => {
  vendor = healthy;
  await passthrough('GET', '%70assthrough/a/b');
  assert.deepEqual(urls, ['/a/b']);
});

test('a 204 is passed on without a length', async () => {
  vendor = (_request, response) => void response.socket?.end('HTTP/1.1 204 No Content\r\ncontent-type: image/png\r\ncontent-length: 2\r\n\r\n');
  const response = await passthrough('DELETE', 'passthrough/x');
  assert.deepEqual([response.status, response.headers.get('content-length')], [204, null]);
});

test('a caller who reads only after having sent all gets the answer that came in between', async () => {
  vendor = (_request, response) => void response.writeHead(413, { 'content-type': 'application/json' }).end('{}');
  const size = 24 * 1024 * 1024;
  const socket = net.connect(Number(new URL(url).port), '127.0.0.1').pause();
  socket.write(`POST /v1/passthrough/upload HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${adminKey}\r\nevenkeel-account: ${account}\r\ncontent-length: ${size}\r\n\r\n`);
  for (let sent = 0; sent < size; sent += 65536) if (!socket.write(Buffer.alloc(65536))) await once(socket, 'drain');
  const [answer] = (await once(socket.resume(), 'data')) as [Buffer];
  socket.destroy();
  assert.match(answer.toString(), /^HTTP\/1\.1 400 [^]*"status":413/);
});

test('a transfer coding other than chunked is refused, not passed on as if it were the body', async () => {
  const socket = net.connect(Number(new URL(url).port), '127.0.0.1');
  socket.write(`POST /v1/passthrough/upload HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${adminKey}\r\nevenkeel-account: ${account}\r\ntransfer-encoding: gzip, chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n`);
  const [answer] = (await once(socket, 'data')) as [Buffer];
  socket.destroy();
  assert.match(answer.toString(), /^HTTP\/1\.1 400 [^]*Content-Encoding/);
  assert.deepEqual(urls, [], 'the vendor was not asked');
});
