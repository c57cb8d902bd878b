import assert from 'node:assert/strict';
import { createHash, createHmac, generateKeyPairSync, sign, timingSafeEqual, verify } from 'node:crypto';
import { describe, test } from 'node:test';
import { crc32 } from 'node:zlib';
import type { VerifyRule, Webhooks } from '@evenkeel/contract/manifest/webhooks.ts';
import fc from 'fast-check';
import type { Scope } from '../connectors/values/scope.ts';
import type { InboundRequest } from './inbound-request.ts';
import type { FetchedKey } from './public-key.ts';
import { compileReceive, type Received } from './receive.ts';
import type { VerificationPort } from './verification-port.ts';

const crypto: VerificationPort = {
  hash: (algorithm, data) => createHash(algorithm).update(data).digest(),
  hmac: (algorithm, key, data) => createHmac(algorithm, key).update(data).digest(),
  equal: (a, b) => a.length === b.length && timingSafeEqual(a, b),
  crc32: (data) => crc32(data),
  verify(algorithm, key, data, signature) {
    if (key.format === 'certificate') return Buffer.from(signature).toString() === `signed by ${key.text}`;
    if (key.format !== 'jwk') return false;
    return verify(algorithm === 'ed25519' ? null : 'sha256', data, { key: key.jwk, format: 'jwk', dsaEncoding: 'ieee-p1363' } as never, signature);
  },
};

const nowMs = Date.parse('2026-11-24T10:00:00Z');
const secret = 'shared-secret';
const scope: Scope = { secret: { hook: secret } };
const hex = (...parts: (string | Uint8Array)[]): string => parts.reduce((mac, part) => mac.update(part), createHmac('sha256', secret)).digest('hex');

function request(body: string | Uint8Array, headers: Record<string, string | string[]> = {}, more: Partial<InboundRequest> = {}): InboundRequest {
  return { method: 'POST', url: 'https://evenkeel.example/inbound/acme/token', headers: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, typeof value === 'string' ? [value] : value])), body: Buffer.from(body), receivedAtMs: nowMs, ...more };
}
const rule: VerifyRule = { scheme: 'hmac', id: 'sha256', alg: 'sha256', key: { value: '{{secret.hook}}' }, message: [{ part: 'body' }], signature: { header: 'x-signature', encoding: 'hex' } };
const section = (more: Partial<Webhooks> = {}): Webhooks => ({ scope: 'account', verify: { any_of: [rule] }, ...more });
const receive = (rules: Webhooks, given: InboundRequest, scopes: readonly Scope[] = [scope], keys: Record<string, FetchedKey> = {}): Received => compileReceive(rules)(given, scopes, { crypto, keys: (id) => keys[id] });
const reasonOf = (received: Received): string => (received.kind === 'refused' ? `${received.status} ${received.reason}` : received.kind);

describe('signatures', () => {
  test('any other byte anywhere is refused, for any body and any secret', () => {
    const signed: Webhooks = section({ verify: { any_of: [{ ...rule, message: ['{{request.headers.x-time}}', '.', { part: 'body' }] }] } });
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 200 }), fc.stringMatching(/^[!-~]{1,40}$/), fc.nat(), fc.integer({ min: 1, max: 255 }), (body, key, place, change) => {
        const held: Scope[] = [{ secret: { hook: key } }];
        const headers = { 'x-time': '17', 'x-signature': createHmac('sha256', key).update('17.').update(body).digest('hex') };
        assert.equal(receive(signed, request(body, headers), held).kind, 'accepted');
        const other = Uint8Array.from(body);
        other[place % body.length] = (other[place % body.length] ?? 0) ^ change;
        assert.equal(reasonOf(receive(signed, request(other, headers), held)), '401 wrong_signature');
        assert.equal(reasonOf(receive(signed, request(body, { ...headers, 'x-time': '18' }), held)), '401 wrong_signature');
        assert.equal(reasonOf(receive(signed, request(body, headers), [{ secret: { hook: `${key}x` } }])), '401 wrong_signature');
      }),
    );
  });

  test('of an address the named characters are signed decoded, and every other escape as it came', () => {
    const signed = section({ verify: { any_of: [{ ...rule, message: [{ part: 'url', decode: ['@', ',', ';'] }] }] } });
    const url = 'https://evenkeel.example/inbound/acme/token?a=%40%2c%3B%41%25%2540&b=%zz%4';
    assert.equal(receive(signed, request('', { 'x-signature': hex('https://evenkeel.example/inbound/acme/token?a=@,;%41%25%2540&b=%zz%4') }, { url })).kind, 'accepted');
    assert.equal(reasonOf(receive(signed, request('', { 'x-signature': hex(url) }, { url }))), '401 wrong_signature');
  });

  test('a weaker rule counts only where somebody has opted in', () => {
    const weak = section({ verify: { any_of: [{ ...rule, opt_in: 'app.old' }] } });
    const given = request('{}', { 'x-signature': hex('{}') });
    for (const old of [undefined, '', 'off', 'true', true, 'ON']) assert.equal(reasonOf(receive(weak, given, [{ ...scope, app: { old } }])), '401 weak_signature', String(old));
    assert.equal(receive(weak, given, [{ ...scope, app: { old: 'on' } }]).kind, 'accepted');
    assert.equal(reasonOf(receive(weak, request('{}', { 'x-signature': hex('{x}') }), [{ ...scope, app: { old: 'on' } }])), '401 wrong_signature');
  });

  test('whatever stands in the header, nothing is thrown and nothing is accepted', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.string(), fc.constantFrom('', ' ', 'sha256=', 'null', '0'.repeat(64), 'é')), { maxLength: 3 }), (values) => {
        assert.equal(receive(section(), request('{}', { 'x-signature': values })).kind, 'refused');
      }),
    );
  });

  test('reasons tell what was wrong, and never more than was proven', () => {
    const timed = section({ verify: { any_of: [{ ...rule, message: ['{{request.headers.x-time}}.', { part: 'body' }], timestamp: { value: '{{request.headers.x-time}}', unit: 's', past_s: 300, future_s: 60 } }] } });
    const at = (seconds: number | string): InboundRequest => request('{}', { 'x-time': String(seconds), 'x-signature': hex(`${seconds}.`, '{}') });
    assert.equal(receive(timed, at(nowMs / 1000)).kind, 'accepted');
    assert.equal(reasonOf(receive(timed, at(nowMs / 1000 - 301))), '401 too_old');
    assert.equal(reasonOf(receive(timed, at(nowMs / 1000 + 61))), '401 in_future');
    assert.equal(reasonOf(receive(timed, at('soon'))), '401 missing_time');
    assert.equal(reasonOf(receive(timed, request('{}', { 'x-time': '1', 'x-signature': hex('2.', '{}') }))), '401 wrong_signature');
    assert.equal(reasonOf(receive(timed, request('{}', { 'x-signature': hex('.', '{}') }))), '401 missing_part');
    assert.equal(reasonOf(receive(section(), request('{}'))), '401 missing_signature');
    assert.equal(reasonOf(receive(section(), request('{}', { 'x-signature': 'zz' }))), '401 malformed_signature');
    assert.equal(reasonOf(receive(section(), request('{}', { 'x-signature': [hex('{}'), hex('{}')] }))), '401 duplicate_header');
    for (const none of [{}, { secret: {} }, { secret: { hook: '' } }, { secret: { hook: null } }, { secret: { hook: {} } }]) assert.equal(reasonOf(receive(section(), request('{}', { 'x-signature': hex('{}') }), [none])), '401 missing_secret');
  });

  test('a rule may try each of several headers', () => {
    const each = section({ verify: { any_of: [{ ...rule, signature: { header: 'x-signature', encoding: 'hex', duplicates: 'each' } }] } });
    assert.equal(receive(each, request('{}', { 'x-signature': ['00', hex('{}')] })).kind, 'accepted');
    assert.equal(reasonOf(receive(each, request('{}', { 'x-signature': ['00', '11'] }))), '401 wrong_signature');
  });

  test('a field of a header that comes twice is no field', () => {
    const pairs = section({ verify: { any_of: [{ ...rule, message: ['{{signature.t}}', { part: 'body' }], signature: { header: 'x-signature', separator: ',', pair: { separator: '=', field: 'v1' }, encoding: 'hex' } }] } });
    assert.equal(receive(pairs, request('{}', { 'x-signature': `t=1, v1=${hex('1', '{}')}` })).kind, 'accepted');
    assert.equal(reasonOf(receive(pairs, request('{}', { 'x-signature': `t=1,t=1,v1=${hex('1', '{}')}` }))), '401 missing_part');
  });

  test('every member of a list has to be proven, and there has to be one', () => {
    const listed = section({ verify: { any_of: [{ scheme: 'equals', id: 'state', each: 'value', value: '{{item.state}}', key: { value: '{{secret.hook}}' } }] } });
    const of = (...states: unknown[]): Received => receive(listed, request(JSON.stringify({ value: states.map((state) => ({ state })) })));
    assert.equal(of(secret, secret).kind, 'accepted');
    assert.equal(reasonOf(of(secret, 'other')), '401 wrong_signature');
    assert.equal(reasonOf(of(secret, undefined)), '401 missing_signature');
    assert.equal(reasonOf(of()), '401 missing_part');
    assert.equal(reasonOf(receive(listed, request('{"value":{}}'))), '401 missing_part');
    assert.equal(reasonOf(receive(listed, request('not json'))), '401 missing_part');
  });

  test('the status of a refusal is the vendor\'s, a method other than POST is none', () => {
    assert.equal(reasonOf(receive(section({ ack: { bad_signature_status: 498 } }), request('{}'))), '498 missing_signature');
    assert.equal(reasonOf(receive(section(), request('', { 'x-signature': hex('') }, { method: 'GET' }))), '405 not_accepted');
    assert.equal(reasonOf(receive({ scope: 'account' }, request('{}'))), '404 not_accepted');
  });
});

describe('handshakes', () => {
  const challenge = { id: 'challenge', when: { body: { type: 'verify' } }, reply: { json: { challenge: '{{request.body.challenge}}' } } };

  test('a proven one is answered, an unproven one is not', () => {
    const rules = section({ handshake: [challenge] });
    const body = '{"type":"verify","challenge":"<b>é"}';
    const received = receive(rules, request(body, { 'x-signature': hex(body) }));
    assert.deepEqual(received, { kind: 'reply', handshake: 'challenge', captures: null, reply: { status: 200, headers: { 'content-type': 'application/json', 'x-content-type-options': 'nosniff' }, body: '{"challenge":"<b>é"}' } });
    assert.equal(reasonOf(receive(rules, request(body))), '401 missing_signature');
  });

  test('one that needs no proof is answered before it, as plain text that no browser takes for more', () => {
    const rules = section({ handshake: [{ id: 'token', when: { query: { validationToken: { exists: true } } }, verified: false, reply: { text: '{{request.query.validationToken}}' } }] });
    const received = receive(rules, request('', {}, { url: 'https://evenkeel.example/inbound/acme/token?validationToken=%3Cscript%3Ea+b' }));
    assert.deepEqual(received.kind === 'reply' ? received.reply : received, { status: 200, headers: { 'content-type': 'text/plain; charset=utf-8', 'x-content-type-options': 'nosniff' }, body: '<script>a b' });
  });

  test('a secret is captured once and echoed; a second one is an unproven request', () => {
    const rules = section({ handshake: [{ id: 'secret', when: { headers: { 'x-hook-secret': { exists: true } } }, verified: false, unless_set: 'secret.hook', capture: { secret: { hook: '{{request.headers.x-hook-secret}}' } }, reply: { headers: { 'X-Hook-Secret': '{{request.headers.x-hook-secret}}' } } }] });
    const given = request('', { 'x-hook-secret': 'first' });
    const received = receive(rules, given, [{ secret: {} }]);
    assert.deepEqual(received.kind === 'reply' ? [received.captures, received.reply.headers['x-hook-secret']] : received, [{ captured: {}, secret: { hook: 'first' } }, 'first']);
    assert.equal(reasonOf(receive(rules, given, [scope])), '401 missing_signature');
  });

  test('an answer may carry an HMAC; without the secret there is none', () => {
    const rules = section({ handshake: [{ id: 'url', when: { body: { event: 'url' } }, compute: { encrypted: { alg: 'sha256', key: { value: '{{secret.hook}}' }, message: ['{{request.body.plain}}'], encoding: 'hex' } }, reply: { json: { encrypted: '{{computed.encrypted}}' } } }] });
    const body = '{"event":"url","plain":"q"}';
    const received = receive(rules, request(body, { 'x-signature': hex(body) }));
    assert.equal(received.kind === 'reply' ? received.reply.body : '', JSON.stringify({ encrypted: hex('q') }));
  });

  test('a line break in what is echoed is left out of the headers', () => {
    const rules = section({ handshake: [{ id: 'echo', when: { query: { echo: { exists: true } } }, verified: false, reply: { headers: { 'x-echo': '{{request.query.echo}}' } } }] });
    const received = receive(rules, request('', {}, { url: 'https://e.example/i?echo=a%0d%0aset-cookie:b' }));
    assert.equal(received.kind === 'reply' ? received.reply.headers['x-echo'] : '', undefined);
  });
});

describe('keys of the vendor', () => {
  const pair = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  const jwk = { ...pair.publicKey.export({ format: 'jwk' }), kid: 'k1' };
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const token = (header: object, claims: object): string => {
    const signed = `${part(header)}.${part(claims)}`;
    return `${signed}.${sign('sha256', Buffer.from(signed), { key: pair.privateKey, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`;
  };
  const seconds = nowMs / 1000;
  const good = token({ alg: 'ES256', kid: 'k1' }, { iat: seconds, aud: 'us' });
  const jwks: VerifyRule = { scheme: 'jwt', id: 'jwt', token: '{{request.headers.authorization}}', algs: ['ES256'], key: { from: 'jwks', url: 'https://keys.vendor.example/jwks' }, audience: ['us'], max_age_s: 300 };
  const rules = section({ verify: { any_of: [jwks] } });
  const by = (text: string, keys: Record<string, FetchedKey> = { 'jwks https://keys.vendor.example/jwks': { kind: 'json', value: { keys: [jwk] } } }): Received => receive(rules, request('{}', { authorization: `Bearer ${text}` }), [scope], keys);

  test('what is missing is asked for by name, and judged once it is there', () => {
    const asked = by(good, {});
    assert.deepEqual(asked, { kind: 'needs_key', need: { id: 'jwks https://keys.vendor.example/jwks', from: 'jwks', url: 'https://keys.vendor.example/jwks', request: null, scope: {}, path: '', kid: 'k1', maxAgeS: 86_400 } });
    assert.equal(by(good).kind, 'accepted');
  });

  test('a vendor that cannot be asked is no fault of the request: 503, so that it is sent again', () => {
    assert.equal(reasonOf(by(good, { 'jwks https://keys.vendor.example/jwks': { kind: 'unavailable' } })), '503 key_unavailable');
    assert.equal(reasonOf(by(good, { 'jwks https://keys.vendor.example/jwks': { kind: 'json', value: { keys: [] } } })), '401 unknown_key');
    assert.equal(reasonOf(by(good, { 'jwks https://keys.vendor.example/jwks': { kind: 'unknown' } })), '401 unknown_key');
  });

  test('a token is taken only whole, signed, in time and for us', () => {
    const refused: [string, string][] = [
      [token({ alg: 'none', kid: 'k1' }, { iat: seconds, aud: 'us' }), '401 wrong_token'],
      [`${part({ alg: 'none' })}.${part({ aud: 'us' })}.`, '401 malformed_signature'],
      [token({ alg: 'HS256', kid: 'k1' }, { iat: seconds, aud: 'us' }), '401 wrong_token'],
      [token({ alg: 'ES256', kid: 'k1', crit: ['b64'] }, { iat: seconds, aud: 'us' }), '401 malformed_signature'],
      [token({ alg: 'ES256' }, { iat: seconds, aud: 'us' }), '401 wrong_token'],
      [token({ alg: 'ES256', kid: 'k 1' }, { iat: seconds, aud: 'us' }), '401 wrong_token'],
      [token({ alg: 'ES256', kid: 'k1' }, { iat: seconds, aud: 'them' }), '401 wrong_token'],
      [token({ alg: 'ES256', kid: 'k1' }, { iat: 'now', aud: 'us' }), '401 wrong_token'],
      [token({ alg: 'ES256', kid: 'k1' }, { iat: seconds - 301, aud: 'us' }), '401 too_old'],
      [token({ alg: 'ES256', kid: 'k1' }, { aud: 'us' }), '401 too_old'],
      [token({ alg: 'ES256', kid: 'k1' }, { iat: seconds, exp: seconds - 61, aud: 'us' }), '401 too_old'],
      [token({ alg: 'ES256', kid: 'k1' }, { iat: seconds, nbf: seconds + 61, aud: 'us' }), '401 in_future'],
      [good.slice(0, -4), '401 wrong_signature'],
      [good.replace(/\.[^.]+\./, `.${part({ iat: seconds, aud: 'us', admin: true })}.`), '401 wrong_signature'],
      [`${good}.x`, '401 malformed_signature'],
      ['x'.repeat(20_000), '401 malformed_signature'],
    ];
    for (const [text, reason] of refused) assert.equal(reasonOf(by(text)), reason, text.slice(0, 80));
  });

  test('a certificate is fetched from the vendor\'s hosts only', () => {
    const certified = section({ verify: { any_of: [{ scheme: 'public_key', id: 'cert', alg: 'rsa_sha256', key: { from: 'certificate', url: '{{request.headers.x-cert}}', hosts: ['.vendor.example', 'certs.other.example'] }, message: [{ part: 'body' }], signature: { header: 'x-signature', encoding: 'base64' } }] } });
    const from = (url: string, keys: Record<string, FetchedKey> = {}): Received => receive(certified, request('{}', { 'x-cert': url, 'x-signature': Buffer.from('signed by PEM').toString('base64') }), [scope], keys);
    assert.equal(from('https://api.vendor.example/cert').kind, 'needs_key');
    assert.equal(from('https://certs.other.example/cert').kind, 'needs_key');
    assert.equal(from('https://api.vendor.example/cert', { 'certificate https://api.vendor.example/cert': { kind: 'pem', text: 'PEM' } }).kind, 'accepted');
    for (const url of ['http://api.vendor.example/c', 'https://vendor.example.evil.example/c', 'https://evilvendor.example/c', 'https://.vendor.example/c', 'https://api.vendor.example:8443/c', 'https://u:p@api.vendor.example/c', 'https://api.vendor.example@evil.example/c', 'file:///etc/passwd', 'x']) assert.equal(reasonOf(from(url)), '401 unknown_key', url);
  });
});
