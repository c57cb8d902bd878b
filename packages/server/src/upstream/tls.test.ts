/** The client over TLS, as every vendor is: whole answers, streams under back-pressure, many at once, a cut connection. The key in `fixture` is for these tests alone. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer, type ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import { after, test } from 'node:test';
import { setDefaultCACertificates } from 'node:tls';
import { createUpstreamClient, type UpstreamRequest } from './client.ts';

const file = (name: string): Promise<string> => readFile(join(import.meta.dirname, 'fixture', name), 'utf8');
const [key, cert] = [await file('tls.key.pem'), await file('tls.crt.pem')];
setDefaultCACertificates([cert]);

/** No chunk of it equals another, so that bytes of one answer in another would show. */
const bodies = new Map<string, Buffer>();
const body = (seed: number, bytes: number): Buffer => bodies.getOrInsertComputed(`${seed} ${bytes}`, () => makeBody(seed, bytes));
const makeBody = (seed: number, bytes: number): Buffer => Buffer.concat(Array.from({ length: Math.ceil(bytes / 32) }, (_, at) => createHash('sha256').update(`${seed}:${at}`).digest())).subarray(0, bytes);
const digest = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

function answer({ url = '' }: { url?: string | undefined }, response: ServerResponse): void {
  const { searchParams } = new URL(url, 'http://vendor');
  const bytes = body(Number(searchParams.get('seed')), Number(searchParams.get('bytes')));
  if (searchParams.has('cut')) {
    response.writeHead(200, { 'content-length': String(bytes.length + 1) });
    response.write(bytes, () => response.socket?.end());
  } else response.end(bytes);
}

const servers = [createSecureServer({ key, cert }, answer), createServer(answer)] as const;
for (const server of servers) await once(server.listen(0, '127.0.0.1'), 'listening');
const origins = { TLS: `https://127.0.0.1:${(servers[0].address() as AddressInfo).port}`, TCP: `http://127.0.0.1:${(servers[1].address() as AddressInfo).port}` };
const client = createUpstreamClient({ allowPrivate: ['127.0.0.0/8'], connectionsPerOrigin: 8 });
after(async () => {
  await client.close();
  for (const server of servers) server.close().closeAllConnections();
});

const get = (url: string): UpstreamRequest => ({ method: 'GET', url, headers: {}, body: null, timeoutMs: 20_000 });

for (const [name, origin] of Object.entries(origins)) {
  test(`${name}: answers of all sizes at once keep their bytes`, async () => {
    const sizes = [1, 700, 16_384, 65_535, 65_536, 65_537, 200_000, 700_000];
    const wanted = Array.from({ length: 64 }, (_, seed) => ({ seed, bytes: sizes[seed % sizes.length] ?? 0 }));
    await Promise.all(
      wanted.map(async ({ seed, bytes }) => {
        const reply = await client.send(get(`${origin}/?seed=${seed}&bytes=${bytes}`));
        assert.equal(digest(await reply.bytes()), digest(body(seed, bytes)), `${bytes} bytes`);
      }),
    );
  });

  test(`${name}: a stream waits for whoever takes it`, async () => {
    const reply = await client.send(get(`${origin}/?seed=1&bytes=4000000`));
    const hash = createHash('sha256');
    let highest = 0;
    let taken = 0;
    const sink = new Writable({
      highWaterMark: 64 * 1024,
      write(chunk: Buffer, _encoding, done) {
        hash.update(chunk);
        taken += chunk.length;
        highest = Math.max(highest, reply.receivedBytes - taken);
        void turn().then(() => done());
      },
    });
    await reply.pipeTo(sink);
    if (!sink.writableFinished) await once(sink, 'finish');
    assert.equal(hash.digest('hex'), digest(body(1, 4_000_000)));
    // What has arrived beyond that is a read or two of 64 KiB, never the rest of the answer.
    assert.ok(highest < 1_000_000, `${highest} bytes waited in memory`);
  });

  test(`${name}: an answer that is cut is no answer`, async () => {
    const reply = await client.send(get(`${origin}/?seed=2&bytes=100000&cut`));
    await assert.rejects(reply.bytes(), { kind: 'reset' });
  });
}
