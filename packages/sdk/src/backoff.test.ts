import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test, type TestContext } from 'node:test';
import fc from 'fast-check';
import { fetchWithBackoff, type BackoffOptions } from './backoff.ts';

type Script = (request: IncomingMessage, response: ServerResponse, attempt: number) => void;

/** A server that answers the n-th request by the script, and what it has seen. */
async function serve(context: TestContext, script: Script) {
  const seen: { method: string; body: string }[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      seen.push({ method: request.method ?? '', body });
      script(request, response, seen.length);
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  context.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, seen };
}

const limited = (times: number, headers: Record<string, string> = {}, status = 429): Script => (_request, response, attempt) => {
  response.writeHead(attempt <= times ? status : 200, headers).end(`answer ${attempt}`);
};

/** A clock that jumps by each wait, and the waits asked for. */
function patience(options: BackoffOptions = {}) {
  let nowMs = Date.parse('2026-10-01T12:00:00Z');
  const waits: number[] = [];
  return {
    waits,
    options: {
      now: () => nowMs,
      random: () => 0.5,
      sleep: (ms: number) => {
        waits.push(ms);
        nowMs += ms;
        return Promise.resolve();
      },
      ...options,
    } satisfies BackoffOptions,
  };
}

test('waits as long as the delta says, with jitter on top, and returns the success', async (context) => {
  const { url, seen } = await serve(context, limited(2, { 'ratelimit-reset': '30' }));
  const { waits, options } = patience();
  const response = await fetchWithBackoff(url, {}, options);
  assert.equal(await response.text(), 'answer 3');
  assert.deepEqual(waits, [30_500, 30_500]);
  assert.equal(seen.length, 3);
});

test('an epoch and a delta of the same moment lead to the same wait', async (context) => {
  const { url } = await serve(context, limited(1, { 'ratelimit-reset': String(Date.parse('2026-10-01T12:00:30Z') / 1000) }));
  const { waits, options } = patience();
  await fetchWithBackoff(url, {}, options);
  assert.deepEqual(waits, [30_500]);
});

test('without a header waits are drawn from the whole of a doubling range', async (context) => {
  const { url } = await serve(context, limited(4, {}, 503));
  const { waits, options } = patience({ baseDelayMs: 1000, maxWaitMs: 3000 });
  await fetchWithBackoff(url, {}, options);
  assert.deepEqual(waits, [500, 1000, 1500, 1500]);
});

test('every wait stays within the cap and above what was asked where the cap allows', async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 5000 }), fc.integer({ min: 1000, max: 60_000 }), fc.double({ min: 0, max: 0.999, noNaN: true }), async (askedS, maxWaitMs, random) => {
      const { waits, options } = patience({ maxWaitMs, maxTotalMs: 1e12, random: () => random, maxRetries: 1, fetch: () => Promise.resolve(new Response(null, { status: 429, headers: { 'retry-after': String(askedS) } })) });
      await fetchWithBackoff('http://127.0.0.1/', {}, options);
      const [waitMs] = waits;
      assert.ok(waitMs !== undefined && waitMs <= maxWaitMs);
      if (askedS * 1000 <= maxWaitMs) assert.ok(waitMs >= askedS * 1000);
    }),
  );
});

test('when retries are used up the last answer comes back unread instead of an exception', async (context) => {
  const { url, seen } = await serve(context, limited(99, { 'retry-after': '1' }));
  const { options } = patience({ maxRetries: 2 });
  const response = await fetchWithBackoff(url, {}, options);
  assert.equal(response.status, 429);
  assert.equal(await response.text(), 'answer 3');
  assert.equal(seen.length, 3);
});

test('a wait that would end after the total is not begun', async (context) => {
  const { url, seen } = await serve(context, limited(99, { 'retry-after': '20' }));
  const { waits, options } = patience({ maxTotalMs: 50_000 });
  const response = await fetchWithBackoff(url, {}, options);
  assert.equal(response.status, 429);
  assert.deepEqual(waits, [20_500, 20_500]);
  assert.equal(seen.length, 3);
});

for (const [name, init, attempts] of [
  ['GET', {}, 3],
  ['PUT with text', { method: 'PUT', body: 'x' }, 3],
  ['DELETE', { method: 'delete' }, 3],
  ['POST', { method: 'POST', body: 'x' }, 1],
  ['PATCH', { method: 'PATCH', body: 'x' }, 1],
  ['POST with an idempotency key', { method: 'POST', body: 'x', headers: { 'Idempotency-Key': 'k1' } }, 3],
  ['POST with an empty idempotency key', { method: 'POST', body: 'x', headers: { 'Idempotency-Key': '' } }, 1],
] satisfies [string, RequestInit, number][]) {
  test(`${name}: ${attempts} attempt(s) against 503`, async (context) => {
    const { url, seen } = await serve(context, limited(2, {}, 503));
    const { options } = patience();
    const response = await fetchWithBackoff(url, init, options);
    assert.equal(response.status, attempts === 3 ? 200 : 503);
    assert.deepEqual(seen.map(({ body }) => body), Array(attempts).fill('body' in init ? 'x' : ''));
  });
}

test('a stream as body is sent once, whatever the method', async (context) => {
  const { url, seen } = await serve(context, limited(2, {}, 503));
  const body = new Blob(['streamed']).stream();
  const init = { method: 'PUT', body, duplex: 'half' } as const;
  const response = await fetchWithBackoff(url, init, patience().options);
  assert.equal(response.status, 503);
  assert.deepEqual(seen, [{ method: 'PUT', body: 'streamed' }]);
});

test('a Request with a body is sent once, one without is repeated', async (context) => {
  const { url, seen } = await serve(context, limited(2, {}, 503));
  assert.equal((await fetchWithBackoff(new Request(url, { method: 'PUT', body: 'x' }), {}, patience().options)).status, 503);
  assert.equal(seen.length, 1);
  assert.equal((await fetchWithBackoff(new Request(url), {}, patience().options)).status, 200);
  assert.equal(seen.length, 3);
});

test('answers that a repetition would not change are returned at once', async (context) => {
  for (const status of [200, 204, 301, 400, 401, 403, 404, 409, 422, 500, 501]) {
    const { url, seen } = await serve(context, (_request, response) => response.writeHead(status).end());
    const response = await fetchWithBackoff(url, { redirect: 'manual' }, patience().options);
    assert.equal(response.status, status);
    assert.equal(seen.length, 1);
  }
});

test('a broken connection is a reason to try again, and thrown when it stays broken', async (context) => {
  const { url, seen } = await serve(context, (request, response, attempt) => {
    if (attempt <= 2) request.socket.destroy();
    else response.end('there');
  });
  assert.equal(await (await fetchWithBackoff(url, {}, patience().options)).text(), 'there');
  assert.equal(seen.length, 3);
  const gone = await serve(context, (request) => request.socket.destroy());
  await assert.rejects(fetchWithBackoff(gone.url, {}, patience({ maxRetries: 1 }).options), TypeError);
  assert.equal(gone.seen.length, 2);
});

test('an address that is none is not tried again', async () => {
  const { waits, options } = patience();
  await assert.rejects(fetchWithBackoff('not an address', {}, options), TypeError);
  assert.deepEqual(waits, []);
});

test('an abort ends a wait at once, with its reason, and leaves nothing running', async (context) => {
  const { url, seen } = await serve(context, limited(99, { 'retry-after': '3600' }));
  const abort = new AbortController();
  const reason = new Error('changed my mind');
  const waiting = fetchWithBackoff(url, {}, { maxWaitMs: 1e7, maxTotalMs: 1e9, signal: abort.signal, onRetry: () => setImmediate(() => abort.abort(reason)) && true });
  await assert.rejects(waiting, reason);
  assert.equal(seen.length, 1);
});

test('an abort during the request is thrown and not retried; an aborted signal sends nothing', async (context) => {
  const abort = new AbortController();
  const { url, seen } = await serve(context, () => abort.abort(new Error('enough')));
  await assert.rejects(fetchWithBackoff(url, { signal: abort.signal }, patience().options), /enough/);
  await assert.rejects(fetchWithBackoff(url, { signal: abort.signal }, patience().options), /enough/);
  assert.equal(seen.length, 1);
});

test('a server that never answers is given up when the total is over', async (context) => {
  const { url } = await serve(context, () => {});
  await assert.rejects(fetchWithBackoff(url, {}, { maxTotalMs: 50 }), { name: 'TimeoutError' });
});

test('onRetry may stop it', async (context) => {
  const { url, seen } = await serve(context, limited(99));
  const response = await fetchWithBackoff(url, {}, patience({ onRetry: ({ attempt }) => attempt < 2 }).options);
  assert.equal(await response.text(), 'answer 2');
  assert.equal(seen.length, 2);
});
