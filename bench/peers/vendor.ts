/**
 * The vendor of the benchmark: answers every request with the same record and quota headers, on bare sockets, so that
 * it is never what limits. Its own process; prints its port.
 */
import net, { type AddressInfo } from 'node:net';

const record = JSON.stringify({
  id: '51',
  properties: { email: 'ada@example.com', firstname: 'Ada', lastname: 'Lovelace', company: 'Analytical Engines', phone: '+44 20 7946 0000', lifecyclestage: 'customer', hs_lead_status: 'OPEN', notes: 'x'.repeat(400) },
  createdAt: '2026-01-01T00:00:00.000Z',
  updatedAt: '2026-11-01T00:00:00.000Z',
  archived: false,
});
const answer = Buffer.from(
  `HTTP/1.1 200 OK\r\ncontent-type: application/json;charset=utf-8\r\nx-ratelimit-limit: 100\r\nx-ratelimit-remaining: 98\r\nx-ratelimit-reset: 10\r\nx-request-id: 5f1c\r\ncontent-length: ${Buffer.byteLength(record)}\r\n\r\n${record}`,
);
const headEnd = Buffer.from('\r\n\r\n');

/** Requests without bodies only: one answer for each end of a head. */
const server = net.createServer({ noDelay: true }, (socket) => {
  let matched = 0;
  socket.on('error', () => undefined);
  socket.on('data', (chunk: Buffer) => {
    if (matched === 0 && chunk.subarray(-4).equals(headEnd) && chunk.indexOf(headEnd) === chunk.length - 4) {
      socket.write(answer);
      return;
    }
    for (const byte of chunk) {
      matched = byte === headEnd[matched] ? matched + 1 : byte === 0x0d ? 1 : 0;
      if (matched === 4) {
        matched = 0;
        socket.write(answer);
      }
    }
  });
});
server.listen(0, '127.0.0.1', () => console.log((server.address() as AddressInfo).port));
