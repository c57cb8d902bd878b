/**
 * Cheap receivers of webhooks, many ports in one process: as little HTTP as answering takes. Prints its ports and the one of
 * its control: GET there gives counts and latencies from the event's timestamp, and begins anew.
 * Parameters: number of receivers; of them one answers late (ms).
 */
import { once } from 'node:events';
import { createServer as createControl } from 'node:http';
import { createServer, type AddressInfo, type Socket } from 'node:net';

const [count = '19', lateMs = '1000'] = process.argv.slice(2);
const answer = 'HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n';
let latencies: number[] = [];
let received = Array.from({ length: Number(count) }, () => 0);
let lastAt = 0;

function serve(socket: Socket, index: number): void {
  let rest = '';
  socket.setNoDelay(true);
  socket.on('error', () => undefined);
  socket.on('data', (chunk) => {
    rest += chunk.toString('latin1');
    for (;;) {
      const head = rest.indexOf('\r\n\r\n');
      if (head === -1) return;
      const length = Number(/content-length: (\d+)/i.exec(rest)?.[1] ?? 0);
      const end = head + 4 + length;
      if (rest.length < end) return;
      take(socket, index, rest.slice(head + 4, end));
      rest = rest.slice(end);
    }
  });
}

function take(socket: Socket, index: number, body: string): void {
  received[index] = (received[index] ?? 0) + 1;
  const isLate = index === 0;
  if (!isLate) {
    lastAt = Date.now();
    latencies.push(lastAt - Date.parse(/"timestamp":"([^"]+)"/.exec(body)?.[1] ?? ''));
    socket.write(answer);
  } else setTimeout(() => socket.write(answer), Number(lateMs));
}

const ports: number[] = [];
for (let index = 0; index < Number(count); index += 1) {
  const server = createServer((socket) => serve(socket, index)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  ports.push((server.address() as AddressInfo).port);
}
const control = createControl((_request, response) => {
  response.end(JSON.stringify({ latencies, received, lastAt }));
  latencies = [];
  received = received.map(() => 0);
}).listen(0, '127.0.0.1');
await once(control, 'listening');
console.log(JSON.stringify({ ports, control: (control.address() as AddressInfo).port }));
process.once('SIGTERM', () => process.exit());
