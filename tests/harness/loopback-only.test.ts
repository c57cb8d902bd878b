import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, connect, type AddressInfo } from 'node:net';
import { describe, it } from 'node:test';
import './loopback-only.ts';

const codeOf = (error: unknown): unknown => (error instanceof Error && 'code' in error ? error.code : undefined);

describe('the network of tests', () => {
  it('refuses other machines, by address and by name', async () => {
    await assert.rejects(once(connect(9, '192.0.2.1'), 'connect'), (error) => codeOf(error) === 'ENETUNREACH');
    await assert.rejects(once(connect({ port: 9, host: 'vendor.example' }), 'connect'), (error) => codeOf(error) === 'ENOTFOUND');
    await assert.rejects(fetch('http://192.0.2.1/'), (error) => error instanceof Error && codeOf(error.cause) === 'ENETUNREACH');
  });

  it('lets this machine through', async () => {
    const server = createServer((socket) => socket.end());
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const socket = connect(port, 'localhost');
    await once(socket, 'connect');
    socket.destroy();
    server.close();
  });
});
