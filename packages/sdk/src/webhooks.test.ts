import assert from 'node:assert/strict';
import { createHmac, generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Webhook } from 'standardwebhooks';
import { verifyWebhook, WebhookVerificationError } from './webhooks.ts';

const secretOf = (key: Buffer): string => `whsec_${key.toString('base64')}`;
const key = randomBytes(32);
const now = 1_795_500_000_000;
const timestamp = String(now / 1000);
const body = JSON.stringify({ id: 'evt_1', type: 'endpoint:test', tenant_id: null, account_id: null, timestamp: '2026-11-23T13:50:30.000Z', data: { message: '🦊 \0' } });
const signed = (id: string, at: string, bytes: string | Uint8Array, by: Buffer): string => `v1,${createHmac('sha256', by).update(`${id}.${at}.`).update(bytes).digest('base64')}`;
const headers = { 'webhook-id': 'evt_1', 'webhook-timestamp': timestamp, 'webhook-signature': signed('evt_1', timestamp, body, key) };

const codeOf = async (promise: Promise<unknown>): Promise<string> => {
  const error: unknown = await promise.then(() => undefined, (failure: unknown) => failure);
  return error instanceof WebhookVerificationError ? error.code : String(error);
};

describe('verifyWebhook', () => {
  it('gives the typed event of what was signed', async () => {
    const event = await verifyWebhook(body, headers, secretOf(key), { nowMs: now });
    assert.equal(event.type, 'endpoint:test');
    if (event.type === 'endpoint:test') assert.equal(event.data.message, '🦊 \0');
    for (const form of [new Headers(headers), { 'Webhook-Id': ['evt_1'], 'Webhook-Timestamp': timestamp, 'WEBHOOK-SIGNATURE': headers['webhook-signature'] }]) {
      assert.equal((await verifyWebhook(Buffer.from(body), form, secretOf(key), { nowMs: now })).id, 'evt_1');
    }
  });

  it('takes any of several secrets and any of several signatures', async () => {
    const other = randomBytes(24);
    const both = { ...headers, 'webhook-signature': `v1,${randomBytes(32).toString('base64')} v9,abc ${headers['webhook-signature']}` };
    assert.ok(await verifyWebhook(body, both, [secretOf(other), secretOf(key)], { nowMs: now }));
    assert.equal(await codeOf(verifyWebhook(body, both, [secretOf(other)], { nowMs: now })), 'no_match');
  });

  it('verifies Ed25519 with the public half', async () => {
    const { privateKey, publicKey } = generateKeyPairSync('ed25519');
    const signature = sign(null, Buffer.from(`evt_1.${timestamp}.${body}`), privateKey).toString('base64');
    const secret = `whpk_${publicKey.export({ format: 'der', type: 'spki' }).subarray(-32).toString('base64')}`;
    assert.ok(await verifyWebhook(body, { ...headers, 'webhook-signature': `v1a,${signature}` }, secret, { nowMs: now }));
    // The signature of one version is never believed as another's.
    assert.equal(await codeOf(verifyWebhook(body, { ...headers, 'webhook-signature': `v1,${signature}` }, secret, { nowMs: now })), 'no_match');
  });

  it('refuses what is old, early, incomplete or changed', async () => {
    const at = (nowMs: number): Promise<string> => codeOf(verifyWebhook(body, headers, secretOf(key), { nowMs }));
    assert.deepEqual(await Promise.all([at(now + 301_000), at(now - 301_000), at(now + 300_000)]), ['too_old', 'too_new', 'undefined']);
    assert.equal(await codeOf(verifyWebhook(body, { ...headers, 'webhook-id': '' }, secretOf(key), { nowMs: now })), 'missing_header');
    assert.equal(await codeOf(verifyWebhook(body, { ...headers, 'webhook-timestamp': '1e9' }, secretOf(key), { nowMs: now })), 'invalid_timestamp');
    assert.equal(await codeOf(verifyWebhook(`${body} `, headers, secretOf(key), { nowMs: now })), 'no_match');
    const garbage = { ...headers, 'webhook-signature': signed('evt_1', timestamp, 'no json', key) };
    assert.equal(await codeOf(verifyWebhook('no json', garbage, secretOf(key), { nowMs: now })), 'invalid_body');
    for (const secret of ['', 'whsec_', 'whsec_***', 'whpk_AAAA', key.toString('base64')]) await assert.rejects(verifyWebhook(body, headers, secret, { nowMs: now }), TypeError);
  });

  it('agrees with the independent library on every body, secret and change', async () => {
    await fc.assert(
      fc.asyncProperty(fc.jsonValue(), fc.uint8Array({ minLength: 24, maxLength: 64 }), fc.boolean(), async (data, bytes, spoilt) => {
        const text = JSON.stringify({ data });
        const secret = secretOf(Buffer.from(bytes));
        const sentAt = new Date();
        const signature = new Webhook(secret).sign('evt_2', sentAt, text);
        const sent = { 'webhook-id': spoilt ? 'evt_3' : 'evt_2', 'webhook-timestamp': String(Math.floor(sentAt.getTime() / 1000)), 'webhook-signature': signature };
        assert.equal(await codeOf(verifyWebhook(text, sent, secret)), spoilt ? 'no_match' : 'undefined');
      }),
      { numRuns: 50 },
    );
  });
});
