/**
 * One way for every vendor: a record is changed at the simulated vendor, the vendor sends its own signed webhook, and a
 * unified event of one shape comes out. Subscriptions are made through the vendors' own APIs, and mended when a vendor
 * has switched one off.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { sandboxApps } from '@evenkeel/sandbox/apps.ts';
import { demoConnections, furtherConnections, type DemoConnection } from '@evenkeel/sandbox/demonstration.ts';
import { registerApps } from 'evenkeel/demo/cast.ts';
import { connectAccount } from 'evenkeel/demo/connect.ts';
import { createLog } from '@evenkeel/server/log.ts';
import { Sealer } from '@evenkeel/server/telemetry/sealing/sealer.ts';
import { startTestEvenkeel } from '../harness/evenkeel.ts';

type Json = Record<string, unknown>;

const evenkeel = await startTestEvenkeel({ EVENKEEL_BACKFILL: 'on' });
const { client, call, sandbox, database } = evenkeel;
const signal = AbortSignal.timeout(240_000);
await registerApps(client, signal);
for (const [vendor, limits] of Object.entries({ hubspot: ['ten_secondly'], greenhouse: ['harvest'], pipedrive: ['burst'], bamboohr: ['requests'], zendesk: ['minute'], lever: ['second'], hibob: ['minute'], jira: ['requests'] })) {
  for (const name of limits) await fetch(`${sandbox.url}/_sandbox/limits/${vendor}`, { method: 'PUT', body: JSON.stringify({ [name]: { limit: 1_000_000, window_ms: 10_000 } }) });
}

const typedSecret = 'typed-by-the-customer';
const planOf = (connector: string): DemoConnection => {
  const plan = [...demoConnections, ...furtherConnections].find((one) => one.connector === connector) ?? assert.fail(connector);
  return ['greenhouse', 'hibob'].includes(connector) ? { ...plan, fields: { ...plan.fields, webhook_secret: typedSecret } } : plan;
};

async function until<T>(what: string, look: () => Promise<T | undefined | false>): Promise<T> {
  const deadlineMs = Date.now() + 30_000;
  for (;;) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    if (Date.now() > deadlineMs) assert.fail(`not within 30 s: ${what}\n${evenkeel.logLines.filter((line) => line.includes('inbound:')).slice(-5).join('')}`);
    await sleep(20);
  }
}

const asked = async (method: string, path: string, body?: unknown, account?: string): Promise<Json> => {
  const answer = await call(method, path, { ...(body === undefined ? {} : { body }), ...(account === undefined ? {} : { headers: { 'evenkeel-account': account } }) });
  assert.ok(answer.status < 300, `${method} ${path}: ${answer.status} ${answer.text.slice(0, 500)}`);
  return answer.json ?? {};
};
const tasksOf = async (account: string): Promise<Json[]> => (await asked('GET', `/v1/accounts/${account}/inbound`))['tasks'] as Json[];
const subscribed = (account: string): Promise<unknown> => until(`${account} is subscribed`, async () => (await tasksOf(account)).filter(({ kind }) => kind === 'subscription').every(({ state }) => state === 'active') && (await tasksOf(account)).length > 0);

interface Published {
  readonly type: string;
  readonly data: Json;
}
async function published(account: string, source: string): Promise<Published[]> {
  const { rows } = await database.pool.query<{ type: string; payload: Json }>('select type, payload from events where account_id = $1 order by id', [account]);
  return rows.filter(({ payload }) => payload['source'] === source).map(({ type, payload }) => ({ type, data: payload }));
}

/** Registers at the vendor what a person would: in its settings, which the sandbox's control interface stands for. */
async function registerByHand(vendor: string, url: unknown, secret: string, account?: string): Promise<void> {
  const answer = await fetch(`${sandbox.url}/_sandbox/webhooks/${vendor}`, { method: 'POST', body: JSON.stringify({ target_url: url, secret, ...(account === undefined ? {} : { account }) }) });
  assert.equal(answer.status, 201, await answer.text());
}

interface Subject {
  readonly connector: string;
  readonly model: string;
  /** What is changed; undefined: the vendor's own action does it. */
  readonly change: Json;
  /** Who registers, and with what secret; the vendor's API otherwise. */
  readonly byHand?: { readonly of: 'app' | 'account'; readonly secret: string; readonly vendorAccount?: string };
  /** What the event is called where the vendor does not tell a change from another. */
  readonly type: string;
}
const subjects: readonly Subject[] = [
  { connector: 'hubspot', model: 'crm.contacts', change: { first_name: 'Åsa', title: 'Skipper' }, byHand: { of: 'app', secret: sandboxApps.hubspot.client_secret }, type: 'crm.contact.updated' },
  { connector: 'salesforce', model: 'crm.contacts', change: { first_name: 'Åsa', title: 'Skipper' }, byHand: { of: 'account', secret: '' }, type: 'crm.contact.updated' },
  { connector: 'pipedrive', model: 'crm.contacts', change: { name: 'Åsa Ö' }, type: 'crm.contact.updated' },
  { connector: 'zoho-crm', model: 'crm.contacts', change: { first_name: 'Åsa' }, type: 'crm.contact.updated' },
  { connector: 'linear', model: 'ticketing.tickets', change: { title: 'Größe stimmt nicht' }, type: 'ticketing.ticket.updated' },
  { connector: 'zendesk', model: 'ticketing.tickets', change: { priority: 'urgent' }, type: 'ticketing.ticket.updated' },
  { connector: 'jira', model: 'ticketing.tickets', change: { title: 'Größe stimmt nicht' }, type: 'ticketing.ticket.updated' },
  { connector: 'bamboohr', model: 'hris.employees', change: { job_title: 'Skipper' }, type: 'hris.employee.updated' },
  { connector: 'hibob', model: 'hris.employees', change: { first_name: 'Åsa' }, byHand: { of: 'account', secret: typedSecret }, type: 'hris.employee.updated' },
  { connector: 'greenhouse', model: 'ats.candidates', change: { first_name: 'Åsa' }, byHand: { of: 'account', secret: typedSecret }, type: 'ats.candidate.updated' },
];

const accounts = new Map<string, string>();
const shapes = new Map<string, string>();
await Promise.all(subjects.map(async ({ connector }) => {
  const account = await connectAccount(client, planOf(connector), undefined, signal);
  assert.equal(account.state, 'active', `${connector}: ${account.message}`);
  accounts.set(connector, account.id);
}));
const accountOf = (connector: string): string => accounts.get(connector) ?? assert.fail(connector);
const pathOf = (model: string): string => `/v1/unified/${model.replace('.', '/')}`;

for (const { connector, model, change, byHand, type } of subjects) {
  describe(`${connector}: a change of ${model}`, () => {
    it('comes out as one unified event with the record as the unified API gives it', async () => {
      const account = accountOf(connector);
      await subscribed(account).catch((error: unknown) => (byHand === undefined ? Promise.reject(error as Error) : undefined));
      if (byHand !== undefined) {
        const { url } = await asked('GET', byHand.of === 'app' ? `/v1/connectors/${connector}/inbound` : `/v1/accounts/${account}/inbound`);
        await registerByHand(connector, url, byHand.secret);
      }
      const [first] = (await asked('GET', `${pathOf(model)}?limit=1`, undefined, account))['results'] as Json[];
      const id = String(first?.['id']);
      await asked('PATCH', `${pathOf(model)}/${encodeURIComponent(id)}`, change, account);
      const event = await until(`${type} of ${id}`, async () => (await published(account, 'webhook')).find((one) => one.type === type && one.data['record_id'] === id));
      const { record } = event.data as { record: Json };
      for (const [field, value] of Object.entries(change)) assert.deepEqual(record[field], value, field);
      assert.deepEqual(record, await asked('GET', `${pathOf(model)}/${encodeURIComponent(id)}`, undefined, account));
      const shape = JSON.stringify([Object.keys(event.data).toSorted((a, b) => (a < b ? -1 : 1)), Object.keys(record).toSorted((a, b) => (a < b ? -1 : 1))]);
      assert.equal(shape, shapes.get(type) ?? shape, 'one shape, whichever vendor');
      shapes.set(type, shape);
    });
  });
}

describe('subscriptions at vendors', () => {
  it('that a vendor has disabled or lost are noticed and made anew', async () => {
    for (const connector of ['zendesk', 'linear', 'pipedrive']) {
      const account = accountOf(connector);
      const listed = async (): Promise<Json[]> => ((await (await fetch(`${sandbox.url}/_sandbox/webhooks/${connector}`)).json()) as { registrations: Json[] }).registrations;
      await fetch(`${sandbox.url}/_sandbox/webhooks/${connector}`, { method: 'PUT', body: '{"enabled":false}' });
      assert.ok((await listed()).every(({ enabled }) => enabled === false));
      await database.pool.query(`update inbound_tasks set due_at = now(), progress = progress || '{"checked_at": 0}' where account_id = $1 and kind = 'subscription'`, [account]);
      await until(`${connector} sends again`, async () => (await listed()).some(({ enabled }) => enabled === true));
      await fetch(`${sandbox.url}/_sandbox/webhooks/${connector}`, { method: 'DELETE' });
      await until(`${connector} is at rest`, async () => (await tasksOf(account)).some(({ kind, recreated }) => kind === 'subscription' && recreated === 1));
      await database.pool.query(`update inbound_tasks set due_at = now(), progress = progress || '{"checked_at": 0}' where account_id = $1 and kind = 'subscription'`, [account]);
      await until(`${connector} is registered anew`, async () => (await listed()).length === 1);
    }
  });

  it('that end are renewed before', async () => {
    const account = accountOf('jira');
    const endsAt = async (): Promise<number> => Date.parse(String((await tasksOf(account)).find(({ kind }) => kind === 'subscription')?.['expires_at']));
    const first = await endsAt();
    assert.ok(first > Date.now() + 29 * 86_400_000);
    await database.pool.query(`update inbound_tasks set due_at = now(), expires_at = now() + interval '1 day' where account_id = $1 and kind = 'subscription'`, [account]);
    await until('it is renewed', async () => (await endsAt()) >= first);
  });

  it('go with their account', async () => {
    const count = async (): Promise<number> => ((await (await fetch(`${sandbox.url}/_sandbox/webhooks/zoho-crm`)).json()) as { registrations: Json[] }).registrations.length;
    assert.equal(await count(), 1);
    await asked('DELETE', `/v1/accounts/${accountOf('zoho-crm')}`);
    assert.equal(await count(), 0);
  });
});

describe('what is not sent is read', () => {
  it('a backfill tells of every record once, with progress', async () => {
    const account = accountOf('salesforce');
    await until('the backfill of contacts is done', async () => (await tasksOf(account)).some(({ kind, name, state }) => kind === 'backfill' && name === 'contacts' && state === 'done'));
    const task = (await tasksOf(account)).find(({ kind, name }) => kind === 'backfill' && name === 'contacts');
    const created = await until('all of it is published', async () => {
      const events = (await published(account, 'backfill')).filter(({ type }) => type === 'crm.contact.created');
      return events.length === task?.['records'] && events;
    });
    assert.ok(created.length > 200);
    assert.equal(new Set(created.map(({ data }) => data['record_id'])).size, created.length);
  });

  it('what Evenkeel reads for itself is counted apart: in the figures of the endpoint, not in the tenant\'s success', async () => {
    const sealer = new Sealer({ pool: database.pool, log: createLog('silent'), graceMs: -60_000 });
    const sums = async (): Promise<Record<string, number>> => {
      const { rows } = await database.pool.query<{ background: number; own: number }>(
        `select coalesce(sum(total) filter (where surface = 'background'), 0)::int as background, coalesce(sum(total) filter (where surface <> 'background'), 0)::int as own
         from (select series_id, total from minute_counts union all select series_id, total from minute_amendments) parts join telemetry_series on id = series_id
         where kind = 'call' and connector_id = 'salesforce' and tenant_id is not null`,
      );
      return { ...rows[0] };
    };
    await until('the calls of the backfill are sealed', async () => {
      await sealer.sealDue();
      return ((await sums())['background'] ?? 0) >= 2;
    });
    const tenants = (await asked('GET', '/v1/monitoring/tenant-success?connector=salesforce'))['results'] as { now: { total: number } }[];
    const endpoints = (await asked('GET', '/v1/monitoring/error-rate?connector=salesforce'))['results'] as { way: string; endpoint: string; now: { total: number } }[];
    const { own } = await sums();
    assert.equal(tenants.reduce((sum, { now }) => sum + now.total, 0), own);
    assert.ok(endpoints.some(({ way, endpoint, now }) => way === 'background' && endpoint === 'crm.contacts.list' && now.total > 0), JSON.stringify(endpoints));
    assert.ok(((await asked('GET', '/v1/calls?connector=salesforce&limit=200'))['results'] as { surface: string }[]).every(({ surface }) => ['proxy', 'passthrough', 'unified', 'background'].includes(surface)));
  });

  it('a poll tells of a change that no webhook told', async () => {
    const account = accountOf('salesforce');
    await fetch(`${sandbox.url}/_sandbox/webhooks/salesforce`, { method: 'DELETE' });
    const [first] = (await asked('GET', `${pathOf('crm.companies')}?limit=1`, undefined, account))['results'] as Json[];
    await until('the first round marked the time', async () => (await tasksOf(account)).some(({ kind, name, succeeded_at: at }) => kind === 'pull' && name === 'companies' && at !== null));
    await asked('PATCH', `${pathOf('crm.companies')}/${String(first?.['id'])}`, { industry: 'Shipping' }, account);
    await database.pool.query(`update inbound_tasks set due_at = now() where account_id = $1 and kind = 'pull'`, [account]);
    const event = await until('the change is told', async () => (await published(account, 'pull')).find(({ type, data }) => type === 'crm.company.updated' && data['record_id'] === first?.['id']));
    assert.equal((event.data['record'] as Json)['industry'], 'Shipping');
  });
});
