/**
 * The peer: nothing but node:http in front and undici behind, headers and body passed through. No key, no account, no
 * credential, no records. `node plain-proxy.ts <upstream origin>`; prints its port.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Pool } from 'undici';

const pool = new Pool(process.argv[2] ?? '', { connections: 128 });
const hopByHop = new Set(['connection', 'host', 'keep-alive', 'transfer-encoding', 'upgrade', 'te', 'trailer', 'proxy-authorization', 'proxy-authenticate']);

const server = createServer((request, response) => {
  const headers: Record<string, string | string[]> = {};
  for (const name in request.headers) {
    const value = request.headers[name];
    if (value !== undefined && !hopByHop.has(name)) headers[name] = value;
  }
  const hasBody = request.method !== 'GET' && request.method !== 'HEAD';
  pool.request({ path: request.url ?? '/', method: request.method ?? 'GET', headers, body: hasBody ? request : null }).then(
    (answer) => {
      const passed: Record<string, string | string[]> = {};
      for (const name in answer.headers) {
        const value = answer.headers[name];
        if (value !== undefined && !hopByHop.has(name)) passed[name] = value;
      }
      response.writeHead(answer.statusCode, passed);
      answer.body.pipe(response);
    },
    () => response.writeHead(502).end(),
  );
});
server.listen(0, '127.0.0.1', () => console.log((server.address() as AddressInfo).port));
