import assert from 'node:assert/strict';
import { createHash, createHmac, createSign } from 'node:crypto';
import { test } from 'node:test';
import type { AuthScheme } from '@evenkeel/contract/manifest/auth.ts';
import { authorize, basic } from './authorize.ts';
import { base64, percentEncode, toBytes } from '../values/bytes.ts';
import type { OutgoingRequest } from '../connector.ts';
import type { CryptoPort } from './crypto-port.ts';
import { oauth1Authorization, signatureBase } from './oauth1.ts';
import { RequestFailure } from './request-failure.ts';
import { compileScheme } from '../scheme.ts';
import type { Scope } from '../values/scope.ts';
import { sigV4Headers } from './sigv4.ts';

const crypto: CryptoPort = {
  hash: (algorithm, data) => createHash(algorithm).update(data).digest(),
  hmac: (algorithm, key, data) => createHmac(algorithm, key).update(data).digest(),
  sign: (_algorithm, pem, data) => createSign('sha256').update(data).sign(pem),
};
const env = { nowMs: Date.parse('2026-11-23T12:00:00Z'), nonce: 'nonce-1', crypto };
const request: OutgoingRequest = { method: 'GET', url: 'https://api.example.com/things?limit=5', headers: { accept: 'application/json' }, body: null, timeoutMs: 1000 };

const attach = async (scheme: AuthScheme, scope: Scope, to: OutgoingRequest = request): Promise<OutgoingRequest> =>
  authorize(compileScheme(scheme, () => ({ method: 'GET', timeoutMs: 1, build: () => ({ ok: true, request }) })), scope, to, env);

test('RFC 5849 §1.2: the signature of the photo request', () => {
  const protocol = [
    ['oauth_consumer_key', 'dpf43f3p2l4k3l03'],
    ['oauth_token', 'nnch734d00sl2jdk'],
    ['oauth_signature_method', 'HMAC-SHA1'],
    ['oauth_timestamp', '137131202'],
    ['oauth_nonce', 'chapoH'],
  ] as const;
  const base = signatureBase({ method: 'GET', url: 'http://photos.example.net/photos?file=vacation.jpg&size=original' }, protocol);
  const signature = base64(crypto.hmac('sha1', toBytes('kd94hf93k423kf44&pfkkdhi9sl3r4s00'), toBytes(base)));
  assert.equal(percentEncode(signature), 'MdpQcU8iPSUjWoN%2FUDMsK2sui9I%3D');
});

test('RFC 5849 §3.4.1.1: the base string of query, form and protocol parameters together', () => {
  const protocol = [
    ['oauth_consumer_key', '9djdj82h48djs9d2'],
    ['oauth_token', 'kkk9d7dh3k39sjv7'],
    ['oauth_signature_method', 'HMAC-SHA1'],
    ['oauth_timestamp', '137131201'],
    ['oauth_nonce', '7d8f3e4a'],
  ] as const;
  assert.equal(
    signatureBase({ method: 'post', url: 'http://EXAMPLE.COM:80/request?b5=%3D%253D&a3=a&c%40=&a2=r%20b', form: 'c2&a3=2+q' }, protocol),
    'POST&http%3A%2F%2Fexample.com%2Frequest&a2%3Dr%2520b%26a3%3D2%2520q%26a3%3Da%26b5%3D%253D%25253D%26c%2540%3D%26c2%3D%26oauth_consumer_key%3D9djdj82h48djs9d2%26oauth_nonce%3D7d8f3e4a%26oauth_signature_method%3DHMAC-SHA1%26oauth_timestamp%3D137131201%26oauth_token%3Dkkk9d7dh3k39sjv7',
  );
});

test('OAuth 1.0: the published example with version, query and form', () => {
  const header = oauth1Authorization(
    { method: 'POST', url: 'https://api.twitter.com/1.1/statuses/update.json?include_entities=true', form: 'status=Hello%20Ladies%20%2b%20Gentlemen%2c%20a%20signed%20OAuth%20request%21' },
    {
      consumerKey: 'xvz1evFS4wEEPTGEFPHBog',
      consumerSecret: 'kAcSOqF21Fu85e7zjz7ZN2U4ZRhfV3WpwPAoE3Z7kBw',
      token: '370773112-GmHxMAgYyLbNEtIKZeRNFsMKPR9EyMZeS9weJAEb',
      tokenSecret: 'LswwdoUaIvS8ltyTt5jkRh4J50vUPVVHtR2YPi5kE',
      method: 'HMAC-SHA1',
    },
    { timestampS: 1318622958, nonce: 'kYjzVBB8Y0ZFabxSWbWovY3uYSQ2pTgmZeNu2VS4cg', crypto },
  );
  assert.match(header, /oauth_signature="hCtSmYh%2BiHYCEqBWrE7C7hYmtUk%3D"/);
});

const suite = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY', region: 'us-east-1', service: 'service' };
const suiteTime = { nowMs: Date.UTC(2015, 7, 30, 12, 36, 0), crypto };
const host = 'https://example.amazonaws.com';
const suiteCases: readonly (readonly [name: string, method: string, url: string, headers: Record<string, string>, body: string | null, signature: string])[] = [
  ['get-vanilla', 'GET', '/', {}, null, '5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31'],
  ['get-vanilla-query-order-key-case', 'GET', '/?Param2=value2&Param1=value1', {}, null, 'b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500'],
  ['get-unreserved', 'GET', '/-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz', {}, null, '07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f'],
  ['get-utf8', 'GET', '/ሴ', {}, null, '8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85'],
  ['get-slashes', 'GET', '//example//', {}, null, '9a624bd73a37c9a373b5312afbebe7a714a789de108f0bdfe846570885f57e84'],
  ['get-relative', 'GET', '/example/..', {}, null, '5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31'],
  ['post-vanilla', 'POST', '/', {}, null, '5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b'],
  ['post-header-value-case', 'POST', '/', { 'My-Header1': 'VALUE1' }, null, 'cdbc9802e29d2942e5e10b5bccfdd67c5f22c7c4e8ae67b53629efa58b974b7d'],
  ['post-x-www-form-urlencoded', 'POST', '/', { 'content-type': 'application/x-www-form-urlencoded' }, 'Param1=value1', 'ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a'],
];

for (const [name, method, url, headers, body, signature] of suiteCases) {
  test(`AWS SigV4 test suite: ${name}`, () => {
    const signed = sigV4Headers({ method, url: host + url, headers, body }, suite, suiteTime);
    assert.equal(signed['authorization']?.split('Signature=')[1], signature);
  });
}

test('AWS SigV4: the example of the documentation', () => {
  const signed = sigV4Headers(
    { method: 'GET', url: 'https://iam.amazonaws.com/?Action=ListUsers&Version=2010-05-08', headers: { 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' }, body: null },
    { ...suite, service: 'iam' },
    suiteTime,
  );
  assert.equal(
    signed['authorization'],
    'AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request, SignedHeaders=content-type;host;x-amz-date, Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7',
  );
});

test('RFC 7617: Basic credentials in UTF-8', () => {
  assert.equal(basic('Aladdin', 'open sesame'), 'Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==');
  assert.equal(basic('test', '123£'), 'Basic dGVzdDoxMjPCow==');
  assert.throws(() => basic('a:b', 'c'), RequestFailure);
});

test('OAuth 2 goes where RFC 6750 puts it unless the manifest says otherwise', async () => {
  const scheme = { type: 'oauth2_client_credentials', id: 'oauth', token_url: 'https://api.example.com/token' } as const;
  assert.equal((await attach(scheme, { token: { access_token: 'T' } })).headers['authorization'], 'Bearer T');
  const own = await attach({ ...scheme, apply: { headers: { 'X-Access-Token': '{{token.access_token}}' } } }, { token: { access_token: 'T' } });
  assert.deepEqual(own.headers, { accept: 'application/json', 'x-access-token': 'T' });
});

test('an API key in the query replaces the one a next-page address carries', async () => {
  const scheme: AuthScheme = { type: 'api_key', id: 'key', apply: { query: { api_key: '{{secret.key}}' } } };
  const sent = await attach(scheme, { secret: { key: 'new&key' } }, { ...request, url: 'https://api.example.com/things?page=2&api_key=old' });
  assert.equal(sent.url, 'https://api.example.com/things?page=2&api_key=new%26key');
});

test('cookies, sessions and several headers', async () => {
  const scheme: AuthScheme = {
    type: 'session',
    id: 'session',
    login: [{ id: 'login', request: { method: 'POST', path: '/login' } }],
    apply: { cookies: { SID: '{{secret.sid}}' }, headers: { 'x-org': '{{captured.org}}' } },
  };
  const sent = await attach(scheme, { secret: { sid: 'abc' }, captured: { org: 7 } });
  assert.equal(sent.headers['cookie'], 'SID=abc');
  assert.equal(sent.headers['x-org'], '7');
  await assert.rejects(attach(scheme, { secret: { sid: 'abc; admin=1' } }), RequestFailure);
});

test('realm of OAuth 1.0 is made by filters, the form of the body is signed', async () => {
  const scheme: AuthScheme = {
    type: 'oauth1',
    id: 'tba',
    signature_method: 'HMAC-SHA256',
    consumer_key: '{{secret.consumer_key}}',
    consumer_secret: '{{secret.consumer_secret}}',
    token: '{{secret.token_id}}',
    token_secret: '{{secret.token_secret}}',
    realm: '{{config.account_id|replace:-:_|upper}}',
  };
  const scope: Scope = { secret: { consumer_key: 'ck', consumer_secret: 'cs', token_id: 'ti', token_secret: 'ts' }, config: { account_id: 'tstdrv-123' } };
  const authorization = (await attach(scheme, scope)).headers['authorization'] ?? '';
  assert.match(authorization, /^OAuth realm="TSTDRV_123", oauth_consumer_key="ck", oauth_token="ti", oauth_signature_method="HMAC-SHA256", oauth_timestamp="1795435200", oauth_nonce="nonce-1", oauth_version="1.0", oauth_signature="[^"]+"$/);
  await assert.rejects(attach(scheme, { ...scope, secret: {} }), /consumer_key/);
});

test('nothing leaves half authorised, and a header cannot be split', async () => {
  const scheme: AuthScheme = { type: 'api_key', id: 'key', apply: { headers: { 'x-key': '{{secret.key}}' } } };
  await assert.rejects(attach(scheme, {}), /no credential/);
  await assert.rejects(attach(scheme, { secret: { key: 'a\r\nx-admin: 1' } }), RequestFailure);
  const basicScheme: AuthScheme = { type: 'basic', id: 'basic', username: '{{secret.key}}', password: '' };
  assert.equal((await attach(basicScheme, { secret: { key: 'sk_1' } })).headers['authorization'], 'Basic c2tfMTo=');
  await assert.rejects(attach(basicScheme, {}), /username/);
  assert.deepEqual(await attach({ type: 'none', id: 'none' }, {}), request);
});
