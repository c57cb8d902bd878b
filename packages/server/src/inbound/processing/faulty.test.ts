/** Requests whose events the database refuses, through HTTP: those beside them, in other lanes too, are worked on as ever. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { serve } from '@evenkeel/tests/harness/loopback-servers.ts';
import { startInboundEvenkeel } from '@evenkeel/tests/harness/inbound-evenkeel.ts';
import { bodyOf, webhookManifest } from '@evenkeel/tests/harness/webhook-vendor.ts';

const vendorUrl = await serve((request, response) => void response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ id: request.url?.split('/').at(-1), name: 'Fetched' })));
const inbound = await startInboundEvenkeel({ EVENKEEL_HOST_MAP: JSON.stringify({ 'api.inbox-crm.example': vendorUrl }) });
const { evenkeel, address, send, settled, published } = inbound;
const { pool } = evenkeel.database;
await inbound.putConnector(webhookManifest());

it('a request whose events cannot be written becomes one dead event that says so, and none of the others does', async () => {
  await pool.query(`alter table inbound_events add constraint no_poison check (vendor_event_id is distinct from 'poison')`);
  const one = await address();
  const holder = await pool.connect();
  try {
    await holder.query('begin');
    await holder.query('select lane from inbound_lanes for update');
    for (let index = 0; index < 24; index += 1) assert.equal(await send(one, bodyOf({ ...(index === 5 ? { id: 'poison' } : {}), contact: { id: String(index), name: 'Beside' } })), 200);
    const { rows } = await pool.query<{ lanes: number }>('select count(distinct lane) as lanes from inbound_queue');
    assert.ok((rows[0]?.lanes ?? 0) > 1, 'they wait in several lanes');
  } finally {
    await holder.query('rollback');
    holder.release();
  }
  await settled(one.accountId);
  const { json } = await evenkeel.call('GET', `/v1/inbound-events?account_id=${one.accountId}&limit=200&state=dead`);
  const dead = json?.['results'] as { id: string; reason: string }[];
  assert.equal(dead.length, 1);
  assert.match(dead[0]?.reason ?? '', /The database cannot take what is in it: .*no_poison/);
  assert.equal((await published(one.accountId)).length, 23);
  const { json: shown } = await evenkeel.call('GET', `/v1/inbound-events/${dead[0]?.id ?? ''}`);
  assert.match(JSON.stringify(shown), /poison/, 'it is the one that holds it');
});

it('an event that waited, of which the database refuses what came of it, is dead and says so; those finished beside it are not', async () => {
  await pool.query(`alter table events add constraint no_unwritable check (payload ->> 'record_id' is distinct from 'unwritable')`);
  const one = await address();
  const contacts = ['41', 'unwritable', '42'];
  assert.equal(await send(one, bodyOf(...contacts.map((id) => ({ type: 'contact.touched', contact: { id } })))), 200);
  await settled(one.accountId);
  const { json } = await evenkeel.call('GET', `/v1/inbound-events?account_id=${one.accountId}`);
  const reasons = ((json?.['results'] ?? []) as { state: string; reason: string | null }[]).filter(({ state }) => state === 'dead').map(({ reason }) => reason ?? '');
  assert.equal(reasons.length, 1);
  assert.match(reasons[0] ?? '', /The database cannot take what came of it: .*no_unwritable/);
  assert.deepEqual(new Set((await published(one.accountId)).map(({ payload }) => payload['record_id'])), new Set(['41', '42']));
});
