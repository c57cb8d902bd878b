import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { Browser } from './browser.ts';

test('redirects, cookies and forms work together', async (context) => {
  const seen: string[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      seen.push([request.method, request.url, body, request.headers.cookie ?? ''].join(' ').trim());
      if (request.url === '/start') return response.writeHead(302, { location: '/app/form', 'set-cookie': ['s=1; Path=/app; HttpOnly; SameSite=Lax', 'gone=1; Max-Age=0', 'all=2; Path=/'] }).end();
      if (request.url === '/app/form') return response.end('<form method=post action="send?a=1"><input name=k value=v><input name=x></form>');
      if (request.method === 'POST') return response.writeHead(303, { location: 'done' }).end();
      return response.writeHead(201).end('<body>Done</body>');
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  context.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const browser = new Browser();
  const page = await browser.open(`http://127.0.0.1:${(server.address() as AddressInfo).port}/start`);
  const [form] = page.forms;
  assert.ok(form !== undefined);
  const end = await browser.submit(page, form, { x: 'a b' }, { name: 'go', value: 'yes' });
  assert.deepEqual([end.status, end.text, new URL(end.url).pathname], [201, 'Done', '/app/done']);
  assert.deepEqual(seen, ['GET /start', 'GET /app/form  s=1; all=2', 'POST /app/send?a=1 k=v&x=a+b&go=yes s=1; all=2', 'GET /app/done  s=1; all=2']);
});

test('a circle of redirects ends', async (context) => {
  const server = createServer((_request, response) => response.writeHead(302, { location: '/' }).end()).listen(0, '127.0.0.1');
  await once(server, 'listening');
  context.after(() => {
    server.closeAllConnections();
    server.close();
  });
  await assert.rejects(new Browser().open(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`), /more than 20 times/);
});
