/** A vendor nobody has heard of is added while the server runs; it is hostile: it repeats every secret it is sent. */
import assert from 'node:assert/strict';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { after, describe, it } from 'node:test';
import { Browser } from 'evenkeel/demo/browser.ts';
import { startTestEvenkeel } from '../harness/evenkeel.ts';

const planted = { clientSecret: 'planted-client-secret-6f1d', apiKey: 'planted-api-key-90b2', accessToken: 'planted-access-token-77ac' };
let tokenRequests = 0;

/** Answers tokens, two pages of widgets, and errors that repeat what it was sent. */
function hostileVendor(request: IncomingMessage, response: ServerResponse): void {
  const url = new URL(request.url ?? '/', 'http://vendor');
  const reply = (status: number, body: unknown, headers: Record<string, string> = {}): void => void response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
  if (url.pathname === '/token') {
    tokenRequests += 1;
    return reply(200, { access_token: planted.accessToken, token_type: 'bearer', expires_in: 3600 });
  }
  if (url.pathname === '/ping') return reply(200, { name: 'Widget Works' });
  if (url.pathname === '/widgets' && url.searchParams.get('page') === null) return reply(200, { items: [{ id: 1 }, { id: 2 }], next: 'b' });
  if (url.pathname === '/widgets') return reply(200, { items: [{ id: 3 }], next: null });
  return reply(500, { message: `failed with ${request.headers.authorization} and ${String(request.headers['x-api-key'])}`, url: request.url }, { 'x-debug-authorization': String(request.headers.authorization) });
}

const vendor = createServer(hostileVendor);
await new Promise<void>((settle) => vendor.listen(0, '127.0.0.1', settle));
after(() => new Promise((settle) => vendor.close(settle)));
const address = vendor.address();
assert.ok(address !== null && typeof address === 'object');
const evenkeel = await startTestEvenkeel({ EVENKEEL_HOST_MAP: JSON.stringify({ 'api.widget-works.example': `http://127.0.0.1:${address.port}` }) });
const { call, client, database } = evenkeel;

const manifest = {
  manifest: 1,
  id: 'widget-works',
  name: 'Widget Works',
  categories: ['crm'],
  auth: [
    {
      id: 'app',
      type: 'oauth2_client_credentials',
      fields: [{ name: 'api_key', label: 'API key', secret: true }],
      token_url: 'https://api.widget-works.example/token',
      apply: { headers: { Authorization: 'Bearer {{token.access_token}}', 'X-Api-Key': '{{secret.api_key}}' } },
    },
  ],
  http: { base_url: 'https://api.widget-works.example' },
  error_message: ['message'],
  validation: { request: { method: 'GET', path: '/ping' }, capture: { captured: { name: '{{response.body.name}}' } } },
  account: { label: '{{captured.name}}' },
  resources: {
    widgets: {
      list: { method: 'GET', path: '/widgets', query: { page: '{{page.cursor}}' }, response: { records: 'items' }, pagination: { type: 'cursor', next: 'next' } },
      get: { method: 'GET', path: '/fail/{{input.id}}' },
    },
  },
};

describe('a vendor added while the server runs', () => {
  let account = '';

  it('is refused whole, with every fault, while its manifest is wrong', async () => {
    const wrong = { ...manifest, http: { base_uri: 'https://x' }, resources: { widgets: { list: { method: 'FETCH', path: '/{{nonsense.id}}' } } } };
    const { status, json } = await call('PUT', '/v1/connectors/widget-works', { body: wrong });
    assert.equal(status, 422);
    assert.equal(json?.['code'], 'connector_invalid');
    const paths = (json['errors'] as { path: string }[]).map(({ path }) => path);
    for (const expected of ['http.base_uri', 'resources.widgets.list.method', 'resources.widgets.list.path']) assert.ok(paths.some((path) => path.startsWith(expected)), `${expected} in ${paths.join(' ')}`);
    assert.equal((await call('GET', '/v1/connectors/widget-works')).status, 404);
  });

  it('is connected and called after one PUT of JSON', async () => {
    const put = await call('PUT', '/v1/connectors/widget-works', { body: manifest });
    assert.ok(put.status < 300, put.text);
    await client.apps.put('widget-works', { client_id: 'widget-client', client_secret: planted.clientSecret });
    const session = await client.connectSessions.create({ tenant_id: 'acme', connector: 'widget-works' });
    const browser = new Browser();
    const page = await browser.open(session.url);
    const form = page.forms[0];
    assert.ok(form);
    const done = await browser.submit(page, form, { api_key: planted.apiKey }, form.buttons[0]);
    assert.match(done.text, /Widget Works/);
    const { results } = await client.accounts.list({ connector: 'widget-works' }).page();
    assert.equal(results[0]?.state, 'active');
    assert.equal(results[0].label, 'Widget Works');
    account = results[0].id;
    const seen: unknown[] = [];
    for await (const record of client.proxy(account).list('widgets')) seen.push(record);
    assert.deepEqual(seen, [{ id: 1 }, { id: 2 }, { id: 3 }]);
    assert.equal(tokenRequests, 1);
  });

  it('cannot make a secret leak: not through answers, evidence, logs or the database', async () => {
    const failed = await call('GET', '/v1/proxy/widgets/7', { headers: { 'evenkeel-account': account } });
    assert.equal(failed.json?.['code'], 'upstream_unavailable');
    const passed = await call('GET', '/v1/passthrough/fail/8', { headers: { 'evenkeel-account': account } });
    assert.ok(passed.status >= 500);
    const calls = await allCalls();
    const places: Record<string, string> = {
      'answer of a failed call': failed.text + JSON.stringify([...failed.headers]),
      'answer of a failed passthrough': passed.text + JSON.stringify([...passed.headers]),
      accounts: (await call('GET', '/v1/accounts')).text,
      account: (await call('GET', `/v1/accounts/${account}`)).text,
      transitions: (await call('GET', `/v1/accounts/${account}/transitions`)).text,
      connector: (await call('GET', '/v1/connectors/widget-works')).text,
      'calls with evidence': calls,
      'audit log': (await call('GET', '/v1/audit-log?limit=200')).text,
      metrics: (await call('GET', '/metrics')).text,
      monitoring: (await call('GET', '/v1/monitoring/error-rate')).text,
      drift: JSON.stringify((await call('GET', '/v1/drift')).json),
      'events sent out': (await call('GET', '/v1/deliveries')).text,
      'inbound events': (await call('GET', '/v1/inbound-events')).text,
      alerts: (await call('GET', '/v1/alerts')).text,
      logs: evenkeel.logLines.join(''),
      database: await dump(),
    };
    const secrets = [...Object.values(planted), evenkeel.masterKey, evenkeel.adminKey];
    for (const [place, text] of Object.entries(places)) {
      assert.ok(text.length > 2, `${place} was searched`);
      for (const secret of secrets) {
        for (const form of [secret, encodeURIComponent(secret), Buffer.from(secret).toString('base64').replace(/=+$/, ''), Buffer.from(secret).toString('base64url'), Buffer.from(secret).toString('hex')]) {
          assert.ok(!text.includes(form), `${place} shows ${secret}`);
        }
      }
    }
  });

  async function allCalls(): Promise<string> {
    const deadlineMs = Date.now() + 10_000;
    for (;;) {
      const { json } = await call('GET', `/v1/calls?account_id=${account}&outcome=failure`);
      const results = json?.['results'] as { id: string }[];
      if (results.length >= 2) return (await Promise.all(results.map(({ id }) => call('GET', `/v1/calls/${id}`)))).map(({ text }) => text).join('\n');
      assert.ok(Date.now() < deadlineMs, 'the failed calls were not kept');
      await new Promise((settle) => setTimeout(settle, 50));
    }
  }

  /** Every row of every table, as text; bytes show as hex. */
  async function dump(): Promise<string> {
    const { rows: tables } = await database.pool.query<{ name: string }>(
      `select quote_ident(table_schema) || '.' || quote_ident(table_name) as name from information_schema.tables
       where table_schema in ('public', 'graphile_worker') and table_type = 'BASE TABLE'`,
    );
    const parts = await Promise.all(tables.map(async ({ name }) => (await database.pool.query<{ text: string | null }>(`select string_agg(t::text, ' ') as text from ${name} t`)).rows[0]?.text ?? ''));
    const text = parts.join('\n');
    assert.ok(text.includes('widget-works'));
    return text;
  }
});
