import assert from 'node:assert/strict';
import { createPublicKey, verify as verifyBytes } from 'node:crypto';
import { it } from 'node:test';
import { Webhook } from 'standardwebhooks';
import { createTestDatabase } from '@evenkeel/tests/harness/database.ts';
import { makeEndpoint, publish, startOutboundNode, startReceiver, type Received } from '@evenkeel/tests/harness/outbound-node.ts';
import { addSecret, expireSecrets } from '../endpoint-secrets.ts';
import { touchEndpoint } from '../endpoint-store.ts';

const database = await createTestDatabase();
const { pool } = database;
const node = await startOutboundNode(database);

const verify = (secret: string, { body, headers }: Received): unknown => new Webhook(secret).verify(body, headers as Record<string, string>);

it('every secret that is good at that moment signs, and none past its overlap', async () => {
  const receiver = await startReceiver();
  const first = await makeEndpoint(pool, node.vault, { url: receiver.url, tenant_id: 'rotation' });
  await publish(pool, [{ tenantId: 'rotation' }]);
  assert.ok(verify(first.secret, (await receiver.count(1))[0] as Received));
  await expireSecrets(pool, first.id, 60);
  const second = await addSecret(pool, node.vault, first.id, { kind: 'hmac', given: undefined });
  await touchEndpoint(pool, first.id);
  await publish(pool, [{ tenantId: 'rotation' }]);
  const both = (await receiver.count(2))[1] as Received;
  assert.equal(String(both.headers['webhook-signature']).split(' ').length, 2);
  assert.ok(verify(first.secret, both) !== undefined && verify(second.value, both) !== undefined);
  // The process has both keys in memory, and nothing tells it that one has come to its end.
  node.ahead(61_000);
  await publish(pool, [{ tenantId: 'rotation' }]);
  const after = (await receiver.count(3))[2] as Received;
  assert.equal(String(after.headers['webhook-signature']).split(' ').length, 1);
  assert.throws(() => verify(first.secret, after), /No matching signature/);
  assert.ok(verify(second.value, after));
});

it('an Ed25519 key signs beside a shared secret, and its public half verifies', async () => {
  const receiver = await startReceiver();
  const { id, secret } = await makeEndpoint(pool, node.vault, { url: receiver.url, tenant_id: 'asymmetric' });
  const { value } = await addSecret(pool, node.vault, id, { kind: 'ed25519', given: undefined });
  await publish(pool, [{ tenantId: 'asymmetric', data: { message: '🦊' } }]);
  const one = (await receiver.count(1))[0] as Received;
  assert.ok(verify(secret, one));
  const signature = /(?:^| )v1a,(\S+)/.exec(String(one.headers['webhook-signature']))?.[1] ?? '';
  const key = createPublicKey({ key: Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), Buffer.from(value.slice('whpk_'.length), 'base64')]), format: 'der', type: 'spki' });
  const signed = Buffer.concat([Buffer.from(`${String(one.headers['webhook-id'])}.${String(one.headers['webhook-timestamp'])}.`), one.body]);
  assert.ok(verifyBytes(null, signed, key, Buffer.from(signature, 'base64')));
});
