/** Vendors and accounts whose records cannot be read for a while hold up nobody else, however much waits for them. */
import assert from 'node:assert/strict';
import type { RequestListener } from 'node:http';
import { after, test } from 'node:test';
import { serve } from '@evenkeel/tests/harness/loopback-servers.ts';
import { startInboundEvenkeel } from '@evenkeel/tests/harness/inbound-evenkeel.ts';
import { bodyOf, vendorEvent, webhookManifest, type PlantedAddress } from '@evenkeel/tests/harness/webhook-vendor.ts';

/** Of records named slow-…: no answer before the end of the test. */
const ended = Promise.withResolvers<void>();
let hanging = 0;
const vendor: RequestListener = (request, response) => {
  const id = request.url?.split('/').at(-1) ?? '';
  const answer = (): void => void response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ id, name: `Fetched ${id}` }));
  if (!id.startsWith('slow-')) return answer();
  hanging += 1;
  void ended.promise.then(answer);
};
after(() => ended.resolve());
const inbound = await startInboundEvenkeel({ EVENKEEL_ALLOW_PRIVATE_ENDPOINTS: '127.0.0.0/8', EVENKEEL_HOST_MAP: JSON.stringify({ 'inbox-crm.example': await serve(vendor), 'other-crm.example': await serve(vendor), 'third-crm.example': await serve(vendor) }) });
const { address, send, published, until } = inbound;
for (const id of ['inbox-crm', 'other-crm', 'third-crm']) await inbound.putConnector(webhookManifest({ id, baseUrl: `https://${id}.example` }));

const touched = (id: string) => vendorEvent({ type: 'contact.touched', contact: { id } });
const sendSlow = async (to: PlantedAddress, count: number): Promise<void> => {
  assert.equal(await send(to, bodyOf(...Array.from({ length: count }, (_, index) => touched(`slow-${index}`)))), 200);
};
async function isTold(to: PlantedAddress, id: string): Promise<void> {
  assert.equal(await send(to, bodyOf(touched(id))), 200);
  await until(async () => (await published(to.accountId)).some(({ payload }) => payload['record_id'] === id), `${id} is told while others hang`);
}
/** Until no more is asked for. */
async function allTaken(): Promise<number> {
  for (let before = -1; before !== hanging; ) {
    before = hanging;
    await new Promise((resolve) => setTimeout(resolve, 600));
  }
  return hanging;
}

test('an account with more hanging than a node works on at once leaves the others of its vendor theirs', async () => {
  const [slow, quick] = [await address(), await address()];
  await sendSlow(slow, 700);
  await until(async () => hanging >= 30, 'many hang');
  const taken = await allTaken();
  assert.ok(taken < 100, `${taken} of one account are under way`);
  await isTold(quick, 'quick-1');
});

test('a vendor of which all accounts hang leaves other vendors theirs, and a second one too', async () => {
  const accounts = await Promise.all(Array.from({ length: 12 }, () => address()));
  for (const account of accounts) await sendSlow(account, 100);
  const ofOne = await allTaken();
  assert.ok(ofOne > 90 && ofOne < 128, `${ofOne} of one vendor are under way`);
  await isTold(await address({ connectorId: 'other-crm' }), 'quick-2');
  for (const account of await Promise.all(Array.from({ length: 8 }, () => address({ connectorId: 'other-crm' })))) await sendSlow(account, 100);
  const ofBoth = await allTaken();
  assert.ok(ofBoth > ofOne + 60 && ofBoth < 256, `${ofBoth} of two vendors are under way`);
  await isTold(await address({ connectorId: 'third-crm' }), 'quick-3');
});
