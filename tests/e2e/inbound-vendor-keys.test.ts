/** Keys that requests name, asked of a vendor for whoever knows an address: within bounds, and for nobody else's account. */
import assert from 'node:assert/strict';
import { createHash, generateKeyPairSync } from 'node:crypto';
import { test } from 'node:test';
import { exportJWK, SignJWT } from 'jose';
import { serve } from '../harness/loopback-servers.ts';
import { startInboundEvenkeel } from '../harness/inbound-evenkeel.ts';
import { bodyOf, webhookManifest, type PlantedAddress } from '../harness/webhook-vendor.ts';

const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
const real = 'real-key';
const asked: string[] = [];
const vendorUrl = await serve((request, response) => {
  const id = request.url?.split('/').at(-1) ?? '';
  asked.push(id);
  void exportJWK(publicKey).then((jwk) => response.writeHead(id.startsWith('invented') ? 404 : 200, { 'content-type': 'application/json' }).end(JSON.stringify({ key: { ...jwk, kid: id } })));
});
const inbound = await startInboundEvenkeel({ EVENKEEL_ALLOW_PRIVATE_ENDPOINTS: '127.0.0.0/8', EVENKEEL_HOST_MAP: JSON.stringify({ 'api.inbox-crm.example': vendorUrl }) });
const { call } = inbound.evenkeel;
const verify = {
  any_of: [{ id: 'es256', scheme: 'jwt', token: '{{request.headers.x-token}}', algs: ['ES256'], max_age_s: 300, key: { from: 'jwk', request: { method: 'GET', path: '/keys/{{signature.kid}}' }, path: 'key' }, bind: [{ left: '{{claims.body}}', right: { part: 'body_hash', alg: 'sha256', encoding: 'hex' } }] }],
};
await inbound.putConnector(webhookManifest({ id: 'keyed-crm', extra: { verify } }));

async function send({ path }: PlantedAddress, kid: string): Promise<{ status: number; retryAfter: string | null }> {
  const body = bodyOf({ contact: { id: '1', name: kid } });
  const token = await new SignJWT({ body: createHash('sha256').update(body).digest('hex') }).setProtectedHeader({ alg: 'ES256', kid }).setIssuedAt().sign(privateKey);
  const { status, headers } = await call('POST', path, { key: null, text: body, headers: { 'x-token': token } });
  return { status, retryAfter: headers.get('retry-after') };
}

test('invented keys are asked for a few times a minute and address, one that was good stays known, and others are not touched', async () => {
  const [victim, other] = [await inbound.address({ connectorId: 'keyed-crm' }), await inbound.address({ connectorId: 'keyed-crm' })];
  assert.equal((await send(victim, real)).status, 200);
  const answers = await Promise.all(Array.from({ length: 60 }, (_, index) => send(victim, `invented-${index}`)));
  const statuses = new Set(answers.map(({ status }) => status));
  assert.deepEqual([...statuses].toSorted((a, b) => a - b), [401, 503], 'those the vendor was asked for, and the rest');
  assert.ok(answers.every(({ status, retryAfter }) => (status === 503) === (retryAfter !== null)));
  const invented = asked.filter((id) => id.startsWith('invented')).length;
  assert.ok(invented > 0 && invented <= 12, `${invented} were asked for`);
  assert.equal((await send(victim, real)).status, 200, 'what is known needs nobody');
  assert.equal((await send(victim, 'new-key')).status, 503, 'sent again later, it is asked for');
  assert.equal((await send(other, 'new-key')).status, 200, 'at another address it is asked for');
  assert.equal((await send(victim, 'new-key')).status, 200, 'and known for all of the vendor then');
});
