/** Outgoing webhooks through the API, the client and the command line, with the whole server running. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { Ajv } from 'ajv';
import addFormats from 'ajv-formats';
import { newId } from '@evenkeel/server/identifier.ts';
import { EvenkeelError } from '@evenkeel/sdk/error.ts';
import { Evenkeel } from '@evenkeel/sdk/client.ts';
import { verifyWebhook } from '@evenkeel/sdk/webhooks.ts';
import { commands } from 'evenkeel/commands.ts';
import { runProgram } from 'evenkeel/program.ts';
import { freePort, startTestEvenkeel } from '../harness/evenkeel.ts';
import { publish, startReceiver, untilDeliveries } from '../harness/outbound-node.ts';

const evenkeel = await startTestEvenkeel({ EVENKEEL_ALLOW_PRIVATE_ENDPOINTS: '127.0.0.0/8' });
const { client, call, database } = evenkeel;
const { pool } = database;

async function tenantClient(tenantId: string, scope = 'write'): Promise<Evenkeel> {
  const { json } = await call('POST', '/v1/api-keys', { body: { name: tenantId, scope, tenant_id: tenantId } });
  return new Evenkeel({ baseUrl: evenkeel.url, apiKey: String(json?.['key']), backoff: false });
}

const codeOf = (promise: Promise<unknown>): Promise<string> => promise.then(() => 'none', (error: unknown) => (error instanceof EvenkeelError ? error.code : String(error)));

describe('endpoints', () => {
  it('are made, tried, changed and deleted; their secret is shown once', async () => {
    const receiver = await startReceiver();
    const made = await client.endpoints.create({ url: `${receiver.url}/hook`, event_types: ['crm.*'], headers: { 'X-Team': 'planted-value' }, description: 'Ours' });
    assert.match(made.secret.value, /^whsec_/);
    const shown = await call('GET', `/v1/endpoints/${made.id}`);
    assert.ok(!shown.text.includes(made.secret.value) && !shown.text.includes('planted-value'));
    assert.deepEqual(shown.json?.['header_names'], ['x-team']);
    const queued = await client.endpoints.test(made.id);
    const [one] = await receiver.count(1);
    assert.equal(one?.headers['evenkeel-test'], 'true');
    assert.equal(one?.headers['x-team'], 'planted-value');
    const event = await verifyWebhook(one.body, one.headers, made.secret.value);
    assert.deepEqual([event.type, event.id], ['endpoint:test', queued.event_id]);
    await untilDeliveries(pool, made.id, ([row]) => row?.state === 'delivered');
    const detail = await client.deliveries.get(queued.id);
    assert.equal(detail.attempt_list[0]?.status, 200);
    assert.deepEqual(detail.payload, event);
    const rotated = await client.endpoints.rotateSecret(made.id, { signature: 'ed25519' });
    assert.match(rotated.secret.value, /^whpk_/);
    await client.endpoints.test(made.id, { event_type: 'crm.contact.updated' });
    const second = (await receiver.count(2))[1];
    for (const secret of [made.secret.value, rotated.secret.value]) assert.equal((await verifyWebhook(second?.body ?? '', second?.headers ?? {}, secret)).type, 'crm.contact.updated');
    assert.equal((await client.endpoints.update(made.id, { rate_limit: 5, enabled: false })).enabled, false);
    assert.equal(await codeOf(client.endpoints.test(made.id)), 'conflict');
    await client.endpoints.delete(made.id);
    assert.equal(await codeOf(client.endpoints.get(made.id)), 'not_found');
    assert.equal((await client.deliveries.list({ endpoint_id: made.id }).page()).results.length, 2);
  });

  it('refuse addresses, filters, headers and secrets that cannot be', async () => {
    const wrong: Record<string, unknown>[] = [
      { url: 'ftp://example.com' }, { url: 'not an address' }, { url: 'https://user:pw@example.com' }, { url: 'http://10.0.0.1/' }, { url: 'https://[::1]/' }, { url: 'https://169.254.169.254/' }, { url: 'http://2130706434:80/', event_types: [] },
      { event_types: ['CRM.*'] }, { event_types: [] }, { headers: { 'webhook-id': 'x' } }, { headers: { host: 'x' } }, { headers: { 'a b': 'x' } }, { headers: { a: 'x\r\ny: z' } }, { secret: 'whsec_short' }, { secret: 'whsec_AAAA', signature: 'ed25519' }, { rate_limit: 0 }, { surprise: 1 },
    ];
    for (const one of wrong) {
      const { status, json } = await call('POST', '/v1/endpoints', { body: { url: 'https://example.com/', event_types: ['*'], ...one } });
      assert.deepEqual([status, json?.['code']], [400, 'invalid_request'], JSON.stringify(one));
    }
  });

  it('of one tenant are all that its key sees', async () => {
    const [acme, globex] = await Promise.all([tenantClient('acme'), tenantClient('globex')]);
    const receiver = await startReceiver();
    assert.equal(await codeOf(acme.endpoints.create({ url: receiver.url, event_types: ['*'] })), 'forbidden');
    assert.equal(await codeOf(acme.endpoints.create({ url: receiver.url, event_types: ['*'], tenant_id: 'globex' })), 'forbidden');
    const own = await acme.endpoints.create({ url: receiver.url, event_types: ['*'], tenant_id: 'acme' });
    const all = await client.endpoints.create({ url: receiver.url, event_types: ['*'] });
    await publish(pool, [{ tenantId: 'acme' }, { tenantId: 'globex' }]);
    await receiver.count(3);
    await untilDeliveries(pool, all.id, (rows) => rows.every(({ state }) => state === 'delivered'));
    const [ofAcme] = (await acme.deliveries.list().page()).results;
    assert.deepEqual((await acme.deliveries.list().page()).results.map(({ endpoint_id: id }) => id), [own.id]);
    assert.deepEqual((await globex.deliveries.list().page()).results, []);
    assert.deepEqual((await globex.endpoints.list().page()).results, []);
    const id = ofAcme?.id ?? '';
    const { endpoints, deliveries } = globex;
    const since = '2026-01-01T00:00:00Z';
    const acts = [
      () => deliveries.get(id), () => deliveries.retry(id), () => deliveries.cancel(id), () => endpoints.get(own.id), () => endpoints.update(own.id, {}), () => endpoints.rotateSecret(own.id),
      () => endpoints.delete(own.id), () => endpoints.test(own.id), () => endpoints.recover(own.id, { since }), () => endpoints.resend(own.id, { since }), () => endpoints.statistics(own.id),
    ];
    for (const act of acts) assert.equal(await codeOf(act()), 'not_found', String(act));
    assert.deepEqual((await globex.deliveries.list({ endpoint_id: own.id }).page()).results, []);
    const reader = await tenantClient('acme', 'read');
    assert.equal(await codeOf(reader.deliveries.retry(id)), 'forbidden');
    await client.endpoints.delete(all.id);
  });
});

/** Stops a bulk operation over 2,500 deliveries while its first batch of 1,000 is being queued: that one stays, nothing follows. */
async function cancelsWithinBatch(id: string, since: string): Promise<void> {
  const holding = await pool.connect();
  try {
    await holding.query('select pg_advisory_lock(4711)');
    await pool.query(`create function hold() returns trigger language plpgsql as $$ begin perform pg_advisory_xact_lock_shared(4711); return new; end $$`);
    await pool.query(`create trigger hold before insert on deliveries_open for each row when (new.cause = 'resend') execute function hold()`);
    const resend = await client.endpoints.resend(id, { since });
    assert.equal(resend.total, 2_500);
    while ((await pool.query(`select from pg_stat_activity where wait_event_type = 'Lock' and query like 'with taken as%'`)).rowCount === 0) await new Promise((resolve) => setTimeout(resolve, 10));
    // At once, though a batch is on its way.
    assert.equal((await client.endpoints.cancelResend(id, resend.id ?? '')).state, 'cancelled');
    await holding.query('select pg_advisory_unlock(4711)');
    const again = (rows: readonly { attempts: number }[]): number => rows.reduce((sum, { attempts }) => sum + attempts, 0) - 3_750;
    const rows = await untilDeliveries(pool, id, (all) => all.every(({ state }) => state === 'delivered') && again(all) >= 1_000, 30_000);
    assert.equal(again(rows), 1_000);
    const { state, done } = await client.endpoints.getResend(id, resend.id ?? '');
    assert.deepEqual([state, done], ['cancelled', 1_000]);
    assert.equal(await codeOf(client.endpoints.cancelResend(id, resend.id ?? '')), 'conflict');
  } finally {
    await holding.query('select pg_advisory_unlock_all()');
    holding.release();
    await pool.query('drop trigger if exists hold on deliveries_open');
  }
}

describe('deliveries', () => {
  it('are listed, retried, cancelled and counted', async () => {
    let status = 500;
    const receiver = await startReceiver((_one, response) => void response.writeHead(status).end('answer'));
    const { id } = await client.endpoints.create({ url: receiver.url, event_types: ['*'], tenant_id: 'listed', retry_schedule_s: [3_600] });
    const ids = await publish(pool, Array.from({ length: 5 }, () => ({ tenantId: 'listed' })));
    await untilDeliveries(pool, id, (rows) => rows.length === 5 && rows.every(({ attempts }) => attempts === 1));
    const pages: string[] = [];
    for await (const { results } of client.deliveries.list({ endpoint_id: id, limit: 2 }).pages()) pages.push(results.map(({ event_id: event }) => event).join());
    assert.deepEqual(pages.join().split(',').toSorted(), ids.toSorted());
    assert.equal(pages.length, 3);
    const [first, second] = (await client.deliveries.list({ event_id: ids[0] ?? '' }).page()).results;
    assert.equal(second, undefined);
    assert.deepEqual([first?.state, first?.last_status, first?.last_error], ['pending', 500, 'http_error']);
    status = 200;
    await client.deliveries.retry(first?.id ?? '');
    await untilDeliveries(pool, id, (rows) => rows.some(({ state }) => state === 'delivered'));
    const detail = await client.deliveries.get(first?.id ?? '');
    assert.deepEqual(detail.attempt_list.map(({ number, cause, status: code, response }) => [number, cause, code, response?.text]), [[1, 'event', 500, 'answer'], [2, 'retry', 200, 'answer']]);
    const waiting = (await client.deliveries.list({ endpoint_id: id, state: 'pending' }).page()).results;
    assert.equal(waiting.length, 4);
    assert.equal((await client.deliveries.cancel(waiting[0]?.id ?? '')).state, 'cancelled');
    assert.equal(await codeOf(client.deliveries.cancel(first?.id ?? '')), 'conflict');
    const { totals, pending } = await client.endpoints.statistics(id);
    assert.deepEqual([totals.attempts, totals.failed_attempts, totals.delivered, totals.cancelled, pending], [6, 5, 1, 1, 3]);
    for (const filter of [{ state: 'delivered' }, { state: 'cancelled' }, { state: 'failed' }, { event_type: 'endpoint:test' }, { since: '2026-01-01T00:00:00Z' }, { since: '2099-01-01T00:00:00Z' }] as const) {
      const { results } = await client.deliveries.list({ endpoint_id: id, ...filter }).page();
      const expected = 'state' in filter ? { delivered: 1, cancelled: 1, failed: 0 }[filter.state] : 'since' in filter && filter.since.startsWith('2099') ? 0 : 5;
      assert.equal(results.length, expected, JSON.stringify(filter));
    }
    const { text } = await call('GET', '/metrics');
    assert.match(text, /^evenkeel_delivery_attempts_total\{outcome="failure"\} [1-9]/m);
  });

  it('are recovered since a moment: failed, cancelled, and never queued while the endpoint was disabled', async () => {
    let status = 400;
    const receiver = await startReceiver((_one, response) => void response.writeHead(status).end());
    const since = new Date().toISOString();
    const { id } = await client.endpoints.create({ url: receiver.url, event_types: ['crm.*'], tenant_id: 'missed', retry_schedule_s: [], ordered: true });
    const event = (n: number) => ({ tenantId: 'missed', type: 'crm.contact.updated', data: { n }, orderKey: `contact ${n}` });
    await publish(pool, [event(1), event(2)]);
    await untilDeliveries(pool, id, (rows) => rows.length === 2 && rows.every(({ state }) => state === 'failed'));
    await client.endpoints.update(id, { enabled: false });
    await publish(pool, [event(3), event(4), { tenantId: 'missed', type: 'ats.job.created' }, { ...event(5), tenantId: 'somebody-else' }]);
    await client.endpoints.update(id, { enabled: true });
    // Made up for another endpoint, so nothing it has missed.
    const other = await client.endpoints.create({ url: 'http://127.0.0.1:9/', event_types: ['none.*'], tenant_id: 'missed' });
    await client.endpoints.test(other.id, { event_type: 'crm.contact.updated' });
    status = 200;
    const preview = await client.endpoints.recover(id, { since, dry_run: true });
    assert.deepEqual([preview.state, preview.total, preview.id], ['preview', 4, null]);
    assert.equal(receiver.received.length, 2);
    const resend = await client.endpoints.recover(id, { since });
    await untilDeliveries(pool, id, (rows) => rows.length === 4 && rows.every(({ state }) => state === 'delivered'), 20_000);
    const numbers = receiver.received.slice(2).map(({ body }) => (JSON.parse(body.toString()) as { data: { n: number } }).data.n);
    assert.deepEqual(numbers.toSorted((a, b) => a - b), [1, 2, 3, 4]);
    const end = await client.endpoints.getResend(id, resend.id ?? '');
    assert.deepEqual([end.state, end.done, end.total], ['done', 4, 4]);
    assert.deepEqual((await client.deliveries.list({ endpoint_id: id }).page()).results.map(({ order_key: key }) => String(key)).toSorted((a, b) => a.localeCompare(b)), [1, 2, 3, 4].map((n) => `contact ${n}`));
    assert.equal((await client.endpoints.recover(id, { since, dry_run: true })).total, 0);
  });

  it('are sent again in bulk, delivered ones too, until that is cancelled', async () => {
    const receiver = await startReceiver();
    const since = new Date().toISOString();
    const { id } = await client.endpoints.create({ url: receiver.url, event_types: ['*'], tenant_id: 'bulk' });
    // Five hundred of a millisecond: a batch ends where a millisecond does.
    const fromMs = Date.now();
    await publish(pool, Array.from({ length: 2_500 }, (_, n) => ({ id: newId('evt', fromMs + Math.floor(n / 500)), tenantId: 'bulk', type: n % 2 === 0 ? 'crm.contact.updated' : 'crm.deal.updated' })));
    await untilDeliveries(pool, id, (rows) => rows.length === 2_500 && rows.every(({ state }) => state === 'delivered'), 30_000);
    assert.equal((await client.endpoints.resend(id, { since, states: ['failed'], dry_run: true })).total, 0);
    const resend = await client.endpoints.resend(id, { since, event_types: ['crm.deal.*'] });
    assert.equal(resend.total, 1_250);
    await receiver.count(3_750);
    await untilDeliveries(pool, id, (rows) => rows.every(({ state }) => state === 'delivered') && rows.filter(({ attempts }) => attempts === 2).length === 1_250, 30_000);
    const { done, state } = await client.endpoints.getResend(id, resend.id ?? '');
    assert.deepEqual([state, done], ['done', 1_250]);
    await cancelsWithinBatch(id, since);
  });
});

it('the catalogue gives every type with a schema that its example fits', async () => {
  const { json } = await call('GET', '/v1/event-types');
  const types = json?.['results'] as { type: string; schema: object; example: unknown }[];
  assert.ok(types.length > 50);
  const ajv = addFormats.default(new Ajv({ strict: false }));
  for (const { type, schema, example } of types) {
    const { $id: _id, ...bare } = schema as { $id?: string };
    assert.ok(ajv.validate(bare, example), `${type}: ${ajv.errorsText()}`);
  }
});

describe('the command line', () => {
  const ending = new AbortController();
  const run = async (args: string[], note: (text: string) => void = () => undefined): Promise<{ code: number; lines: string[] }> => {
    const lines: string[] = [];
    const environment = { EVENKEEL_URL: evenkeel.url, EVENKEEL_API_KEY: evenkeel.adminKey };
    const code = await runProgram(args, commands, { environment, cwd: '.', signal: ending.signal, out: { line: (text) => void lines.push(text), note, interactive: false } });
    return { code, lines };
  };

  it('sends a test to a receiver of its own, which verifies it', async () => {
    const made = await client.endpoints.create({ url: 'http://127.0.0.1:9/', event_types: ['none.*'] });
    const listening = Promise.withResolvers<string>();
    const listened = run(['endpoints', 'listen', '--port', '0', '--secret', made.secret.value], (text) => listening.resolve(/http:\S+/.exec(text)?.[0] ?? ''));
    assert.equal((await run(['endpoints', 'test', made.id])).code, 1, 'nobody listens there');
    await client.endpoints.update(made.id, { url: await listening.promise });
    const { code, lines } = await run(['endpoints', 'test', made.id, '--type', 'integrated_account:active']);
    assert.equal(code, 0);
    assert.match(lines.join('\n'), /outcome +delivered\nstatus +200/);
    assert.match((await run(['endpoints', 'list'])).lines.join('\n'), new RegExp(`${made.id} .*none`));
    assert.match((await run(['deliveries', 'list', '--endpoint', made.id])).lines.join('\n'), /delivered +1 +200/);
    assert.equal((await run(['deliveries', 'list', '--state', 'nonsense'])).code, 4);
    ending.abort();
    assert.deepEqual((await listened).lines.map((line) => line.split(/ +/).slice(0, 2)), [['verified', 'integrated_account:active']]);
  });
});

it('the receiver of the guide takes a real event, and nothing else', async () => {
  const guide = await readFile(join(import.meta.dirname, '../../docs/guides/webhooks.md'), 'utf8');
  const port = await freePort();
  const code = /```ts\n([^`]*createServer[^`]*)```/.exec(guide)?.[1]?.replace(`'@evenkeel/sdk'`, `'@evenkeel/sdk/main.ts'`).replace('.listen(8080)', `.listen(${port}, '127.0.0.1', () => console.log('listening'))`) ?? assert.fail('the guide has no receiver');
  const { id, secret } = await client.endpoints.create({ url: `http://127.0.0.1:${port}/`, event_types: ['integrated_account:*'], tenant_id: 'guide' });
  const child = spawn(process.execPath, ['--input-type=module', '-e', code], { cwd: import.meta.dirname, env: { ...process.env, WEBHOOK_SECRET: secret.value }, stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    let printed = '';
    child.stdout.on('data', (chunk: Buffer) => (printed += chunk.toString()));
    await once(child.stdout, 'data', { signal: AbortSignal.timeout(10_000) });
    assert.equal((await fetch(`http://127.0.0.1:${port}/`, { method: 'POST', body: '{}' })).status, 400);
    await publish(pool, [{ tenantId: 'guide', type: 'integrated_account:needs_reauth', data: { account_id: 'acc_guide' } }]);
    await untilDeliveries(pool, id, ([one]) => one?.state === 'delivered');
    assert.match(printed, /connect again: acc_guide/);
  } finally {
    child.kill();
  }
});
