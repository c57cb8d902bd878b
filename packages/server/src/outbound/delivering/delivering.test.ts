import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'node:test';
import { Webhook } from 'standardwebhooks';
import { createTestDatabase } from '@evenkeel/tests/harness/database.ts';
import { makeEndpoint, publish, startOutboundNode, startReceiver, untilDeliveries, type Received } from '@evenkeel/tests/harness/outbound-node.ts';

const database = await createTestDatabase();
const node = await startOutboundNode(database);

const verify = (secret: string, { body, headers }: Received): unknown => new Webhook(secret).verify(body, headers as Record<string, string>);

describe('a delivery', () => {
  it('is verified by the independent library, whatever bytes are in it', async () => {
    const receiver = await startReceiver();
    const { id, secret } = await makeEndpoint(database.pool, node.vault, { url: receiver.url, tenant_id: 'bytes' });
    const texts = ['plain', 'ümläut 漢字 🦊', 'nul \0 and \u0001', 'lone \ud800 surrogate', 'line\u2028separator', '"quotes" \\ and \u007f', 'x'.repeat(200_000)];
    const ids = await publish(database.pool, texts.map((message) => ({ tenantId: 'bytes', data: { message } })));
    const received = await receiver.count(texts.length);
    for (const one of received) {
      const { id: eventId, data } = verify(secret, one) as { id: string; data: { message: string } };
      assert.equal(eventId, one.headers['webhook-id']);
      assert.equal(data.message, texts[ids.indexOf(eventId)]);
      assert.throws(() => verify(secret, { ...one, body: Buffer.concat([one.body, Buffer.from(' ')]) }));
    }
    const rows = await untilDeliveries(database.pool, id, (all) => all.every(({ state }) => state === 'delivered'));
    assert.equal(rows.length, texts.length);
  });

  it('goes to the endpoints of its tenant and of no tenant that want its type', async () => {
    const receiver = await startReceiver();
    const at = (path: string, rest: object) => makeEndpoint(database.pool, node.vault, { url: `${receiver.url}/${path}`, ...rest });
    const own = await at('own', { tenant_id: 'filtered', event_types: ['crm.*'] });
    const other = await at('other', { tenant_id: 'another', event_types: ['crm.*'] });
    const everywhere = await at('everywhere', { event_types: ['*.updated'] });
    const narrow = await at('narrow', { tenant_id: 'filtered', event_types: ['crm_contact%', 'crm.deal.*'] });
    await publish(database.pool, [{ tenantId: 'filtered', type: 'crm.contact.updated' }]);
    await receiver.count(2);
    assert.deepEqual(receiver.received.map(({ path }) => path).toSorted(), ['/everywhere', '/own']);
    for (const { id } of [other, narrow]) assert.deepEqual(await untilDeliveries(database.pool, id, () => true), []);
    for (const { id } of [own, everywhere]) await untilDeliveries(database.pool, id, ([one]) => one?.state === 'delivered');
    await database.pool.query('update endpoints set deleted_at = now() where id = $1', [everywhere.id]);
  });

  it('keeps its webhook-id over all attempts, and goes through the whole schedule', async () => {
    const receiver = await startReceiver((_one, response) => void response.writeHead(500).end('no'));
    const { id } = await makeEndpoint(database.pool, node.vault, { url: receiver.url, tenant_id: 'schedule' });
    await publish(database.pool, [{ tenantId: 'schedule' }]);
    const waits = [5, 300, 1_800, 7_200, 18_000, 36_000, 36_000];
    for (const [n, wait] of waits.entries()) {
      await receiver.count(n + 1);
      const [row] = await untilDeliveries(database.pool, id, ([one]) => one?.attempts === n + 1);
      // The row's time is by the shifted clock of the node.
      assert.equal(row?.state, 'pending');
      node.ahead(wait * 1000 + 500);
    }
    await receiver.count(8);
    const [row] = await untilDeliveries(database.pool, id, ([one]) => one?.state === 'failed');
    assert.equal(row?.attempts, 8);
    assert.equal(row?.reason, 'exhausted');
    assert.equal(new Set(receiver.received.map(({ headers }) => headers['webhook-id'])).size, 1);
    assert.deepEqual(receiver.received.map(({ headers }) => headers['evenkeel-attempt']), ['1', '2', '3', '4', '5', '6', '7', '8']);
    const { rows } = await database.pool.query<{ number: number; status: number; response_body: Buffer }>('select number, status, response_body from delivery_attempts where endpoint_id = $1 order by number', [id]);
    assert.deepEqual(rows.map(({ number, status, response_body: body }) => [number, status, body.toString()]), [1, 2, 3, 4, 5, 6, 7, 8].map((number) => [number, 500, 'no']));
  });

  it('is not led elsewhere by a redirect, and keeps no more of an answer than its bound', async () => {
    const elsewhere = await startReceiver();
    const moved = await startReceiver((_one, response) => void response.writeHead(302, { location: elsewhere.url }).end());
    const wordy = await startReceiver((_one, response) => void response.writeHead(400).end('é'.repeat(1_000_000)));
    const a = await makeEndpoint(database.pool, node.vault, { url: moved.url, tenant_id: 'moved', retry_schedule_s: [] });
    const b = await makeEndpoint(database.pool, node.vault, { url: wordy.url, tenant_id: 'moved', retry_schedule_s: [] });
    await publish(database.pool, [{ tenantId: 'moved' }]);
    const [first] = await untilDeliveries(database.pool, a.id, ([one]) => one?.state === 'failed');
    assert.equal(first?.last_error, 'redirect');
    await untilDeliveries(database.pool, b.id, ([one]) => one?.state === 'failed');
    assert.equal(elsewhere.received.length, 0);
    const { rows } = await database.pool.query<{ length: number; response_truncated: boolean }>('select length(response_body), response_truncated from delivery_attempts where endpoint_id = $1', [b.id]);
    assert.deepEqual(rows, [{ length: 4096, response_truncated: true }]);
  });

  it('ends in time at a receiver that sends a byte a second', async () => {
    const trickling = await startReceiver((_one, response) => {
      response.writeHead(200, { 'content-length': '1000' });
      const timer = setInterval(() => response.write('.'), 300);
      response.on('close', () => clearInterval(timer));
    });
    const { id } = await makeEndpoint(database.pool, node.vault, { url: trickling.url, tenant_id: 'trickle', timeout_ms: 1_000, retry_schedule_s: [] });
    const startedMs = Date.now();
    await publish(database.pool, [{ tenantId: 'trickle' }]);
    const [row] = await untilDeliveries(database.pool, id, ([one]) => one?.state === 'failed');
    assert.equal(row?.last_error, 'timeout');
    assert.ok(Date.now() - startedMs < 5_000);
  });

  it('carries custom headers, which are stored sealed', async () => {
    const receiver = await startReceiver();
    const { id } = await makeEndpoint(database.pool, node.vault, { url: receiver.url, tenant_id: 'headers', headers: { authorization: 'Bearer planted-secret-1' } });
    await publish(database.pool, [{ tenantId: 'headers' }]);
    const [one] = await receiver.count(1);
    assert.equal(one?.headers.authorization, 'Bearer planted-secret-1');
    const { rows } = await database.pool.query<{ text: string }>('select row_to_json(e)::text || coalesce((select string_agg(s.sealed::text, \'\') from endpoint_secrets s where s.endpoint_id = e.id), \'\') as text from endpoints e where e.id = $1', [id]);
    assert.ok(!rows[0]?.text.includes('planted-secret-1') && !rows[0]?.text.includes(Buffer.from('planted-secret-1').toString('hex')));
  });
});

const digest = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 16);

it('the id of a delivery follows from its event and its endpoint', async () => {
  const { rows } = await database.pool.query<{ id: string }>('select delivery_id($1, $2) as id', ['evt_01kb1d3vme7yyyyyyyyyyyyyyy', 'ep_1']);
  assert.equal(rows[0]?.id, `dlv_01kb1d3vme${digest('evt_01kb1d3vme7yyyyyyyyyyyyyyy ep_1')}`);
});
