/** Webhooks from their first byte to the event published for them, through HTTP. */
import assert from 'node:assert/strict';
import { request as httpRequest } from 'node:http';
import { describe, it } from 'node:test';
import { serve } from '@evenkeel/tests/harness/loopback-servers.ts';
import { startInboundEvenkeel } from '@evenkeel/tests/harness/inbound-evenkeel.ts';
import { bodyOf, sign, signatureHeader, vendorEvent, webhookManifest } from '@evenkeel/tests/harness/webhook-vendor.ts';
import { newId } from '../identifier.ts';
import { insertRequests, type RequestRow } from './request-store.ts';

/** What the vendor of thin events answers next, by the contact's id. */
const answers = new Map<string, { status: number; body?: object; headers?: Record<string, string> }[]>();
const fetched: string[] = [];
const vendorUrl = await serve((request, response) => {
  const id = request.url?.split('/').at(-1) ?? '';
  fetched.push(id);
  const next = answers.get(id)?.shift() ?? { status: 200, body: { id, name: `Fetched ${id}` } };
  response.writeHead(next.status, { 'content-type': 'application/json', ...next.headers }).end(JSON.stringify(next.body ?? {}));
});
const inbound = await startInboundEvenkeel({ EVENKEEL_ALLOW_PRIVATE_ENDPOINTS: '127.0.0.0/8', EVENKEEL_HOST_MAP: JSON.stringify({ 'api.inbox-crm.example': vendorUrl }) });
const { evenkeel, address, send, settled, published } = inbound;
const { call, database } = evenkeel;
const { pool } = database;
await inbound.putConnector(webhookManifest());
await inbound.putConnector(webhookManifest({ id: 'ordered-crm', ordered: true }));
await inbound.putConnector(webhookManifest({ id: 'app-crm', scope: 'app' }));
assert.equal((await call('PUT', '/v1/connectors/app-crm/app', { body: { signing_secret: 'app-secret-0123456789' } })).status, 200);

async function eventsOf(accountId: string, more = ''): Promise<Record<string, unknown>[]> {
  const { json, text } = await call('GET', `/v1/inbound-events?account_id=${accountId}&limit=200${more}`);
  assert.ok(json !== undefined, text);
  return json['results'] as Record<string, unknown>[];
}
const sorted = (values: readonly unknown[]): string[] => values.map(String).toSorted((a, b) => (a < b ? -1 : 1));

describe('a webhook', () => {
  it('is committed, acknowledged, and published as a unified event once, however often it comes', async () => {
    const one = await address();
    const body = bodyOf(vendorEvent({ contact: { id: '51', name: 'Grace' } }));
    assert.equal(await send(one, body), 200);
    assert.equal(await send(one, body), 200);
    await settled(one.accountId);
    assert.equal(await send(one, body), 200);
    await settled(one.accountId);
    const events = await published(one.accountId);
    assert.equal(events.length, 1);
    assert.equal(events[0]?.type, 'crm.contact.updated');
    const { record, inbound_event_id: inboundId } = events[0].payload;
    assert.equal((record as { name: string }).name, 'Grace');
    const { json } = await call('GET', `/v1/inbound-events/${String(inboundId)}`);
    assert.equal(json?.['duplicates'], 2);
    assert.equal(json['state'], 'processed');
    assert.deepEqual(json['published'], (json['events'] as { event_id: string }[]).map(({ event_id: id }) => id));
    assert.ok(Number(json['lag_ms']) < 10_000);
  });

  it('that comes again on another day, in another partition, is the same event still', async () => {
    const one = await address();
    assert.equal(await send(one, bodyOf({ contact: { id: '52', name: 'Once' } })), 200);
    await settled(one.accountId);
    const { rows } = await pool.query<RequestRow>('select * from inbound_requests where account_id = $1', [one.accountId]);
    const row = rows[0] ?? assert.fail('nothing is stored');
    const receivedAtMs = row.received_at.getTime() + 86_400_000;
    const { body, query, method, verification } = row;
    await insertRequests(pool, [{ id: newId('ibr', receivedAtMs), receivedAtMs, source: 'webhook', lane: 0, connectorId: row.connector_id, connectorVersion: row.connector_version, addressId: row.address_id, accountId: row.account_id, tenantId: row.tenant_id, method, query, headers: '', body, verification: JSON.stringify(verification) }]);
    await settled(one.accountId);
    const partitions = await pool.query('select distinct tableoid from inbound_requests where account_id = $1', [one.accountId]);
    assert.equal(partitions.rows.length, 2);
    const [event, ...more] = await eventsOf(one.accountId);
    assert.equal(more.length, 0);
    assert.equal((await call('GET', `/v1/inbound-events/${String(event?.['id'])}`)).json?.['duplicates'], 1);
    assert.equal((await published(one.accountId)).length, 1);
  });

  it('is shown with the deliveries of what was published for it, to each caller those of its own endpoints', async () => {
    const tenantId = 'delivered';
    const one = await address({ tenantId });
    const key = String((await call('POST', '/v1/api-keys', { body: { name: 'delivered', scope: 'admin', tenant_id: tenantId } })).json?.['key']);
    const target = await serve((_, response) => void response.writeHead(204).end());
    const endpoints = await Promise.all([{ key, body: { tenant_id: tenantId, url: target, event_types: ['crm.*'] } }, { body: { url: target, event_types: ['crm.*'] } }].map((options) => call('POST', '/v1/endpoints', options)));
    for (const { status, text } of endpoints) assert.equal(status, 201, text);
    const ids = endpoints.map(({ json }) => String(json?.['id']));
    try {
      assert.equal(await send(one, bodyOf({ contact: { id: '53', name: 'Told on' } })), 200);
      await settled(one.accountId);
      const [event] = await eventsOf(one.accountId);
      const shown = async (as?: string): Promise<Record<string, unknown>[]> => {
        const { json } = await call('GET', `/v1/inbound-events/${String(event?.['id'])}`, as === undefined ? {} : { key: as });
        return ((json?.['events'] ?? []) as { deliveries: Record<string, unknown>[] }[]).flatMap(({ deliveries }) => deliveries);
      };
      await inbound.until(async () => (await shown()).every(({ state }) => state === 'delivered'), 'both are delivered');
      assert.deepEqual(sorted((await shown()).map(({ endpoint_id: id }) => id)), sorted(ids));
      assert.deepEqual((await shown(key)).map(({ endpoint_id: id, last_status: status }) => [id, status]), [[ids[0], 204]]);
    } finally {
      for (const id of ids) await call('DELETE', `/v1/endpoints/${id}`);
    }
  });

  it('is cut into events, each with its own identity and end; one without meaning is ignored, one that cannot be mapped is dead', async () => {
    const one = await address();
    const body = bodyOf({ contact: { id: '1', name: 'A' } }, { type: 'contact.deleted', contact: { id: '2' } }, { type: 'invoice.paid' }, { contact: { name: 'without id' } }, { contact: { id: '3', name: 'C' } });
    assert.equal(await send(one, body), 200);
    await settled(one.accountId);
    assert.deepEqual((await published(one.accountId)).map(({ type, payload }) => [type, payload['record_id']]), [['crm.contact.updated', '1'], ['crm.contact.deleted', '2'], ['crm.contact.updated', '3']]);
    assert.deepEqual(sorted((await eventsOf(one.accountId)).map(({ state }) => state)), ['dead', 'ignored', 'processed', 'processed', 'processed']);
    const [dead] = await eventsOf(one.accountId, '&state=dead');
    assert.match(String(dead?.['reason']), /id is required/);
  });

  it('whose bytes are no JSON, or no UTF-8, is kept whole and becomes a dead event that shows them', async () => {
    const one = await address();
    for (const bytes of [Buffer.from('{"events": [tru'), Buffer.from([0x7b, 0xff, 0xfe, 0x00, 0x7d])]) {
      const response = await fetch(evenkeel.url + one.path, { method: 'POST', body: bytes, headers: { [signatureHeader]: sign(one.secret, bytes) } });
      assert.equal(response.status, 200);
    }
    await settled(one.accountId);
    const { rows } = await pool.query<{ body: Buffer }>('select body from inbound_requests where account_id = $1 order by id', [one.accountId]);
    assert.deepEqual(rows.map(({ body }) => body.length).toSorted((a, b) => a - b), [5, 15]);
    const dead = await eventsOf(one.accountId);
    assert.deepEqual(dead.map(({ state }) => state), ['dead', 'dead']);
    const shown = await Promise.all(dead.map(async ({ id }) => (await call('GET', `/v1/inbound-events/${String(id)}`)).json?.['request']));
    assert.deepEqual(sorted(shown.map((request) => (request as { body: { binary: boolean } }).body.binary)), ['false', 'true']);
  });

  it('with text the database cannot hold takes no other down with it', async () => {
    const one = await address();
    const nul = String.fromCharCode(0);
    assert.equal(await send(one, bodyOf({ type: `odd${nul}type`, id: `x${nul}y` }, { contact: { id: '4', name: `N${nul}U\ud800L` } }, { contact: { id: '5', name: 'fine' } })), 200);
    await settled(one.accountId);
    assert.deepEqual((await published(one.accountId)).map(({ payload }) => payload['record_id']), ['4', '5']);
  });
});

describe('a request that is not proven', () => {
  it('is refused with 401, counted and logged, and stored nowhere', async () => {
    const one = await address();
    const body = bodyOf({});
    const good = sign(one.secret, body);
    const tries: Record<string, string>[] = [{}, { [signatureHeader]: '' }, { [signatureHeader]: good.slice(0, -2) }, { [signatureHeader]: sign('another secret', body) }, { [signatureHeader]: good.replace(/./, (first) => (first === '0' ? '1' : '0')) }];
    for (const headers of tries) assert.equal((await call('POST', one.path, { key: null, text: body, headers })).status, 401, JSON.stringify(headers));
    const reencoded = JSON.stringify(JSON.parse(body), null, 1);
    assert.equal((await call('POST', one.path, { key: null, text: reencoded, headers: { [signatureHeader]: good } })).status, 401);
    assert.equal(await rawStatus(one.path, body, [signatureHeader, good, signatureHeader, good]), 401, 'a header that came twice');
    const { rows } = await pool.query<{ n: number }>('select count(*) as n from inbound_requests where account_id = $1', [one.accountId]);
    assert.equal(rows[0]?.n, 0);
    assert.ok(evenkeel.logLines.some((line) => line.includes('missing_signature') && line.includes(one.accountId)));
  });

  it('meets 404 at an address that is none, and 410 at that of a deleted account', async () => {
    const one = await address();
    const body = bodyOf({});
    assert.equal((await call('POST', `${one.path}x`, { key: null, text: body })).status, 404);
    assert.equal(await send(one, body), 200);
    assert.equal((await call('DELETE', `/v1/accounts/${one.accountId}`)).status, 200);
    assert.equal(await send(one, bodyOf({})), 410);
  });

  it('is not read beyond the limit, also in chunks of no stated length', async () => {
    const one = await address();
    const chunk = Buffer.alloc(256 * 1024, 0x20);
    const { status, sentBytes } = await sendChunks(one.path, chunk, 64);
    assert.equal(status, 413);
    assert.ok(sentBytes <= 64 * chunk.length);
    const stated = await fetch(evenkeel.url + one.path, { method: 'POST', body: Buffer.alloc(5 * 1024 * 1024) }).catch(() => ({ status: 413 }));
    assert.equal(stated.status, 413);
  });
});

/** Headers exactly as given, repetitions included. */
function rawStatus(path: string, body: string, headers: string[]): Promise<number> {
  return new Promise((resolve, reject) => {
    const sending = httpRequest(evenkeel.url + path, { method: 'POST', headers: [...headers, 'host', 'x', 'content-length', String(Buffer.byteLength(body))] }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    sending.once('error', reject);
    sending.end(body);
  });
}

function sendChunks(path: string, chunk: Buffer, most: number): Promise<{ status: number; sentBytes: number }> {
  return new Promise((resolve, reject) => {
    let sentBytes = 0;
    let answered = false;
    const sending = httpRequest(evenkeel.url + path, { method: 'POST', headers: { 'transfer-encoding': 'chunked' } }, (response) => {
      answered = true;
      response.resume();
      resolve({ status: response.statusCode ?? 0, sentBytes });
      sending.destroy();
    });
    sending.on('error', (error) => answered || reject(error));
    const next = (left: number): void => {
      if (answered || left === 0) return void sending.end();
      sentBytes += chunk.length;
      sending.write(chunk, () => next(left - 1));
    };
    next(most);
  });
}

describe('a thin event', () => {
  it('is published with the record that the unified get reads', async () => {
    const one = await address();
    assert.equal(await send(one, bodyOf({ type: 'contact.touched', contact: { id: '61' } })), 200);
    await settled(one.accountId);
    assert.deepEqual((await published(one.accountId)).map(({ payload }) => (payload['record'] as { name: string }).name), ['Fetched 61']);
  });

  it('waits as long as the vendor says when it is rate limited, with what else the account has waiting', async () => {
    const one = await address();
    answers.set('62', [{ status: 429, headers: { 'retry-after': '1' } }]);
    const begun = Date.now();
    assert.equal(await send(one, bodyOf({ type: 'contact.touched', contact: { id: '62' } })), 200);
    await settled(one.accountId);
    assert.ok(Date.now() - begun >= 900, 'it was asked again too soon');
    const [event] = await eventsOf(one.accountId);
    assert.equal(event?.['state'], 'processed');
    assert.equal(fetched.filter((id) => id === '62').length, 2);
  });

  it('of a record that is gone is ignored, and says so; one the vendor refuses is dead and can be replayed', async () => {
    const one = await address();
    answers.set('63', [{ status: 404, body: { message: 'gone' } }]);
    answers.set('64', [{ status: 400, body: { message: 'no' } }]);
    assert.equal(await send(one, bodyOf({ type: 'contact.touched', contact: { id: '63' } }, { type: 'contact.touched', contact: { id: '64' } })), 200);
    await settled(one.accountId);
    assert.deepEqual(sorted((await eventsOf(one.accountId)).map(({ state, reason }) => `${String(state)} ${/any more|no/.test(String(reason))}`)), ['dead true', 'ignored true']);
    const criteria = { account_id: one.accountId, state: 'dead', since: new Date(Date.now() - 60_000).toISOString() };
    const dry = await call('POST', '/v1/inbound-events/replay', { body: { ...criteria, dry_run: true } });
    assert.deepEqual([dry.status, dry.json?.['total']], [200, 1]);
    const replay = await call('POST', '/v1/inbound-events/replay', { body: criteria });
    assert.deepEqual([replay.status, replay.json?.['total']], [202, 1], replay.text);
    await inbound.replayed(String(replay.json?.['id']));
    await settled(one.accountId);
    const events = await published(one.accountId);
    assert.deepEqual(events.map(({ payload }) => [payload['record_id'], payload['replayed']]), [['64', true]]);
  });
});

describe('events of one object', () => {
  it('are published in the order in which they came, also behind one that has to wait', async () => {
    const one = await address({ connectorId: 'ordered-crm' });
    answers.set('71', [{ status: 429, headers: { 'retry-after': '1' } }]);
    const other = { contact: { id: '72', name: 'other object' } };
    assert.equal(await send(one, bodyOf({ type: 'contact.touched', contact: { id: '71' } }, { contact: { id: '71', name: 'second' } }, other)), 200);
    assert.equal(await send(one, bodyOf({ type: 'contact.deleted', contact: { id: '71' } })), 200);
    await settled(one.accountId);
    const events = await published(one.accountId);
    assert.deepEqual(events.filter(({ payload }) => payload['record_id'] === '71').map(({ type, payload }) => (payload['record'] as { name: string } | null)?.name ?? type), ['Fetched 71', 'second', 'crm.contact.deleted']);
    assert.equal(events[0]?.payload['record_id'], '72', 'another object does not wait');
  });
});

describe('the address of an app', () => {
  it('serves every account its events name, of every tenant, and waits for an account that is not there yet', async () => {
    const path = await inbound.appPath('app-crm');
    const [one, two] = [await address({ connectorId: 'app-crm', externalId: 'portal-1' }), await address({ connectorId: 'app-crm', externalId: 'portal-1', tenantId: 'other' })];
    const app = { path, secret: 'app-secret-0123456789', accountId: '' };
    const body = bodyOf({ portal: 'portal-1', contact: { id: '81', name: 'both' } }, { portal: 'portal-2', contact: { id: '82', name: 'later' } }, { contact: { id: '83', name: 'nobody' } });
    assert.equal(await send(app, body), 200);
    await settled(one.accountId);
    for (const { accountId } of [one, two]) assert.deepEqual((await published(accountId)).map(({ payload }) => payload['record_id']), ['81']);
    const late = await address({ connectorId: 'app-crm', externalId: 'portal-2' });
    await pool.query('update inbound_work set due_at = now() where account_id is null');
    await inbound.until(async () => (await published(late.accountId)).length === 1, 'the event that waited is published');
    assert.equal(await send(app, body), 200);
    await settled(late.accountId);
    for (const { accountId } of [one, two, late]) assert.equal((await published(accountId)).length, 1, 'a repetition has no effect for anybody');
    const { rows } = await pool.query<{ reason: string }>(`select reason from inbound_events where connector_id = 'app-crm' and state = 'dead'`);
    assert.match(rows[0]?.reason ?? '', /names no account/);
  });
});

describe('the API', () => {
  it('shows a tenant\'s key nothing of another tenant', async () => {
    const [mine, other] = [await address({ tenantId: 'seer' }), await address({ tenantId: 'unseen' })];
    for (const one of [mine, other]) assert.equal(await send(one, bodyOf({})), 200);
    await Promise.all([settled(mine.accountId), settled(other.accountId)]);
    const key = String((await call('POST', '/v1/api-keys', { body: { name: 'seer', scope: 'write', tenant_id: 'seer' } })).json?.['key']);
    const seen = (await call('GET', '/v1/inbound-events', { key })).json;
    assert.deepEqual((seen?.['results'] as { account_id: string }[] | undefined)?.map(({ account_id: id }) => id), [mine.accountId]);
    const [foreign] = await eventsOf(other.accountId);
    assert.equal((await call('GET', `/v1/inbound-events/${String(foreign?.['id'])}`, { key })).status, 404);
    assert.equal((await call('GET', '/v1/inbound-events?tenant_id=unseen', { key })).status, 403);
    assert.equal((await call('GET', `/v1/accounts/${other.accountId}/inbound`, { key })).status, 404);
    const replay = await call('POST', '/v1/inbound-events/replay', { key, body: { since: '2020-01-01T00:00:00Z', dry_run: true } });
    assert.equal(replay.json?.['total'], 1);
  });

  it('masks credentials in what it shows, and keeps none in what it stores', async () => {
    const one = await address();
    const body = bodyOf({});
    assert.equal((await call('POST', `${one.path}?api_token=planted-query-secret`, { key: null, text: body, headers: { [signatureHeader]: sign(one.secret, body), authorization: 'Basic cGxhbnRlZDpzZWNyZXQ=', cookie: 'planted-cookie-1' } })).status, 200);
    await settled(one.accountId);
    const [event] = await eventsOf(one.accountId);
    const { text } = await call('GET', `/v1/inbound-events/${String(event?.['id'])}`);
    for (const planted of ['planted-query-secret', 'cGxhbnRlZDpzZWNyZXQ', 'planted-cookie', one.secret]) assert.ok(!text.includes(planted), planted);
    const { rows } = await pool.query<{ headers: Buffer }>('select headers from inbound_requests where account_id = $1', [one.accountId]);
    assert.ok(!String(rows[0]?.headers).includes('planted'));
  });
});
