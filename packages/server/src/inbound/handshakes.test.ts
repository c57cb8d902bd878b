/** Handshakes through HTTP: answered, what they tell kept before the answer, and nothing of them becomes an event. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { startInboundEvenkeel } from '@evenkeel/tests/harness/inbound-evenkeel.ts';
import { bodyOf, sign, signatureHeader, webhookManifest } from '@evenkeel/tests/harness/webhook-vendor.ts';

const inbound = await startInboundEvenkeel();
const { evenkeel, address, settled, published } = inbound;
const { call, database } = evenkeel;
const hookHeader = 'x-hook-secret';
const keyed = (value: string): object => ({ any_of: [{ id: 'signature', scheme: 'hmac', alg: 'sha256', key: { value }, message: [{ part: 'body' }], signature: { header: signatureHeader, encoding: 'hex' } }] });
const handshake = [
  { id: 'challenge', when: { body: { type: 'challenge' } }, capture: { captured: { challenged_by: '{{request.body.from}}' } }, reply: { json: { challenge: '{{request.body.challenge}}' } } },
  { id: 'hook_secret', when: { headers: { [hookHeader]: { exists: true } } }, verified: false, unless_set: 'secret.hook_secret', capture: { secret: { hook_secret: `{{request.headers.${hookHeader}}}` } }, reply: { headers: { 'X-Hook-Secret': `{{request.headers.${hookHeader}}}` } } },
];
await inbound.putConnector(webhookManifest({ id: 'challenged', extra: { handshake: handshake.slice(0, 1) } }));
await inbound.putConnector(webhookManifest({ id: 'told', extra: { handshake: handshake.slice(1), verify: keyed('{{secret.hook_secret}}') } }));
const post = (path: string, text: string, headers: Record<string, string>) => call('POST', path, { key: null, text, headers });

describe('a challenge', () => {
  it('is answered and what it tells is kept, when it is proven', async () => {
    const one = await address({ connectorId: 'challenged' });
    const body = JSON.stringify({ type: 'challenge', challenge: 'ünïque', from: 'portal-9' });
    const answer = await post(one.path, body, { [signatureHeader]: sign(one.secret, body) });
    assert.deepEqual([answer.status, answer.json], [200, { challenge: 'ünïque' }]);
    const { rows } = await database.pool.query<{ captured: unknown }>('select captured from accounts where id = $1', [one.accountId]);
    assert.deepEqual(rows[0]?.captured, { challenged_by: 'portal-9' });
    assert.equal((await database.pool.query('select from inbound_requests where account_id = $1', [one.accountId])).rows.length, 0, 'it is no event');
  });

  it('of a stranger is refused, and nothing it tells is kept', async () => {
    const one = await address({ connectorId: 'challenged' });
    const body = JSON.stringify({ type: 'challenge', challenge: 'x', from: 'stranger' });
    assert.equal((await post(one.path, body, { [signatureHeader]: sign('another', body) })).status, 401);
    const { rows } = await database.pool.query<{ captured: unknown }>('select captured from accounts where id = $1', [one.accountId]);
    assert.deepEqual(rows[0]?.captured, {});
  });
});

describe('a secret that the vendor tells in its first request', () => {
  it('proves what follows, and is told once only, however many tell at the same time', async () => {
    const one = await address({ connectorId: 'told' });
    const body = bodyOf({ contact: { id: '5', name: 'Told' } });
    assert.equal((await post(one.path, body, { [signatureHeader]: sign('', body) })).status, 401, 'before it is told nothing is proven');
    const secrets = ['first-secret-1', 'first-secret-2', 'first-secret-3'];
    const answers = await Promise.all(secrets.map((secret) => post(one.path, '{}', { [hookHeader]: secret })));
    const told = answers.flatMap(({ status, headers }) => (status === 200 ? [headers.get(hookHeader)] : []));
    assert.equal(told.length, 1, answers.map(({ status }) => status).join());
    assert.equal((await post(one.path, '{}', { [hookHeader]: 'a-stranger-later' })).status, 401);
    assert.equal((await post(one.path, body, { [signatureHeader]: sign('a-stranger-later', body) })).status, 401);
    assert.equal((await post(one.path, body, { [signatureHeader]: sign(String(told[0]), body) })).status, 200);
    await settled(one.accountId);
    assert.deepEqual((await published(one.accountId)).map(({ payload }) => payload['record_id']), ['5']);
    const { rows } = await database.pool.query<{ text: string }>('select row_to_json(a)::text as text from inbound_addresses a where account_id = $1', [one.accountId]);
    assert.ok(!String(rows[0]?.text).includes(Buffer.from(String(told[0])).toString('hex')), 'sealed');
  });

  it('is not taken at the address of a deleted account', async () => {
    const one = await address({ connectorId: 'told' });
    assert.equal((await call('DELETE', `/v1/accounts/${one.accountId}`)).status, 200);
    assert.equal((await post(one.path, '{}', { [hookHeader]: 'too-late' })).status, 410);
  });
});
