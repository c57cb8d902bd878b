import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { UpstreamError } from '../failure.ts';
import { ResponseParser } from './response-parser.ts';

interface Read {
  status: number;
  headers: Record<string, string | string[]>;
  body: string;
  ended: boolean;
  reusable: boolean;
}

/** Feeds the text cut at the given positions; `finish` ends the connection. */
function read(text: string, { method = 'GET', cuts = [] as number[], finish = false } = {}): Read {
  const result: Read = { status: 0, headers: {}, body: '', ended: false, reusable: false };
  const parser = new ResponseParser({
    head: (status, headers) => void Object.assign(result, { status, headers }),
    data: (bytes) => {
      result.body += bytes.toString('latin1');
    },
    end: (reusable) => void Object.assign(result, { ended: true, reusable }),
  });
  parser.begin(method);
  const bytes = Buffer.from(text, 'latin1');
  const at = [0, ...cuts.filter((cut) => cut > 0 && cut < bytes.length).toSorted((a, b) => a - b), bytes.length];
  for (let part = 1; part < at.length; part += 1) {
    const piece = bytes.subarray(at[part - 1], at[part]);
    if (piece.length > 0 && !result.ended) parser.push(piece);
  }
  if (finish) parser.finish();
  return result;
}

test('reads answers however they are framed', () => {
  const cases: [string, Parameters<typeof read>[1], Partial<Read>][] = [
    ['HTTP/1.1 200 OK\r\ncontent-length: 5\r\nx: 1\r\nX: 2\r\n\r\nhello', {}, { status: 200, body: 'hello', ended: true, reusable: true }],
    ['HTTP/1.1 200\r\ncontent-length: 0\r\n\r\n', {}, { status: 200, body: '', ended: true, reusable: true }],
    ['HTTP/1.1 200 OK\r\ncontent-length: 5\r\nconnection: close\r\n\r\nhello', {}, { body: 'hello', ended: true, reusable: false }],
    ['HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3;ext=1\r\nabc\r\n0A\r\n0123456789\r\n0\r\nx-trailer: 1\r\n\r\n', {}, { body: 'abc0123456789', ended: true, reusable: true }],
    ['HTTP/1.1 204 No Content\r\n\r\n', {}, { ended: true, reusable: true }],
    ['HTTP/1.1 304 Not Modified\r\ncontent-length: 10\r\n\r\n', {}, { ended: true, reusable: true }],
    ['HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n', { method: 'HEAD' }, { ended: true, reusable: true }],
    ['HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\na', {}, { status: 200, body: 'a', ended: true }],
    ['HTTP/1.0 200 OK\r\n\r\nuntil the end', { finish: true }, { body: 'until the end', ended: true, reusable: false }],
    ['HTTP/1.0 200 OK\r\ncontent-length: 1\r\nconnection: keep-alive\r\n\r\na', {}, { ended: true, reusable: true }],
    ['HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\naHTTP/1.1 200 OK\r\n', {}, { body: 'a', ended: true, reusable: false }],
    ['HTTP/1.1 200 OK\r\ncontent-length: 4, 4\r\n\r\nabcd', {}, { body: 'abcd', ended: true }],
  ];
  for (const [text, options, expected] of cases) {
    const got = read(text, options);
    for (const [name, value] of Object.entries(expected)) assert.equal(got[name as keyof Read], value, `${name} of ${JSON.stringify(text)}`);
  }
  assert.deepEqual(read(cases[0]?.[0] ?? '').headers['x'], ['1', '2']);
});

test('what is ambiguous or broken is refused', () => {
  const head = 'HTTP/1.1 200 OK\r\n';
  for (const text of [
    'SSH-2.0-OpenSSH\r\n',
    'HTTP/2 200\r\n\r\n',
    'HTTP/1.1 20 OK\r\n\r\n',
    'HTTP/1.1 101 Switching Protocols\r\n\r\n',
    `${head}content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n`,
    `${head}content-length: 5\r\ncontent-length: 6\r\n\r\n`,
    `${head}content-length: 5, 6\r\n\r\n`,
    `${head}content-length: -5\r\n\r\n`,
    `${head}content-length: 0x5\r\n\r\n`,
    `${head}content-length: 9999999999999999999\r\n\r\n`,
    `${head}transfer-encoding: gzip, chunked\r\n\r\n`,
    `${head}transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n`,
    'HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n',
    `${head}name with space: 1\r\n\r\n`,
    `${head}content-length : 5\r\n\r\n`,
    `${head} folded: 1\r\n\r\n`,
    `${head}: nameless\r\n\r\n`,
    `${head}no colon\r\n\r\n`,
    `${head}x: a\nb: c\r\n\r\n`,
    `${head}x: a\rb\r\n\r\n`,
    `${head}x: a\0b\r\n\r\n`,
    `${head}x: ${'y'.repeat(70_000)}`,
    `${head}transfer-encoding: chunked\r\n\r\nzz\r\n`,
    `${head}transfer-encoding: chunked\r\n\r\n-1\r\n`,
    `${head}transfer-encoding: chunked\r\n\r\n3\r\nabcdef`,
    `${head}transfer-encoding: chunked\r\n\r\n${'1'.repeat(2000)}`,
  ]) {
    assert.throws(() => read(text), (error) => error instanceof UpstreamError && error.kind === 'invalid', JSON.stringify(text.slice(0, 80)));
  }
});

test('a body that stops early never counts as whole', () => {
  for (const text of ['HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhel', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n', 'HTTP/1.1 200 OK\r\ncontent-le']) {
    assert.equal(read(text, { finish: true }).ended, false);
  }
});

test('the prototype of the headers cannot be reached', () => {
  const { headers } = read('HTTP/1.1 200 OK\r\n__proto__: x\r\nconstructor: y\r\ncontent-length: 0\r\n\r\n');
  assert.equal(Object.getPrototypeOf(headers), Object.prototype);
  assert.equal(headers['constructor'], 'y');
});

const token = fc.stringMatching(/^[a-z][a-z0-9-]{0,10}$/).filter((name) => !['content-length', 'transfer-encoding', 'connection'].includes(name));
const answers = fc.record({
  status: fc.constantFrom(200, 201, 404, 500),
  headers: fc.dictionary(token, fc.stringMatching(/^[!-~]{1,20}$/), { maxKeys: 5 }),
  parts: fc.array(fc.uint8Array({ minLength: 1, maxLength: 60 }), { maxLength: 5 }),
  chunked: fc.boolean(),
});

test('wherever the network cuts an answer, it reads the same', () => {
  fc.assert(
    fc.property(answers, fc.array(fc.nat({ max: 600 }), { maxLength: 12 }), ({ status, headers, parts, chunked }, cuts) => {
      const pieces = parts.map((part) => Buffer.from(part).toString('latin1'));
      const body = pieces.join('');
      const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
      const framing = chunked ? 'transfer-encoding: chunked' : `content-length: ${body.length}`;
      const written = chunked ? `${pieces.map((piece) => `${piece.length.toString(16)}\r\n${piece}\r\n`).join('')}0\r\n\r\n` : body;
      const text = `HTTP/1.1 ${status} Fine\r\n${lines.join('')}${framing}\r\n\r\n${written}`;
      const got = read(text, { cuts });
      assert.deepEqual([got.status, got.body, got.ended, got.reusable], [status, body, true, true]);
      for (const [name, value] of Object.entries(headers)) assert.equal(got.headers[name], value);
    }),
  );
});
