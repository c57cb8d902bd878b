import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import type { ServerResponse } from 'node:http';
import { describe, it } from 'node:test';
import { atEnd, createTestDatabase } from '@evenkeel/tests/harness/database.ts';
import { makeEndpoint, publish, startOutboundNode, startReceiver, untilDeliveries } from '@evenkeel/tests/harness/outbound-node.ts';
import { retryDelivery, cancelDelivery } from '../delivery-store.ts';
import { markDeleted, markDisabled, markEnabled } from '../endpoint-store.ts';
import { announceDeliveries } from '../publish.ts';

const mails: string[] = [];
const smtp = createServer((socket) => {
  socket.write('220 test\r\n');
  let data = false;
  let text = '';
  socket.on('data', (chunk) => {
    for (const line of chunk.toString().split('\r\n')) {
      if (data) {
        if (line === '.') {
          data = false;
          mails.push(text);
          socket.write('250 taken\r\n');
        } else text += `${line}\n`;
      } else if (line === 'DATA') {
        data = true;
        text = '';
        socket.write('354 go on\r\n');
      } else if (line === 'QUIT') socket.end('221 bye\r\n');
      else if (line !== '') socket.write('250 fine\r\n');
    }
  });
  socket.on('error', () => undefined);
}).listen(0, '127.0.0.1');
await once(smtp, 'listening');

const database = await createTestDatabase();
const { pool } = database;
atEnd(async () => void smtp.close());
const settings = { smtpUrl: `smtp://127.0.0.1:${(smtp.address() as AddressInfo).port}`, mailTo: 'ops@example.com', mailFrom: 'evenkeel@example.com' };
const node = await startOutboundNode(database, { jobs: true, settings });
const { vault } = node;

let tenants = 0;
const newTenant = (): string => `tenant-${(tenants += 1)}`;

/** A receiver whose answers are held until they are let go. */
async function holdingReceiver() {
  const held: ServerResponse[] = [];
  const receiver = await startReceiver((_one, response) => void held.push(response));
  return { ...receiver, received: receiver.received, letGo: (status = 200) => held.splice(0).forEach((response) => response.writeHead(status).end()) };
}

describe('what is known to go wrong', () => {
  it('all destinations failing at once keep their own retries', async () => {
    const tenant = newTenant();
    const receiver = await startReceiver((_one, response, n) => void response.writeHead(n <= 10 ? 500 : 200).end());
    const endpoints = await Promise.all(Array.from({ length: 10 }, (_, n) => makeEndpoint(pool, vault, { url: `${receiver.url}/${n}`, tenant_id: tenant })));
    await publish(pool, [{ tenantId: tenant }]);
    await receiver.count(10);
    for (const { id } of endpoints) {
      const [row] = await untilDeliveries(pool, id, ([one]) => one?.attempts === 1);
      assert.equal(row?.state, 'pending');
    }
    node.ahead(6_000);
    await receiver.count(20);
    for (const { id } of endpoints) await untilDeliveries(pool, id, ([one]) => one?.state === 'delivered' && one.attempts === 2);
    assert.deepEqual(receiver.received.slice(10).map(({ path }) => path).toSorted(), endpoints.map((_, n) => `/${n}`).toSorted());
  });

  it('an endpoint disabled or deleted in the middle of its queue gets nothing more, and its deliveries are cancelled', async () => {
    for (const [mark, reason] of [[(id: string) => markDisabled(pool, id, 'manual'), 'endpoint_disabled'], [(id: string) => markDeleted(pool, id), 'endpoint_deleted']] as const) {
      const tenant = newTenant();
      const receiver = await holdingReceiver();
      const { id } = await makeEndpoint(pool, vault, { url: receiver.url, tenant_id: tenant, max_in_flight: 1 });
      await publish(pool, Array.from({ length: 20 }, () => ({ tenantId: tenant })));
      await receiver.count(1);
      await mark(id);
      receiver.letGo();
      await untilDeliveries(pool, id, (all) => all.some(({ state }) => state === 'delivered'));
      await node.room.jobs.find(({ name }) => name === 'sweep-closed-endpoints')?.execute(null, AbortSignal.timeout(5_000));
      const rows = await untilDeliveries(pool, id, (all) => all.every(({ state }) => state !== 'pending'));
      assert.deepEqual(Object.groupBy(rows, ({ reason: why }) => why ?? 'delivered')[reason]?.length, 19);
      assert.equal(receiver.received.length, 1);
      await publish(pool, [{ tenantId: tenant }]);
      assert.equal((await untilDeliveries(pool, id, () => true)).length, 20);
    }
  });

  it('a log that cannot be written after a send delays the record, and sends nothing twice', async () => {
    const tenant = newTenant();
    const receiver = await startReceiver();
    const { id } = await makeEndpoint(pool, vault, { url: receiver.url, tenant_id: tenant });
    await pool.query(`create function refuse() returns trigger language plpgsql as $$ begin raise exception 'the disk is full' using errcode = '53100'; end $$`);
    await pool.query(`create trigger refuse before insert on delivery_attempts for each statement execute function refuse()`);
    await publish(pool, Array.from({ length: 5 }, () => ({ tenantId: tenant })));
    await receiver.count(5);
    // Long enough for the queue to be looked at many times.
    await untilUnwritten(5);
    for (let look = 0; look < 20; look += 1) {
      node.room.dispatcher.notify();
      await new Promise((resolve) => setTimeout(resolve, 15));
    }
    assert.deepEqual((await untilDeliveries(pool, id, () => true)).map(({ state }) => state), Array.from({ length: 5 }, () => 'pending'));
    await pool.query('drop trigger refuse on delivery_attempts');
    await untilDeliveries(pool, id, (all) => all.every(({ state }) => state === 'delivered'));
    assert.equal(receiver.received.length, 5);
  });

  it('a slow receiver, and one that never answers, hold up nobody', async () => {
    const tenant = newTenant();
    const hanging = await holdingReceiver();
    const quick = await startReceiver();
    const { id: slow } = await makeEndpoint(pool, vault, { url: hanging.url, tenant_id: tenant });
    const { id } = await makeEndpoint(pool, vault, { url: quick.url, tenant_id: tenant });
    await publish(pool, Array.from({ length: 200 }, () => ({ tenantId: tenant })));
    await untilDeliveries(pool, id, (all) => all.length === 200 && all.every(({ state }) => state === 'delivered'));
    assert.equal(hanging.received.length, 16);
    await markDisabled(pool, slow, 'manual');
    hanging.letGo();
  });
});

async function untilUnwritten(n: number): Promise<void> {
  while (node.room.dispatcher.counts.unwritten < n) await new Promise((resolve) => setTimeout(resolve, 5));
}

describe('the endpoint', () => {
  it('that answers 410 is disabled, with an event to the others and an e-mail', async () => {
    const tenant = newTenant();
    const gone = await startReceiver((_one, response) => void response.writeHead(410).end());
    const other = await startReceiver();
    const { id } = await makeEndpoint(pool, vault, { url: `${gone.url}/hook?token=planted`, tenant_id: tenant, event_types: ['endpoint:test'], contact_email: 'dev@example.com' });
    await makeEndpoint(pool, vault, { url: other.url, tenant_id: tenant, event_types: ['endpoint:disabled'] });
    await publish(pool, [{ tenantId: tenant }]);
    const [event] = await other.count(1);
    const { type, data } = JSON.parse(event?.body.toString() ?? '') as { type: string; data: { endpoint_id: string; reason: string; url: string } };
    assert.deepEqual([type, data.endpoint_id, data.reason, data.url], ['endpoint:disabled', id, 'gone', `${gone.url}/hook`]);
    const [row] = await untilDeliveries(pool, id, ([one]) => one?.state === 'failed');
    assert.equal(row?.reason, 'gone');
    while (mails.filter((mail) => mail.includes(id)).length < 2) await new Promise((resolve) => setTimeout(resolve, 20));
    const about = mails.filter((mail) => mail.includes(id));
    assert.ok(about.some((mail) => mail.includes('To: dev@example.com')) && about.some((mail) => mail.includes('To: ops@example.com')));
    assert.ok(about.every((mail) => !mail.includes('planted')));
  });

  it('that looks dead is spared but for probes, and everything resumes by itself', async () => {
    const tenant = newTenant();
    let dead = true;
    const receiver = await startReceiver((_one, response) => void response.writeHead(dead ? 503 : 200).end());
    const { id } = await makeEndpoint(pool, vault, { url: receiver.url, tenant_id: tenant, max_in_flight: 1 });
    await publish(pool, Array.from({ length: 30 }, () => ({ tenantId: tenant })));
    await receiver.count(5);
    await untilHealth(id, ({ opened }) => opened === 1);
    node.ahead(10_000);
    await untilHealth(id, () => true);
    assert.equal(receiver.received.length, 5, 'the breaker is open for 15 s');
    node.ahead(6_000);
    await receiver.count(6);
    await untilHealth(id, ({ opened }) => opened === 2);
    dead = false;
    node.ahead(31_000);
    await untilDeliveries(pool, id, (all) => all.every(({ state }) => state === 'delivered'));
    await untilHealth(id, ({ opened, failures, failing_since: since }) => opened === 0 && failures === 0 && since === null);
    assert.equal(receiver.received.length, 6 + 30);
  });

  it('that is enabled anew is not judged by what was before, even when that was a moment ago', async () => {
    const tenant = newTenant();
    let dead = true;
    const receiver = await startReceiver((_one, response) => void response.writeHead(dead ? 503 : 200).end());
    const { id } = await makeEndpoint(pool, vault, { url: receiver.url, tenant_id: tenant, max_in_flight: 1 });
    await publish(pool, Array.from({ length: 6 }, () => ({ tenantId: tenant })));
    await receiver.count(5);
    await untilHealth(id, ({ opened }) => opened === 1);
    dead = false;
    await markDisabled(pool, id, 'manual');
    await markEnabled(pool, id);
    await publish(pool, [{ tenantId: tenant }]);
    // The breaker would be open for 12 s at least.
    await untilDeliveries(pool, id, (all) => all.filter(({ state }) => state === 'delivered').length === 2, 8_000);
    await untilHealth(id, ({ opened, failures, failing_since: since }) => opened === 0 && failures === 0 && since === null);
  });

  it('that only fails for five days is disabled, over deaths of its node, and a success on the way resets the time', async () => {
    const own = await createTestDatabase();
    const half = 12 * 3_600_000;
    let far = await startOutboundNode(own, { jobs: true, settings, random: () => 0.5 });
    let status = 500;
    let sent = 0;
    const receiver = await startReceiver((_one, response) => void response.writeHead(status).end());
    const { id } = await makeEndpoint(own.pool, far.vault, { url: receiver.url, tenant_id: 'days', retry_schedule_s: [] });
    const enabled = async (): Promise<boolean> => (await own.pool.query<{ enabled: boolean }>('select disabled_at is null as enabled from endpoints where id = $1', [id])).rows[0]?.enabled ?? false;
    /** One delivery of one attempt, twelve hours after the last. */
    const attempt = async (): Promise<void> => {
      far.ahead(half);
      await publish(own.pool, [{ tenantId: 'days' }]);
      sent += 1;
      await receiver.count(sent);
      await untilDeliveries(own.pool, id, (all) => all.length === sent && all.every(({ state }) => state !== 'pending'));
    };
    for (let n = 0; n < 10; n += 1) await attempt();
    status = 200;
    await attempt();
    status = 500;
    for (let n = 0; n < 5; n += 1) await attempt();
    await far.close();
    far = await startOutboundNode(own, { jobs: true, settings, random: () => 0.5 });
    far.ahead(sent * half);
    for (let n = 0; n < 5; n += 1) await attempt();
    assert.ok(await enabled(), 'four and a half days since the success');
    await attempt();
    while (await enabled()) await new Promise((resolve) => setTimeout(resolve, 10));
  });
});

describe('Retry-After of a receiver', () => {
  /** Seconds from the first attempt to the next, and for how many the whole endpoint is paused; null for not at all. */
  async function waits(status: number, retryAfter: string): Promise<{ delivery: number; endpoint: number | null }> {
    const tenant = newTenant();
    const receiver = await startReceiver((_one, response) => void response.writeHead(status, { 'retry-after': retryAfter }).end());
    const { id } = await makeEndpoint(pool, vault, { url: receiver.url, tenant_id: tenant, retry_schedule_s: [100, 100] });
    await publish(pool, [{ tenantId: tenant }]);
    await untilDeliveries(pool, id, ([one]) => one?.attempts === 1);
    const { rows } = await pool.query<{ delivery: number; endpoint: number | null }>(
      `select extract(epoch from d.due_at - d.last_attempt_at)::float8 as delivery, extract(epoch from l.resume_at - d.last_attempt_at)::float8 as endpoint
       from deliveries_open d join delivery_lanes l using (endpoint_id) where d.endpoint_id = $1`,
      [id],
    );
    await markDisabled(pool, id, 'manual');
    assert.equal(receiver.received.length, 1);
    return rows[0] ?? assert.fail('the delivery is not open');
  }
  const near = (actual: number | null, expected: number | null, name: string): void => assert.ok(actual === null || expected === null ? actual === expected : Math.abs(actual - expected) < 10, `${name}: ${actual} s instead of ${expected} s`);
  const inS = (s: number): string => new Date(node.now() + s * 1000).toUTCString();

  it('in seconds and as a date is a lower bound, 12 hours at most for a delivery and 10 minutes for the endpoint; garbage says nothing', async () => {
    const cases: readonly (readonly [status: number, retryAfter: string, delivery: number, endpoint: number | null])[] = [
      [503, '300', 300, 300], [429, inS(400), 400, 400], [400, '300', 300, null], [503, '7', 100, 7], [429, '0', 100, null], [503, '999999999', 43_200, 600], [503, inS(30 * 86_400), 43_200, 600],
      [503, 'Mon, 32 Foo 2026 99:99:99 GMT', 100, null], [503, '-300', 100, null], [503, '1e9', 100, null], [429, 'soon', 100, null], [503, '5m', 100, null], [503, '', 100, null],
    ];
    await Promise.all(
      cases.map(async ([status, retryAfter, delivery, endpoint]) => {
        const actual = await waits(status, retryAfter);
        near(actual.delivery, delivery, `${status} "${retryAfter}", the delivery`);
        near(actual.endpoint, endpoint, `${status} "${retryAfter}", the endpoint`);
      }),
    );
    const past = await waits(503, inS(-3_600));
    near(past.delivery, 100, 'a date gone by');
  });
});

async function untilHealth(endpointId: string, wanted: (health: { failures: number; opened: number; failing_since: Date | null }) => boolean): Promise<void> {
  for (let look = 0; look < 500; look += 1) {
    const { rows } = await pool.query<{ failures: number; opened: number; failing_since: Date | null }>('select failures, opened, failing_since from delivery_lanes where endpoint_id = $1', [endpointId]);
    if (rows[0] !== undefined && wanted(rows[0])) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error(`the health of ${endpointId} is not as wanted`);
}

describe('by hand', () => {
  it('a retry takes the place of the planned attempt', async () => {
    const tenant = newTenant();
    const receiver = await startReceiver((_one, response) => void response.writeHead(500).end());
    const { id } = await makeEndpoint(pool, vault, { url: receiver.url, tenant_id: tenant, retry_schedule_s: [3_600, 3_600] });
    await publish(pool, [{ tenantId: tenant }]);
    const [first] = await untilDeliveries(pool, id, ([one]) => one?.attempts === 1);
    await retry(first?.id);
    await receiver.count(2);
    await untilDeliveries(pool, id, ([one]) => one?.attempts === 2);
    // The planned one, an hour after the first, is gone: the next comes an hour after the second.
    const { rows } = await pool.query<{ cause: string; due_in_s: number; step: number }>(`select cause, extract(epoch from due_at - last_attempt_at)::float8 as due_in_s, step from deliveries_open where endpoint_id = $1`, [id]);
    assert.equal(rows[0]?.step, 2);
    assert.ok(Math.abs((rows[0]?.due_in_s ?? 0) - 3_600) < 5);
  });

  it('a retry that comes while an attempt is under way follows it, even when that succeeds, and so does each further one', async () => {
    const tenant = newTenant();
    const receiver = await holdingReceiver();
    const { id } = await makeEndpoint(pool, vault, { url: receiver.url, tenant_id: tenant });
    await publish(pool, [{ tenantId: tenant }]);
    await receiver.count(1);
    const [row] = await untilDeliveries(pool, id, () => true);
    await retry(row?.id);
    receiver.letGo();
    await receiver.count(2);
    receiver.letGo();
    const [closed] = await untilDeliveries(pool, id, ([one]) => one?.state === 'delivered' && one.attempts === 2);
    // A delivered one is sent again when asked, as often as asked.
    for (const n of [3, 4]) {
      await retry(closed?.id);
      await receiver.count(n);
      receiver.letGo();
      await untilDeliveries(pool, id, ([one]) => one?.state === 'delivered' && one.attempts === n);
    }
  });

  it('a cancelled delivery is not tried again, and counts as delivered when the attempt under way succeeds', async () => {
    const tenant = newTenant();
    const failing = await startReceiver((_one, response) => void response.writeHead(500).end());
    const a = await makeEndpoint(pool, vault, { url: failing.url, tenant_id: tenant });
    await publish(pool, [{ tenantId: tenant }]);
    const [row] = await untilDeliveries(pool, a.id, ([one]) => one?.attempts === 1);
    assert.ok(await cancelDelivery(pool, row?.id ?? ''));
    node.ahead(6_000);
    assert.equal((await untilDeliveries(pool, a.id, ([one]) => one?.state === 'cancelled'))[0]?.reason, 'by_hand');
    assert.equal(failing.received.length, 1);
    const other = newTenant();
    const holding = await holdingReceiver();
    const b = await makeEndpoint(pool, vault, { url: holding.url, tenant_id: other });
    await publish(pool, [{ tenantId: other }]);
    await holding.count(1);
    const [open] = await untilDeliveries(pool, b.id, () => true);
    assert.ok(await cancelDelivery(pool, open?.id ?? ''));
    holding.letGo();
    await untilDeliveries(pool, b.id, ([one]) => one?.state === 'delivered');
  });
});

async function retry(id: string | undefined): Promise<void> {
  assert.ok(await retryDelivery(pool, id ?? ''));
  await announceDeliveries(pool);
}

describe('limits', () => {
  it('order is kept for each object, and a failing one holds up its own object only', async () => {
    const tenant = newTenant();
    const seen: string[] = [];
    let failing = true;
    const receiver = await startReceiver((one, response) => {
      const { data } = JSON.parse(one.body.toString()) as { data: { key: string; n: number } };
      const fails = failing && data.key === 'a';
      if (!fails) seen.push(`${data.key}${data.n}`);
      response.writeHead(fails ? 400 : 200).end();
    });
    const { id } = await makeEndpoint(pool, vault, { url: receiver.url, tenant_id: tenant, ordered: true });
    for (let n = 0; n < 5; n += 1) await publish(pool, ['a', 'b'].map((key) => ({ tenantId: tenant, orderKey: key, data: { key, n } })));
    await untilDeliveries(pool, id, (all) => all.filter(({ state }) => state === 'delivered').length === 5);
    assert.deepEqual(seen, ['b0', 'b1', 'b2', 'b3', 'b4']);
    failing = false;
    node.ahead(6_000);
    await untilDeliveries(pool, id, (all) => all.every(({ state }) => state === 'delivered'));
    assert.deepEqual(seen.slice(5), ['a0', 'a1', 'a2', 'a3', 'a4']);
  });

  it('a rate limit is kept, whatever waits', async () => {
    const tenant = newTenant();
    const receiver = await startReceiver();
    const { id } = await makeEndpoint(pool, vault, { url: receiver.url, tenant_id: tenant, rate_limit: 20 });
    await publish(pool, Array.from({ length: 30 }, () => ({ tenantId: tenant })));
    await receiver.count(20);
    const [first] = receiver.received;
    const elapsedMs = (receiver.received[19]?.atMs ?? 0) - (first?.atMs ?? 0);
    assert.ok(elapsedMs >= 850, `20 in ${elapsedMs} ms`);
    await markDisabled(pool, id, 'manual');
  });
});
