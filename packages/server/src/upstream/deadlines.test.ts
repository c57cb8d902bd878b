/** How long a call to a vendor may take: each phase, redirects, streamed bodies that move and those that stand still. */
import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import { serve, serveRaw } from '@evenkeel/tests/harness/loopback-servers.ts';
import { endless, failsWith, get, loopbackClient } from '@evenkeel/tests/harness/upstream-calls.ts';

test('a hanging upstream ends at the deadline, before the headers and inside the body', async () => {
  const own = loopbackClient({ bodyIdleTimeoutMs: 100 });
  const silent = await serveRaw(() => undefined);
  const before = await failsWith('timeout', () => own.send(get(silent, { timeoutMs: 60 })));
  assert.equal(before.phase, 'headers');
  assert.ok(before.elapsedMs >= 50 && before.elapsedMs < 2_000);
  const stalls = await serve((_, response) => void response.write('a'));
  const inside = await failsWith('timeout', async () => (await own.send(get(stalls, { timeoutMs: 60 }))).bytes());
  assert.equal(inside.phase, 'body');
  const trickles = await serve((_, response) => {
    const timer = setInterval(() => response.write('.'), 10);
    response.on('close', () => clearInterval(timer));
  });
  await failsWith('timeout', async () => (await own.send(get(trickles, { timeoutMs: 120 }))).bytes());
});

test('a call waiting for a connection ends at its deadline and is never sent', async () => {
  const seen: string[] = [];
  const url = await serve((request) => void seen.push(request.url ?? ''));
  const own = loopbackClient({ connectionsPerOrigin: 1 });
  const first = failsWith('timeout', () => own.send(get(`${url}/first`, { timeoutMs: 200 })));
  const second = await failsWith('timeout', () => own.send(get(`${url}/second`, { timeoutMs: 50 })));
  assert.equal(second.phase, 'connect');
  await first;
  assert.deepEqual(seen, ['/first']);
});

test('a redirected read has one clock and one deadline', async () => {
  const url = await serve((request, response) => {
    if (request.url === '/there') response.end('there');
    else if (request.url !== '/never') setTimeout(() => response.writeHead(302, { location: request.url === '/a' ? '/there' : '/never' }).end(), 150);
  });
  const own = loopbackClient();
  const reply = await own.send(get(`${url}/a`));
  await reply.bytes();
  assert.ok(reply.elapsedMs >= 140, `the way there is part of the vendor's time: ${reply.elapsedMs} ms`);
  const began = performance.now();
  const late = await failsWith('timeout', () => own.send(get(`${url}/b`, { timeoutMs: 300 })));
  assert.ok(performance.now() - began < 430, 'the second hop does not get the whole time again');
  assert.ok(late.elapsedMs >= 290, `${late.elapsedMs}`);
});

test('a streamed body may take longer than the deadline as long as it moves', async () => {
  const url = await serve((request, response) => {
    let bytes = 0;
    if (request.url !== '/deaf') request.on('data', (chunk: Buffer) => (bytes += chunk.length));
    if (request.url === '/') request.on('end', () => response.end(String(bytes)));
  });
  const own = loopbackClient();
  const dripping = async function* (parts: number, then?: Promise<void>): AsyncGenerator<Buffer> {
    for (let part = 0; part < parts; part += 1) {
      await new Promise((resolve) => setTimeout(resolve, 80));
      yield Buffer.from('part');
    }
    await then;
  };
  const send = (path: string, body: Readable, timeoutMs = 250) => own.send(get(url + path, { method: 'POST', body, timeoutMs }));
  const reply = await send('/', Readable.from(dripping(6)));
  assert.equal(Buffer.from(await reply.bytes()).toString(), '24');
  const stalled = Promise.withResolvers<void>();
  const halts = await failsWith('timeout', () => send('/', Readable.from(dripping(2, stalled.promise))));
  assert.equal(halts.phase, 'request', 'the caller is the one who stopped');
  stalled.resolve();
  const deaf = await failsWith('timeout', () => send('/deaf', Readable.from(endless())));
  assert.equal(deaf.phase, 'headers', 'the vendor is the one who stopped reading');
  const silent = await failsWith('timeout', () => send('/never', Readable.from(dripping(6))));
  assert.ok(silent.phase === 'headers' && silent.elapsedMs > 480 + 200, 'the deadline begins anew when the body is out');
});
