import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { toCaller, toVendor } from './headers.ts';

const none = { secrets: [] };

test('a caller\'s credentials, address and hop never reach a vendor', () => {
  const sent = { authorization: 'Bearer ours', cookie: 'a=b', host: 'us', 'evenkeel-account': 'acc', 'x-forwarded-for': '10.0.0.1', forwarded: 'for=1', connection: 'close, X-Hop', 'x-hop': '1', te: 'trailers', 'transfer-encoding': 'chunked', 'content-length': '3', 'accept-encoding': 'br', 'notion-version': '1', 'if-match': '"x"', 'content-type': 'text/csv' };
  assert.deepEqual(toVendor('passthrough', sent), { 'notion-version': '1', 'if-match': '"x"', 'content-type': 'text/csv' });
  assert.deepEqual(toVendor('proxy', sent), { 'if-match': '"x"' });
});

test('a vendor\'s cookies, challenges and infrastructure never reach a caller', () => {
  const received = { 'set-cookie': 'sid=1', 'www-authenticate': 'Bearer', server: 'x', 'strict-transport-security': 'max-age=1', 'access-control-allow-origin': '*', 'x-ratelimit-remaining': '5', 'ratelimit-reset': '1', 'retry-after': '3', connection: 'x-hop', 'x-hop': '1', 'content-encoding': 'gzip', 'content-length': '9', etag: '"e"', 'content-type': 'text/csv', 'x-echo': 'tok_secret' };
  assert.deepEqual(toCaller('passthrough', received, true, { secrets: ['tok_secret'] }), { 'x-ratelimit-remaining': '5', etag: '"e"', 'content-type': 'text/csv' });
  assert.equal(toCaller('passthrough', received, false, none)['content-encoding'], 'gzip');
  assert.deepEqual(toCaller('proxy', received, true, none), { etag: '"e"' });
});

test('no illegal or hop-by-hop field ever passes, in either direction', () => {
  const name = fc.oneof(fc.string(), fc.constantFrom('connection', 'Keep-Alive', 'UPGRADE', 'Proxy-Authorization', '__proto__', 'x-ok', 'Transfer-Encoding', ':status'));
  fc.assert(
    fc.property(fc.dictionary(name, fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom('a\r\nb: c', 'close')), { noNullPrototype: true }), fc.constantFrom('proxy' as const, 'passthrough' as const), (headers, surface) => {
      for (const passed of [toVendor(surface, headers), toCaller(surface, headers, true, none)]) {
        for (const [key, value] of Object.entries(passed)) {
          assert.match(key, /^[!#$%&'*+.^_`|~0-9a-z-]+$/);
          assert.doesNotMatch(value, /[\r\n\0]/);
          assert.doesNotMatch(key, /^(?:connection|keep-alive|upgrade|proxy-.*|transfer-encoding|te|trailer|authorization|cookie|set-cookie)$/);
        }
      }
    }),
  );
});
