/**
 * A vendor whose token endpoint takes its time (`node token-endpoint.ts <ms>`) and gives a new refresh token each time;
 * whatever else is asked is answered at once. Prints its port.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

const latencyMs = Number(process.argv[2] ?? 100);
let issued = 0;
const server = createServer((request, response) => {
  request.resume().on('end', () => {
    const answer = (body: object): void => void response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    if (request.url !== '/token') return answer({ id: '51', name: 'Ada Lovelace' });
    issued += 1;
    setTimeout(() => answer({ access_token: `at-${issued}`, refresh_token: `rt-${issued}`, token_type: 'Bearer', expires_in: 3600 }), latencyMs);
  });
});
server.keepAliveTimeout = 60_000;
server.listen(0, '127.0.0.1', () => console.log((server.address() as AddressInfo).port));
process.once('SIGTERM', () => process.exit());
