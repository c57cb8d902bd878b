/** The client against small real servers on loopback that behave well, badly and maliciously. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { Readable, Writable } from 'node:stream';
import { test } from 'node:test';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { serve, serveRaw } from '@evenkeel/tests/harness/loopback-servers.ts';
import { endless, failsWith, get, loopbackClient } from '@evenkeel/tests/harness/upstream-calls.ts';
import { createUpstreamClient } from './client.ts';
import { UpstreamError, type UpstreamErrorKind } from './failure.ts';
import { createHostMap } from './host-map.ts';

test('sends a request and reads its answer, timed', async () => {
  const url = await serve((request, response) => {
    response.setHeader('set-cookie', ['a=1', 'b=2']);
    response.end(`${request.method} ${request.url} ${String(request.headers['x-one'])}`);
  });
  const reply = await loopbackClient().send(get(`${url}/a/b?c=d`, { headers: { 'x-one': '1' } }));
  assert.equal(reply.status, 200);
  assert.deepEqual(reply.headers['set-cookie'], ['a=1', 'b=2']);
  assert.equal(Buffer.from(await reply.bytes()).toString(), 'GET /a/b?c=d 1');
  assert.ok(reply.elapsedMs > 0 && reply.elapsedMs < 5_000);
  assert.equal(Buffer.from(reply.whole ?? []).toString(), 'GET /a/b?c=d 1');
});

test('private targets are refused in every notation of a literal host', async () => {
  const own = createUpstreamClient();
  const port = new URL(await serve((_, response) => response.end('secret'))).port;
  for (const host of ['127.0.0.1', '127.1', '2130706433', '0x7f000001', '0177.0.0.1', '127.0.0.1.', '[::1]', '[::ffff:127.0.0.1]', '[64:ff9b::7f00:1]', '0.0.0.0', '169.254.169.254', '%31%32%37.0.0.1', '127。0。0。1']) {
    const error = await failsWith('blocked', () => own.send(get(`http://${host}:${port}/`)));
    assert.match(error.message, /may not be called/);
  }
  await own.close();
});

test('a name is judged by the address it resolves to, and that address is dialled', async () => {
  let hits = 0;
  const port = new URL(
    await serve((_, response) => {
      hits += 1;
      response.end('inside');
    }),
  ).port;
  // What is allowed here stands for the public address of the first answer; the second is the inside.
  const answers = ['127.0.0.2', '127.0.0.1'];
  let lookups = 0;
  const rebinding = createUpstreamClient({
    allowPrivate: ['127.0.0.2/32'],
    resolve: (_name, _options, done) => {
      const address = answers[Math.min(lookups, answers.length - 1)] ?? '';
      lookups += 1;
      done(null, [{ address, family: 4 }]);
    },
  });
  await failsWith('connect', () => rebinding.send(get(`http://rebind.example:${port}/`)));
  await failsWith('blocked', () => rebinding.send(get(`http://rebind.example:${port}/`)));
  assert.equal(lookups, 2, 'one resolution a connection: what was checked is what was dialled');
  assert.equal(hits, 0);
  await rebinding.close();
});

test('of several addresses only those that pass are dialled', async () => {
  const url = new URL(await serve((_, response) => response.end('allowed')));
  const own = loopbackClient({
    allowPrivate: ['127.0.0.1/32'],
    resolve: (_name, _options, done) => done(null, [{ address: '10.0.0.1', family: 4 }, { address: '127.0.0.1', family: 4 }, { address: '::1', family: 6 }]),
  });
  const reply = await own.send(get(`http://several.example:${url.port}/`));
  assert.equal(Buffer.from(await reply.bytes()).toString(), 'allowed');
});

test('only http and https addresses without user information are sent', async () => {
  const own = loopbackClient();
  for (const url of ['ftp://example.com/', 'file:///etc/passwd', 'http://user:pw@127.0.0.1/', 'nonsense', 'http://', 'javascript:1']) {
    const error = await failsWith('invalid', () => own.send(get(url)));
    assert.equal(error.phase, 'request');
  }
});

test('header and path injection is refused, nothing is sent', async () => {
  let hits = 0;
  const url = await serve((_, response) => {
    hits += 1;
    response.end();
  });
  const own = loopbackClient();
  for (const headers of [{ 'x-a': 'one\r\nx-b: two' }, { 'x-a': 'one\nx-b: two' }, { 'x-a\r\nx-b': 'v' }, { 'x-a': 'nul\u0000' }, { 'x a': 'v' }]) {
    await failsWith('invalid', () => own.send(get(`${url}/`, { headers })));
  }
  await failsWith('invalid', () => own.send(get(`${url}/`, { method: 'GET / HTTP/1.1\r\nx: y' })));
  assert.equal(hits, 0);
});

test('paths are normalised before they are sent', async () => {
  const url = await serve((request, response) => response.end(request.url));
  const own = loopbackClient();
  const read = async (path: string): Promise<string> => Buffer.from(await (await own.send(get(url + path))).bytes()).toString();
  for (let round = 0; round < 2; round += 1) {
    assert.equal(await read('/a/../b'), '/b');
    assert.equal(await read('/a/%2e%2E/b'), '/b');
    assert.equal(await read('/a b'), '/a%20b');
    assert.equal(await read('/a?q=1#fragment'), '/a?q=1');
    assert.equal(await read('/a\r\nb'), '/ab');
    assert.equal(await read(''), '/');
    assert.equal(await read('?x=%2F'), '/?x=%2F');
    assert.equal(await read('/ü'), '/%C3%BC');
  }
});

test('content codings are undone for buffered answers, and bombs are refused', async () => {
  const url = await serve((request, response) => {
    switch (request.url) {
      case '/gzip':
        response.setHeader('content-encoding', 'gzip').end(gzipSync('zipped'));
        return;
      case '/both':
        response.setHeader('content-encoding', 'gzip, br').end(brotliCompressSync(gzipSync('twice')));
        return;
      case '/bomb':
        response.setHeader('content-encoding', 'gzip').end(gzipSync(Buffer.alloc(4 * 1024 * 1024)));
        return;
      case '/lie':
        response.setHeader('content-encoding', 'gzip').end('plain');
        return;
      default:
        response.setHeader('content-encoding', 'rot13').end('cynva');
    }
  });
  const own = loopbackClient({ maxBodyBytes: 1024 * 1024 });
  const read = async (path: string): Promise<string> => Buffer.from(await (await own.send(get(url + path))).bytes()).toString();
  assert.equal(await read('/gzip'), 'zipped');
  assert.equal(await read('/both'), 'twice');
  await failsWith('too_large', () => read('/bomb'));
  await failsWith('invalid', () => read('/lie'));
  await failsWith('invalid', () => read('/rot'));
});

test('an oversized answer is cut off', async () => {
  let closed: Promise<unknown> = Promise.resolve();
  const url = await serve((_, response) => {
    closed = once(response, 'close');
    Readable.from(endless()).pipe(response);
  });
  const error = await failsWith('too_large', async () => (await loopbackClient({ maxBodyBytes: 100_000 }).send(get(url))).bytes());
  assert.equal(error.phase, 'body');
  await closed;
});

test('truncated, garbage, resetting and refusing upstreams each have their kind', async () => {
  const own = loopbackClient();
  const answer = (text: string, finish: (socket: Socket) => void) => serveRaw((socket) => socket.once('data', () => socket.write(text, () => finish(socket))));
  const end = (socket: Socket): unknown => socket.end();
  const reset = (socket: Socket): unknown => socket.resetAndDestroy();
  const read = async (url: string): Promise<unknown> => (await own.send(get(url))).bytes();
  const cases: [kind: UpstreamErrorKind, url: string][] = [
    ['reset', await answer('HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf', end)],
    ['reset', await answer('HTTP/1.1 200 OK\r\ncontent-length: 10\r\nconnection: close\r\n\r\nhalf', end)],
    ['reset', await answer('HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf', reset)],
    ['invalid', await answer('SSH-2.0-OpenSSH_9.6\r\n', end)],
    ['invalid', await answer('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\nwhat', end)],
    ['reset', await answer('', end)],
    ['reset', await answer('', reset)],
    ['connect', 'http://127.0.0.1:1/'],
    ['invalid', await answer(`HTTP/1.1 200 OK\r\n${`x: ${'y'.repeat(1000)}\r\n`.repeat(100)}\r\n`, end)],
  ];
  for (const [at, [kind, url]] of cases.entries()) await failsWith(kind, () => read(url), `case ${at}`);
  const truncatedChunks = await failsWithAny(() => answer('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n4\r\nhalf\r\n', end).then(read));
  assert.ok(['reset', 'invalid'].includes(truncatedChunks.kind), 'a chunked body without its last chunk is not whole');
});

async function failsWithAny(work: () => Promise<unknown>): Promise<UpstreamError> {
  return work().then(
    () => assert.fail('expected a failure'),
    (error: unknown) => {
      assert.ok(error instanceof UpstreamError);
      return error;
    },
  );
}

test('connections are reused', async () => {
  const ports = new Set<number | undefined>();
  const url = await serve((request, response) => {
    ports.add(request.socket.remotePort);
    response.end('ok');
  });
  const own = loopbackClient({ connectionsPerOrigin: 4 });
  for (let call = 0; call < 20; call += 1) await (await own.send(get(url))).bytes();
  assert.ok(ports.size <= 2, `${ports.size} connections`);
});

test('a call is cancelled by signal or handle in every phase', async () => {
  const closes: Promise<unknown>[] = [];
  const url = await serve((request, response) => {
    closes.push(once(response, 'close'));
    if (request.url === '/body') response.write('begun');
  });
  const own = loopbackClient();
  await failsWith('aborted', () => own.send(get(url), { signal: AbortSignal.abort() }));
  const cancellation: { cancel?: () => void } = {};
  const waiting = failsWith('aborted', () => own.send(get(url), { cancellation }));
  setTimeout(() => cancellation.cancel?.(), 50);
  await waiting;
  const controller = new AbortController();
  const reply = await own.send(get(`${url}/body`), { signal: controller.signal });
  const reading = failsWith('aborted', () => reply.bytes());
  controller.abort();
  await reading;
  await Promise.all(closes);
  assert.equal(closes.length, 2, 'the call aborted beforehand was never sent');
});

test('reads follow redirects, at most three, each hop guarded', async () => {
  const inside = new URL(await serve((_, response) => response.end('inside')));
  const seen: string[] = [];
  const url = await serve((request, response) => {
    seen.push(`${request.method} ${request.url}`);
    const hops = Number(request.url?.slice(1));
    if (hops > 0) response.writeHead(302, { location: `/${hops - 1}` }).end('moved');
    else if (request.url === '/metadata') response.writeHead(302, { location: 'http://169.254.169.254/latest/meta-data' }).end();
    else if (request.url === '/file') response.writeHead(302, { location: 'file:///etc/passwd' }).end();
    else if (request.url === '/inside') response.writeHead(307, { location: `http://127.0.0.2:${inside.port}/` }).end();
    else response.end('there');
  });
  const own = loopbackClient({ allowPrivate: ['127.0.0.1/32'] });
  const reply = await own.send(get(`${url}/3`));
  assert.equal(Buffer.from(await reply.bytes()).toString(), 'there');
  assert.equal(reply.url, `${url}/0`);
  await failsWith('invalid', () => own.send(get(`${url}/4`)));
  for (const [path, kind] of [['/metadata', 'blocked'], ['/inside', 'blocked'], ['/file', 'invalid']] as const) {
    const error = await failsWith(kind, () => own.send(get(url + path)));
    assert.equal(error.redirected, true, path);
  }
  seen.length = 0;
  const write = await own.send(get(`${url}/2`, { method: 'POST', body: 'x' }));
  assert.equal(write.status, 302);
  assert.deepEqual(seen, ['POST /2'], 'a write is never sent again');
});

test('credentials stay with the origins of the connector when a read is redirected', async () => {
  const echo = (request: IncomingMessage, response: ServerResponse): void => void response.end(JSON.stringify(request.headers));
  const other = await serve(echo);
  const url = await serve((request, response) => {
    if (request.url === '/off') response.writeHead(302, { location: `${other}/x` }).end();
    else if (request.url === '/on') response.writeHead(302, { location: '/x' }).end();
    else echo(request, response);
  });
  const own = loopbackClient();
  const headers = { authorization: 'Bearer secret', 'x-api-key': 'secret', cookie: 'secret', accept: 'application/json' };
  const read = async (path: string, origins?: string[]): Promise<string> => {
    const reply = await own.send(get(url + path, { headers }), origins === undefined ? {} : { origins: () => origins });
    return Buffer.from(await reply.bytes()).toString();
  };
  const off = await read('/off');
  assert.doesNotMatch(off, /secret/);
  assert.match(off, /application\/json/);
  assert.match(await read('/on'), /Bearer secret/);
  assert.match(await read('/off', [url, other]), /Bearer secret/);
});

test('the host map leads a vendor elsewhere, beneath the guard', async () => {
  const url = await serve((request, response) => response.end(`${request.headers.host}${request.url}`));
  const own = createUpstreamClient({ hostMap: createHostMap({ '*': `${url}/{host}` }) });
  const reply = await own.send(get('https://api.vendor.example/v3/things?x=1'));
  assert.equal(Buffer.from(await reply.bytes()).toString(), `${new URL(url).host}/api.vendor.example/v3/things?x=1`);
  assert.equal(reply.url, 'https://api.vendor.example/v3/things?x=1');
  await own.close();
});

test('a streamed body goes up and down with back-pressure', async () => {
  const size = 32 * 1024 * 1024;
  const url = await serve((request, response) => {
    response.writeHead(200);
    request.pipe(response);
  });
  const chunk = Buffer.alloc(64 * 1024, 7);
  const source = Readable.from((function* () {
    for (let sent = 0; sent < size; sent += chunk.length) yield chunk;
  })());
  const reply = await loopbackClient({ maxBodyBytes: 1000 }).send(get(url, { method: 'POST', body: source, timeoutMs: 20_000 }));
  let received = 0;
  let largest = 0;
  const slow = new Writable({
    highWaterMark: 64 * 1024,
    write: (data: Buffer, _encoding, done) => {
      received += data.length;
      largest = Math.max(largest, slow.writableLength);
      setImmediate(done);
    },
  });
  const finished = once(slow, 'finish');
  await reply.pipeTo(slow);
  await finished;
  assert.equal(received, size);
  assert.ok(largest < 1024 * 1024, `${largest} bytes waited in the sink`);
});

test('who says nothing of himself is named', async () => {
  const url = await serve((request, response) => response.end(request.headers['user-agent']));
  const agent = async (headers: Record<string, string>): Promise<string> => Buffer.from(await (await loopbackClient().send(get(url, { headers }))).bytes()).toString();
  assert.deepEqual([await agent({}), await agent({ 'user-agent': 'mine' })], ['Evenkeel', 'mine']);
});

test('a sink that closes cancels the upstream call', async () => {
  let closed: Promise<unknown> = Promise.resolve();
  const url = await serve((_, response) => {
    closed = once(response, 'close');
    Readable.from(endless()).pipe(response);
  });
  const reply = await loopbackClient().send(get(url));
  const sink = new Writable({ write: (_data, _encoding, done) => done() });
  const piping = failsWith('aborted', () => reply.pipeTo(sink));
  setImmediate(() => sink.destroy());
  await piping;
  await closed;
});

test('the body as a stream fails like the call does', async () => {
  const url = await serveRaw((socket) => socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf')));
  const reply = await loopbackClient().send(get(url));
  const seen: string[] = [];
  await failsWith('reset', async () => {
    for await (const chunk of reply.body) seen.push(String(chunk));
  });
  assert.deepEqual(seen, ['half']);
});
