/** Handshakes of the vendors that have one, as their documentation wants them answered, and that none becomes an event. */
import assert from 'node:assert/strict';
import { createHmac, generateKeyPairSync, sign } from 'node:crypto';
import { test } from 'node:test';
import type { Scope } from '@evenkeel/core/connectors/values/scope.ts';
import type { Received } from '@evenkeel/core/inbound/receive.ts';
import { webhooksOf } from '@evenkeel/core/inbound/rules.ts';
import { createVerificationCrypto } from '@evenkeel/server/inbound/verification-crypto.ts';
import { connectorOf } from './vendor-rules.ts';

const crypto = createVerificationCrypto();
const nowMs = Date.parse('2026-11-24T10:00:00Z');
const seconds = String(nowMs / 1000);
const hex = (secret: string, ...parts: string[]): string => parts.reduce((mac, part) => mac.update(part), createHmac('sha256', secret)).digest('hex');

function receive(vendor: string, scope: Scope, body: string, headers: Record<string, string> = {}, query = ''): Received {
  const rules = webhooksOf(connectorOf(vendor)) ?? assert.fail(vendor);
  const all = { 'content-type': ['application/json'], ...Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, [value]])) };
  return rules.receive({ method: 'POST', url: `https://hooks.example.com/inbound/${vendor}/t${query}`, headers: all, body: Buffer.from(body), receivedAtMs: nowMs }, [scope], { crypto, keys: () => undefined });
}
const replied = (received: Received): Extract<Received, { kind: 'reply' }> => (received.kind === 'reply' ? received : assert.fail(JSON.stringify(received)));

test('Zoom: the plain token comes back with its HMAC, for a proven request only', () => {
  const scope = { app: { secret_token: 'zoom-secret' } };
  const body = '{"event":"endpoint.url_validation","payload":{"plainToken":"qgg8vlvZRS6UYooatFL8Aw"},"event_ts":1654503849680}';
  const good = { 'x-zm-request-timestamp': seconds, 'x-zm-signature': `v0=${hex('zoom-secret', `v0:${seconds}:`, body)}` };
  assert.deepEqual(JSON.parse(replied(receive('zoom', scope, body, good)).reply.body), { plainToken: 'qgg8vlvZRS6UYooatFL8Aw', encryptedToken: hex('zoom-secret', 'qgg8vlvZRS6UYooatFL8Aw') });
  assert.equal(receive('zoom', scope, body).kind, 'refused');
});

test('Asana: the secret is echoed and kept, once', () => {
  const first = replied(receive('asana', { secret: {} }, '', { 'x-hook-secret': 'b537207f20cbfa02357cf448134da559' }));
  assert.deepEqual([first.reply.status, first.reply.headers['x-hook-secret'], first.captures?.secret], [200, 'b537207f20cbfa02357cf448134da559', { hook_secret: 'b537207f20cbfa02357cf448134da559' }]);
  assert.equal(receive('asana', { secret: { hook_secret: 'known' } }, '', { 'x-hook-secret': 'another' }).kind, 'refused');
});

test('Microsoft Graph: the validation token comes back decoded, as plain text', () => {
  const { reply } = replied(receive('microsoft-graph', { secret: { client_state: 's' } }, '', { 'content-type': 'text/plain; charset=utf-8' }, '?validationToken=Validation%3A+Testing+client+application+reachability%20%26'));
  assert.deepEqual([reply.status, reply.headers['content-type'], reply.body], [200, 'text/plain; charset=utf-8', 'Validation: Testing client application reachability &']);
});

test('Discord: a ping is answered with 204 once it is proven', () => {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const scope = { app: { public_key: publicKey.export({ format: 'der', type: 'spki' }).subarray(12).toString('hex') } };
  const body = '{"version":1,"application_id":"1234560123453231555","type":0}';
  const signature = sign(null, Buffer.from(seconds + body), privateKey).toString('hex');
  assert.equal(replied(receive('discord', scope, body, { 'x-signature-timestamp': seconds, 'x-signature-ed25519': signature })).reply.status, 204);
  assert.equal(receive('discord', scope, body, { 'x-signature-timestamp': seconds, 'x-signature-ed25519': signature.replace(/^../, '00') }).kind, 'refused');
});

test('Intercom: a ping goes no further', () => {
  const body = '{"type":"notification_event","topic":"ping"}';
  const signature = `sha1=${createHmac('sha1', 'intercom').update(body).digest('hex')}`;
  assert.equal(replied(receive('intercom', { app: { client_secret: 'intercom' } }, body, { 'x-hub-signature': signature })).handshake, 'ping');
});

test('Xero: an intent to receive is 200 when the signature is right and 401 when it is not', () => {
  const body = '{"events":[],"firstEventSequence":0,"lastEventSequence":0,"entropy":"S0m3r4Nd0mt3xt"}';
  const signature = createHmac('sha256', 'xero-key').update(body).digest('base64');
  const good = receive('xero', { app: { webhook_key: 'xero-key' } }, body, { 'x-xero-signature': signature });
  const bad = receive('xero', { app: { webhook_key: 'xero-key' } }, body, { 'x-xero-signature': signature.replace(/^./, (first) => (first === 'A' ? 'B' : 'A')) });
  assert.deepEqual([good.kind === 'accepted' && good.ack.status, good.kind === 'accepted' && good.ack.body, bad.kind === 'refused' && bad.status], [200, '', 401]);
});
