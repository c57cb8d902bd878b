/** Subscriptions, polls and backfills of an account, against a vendor that keeps them: registered, checked, mended, removed. */
import assert from 'node:assert/strict';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { describe, it } from 'node:test';
import { Browser } from 'evenkeel/demo/browser.ts';
import { startInboundEvenkeel } from '@evenkeel/tests/harness/inbound-evenkeel.ts';
import { serve } from '@evenkeel/tests/harness/loopback-servers.ts';
import { bodyOf, sign, signatureHeader, vendorEvent, webhookManifest } from '@evenkeel/tests/harness/webhook-vendor.ts';

/** What the vendor keeps. */
const hooks = new Map<string, { url: string; secret: string; active: boolean }>();
const contacts = Array.from({ length: 5 }, (_, index) => ({ id: String(index + 1), name: `Contact ${index + 1}`, created: '2026-01-01T00:00:00Z', updated: '2026-01-02T00:00:00Z' }));
const changes = Array.from({ length: 5 }, (_, index) => ({ seq: index + 1, ...vendorEvent({ id: `change-${index + 1}`, contact: { id: `c${index + 1}`, name: 'Fed' } }) }));
const lists: string[] = [];
let refusesHooks = false;
let limitedOnce = true;
let made = 0;
/** What the vendor answers next to a list from this cursor ("0": from the start), instead of the page. */
const refusals = new Map<number, { status: number; body?: object }[]>();
/** What lists of the slow vendor wait for. */
const slow = Promise.withResolvers<void>();
let slowlyAsked = 0;
let refusesRenewal = false;
let refusesEnabling = false;
let forgetsPlaces = false;
let holdsHook: PromiseWithResolvers<void> | undefined;
let hookAsked: PromiseWithResolvers<void> | undefined;

async function vendor(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://vendor');
  const reply = (status: number, body: unknown, headers: Record<string, string> = {}): void => void response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
  const [, first, id = ''] = url.pathname.split('/');
  if (first === 'slow') {
    slowlyAsked += 1;
    await slow.promise;
    return reply(200, { items: [], next: null });
  }
  if (first === 'hooks' && request.method === 'POST') {
    if (refusesHooks) return reply(403, { message: 'webhooks are not in your plan' });
    let text = '';
    for await (const chunk of request) text += String(chunk);
    const { url: target, secret } = JSON.parse(text) as { url: string; secret: string };
    hookAsked?.resolve();
    await holdsHook?.promise;
    made += 1;
    hooks.set(`hook-${made}`, { url: target, secret, active: true });
    return reply(201, { id: `hook-${made}` });
  }
  if (first === 'renewals') return hooks.has(id) && !refusesRenewal ? reply(200, {}) : reply(404, { message: 'no such hook' });
  if (first === 'wakings') return refusesEnabling ? reply(422, { message: 'it cannot be woken' }) : reply(200, {});
  if (first === 'hooks') {
    const hook = hooks.get(id);
    if (request.method === 'DELETE') hooks.delete(id);
    return hook === undefined ? reply(404, { message: 'no such hook' }) : reply(200, { id, active: hook.active });
  }
  if (first === 'contacts' && id === '') {
    lists.push(url.search);
    const cursor = Number(url.searchParams.get('cursor') ?? 0);
    const refusal = refusals.get(cursor)?.shift();
    if (refusal !== undefined) return reply(refusal.status, refusal.body ?? { message: 'refused' });
    if (cursor === 2 && limitedOnce) {
      limitedOnce = false;
      return reply(429, { message: 'slow down' }, { 'retry-after': '1' });
    }
    const since = url.searchParams.get('since');
    const found = contacts.filter(({ updated }) => since === null || updated > since);
    return reply(200, { items: found.slice(cursor, cursor + 2), next: cursor + 2 < found.length ? String(cursor + 2) : null });
  }
  if (first === 'changes' && forgetsPlaces && url.searchParams.get('after') !== '0') return reply(410, { message: 'that is too long ago' });
  if (first === 'changes') return reply(200, { items: changes.filter(({ seq }) => seq > Number(url.searchParams.get('after'))).slice(0, 2) });
  return reply(404, { message: 'nothing here' });
}

const vendorUrl = await serve((request, response) => void vendor(request, response));
const inbound = await startInboundEvenkeel({ EVENKEEL_BACKFILL: 'on', EVENKEEL_HOST_MAP: JSON.stringify({ 'api.inbox-crm.example': vendorUrl }) });
const { evenkeel, until, published } = inbound;
const { call, database } = evenkeel;
const { pool } = database;

const subscriptions = [
  {
    id: 'hook',
    secret: { name: 'webhook_secret', bytes: 24 },
    register: [{ id: 'create', request: { method: 'POST', path: '/hooks', body: { type: 'json', value: { url: '{{webhook.url}}', secret: '{{secret.webhook_secret}}' } } }, capture: { captured: { hook_id: '{{response.body.id}}' } } }],
    check: { request: { method: 'GET', path: '/hooks/{{captured.hook_id}}' }, enabled: { body: { active: true } }, every_s: 3600 },
    expiry: { lifetime_s: 86_400 },
    renew: { before_s: 3_600, steps: [{ id: 'again', request: { method: 'POST', path: '/renewals/{{captured.hook_id}}' } }] },
    remove: [{ id: 'delete', request: { method: 'DELETE', path: '/hooks/{{captured.hook_id}}' } }],
  },
];
await inbound.putConnector(webhookManifest({ extra: { subscriptions } }));
await inbound.putConnector(webhookManifest({ id: 'reader', extra: { backfill: [{ id: 'contacts', model: 'crm.contacts' }], poll: [{ by: 'updated_after', id: 'contacts', model: 'crm.contacts', interval_s: 10, overlap_s: 0 }] } }));

await inbound.putConnector(webhookManifest({ id: 'feeder', extra: { poll: [{ by: 'cursor', id: 'changes', resource: 'changes', query: { after: '{{poll.cursor}}' }, start: "{{'0'}}", next: 'seq', interval_s: 10 }] } }));

/** Connects an account as its owner does; its id. */
async function connect(connector: string): Promise<string> {
  const session = await call('POST', '/v1/connect-sessions', { body: { tenant_id: 'acme', connector } });
  assert.equal(session.status, 201, session.text);
  const browser = new Browser();
  const page = await browser.open(new URL(String(session.json?.['url'])).pathname.replace(/^/, evenkeel.url));
  const [form] = page.forms;
  assert.ok(form !== undefined, page.text);
  await browser.submit(page, form, { api_key: 'vendor-key-0123456789' }, form.buttons[0]);
  const { rows } = await pool.query<{ id: string }>('select id from accounts where connector_id = $1 order by id desc limit 1', [connector]);
  return rows[0]?.id ?? assert.fail('no account was made');
}
const stateOf = async (id: string): Promise<unknown> => (await call('GET', `/v1/accounts/${id}`)).json?.['state'];
async function taskOf(id: string, kind: string): Promise<Record<string, unknown>> {
  const { json, text } = await call('GET', `/v1/accounts/${id}/inbound`);
  const task = (json?.['tasks'] as Record<string, unknown>[] | undefined)?.find((one) => one['kind'] === kind);
  return task ?? assert.fail(text);
}
/** A connector that backfills contacts, with so much of it in set-up. */
async function backfilling(id: string, backfill: object = {}): Promise<string> {
  await inbound.putConnector(webhookManifest({ id, extra: { backfill: [{ id: 'contacts', model: 'crm.contacts', ...backfill }] } }));
  return id;
}
interface Transition {
  readonly to: string;
  readonly cause: string;
  readonly evidence: Record<string, unknown>;
}
const transitionsOf = async (id: string): Promise<Transition[]> => ((await call('GET', `/v1/accounts/${id}/transitions`)).json?.['results'] ?? []) as Transition[];
const makeDue = (id: string, progress: object): Promise<unknown> => pool.query(`update inbound_tasks set due_at = now(), progress = progress || $2 where account_id = $1`, [id, progress]);
const longAgo = { checked_at: 1 };

describe('a subscription', () => {
  it('is registered when the account is set up, and its secret proves what the vendor sends', async () => {
    const id = await connect('inbox-crm');
    await until(async () => (await stateOf(id)) === 'active', 'the account is active');
    const [hook] = [...hooks.values()];
    assert.ok(hook !== undefined);
    const body = bodyOf({ contact: { id: '9', name: 'Hooked' } });
    const sent = await call('POST', new URL(hook.url).pathname, { key: null, text: body, headers: { [signatureHeader]: sign(hook.secret, body) } });
    assert.equal(sent.status, 200);
    await until(async () => (await published(id)).length === 1, 'the event is published');
    assert.equal((await taskOf(id, 'subscription'))['state'], 'active');
    assert.ok(!JSON.stringify((await call('GET', `/v1/accounts/${id}`)).json).includes(hook.secret), 'the secret is not shown');
  });

  it('that the vendor disabled or lost is noticed and made anew', async () => {
    const id = await connect('inbox-crm');
    await until(async () => (await stateOf(id)) === 'active', 'the account is active');
    const [first] = [...hooks.keys()].slice(-1);
    const hook = hooks.get(first ?? '');
    assert.ok(hook !== undefined);
    hook.active = false;
    await makeDue(id, longAgo);
    await until(async () => (await taskOf(id, 'subscription'))['recreated'] === 1, 'a disabled one is made anew');
    assert.ok(!hooks.has(first ?? ''), 'the disabled one was removed');
    const [second] = [...hooks.keys()].slice(-1);
    hooks.delete(second ?? '');
    await makeDue(id, longAgo);
    await until(async () => (await taskOf(id, 'subscription'))['recreated'] === 2, 'a missing one is made anew');
    const [third] = [...hooks.entries()].slice(-1);
    assert.ok(third !== undefined && third[0] !== second);
    await pool.query(`update inbound_tasks set due_at = now(), expires_at = now() + interval '10 minutes' where account_id = $1`, [id]);
    const before = (await taskOf(id, 'subscription'))['expires_at'];
    await until(async () => String((await taskOf(id, 'subscription'))['expires_at']) > String(before), 'it is renewed before it ends');
    assert.equal((await call('DELETE', `/v1/accounts/${id}`)).status, 200);
    assert.ok(!hooks.has(third[0]), 'it is removed with the account');
    const body = bodyOf({});
    assert.equal((await call('POST', new URL(third[1].url).pathname, { key: null, text: body, headers: { [signatureHeader]: sign(third[1].secret, body) } })).status, 410);
  });

  it('that cannot be registered leaves the account in post_install_error, and a retry makes it active', async () => {
    refusesHooks = true;
    const id = await connect('inbox-crm');
    await until(async () => (await stateOf(id)) === 'post_install_error', 'the failure is told');
    assert.match(String((await call('GET', `/v1/accounts/${id}`)).json?.['message']), /not in your plan/);
    refusesHooks = false;
    assert.equal((await call('POST', `/v1/accounts/${id}/retry`)).status, 202);
    await until(async () => (await stateOf(id)) === 'active', 'the retry passes');
  });
});

describe('an account of a vendor that sends nothing', () => {
  it('is read back page by page, also past a rate limit, and then polled; each state of a record is one event', async () => {
    const id = await connect('reader');
    await until(async () => (await taskOf(id, 'backfill'))['state'] === 'done', 'the backfill is done');
    const { pages, records } = await taskOf(id, 'backfill');
    assert.deepEqual([pages, records], [3, 5]);
    await until(async () => (await published(id)).length === 5, 'its records are events');
    assert.deepEqual((await published(id)).map(({ type, payload }) => [type, payload['record_id'], payload['source']]), contacts.map((contact) => ['crm.contact.created', contact.id, 'backfill']));
    await until(async () => (await taskOf(id, 'pull'))['succeeded_at'] !== null, 'the poll has begun');
    contacts.push({ id: '6', name: 'New', created: new Date().toISOString(), updated: new Date(Date.now() + 2).toISOString() });
    for (let round = 0; round < 2; round += 1) {
      const { pages: before } = await taskOf(id, 'pull');
      await pool.query(`update inbound_tasks set due_at = now(), progress = progress || '{"newest": 1767400000000}' where account_id = $1 and kind = 'pull'`, [id]);
      await until(async () => (await taskOf(id, 'pull'))['pages'] !== before, 'it is polled again');
      await inbound.settled(id);
    }
    const polled = (await published(id)).filter(({ payload }) => payload['source'] === 'pull');
    assert.deepEqual(polled.map(({ type, payload }) => [type, payload['record_id']]), [['crm.contact.created', '6']], 'read twice, published once');
    assert.ok(lists.some((search) => search.includes('since=')));
  });

  it('with a feed is read from where it stopped, and every entry is one event', async () => {
    const id = await connect('feeder');
    await until(async () => (await published(id)).length === 5, 'the feed is read');
    changes.push({ seq: 6, ...vendorEvent({ id: 'change-6', contact: { id: 'c6', name: 'Fed' } }) });
    await pool.query(`update inbound_tasks set due_at = now() where account_id = $1`, [id]);
    await until(async () => (await published(id)).length === 6, 'the feed is read on');
    assert.deepEqual((await published(id)).map(({ payload }) => [payload['record_id'], payload['source']]), changes.map(({ contact }) => [(contact as { id: string }).id, 'pull']));
    assert.equal((await taskOf(id, 'pull'))['records'], 6);
  });
});

describe('a backfill', () => {
  it('whose first page the vendor refuses leaves the account in post_install_error with the evidence, and a retry makes it active', async () => {
    const connector = await backfilling('refuser');
    refusals.set(0, Array.from({ length: 1 }, () => ({ status: 403, body: { message: 'contacts are not in your plan' } })));
    const id = await connect(connector);
    await until(async () => (await stateOf(id)) === 'post_install_error', 'the failure is told');
    const account = (await call('GET', `/v1/accounts/${id}`)).json;
    assert.match(String(account?.['message']), /contacts are not in your plan/);
    const transitions = await transitionsOf(id);
    const evidence = transitions.find(({ to }) => to === 'post_install_error')?.evidence;
    assert.deepEqual([evidence?.['step'], evidence?.['upstream_status']], ['backfill.contacts', 403], JSON.stringify(transitions));
    assert.equal((await taskOf(id, 'backfill'))['state'], 'failing');
    assert.equal((await call('POST', `/v1/accounts/${id}/retry`)).status, 202);
    await until(async () => (await stateOf(id)) === 'active', 'the retry passes');
    await until(async () => (await taskOf(id, 'backfill'))['state'] === 'done', 'the rest is read beside the active account');
    await until(async () => (await published(id)).length === contacts.length, 'every record is told of once');
  });

  it('that belongs to set-up whole makes the account active when all is read, and goes on where it was when it fails in the middle', async () => {
    const connector = await backfilling('whole', { before_active: 'all' });
    refusals.set(4, [{ status: 403, body: { message: 'not this one' } }]);
    const id = await connect(connector);
    await until(async () => (await stateOf(id)) === 'post_install_error', 'the failure in the middle is told');
    assert.deepEqual([(await taskOf(id, 'backfill'))['pages'], (await taskOf(id, 'backfill'))['records']], [2, 4]);
    const begun = lists.length;
    assert.equal((await call('POST', `/v1/accounts/${id}/retry`)).status, 202);
    await until(async () => (await stateOf(id)) === 'active', 'the retry passes');
    assert.equal((await taskOf(id, 'backfill'))['state'], 'done', 'it was done when the account became active');
    assert.ok(lists.slice(begun).every((search) => search.includes('cursor=4')), `what was read is not read again: ${lists.slice(begun).join(' ')}`);
    await until(async () => (await published(id)).length === contacts.length, 'every record is told of once');
    assert.deepEqual((await transitionsOf(id)).map(({ cause }) => cause), ['setup_passed', 'post_install_failed', 'credentials_submitted']);
  });

  it('that has no part in set-up fails beside the active account, is given up with its reason, and goes on when it is asked for', async () => {
    const connector = await backfilling('beside', { before_active: 'nothing' });
    refusals.set(2, Array.from({ length: 3 }, () => ({ status: 403, body: { message: 'no more' } })));
    const id = await connect(connector);
    await until(async () => (await stateOf(id)) === 'active', 'the account is active');
    const dueNow = (): Promise<unknown> => pool.query(`update inbound_tasks set due_at = now() where account_id = $1 and state = 'failing'`, [id]);
    await until(async () => (await dueNow(), (await taskOf(id, 'backfill'))['state'] === 'failed'), 'it is given up');
    const task = await taskOf(id, 'backfill');
    assert.match(String(task['last_error']), /no more/);
    assert.equal(task['next_at'], null);
    assert.ok(evenkeel.logLines.some((line) => line.includes('was given up') && line.includes(id)));
    assert.match((await call('GET', '/metrics')).text, /evenkeel_inbound_tasks\{kind="backfill",state="failed"\} [1-9]/);
    const asked = await call('POST', `/v1/accounts/${id}/inbound/retry`, { body: { kind: 'backfill' } });
    assert.deepEqual([asked.status, asked.json?.['tasks']], [202, 1], asked.text);
    await until(async () => (await taskOf(id, 'backfill'))['state'] === 'done', 'it goes on');
    assert.deepEqual([(await taskOf(id, 'backfill'))['pages'], (await taskOf(id, 'backfill'))['records']], [3, contacts.length]);
    const again = await call('POST', `/v1/accounts/${id}/inbound/retry`, { body: { kind: 'backfill', from_start: true } });
    assert.equal(again.json?.['tasks'], 1);
    await until(async () => (await taskOf(id, 'backfill'))['state'] === 'done', 'it is read anew');
    await inbound.settled(id);
    assert.equal((await published(id)).length, contacts.length, 'read twice, told once');
  });

  it('whose cursor the vendor has forgotten is read from the start, and not for ever', async () => {
    const connector = await backfilling('forgetful', { before_active: 'nothing' });
    refusals.set(2, Array.from({ length: 2 }, () => ({ status: 410, body: { message: 'this cursor is gone' } })));
    const id = await connect(connector);
    await until(async () => (await taskOf(id, 'backfill'))['state'] === 'done', 'it is read from the start');
    assert.deepEqual([(await taskOf(id, 'backfill'))['pages'], (await taskOf(id, 'backfill'))['records']], [3, contacts.length], 'progress counts what the last reading counts');
    await inbound.settled(id);
    assert.equal((await published(id)).length, contacts.length);
    const other = await backfilling('oblivious', { before_active: 'nothing' });
    refusals.set(2, Array.from({ length: 10 }, () => ({ status: 410, body: { message: 'this cursor is gone' } })));
    const lost = await connect(other);
    await until(async () => (await taskOf(lost, 'backfill'))['state'] === 'failed', 'it is given up');
    assert.match(String((await taskOf(lost, 'backfill'))['last_error']), /this cursor is gone/);
    refusals.clear();
  });
});

describe('a subscription in trouble', () => {
  const newest = (): [string, { url: string; secret: string; active: boolean }] => [...hooks.entries()].at(-1) ?? assert.fail('there is no hook');
  const connectActive = async (connector: string): Promise<string> => {
    const id = await connect(connector);
    await until(async () => (await stateOf(id)) === 'active', 'the account is active');
    return id;
  };

  it('whose renewal is refused since the vendor lost it is made anew at once, not when it would have ended', async () => {
    const id = await connectActive('inbox-crm');
    const [lost] = newest();
    hooks.delete(lost);
    await pool.query(`update inbound_tasks set due_at = now(), expires_at = now() + interval '10 minutes' where account_id = $1`, [id]);
    await until(async () => (await taskOf(id, 'subscription'))['recreated'] === 1, 'it is made anew');
    assert.ok(String((await taskOf(id, 'subscription'))['expires_at']) > new Date(Date.now() + 3_600_000).toISOString());
  });

  it('whose renewal is refused while it still stands says so, and is left as it is', async () => {
    const id = await connectActive('inbox-crm');
    refusesRenewal = true;
    try {
      await pool.query(`update inbound_tasks set due_at = now(), expires_at = now() + interval '10 minutes' where account_id = $1`, [id]);
      await until(async () => (await taskOf(id, 'subscription'))['state'] === 'failing', 'it is told');
      const task = await taskOf(id, 'subscription');
      assert.match(String(task['last_error']), /again: .*no such hook/);
      assert.deepEqual([task['recreated'], Date.parse(String(task['next_at'])) > Date.now() + 5_000], [0, true]);
    } finally {
      refusesRenewal = false;
    }
  });

  it('that refuses to be woken is made anew', async () => {
    await inbound.putConnector(webhookManifest({ id: 'sleeper', extra: { subscriptions: subscriptions.map((one) => ({ ...one, enable: [{ id: 'wake', request: { method: 'POST', path: '/wakings/{{captured.hook_id}}' } }] })) } }));
    const id = await connectActive('sleeper');
    const [first, hook] = newest();
    hook.active = false;
    refusesEnabling = true;
    try {
      await makeDue(id, longAgo);
      await until(async () => (await taskOf(id, 'subscription'))['recreated'] === 1, 'it is made anew');
      assert.ok(!hooks.has(first) && newest()[1].active);
    } finally {
      refusesEnabling = false;
    }
  });

  it('of which only the first half could be made is taken back, so that a retry leaves one', async () => {
    const [hook] = subscriptions;
    await inbound.putConnector(webhookManifest({ id: 'halves', extra: { subscriptions: [{ ...hook, register: [...(hook?.register ?? []), { id: 'confirm', request: { method: 'POST', path: '/renewals/{{captured.hook_id}}' } }] }] } }));
    const before = hooks.size;
    refusesRenewal = true;
    const id = await connect('halves');
    await until(async () => (await stateOf(id)) === 'post_install_error', 'the failure is told');
    assert.equal(hooks.size, before);
    refusesRenewal = false;
    assert.equal((await call('POST', `/v1/accounts/${id}/retry`)).status, 202);
    await until(async () => (await stateOf(id)) === 'active', 'the retry passes');
    assert.equal(hooks.size, before + 1);
  });

  it('of an account whose set-up failed later, or that is deleted while it registers, is taken back', async () => {
    const [hook] = subscriptions;
    await inbound.putConnector(webhookManifest({ id: 'unlucky', extra: { subscriptions: [hook], backfill: [{ id: 'contacts', model: 'crm.contacts' }] } }));
    const before = hooks.size;
    refusals.set(0, [{ status: 403 }]);
    const id = await connect('unlucky');
    await until(async () => (await stateOf(id)) === 'post_install_error', 'set-up fails after the registration');
    assert.equal(hooks.size, before + 1);
    assert.equal((await call('DELETE', `/v1/accounts/${id}`)).status, 200);
    assert.equal(hooks.size, before);

    holdsHook = Promise.withResolvers();
    hookAsked = Promise.withResolvers();
    const connecting = connect('inbox-crm');
    await hookAsked.promise;
    const { rows } = await pool.query<{ id: string }>(`select id from accounts where connector_id = 'inbox-crm' and state = 'connecting' and deleted_at is null`);
    assert.equal((await call('DELETE', `/v1/accounts/${rows[0]?.id}`)).status, 200);
    const count = made;
    holdsHook.resolve();
    [holdsHook, hookAsked] = [undefined, undefined];
    await connecting;
    await until(async () => made === count + 1 && hooks.size === before, 'what was made too late is taken back');
  });
});

describe('a feed', () => {
  it('whose place the vendor has forgotten is read from its start, which is told, and every entry stays one event', async () => {
    const id = await connect('feeder');
    await until(async () => (await published(id)).length === changes.length, 'the feed is read');
    forgetsPlaces = true;
    changes.push({ seq: changes.length + 1, ...vendorEvent({ id: 'change-after', contact: { id: 'c-after', name: 'Fed' } }) });
    await pool.query(`update inbound_tasks set due_at = now() where account_id = $1`, [id]);
    await until(async () => (await taskOf(id, 'pull'))['recreated'] === 1, 'it is begun anew');
    forgetsPlaces = false;
    await until(async () => (await published(id)).length === changes.length, 'what is new is told');
    await inbound.settled(id);
    assert.equal((await published(id)).length, changes.length, 'read twice, told once');
    assert.ok(evenkeel.logLines.some((line) => line.includes('was begun anew') && line.includes(id)));
  });
});

describe('a vendor whose lists hang', () => {
  it('holds up only so many tasks of its own, and nobody else\'s', async () => {
    await inbound.putConnector(webhookManifest({ id: 'slowpoke', baseUrl: 'https://api.inbox-crm.example/slow', extra: { backfill: [{ id: 'contacts', model: 'crm.contacts' }] } }));
    const feeder = await connect('feeder');
    await until(async () => (await taskOf(feeder, 'pull'))['succeeded_at'] !== null, 'the feed is read');
    const accounts = await Promise.all(Array.from({ length: 20 }, () => inbound.address({ connectorId: 'slowpoke' })));
    await until(() => Promise.resolve(slowlyAsked >= 8), 'the lists hang');
    const before = (await taskOf(feeder, 'pull'))['succeeded_at'];
    await pool.query(`update inbound_tasks set due_at = now() where account_id = $1`, [feeder]);
    await until(async () => (await taskOf(feeder, 'pull'))['succeeded_at'] !== before, 'another vendor\'s feed is read');
    assert.ok(slowlyAsked < 20, `${slowlyAsked} of 20 hang at once`);
    slow.resolve();
    await until(async () => (await Promise.all(accounts.map(({ accountId }) => taskOf(accountId, 'backfill')))).every(({ state }) => state === 'done'), 'all are read in the end');
  });
});
