/** Erasing what came in for a tenant, through HTTP: whole, in pieces, across a crash, and without harm to others. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { serve } from '@evenkeel/tests/harness/loopback-servers.ts';
import { startInboundEvenkeel } from '@evenkeel/tests/harness/inbound-evenkeel.ts';
import { bodyOf, webhookManifest } from '@evenkeel/tests/harness/webhook-vendor.ts';

/** Contacts whose record the vendor does not give yet. */
const held = new Map<string, PromiseWithResolvers<void>>();
const vendorUrl = await serve((request, response) => {
  const id = request.url?.split('/').at(-1) ?? '';
  void (held.get(id)?.promise ?? Promise.resolve()).then(() => response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ id, name: `Fetched ${id}` })));
});
const inbound = await startInboundEvenkeel({ EVENKEEL_ALLOW_PRIVATE_ENDPOINTS: '127.0.0.0/8', EVENKEEL_HOST_MAP: JSON.stringify({ 'api.inbox-crm.example': vendorUrl }) });
const { evenkeel, address, send, settled, published, until } = inbound;
const { call, database } = evenkeel;
const { pool } = database;
await inbound.putConnector(webhookManifest());
await inbound.putConnector(webhookManifest({ id: 'app-crm', scope: 'app' }));
const appSecret = 'app-secret-0123456789';
assert.equal((await call('PUT', '/v1/connectors/app-crm/app', { body: { signing_secret: appSecret } })).status, 200);
const app = { path: await inbound.appPath('app-crm'), secret: appSecret, accountId: '' };

const erase = (tenant: string) => call('DELETE', `/v1/tenants/${tenant}/inbound-events`);
/** Whether any stored text of what came in, or of what was published of it, holds these words. */
async function isStored(words: string): Promise<boolean> {
  const { rows } = await pool.query<{ found: boolean }>(
    `select exists (select from inbound_requests where position(convert_to($1, 'UTF8') in body) > 0) or exists (select from inbound_events e where e::text like '%' || $1 || '%') or exists (select from events where payload::text like '%' || $1 || '%') as found`,
    [words],
  );
  return rows[0]?.found ?? false;
}
const countOf = async (accountId: string): Promise<number> => ((await call('GET', `/v1/inbound-events?account_id=${accountId}`)).json?.['results'] as unknown[] | undefined)?.length ?? 0;

describe('erasing what came in for a tenant', () => {
  it('takes its events, their requests and the records published of them, and leaves the others theirs', async () => {
    const [gone, kept] = [await address({ tenantId: 'goner' }), await address({ tenantId: 'keeper' })];
    assert.equal(await send(gone, bodyOf({ contact: { id: '1', name: 'Gone Grace' } })), 200);
    assert.equal(await send(kept, bodyOf({ contact: { id: '1', name: 'Kept Kay' } })), 200);
    await Promise.all([settled(gone.accountId), settled(kept.accountId)]);
    assert.ok(await isStored('Gone Grace'));
    const { json, status } = await erase('goner');
    assert.equal(status, 200);
    assert.deepEqual([json?.['tenant_id'], json?.['requests'], json?.['events'], json?.['published']], ['goner', 1, 1, 1]);
    assert.notEqual(json?.['finished_at'], null);
    assert.ok(!(await isStored('Gone Grace')));
    assert.deepEqual((await published(gone.accountId)).map(({ payload }) => [payload['erased'], payload['record']]), [[true, null]]);
    assert.deepEqual([await countOf(gone.accountId), await countOf(kept.accountId)], [0, 1]);
    assert.ok(await isStored('Kept Kay'));
    assert.equal(await send(gone, bodyOf({ contact: { id: '2', name: 'New Nell' } })), 200);
    await settled(gone.accountId);
    assert.equal(await countOf(gone.accountId), 1, 'what comes later is new');
    const key = String((await call('POST', '/v1/api-keys', { body: { name: 'keeper', scope: 'admin', tenant_id: 'keeper' } })).json?.['key']);
    assert.equal((await call('DELETE', '/v1/tenants/goner/inbound-events', { key })).status, 403);
    assert.equal((await call('GET', '/v1/tenants/goner/inbound-erasures', { key })).status, 403);
  });

  it('empties a request that tells of others too, after what the others wait for is read from it; repetitions leave nothing behind', async () => {
    const [mine, other] = [await address({ connectorId: 'app-crm', externalId: 'portal-1', tenantId: 'mine' }), await address({ connectorId: 'app-crm', externalId: 'portal-2', tenantId: 'other' })];
    const gate = Promise.withResolvers<void>();
    held.set('slow', gate);
    const body = bodyOf({ portal: 'portal-1', contact: { id: '11', name: 'Shared Shea' } }, { portal: 'portal-2', type: 'contact.touched', contact: { id: 'slow' } });
    assert.equal(await send(app, body), 200);
    await until(async () => (await published(mine.accountId)).length === 1, 'the first is published');
    assert.equal(await send(app, body), 200);
    await until(async () => (await pool.query('select from inbound_queue')).rows.length === 0, 'the repetition is split');
    const asked = await erase('mine');
    assert.deepEqual([asked.status, asked.json?.['finished_at']], [202, null], 'the other\'s event is read from the same request');
    await pool.query(`insert into inbound_erasures (id, tenant_id, until, requested_by) values ('ier_beside', 'beside', now(), 'key:other')`);
    await until(async () => (await pool.query(`select from inbound_erasures where id = 'ier_beside' and finished_at is not null`)).rows.length === 1, 'an erasure of another tenant does not wait behind it');
    gate.resolve();
    await until(async () => (await published(other.accountId)).length === 1, 'the other\'s event is published');
    const erasures = async (): Promise<Record<string, unknown>[]> => (await call('GET', '/v1/tenants/mine/inbound-erasures')).json?.['results'] as Record<string, unknown>[];
    await until(async () => (await erasures())[0]?.['finished_at'] !== null, 'the erasure ends by itself');
    assert.ok(!(await isStored('Shared Shea')), 'neither in the request nor in its repetition');
    assert.deepEqual([await countOf(mine.accountId), await countOf(other.accountId)], [0, 1]);
  });

  it('sends nothing of it any more: open deliveries are cancelled, and what is asked for again is refused', async () => {
    const one = await address({ tenantId: 'quiet' });
    const bodies: string[] = [];
    let asked = 0;
    const target = await serve((request, response) => {
      asked += 1;
      request.setEncoding('utf8').on('data', (part: string) => bodies.push(part)).on('end', () => response.writeHead(500).end());
    });
    const made = await call('POST', '/v1/endpoints', { body: { tenant_id: 'quiet', url: target, event_types: ['crm.*'] } });
    assert.equal(made.status, 201, made.text);
    const endpoint = String(made.json?.['id']);
    const delivery = async (): Promise<Record<string, unknown> | undefined> => ((await call('GET', `/v1/deliveries?endpoint_id=${endpoint}`)).json?.['results'] as Record<string, unknown>[] | undefined)?.[0];
    assert.equal(await send(one, bodyOf({ contact: { id: '1', name: 'Quiet Quinn' } })), 200);
    await until(async () => (await delivery())?.['attempts'] === 1, 'a first attempt failed');
    const told = asked;
    assert.ok(bodies.join('').includes('Quiet Quinn'));
    assert.equal((await erase('quiet')).json?.['published'], 1);
    const cancelled = await delivery();
    assert.deepEqual([cancelled?.['state'], cancelled?.['reason']], ['cancelled', 'erased']);
    const retried = await call('POST', `/v1/deliveries/${String(cancelled?.['id'])}/retry`);
    assert.deepEqual([retried.status, retried.json?.['code']], [409, 'conflict']);
    const resend = await call('POST', `/v1/endpoints/${endpoint}/resend`, { body: { since: new Date(Date.now() - 60_000).toISOString() } });
    await until(async () => (await call('GET', `/v1/endpoints/${endpoint}/resends/${String(resend.json?.['id'])}`)).json?.['state'] === 'done', 'it was asked for in bulk');
    await until(async () => { const now = await delivery(); return now?.['cause'] === 'resend' && now['state'] === 'cancelled'; }, 'it is cancelled again');
    assert.equal(asked, told, 'nothing was sent');
  });

  it('goes on where it was when its process died in the middle', async () => {
    const one = await address({ tenantId: 'many' });
    for (let round = 0; round < 3; round += 1) assert.equal(await send(one, bodyOf({ contact: { id: String(round), name: 'Many Mae' } })), 200);
    await settled(one.accountId);
    // As a process leaves it that died after the first piece: asked for, one of three done.
    const { rows } = await pool.query<{ id: string; request_id: string }>('select id, request_id from inbound_events where account_id = $1 order by id limit 1', [one.accountId]);
    await pool.query(`delete from inbound_events where id = $1`, [rows[0]?.id]);
    await pool.query(`delete from inbound_requests where id = $1`, [rows[0]?.request_id]);
    await pool.query(`insert into inbound_erasures (id, tenant_id, until, requested_by, requests, events) values ('ier_left', 'many', now(), 'key:gone', 1, 1)`);
    await until(async () => (await pool.query(`select from inbound_erasures where id = 'ier_left' and finished_at is not null`)).rows.length === 1, 'another goes on by itself');
    assert.equal(await countOf(one.accountId), 0);
    const { json } = await call('GET', '/v1/tenants/many/inbound-erasures');
    assert.deepEqual(((json?.['results'] ?? []) as { requests: number; events: number }[]).map(({ requests, events }) => [requests, events]), [[3, 3]]);
  });

  it('takes what was not split yet, and events that wait', async () => {
    const one = await address({ tenantId: 'waiting' });
    held.set('never', Promise.withResolvers<void>());
    assert.equal(await send(one, bodyOf({ type: 'contact.touched', contact: { id: 'never', name: 'Waiting Wes' } })), 200);
    await until(async () => (await countOf(one.accountId)) === 1, 'it waits for its record');
    assert.equal((await erase('waiting')).json?.['events'], 1);
    held.get('never')?.resolve();
    await settled(one.accountId);
    assert.deepEqual([await countOf(one.accountId), await isStored('Waiting Wes')], [0, false]);
    assert.equal((await published(one.accountId)).length, 0, 'what was under way takes no effect');
  });
});
