import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createMasker, mask, maskHeaders } from './masking.ts';

const secret = 'sk+live/0123=456789';
const masker = createMasker([{ api_key: secret }, { access_token: 'at-abcdefgh', token_type: 'Bearer', scope: 'contacts.read' }]);

test('a known secret is masked plain, percent-encoded, in base64 and in JSON', () => {
  assert.equal(masker(`x ${secret} y`), `x ${mask} y`);
  assert.equal(masker(`a=${encodeURIComponent(secret)}`), `a=${mask}`);
  assert.doesNotMatch(masker(Buffer.from(`${secret}:password`).toString('base64')), /c2srbGl2ZS8wMTIz/);
  assert.equal(masker('contacts.read Bearer of news'), 'contacts.read Bearer of news', 'what is no secret stays');
});

test('unknown secrets are masked by the name of what holds them', () => {
  assert.equal(masker('{"access_token":"zzz","name":"Ada"}'), `{"access_token":"${mask}","name":"Ada"}`);
  assert.equal(masker('{"refresh_token": "cut off here'), `{"refresh_token": "${mask}"`);
  assert.equal(masker('grant_type=x&client_secret=zzz&a=1'), `grant_type=x&client_secret=${mask}&a=1`);
  assert.equal(masker('GET https://a.example/x?api_key=zzz&limit=1'), `GET https://a.example/x?api_key=${mask}&limit=1`);
  assert.equal(masker('Authorization was Bearer abcdefghijkl'), `Authorization was Bearer ${mask}`);
});

test('headers that carry credentials are blanked whole', () => {
  const shown = maskHeaders({ authorization: 'anything', 'set-cookie': ['a=1'], 'x-api-key': 'k', 'x-shop-access-token': 't', accept: 'text/plain', 'x-echo': secret }, masker);
  assert.deepEqual(shown, { authorization: mask, 'set-cookie': mask, 'x-api-key': mask, 'x-shop-access-token': mask, accept: 'text/plain', 'x-echo': mask });
});

test('no text shows a secret of six characters or more', () => {
  fc.assert(
    fc.property(fc.string({ minLength: 6, maxLength: 40 }), fc.string(), fc.string(), (value, before, after) => {
      const shown = createMasker([{ secret: value }])(`${before}${value}${after}`);
      assert.ok(!shown.includes(value) || mask.includes(value) || `${before}${mask}${after}`.includes(value));
    }),
  );
});
