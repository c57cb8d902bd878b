/** Unified calls against a vendor that answers with whatever is worst, and callers who ask for what cannot be. */
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { after, describe, it } from 'node:test';
import { Browser } from 'evenkeel/demo/browser.ts';
import { startTestEvenkeel, type RawAnswer } from '../harness/evenkeel.ts';

/** What the vendor answers next, to anything but the validation. */
let answer = '{}';
const vendor = createServer((request, response) => {
  request.resume();
  response.writeHead(200, { 'content-type': 'application/json' }).end(request.url === '/me' ? '{"name":"H"}' : answer);
});
await new Promise<void>((settle) => vendor.listen(0, '127.0.0.1', settle));
after(() => {
  vendor.close();
  vendor.closeAllConnections();
});
const address = vendor.address();
assert.ok(address !== null && typeof address === 'object');
const { call, client } = await startTestEvenkeel({ EVENKEEL_HOST_MAP: JSON.stringify({ 'api.hostile.example': `http://127.0.0.1:${address.port}` }) });

const list = (path: string): object => ({ method: 'GET', path, response: { records: 'items' }, query: { c: '{{page.cursor}}', limit: '{{page.limit}}' }, pagination: { type: 'cursor', next: 'next', limit: { default: 10, max: 100 } } });
const body = { type: 'json', value: '{{input.body}}' };
const fields = {
  id: 'id',
  first_name: 'first',
  name: { read: { $expr: 'first & last' } },
  title: 'title',
  emails: { each: 'emails', item: { object: { address: 'value', type: { path: 'kind', enum: { work: 'w', home: 'h' }, otherwise: 'other' } } } },
  address: { object: { city: 'city' } },
  created_at: 'created',
};
const contacts = {
  mapping: 1,
  model: 'crm.contacts',
  methods: {
    list: [{ operation: 'contacts.list', filters: { email: { query: { email: '{{value}}' } }, updated_after: { query: { since: '{{value}}' } } }, sort: { name: { asc: 'name' } } }],
    get: { operation: 'contacts.get' },
    create: { operation: 'contacts.create' },
  },
  fields,
  custom_fields: { at: 'custom', write: true },
};
const manifest = {
  manifest: 1,
  id: 'hostile',
  name: 'Hostile',
  categories: ['crm'],
  auth: [{ type: 'api_key', id: 'key', fields: [{ name: 'api_key', label: 'Key', secret: true }], apply: { headers: { 'x-key': '{{secret.api_key}}' } } }],
  http: { base_url: 'https://api.hostile.example' },
  validation: { request: { method: 'GET', path: '/me' } },
  resources: { contacts: { list: list('/contacts'), get: { method: 'GET', path: '/contacts/{{input.id}}' }, create: { method: 'POST', path: '/contacts', body } }, companies: { list: list('/companies') } },
  mappings: { 'crm.contacts': contacts, 'crm.companies': { mapping: 1, model: 'crm.companies', methods: { list: [{ operation: 'companies.list' }] }, fields: { id: 'id', name: 'name' } } },
};
const put = await call('PUT', '/v1/connectors/hostile', { body: manifest });
assert.ok(put.status < 300, put.text);
async function connect(tenant: string): Promise<string> {
  const browser = new Browser();
  const page = await browser.open((await client.connectSessions.create({ tenant_id: tenant, connector: 'hostile' })).url);
  const [form] = page.forms;
  assert.ok(form);
  await browser.submit(page, form, { api_key: 'k' }, form.buttons[0]);
  const [account] = (await client.accounts.list({ connector: 'hostile', tenant_id: tenant }).page()).results;
  assert.ok(account);
  return account.id;
}
const [mine, other] = [await connect('acme'), await connect('zeta')];

const ask = (path: string, options: { method?: string; body?: unknown; text?: string; account?: string; key?: string } = {}): Promise<RawAnswer> =>
  call(options.method ?? 'GET', `/v1/unified/${path}`, { ...options, headers: { 'evenkeel-account': options.account ?? mine } });
const outcome = ({ status, json }: RawAnswer): unknown[] => [status, json?.['code'], json?.['origin']];
const firstPlace = ({ json }: RawAnswer): unknown => (json?.['errors'] as { path: string }[] | undefined)?.[0]?.path;
const resultsOf = ({ json, text }: RawAnswer): Record<string, unknown>[] => {
  assert.ok(Array.isArray(json?.['results']), text.slice(0, 500));
  return json['results'] as Record<string, unknown>[];
};
const page = (record: string): string => `{"items":[{"id":0,"first":"fine"},${record}],"next":null}`;

describe('records of the wrong kind', () => {
  for (const [record, place] of [
    ['{"id":{}}', 'results[1].id'], ['{"id":null}', 'results[1].id'], ['{"id":""}', 'results[1].id'], ['{}', 'results[1].id'], ['{"id":1,"emails":"x"}', 'results[1].emails'],
    ['{"id":1,"emails":[{"value":"a"},{"value":"x","kind":{}}]}', 'results[1].emails[1].type'], ['{"id":1,"emails":[{"value":["x"]}]}', 'results[1].emails[0].address'], ['{"id":1,"created":"yesterday"}', 'results[1].created_at'],
    ['{"id":1,"created":9e15}', 'results[1].created_at'], ['{"id":1,"title":{"a":1}}', 'results[1].title'], ['{"id":1,"city":[]}', 'results[1].address.city'], ['null', 'results[1]'], ['[]', 'results[1]'], ['7', 'results[1]'],
    [`{"id":1,"emails":[${'{"value":"x"},'.repeat(10_000)}{"value":"y"}]}`, 'results[1].emails'], [`{"id":1,"first":"${'x'.repeat(2_000_000)}"}`, 'results[1].name'],
  ] as const) {
    it(`fail with their place: ${record.slice(0, 60)}`, async () => {
      answer = page(record);
      const made = await ask('crm/contacts');
      assert.deepEqual([...outcome(made), firstPlace(made)], [502, 'mapping_failed', 'platform', place], made.text.slice(0, 400));
      assert.doesNotMatch(String(made.json?.['detail']), / {2}|\.\./);
    });
  }

  it('with keys of prototypes pollute nothing, and hand on what is an own field', async () => {
    answer = page('{"id":1,"__proto__":{"polluted":1},"constructor":{"a":1},"custom":{"__proto__":{"polluted":2},"constructor":{"a":1},"toString":"x"}}');
    const made = await ask('crm/contacts?remote_data=true');
    assert.deepEqual(resultsOf(made)[1]?.['custom_fields'], { constructor: { a: 1 }, toString: 'x' });
    assert.equal(({} as Record<string, unknown>)['polluted'], undefined);
  });

  it('too deep to be read are the vendor\'s fault, however deep', async () => {
    for (const depth of [200, 100_000]) {
      answer = page(`{"id":1,"custom":${'['.repeat(depth)}${']'.repeat(depth)}}`);
      assert.deepEqual(outcome(await ask('crm/contacts')), [502, 'upstream_invalid_response', 'upstream']);
    }
  });

  it('of ten megabytes pass where no expression has to hold them', async () => {
    answer = page(`{"id":1,"title":"${'x'.repeat(10_000_000)}"}`);
    const [, made] = resultsOf(await ask('crm/contacts?fields=title'));
    assert.equal(String(made?.['title']).length, 10_000_000);
  });

  it('twenty thousand at once are answered', async () => {
    answer = `{"items":[${Array.from({ length: 20_000 }, (_, n) => `{"id":${n},"first":"a"}`).join()}],"next":null}`;
    assert.equal(resultsOf(await ask('crm/contacts')).length, 20_000);
  });

  it('no list, no JSON, nothing: the vendor\'s fault', async () => {
    for (const text of ['{"items":{}}', 'null', '<html>', '']) {
      answer = text;
      assert.deepEqual(outcome(await ask('crm/contacts')), [502, 'upstream_invalid_response', 'upstream'], text);
    }
  });
});

describe('callers who ask for what cannot be', () => {
  it('are told before the vendor is asked', async () => {
    answer = '{"items":[],"next":null}';
    const invalid = ['limit=0', 'limit=1001', 'limit=x', 'limit=1&limit=2', 'sort=title', 'fields=nope', 'fields=id,__proto__', 'fields=constructor', 'email=', 'email=a&email=b', 'colour=x', '__proto__=x', 'constructor=x', 'updated_after=yesterday', 'updated_after=2026', 'remote_data=maybe', 'email[x]=1', `email=${'x'.repeat(3_000)}`, 'cursor=AAAA', 'emial=x'];
    for (const query of invalid) assert.deepEqual(outcome(await ask(`crm/contacts?${query}`)), [400, 'invalid_request', 'caller'], query.slice(0, 40));
    for (const query of ['owner_id=1', 'sort=-name', 'sort=updated_at']) assert.deepEqual(outcome(await ask(`crm/contacts?${query}`)), [405, 'unsupported_operation', 'caller'], query);
    for (const path of ['crm/unicorns', 'xyz/contacts', 'constructor/contacts', 'crm/constructor']) assert.deepEqual(outcome(await ask(path)), [405, 'unsupported_operation', 'caller'], path);
    for (const path of ['crm/__proto__', 'crm/contacts/%2e%2e', 'crm/contacts/%zz']) assert.deepEqual(outcome(await ask(path)), [400, 'invalid_request', 'caller'], path);
    const long = await ask(`crm/contacts/${'x'.repeat(3_000)}`);
    assert.deepEqual([...outcome(long), long.headers.get('content-type')], [414, 'invalid_request', 'caller', 'application/problem+json']);
  });

  it('keep a cursor where it was given out: account, model, filters and sorting', async () => {
    answer = '{"items":[{"id":1}],"next":"n1"}';
    const cursor = String((await ask('crm/contacts?limit=1&email=a@b.example')).json?.['next_cursor']);
    answer = '{"items":[{"id":2}],"next":null}';
    assert.deepEqual(resultsOf(await ask(`crm/contacts?limit=7&email=a@b.example&fields=title&cursor=${cursor}`)).map(({ id }) => id), ['2'], 'page size and fields may change');
    for (const [path, account] of [[`crm/contacts?email=a@b.example&cursor=${cursor}`, other], [`crm/companies?cursor=${cursor}`, mine], [`crm/contacts?cursor=${cursor}`, mine], [`crm/contacts?email=b@b.example&cursor=${cursor}`, mine], [`crm/contacts?email=a@b.example&sort=name&cursor=${cursor}`, mine], [`crm/contacts?email=a@b.example&cursor=${cursor.slice(0, -6)}`, mine]] as const) {
      assert.deepEqual(outcome(await ask(path, { account })), [400, 'invalid_request', 'caller'], path);
    }
    const proxied = String((await call('GET', '/v1/proxy/contacts', { headers: { 'evenkeel-account': mine } })).json?.['next_cursor']);
    assert.equal(proxied, 'null');
  });

  it('see nothing of another tenant', async () => {
    const key = String((await call('POST', '/v1/api-keys', { body: { name: 't', scope: 'write', tenant_id: 'zeta' } })).json?.['key']);
    assert.deepEqual(outcome(await ask('crm/contacts', { key })), [404, 'not_found', 'caller']);
    assert.deepEqual(outcome(await call('GET', '/v1/unified/crm/contacts')), [400, 'invalid_request', 'caller']);
  });

  it('are told every fault of what they write, and deep or polluting bodies do no harm', async () => {
    answer = '{"id":1}';
    const wrong = await ask('crm/contacts', { method: 'POST', body: { first_name: 7, emails: [{}, { address: 'x', type: 'zz' }, 5], address: { city: 1, nope: 2 }, title: ['x'], id: '1' } });
    assert.deepEqual(outcome(wrong), [422, 'validation_failed', 'caller']);
    assert.deepEqual(((wrong.json?.['errors'] ?? []) as { path: string }[]).map(({ path }) => path).toSorted(), ['address.city', 'address.nope', 'emails[0].address', 'emails[1].type', 'emails[2]', 'first_name', 'id', 'title']);
    for (const text of ['null', '[]', '"x"', '7']) assert.deepEqual(outcome(await ask('crm/contacts', { method: 'POST', text })), [422, 'validation_failed', 'caller'], text);
    for (const text of ['{', '{"__proto__":{"a":1}}', '{"custom_fields":{"__proto__":{"a":1}}}']) assert.deepEqual(outcome(await ask('crm/contacts', { method: 'POST', text })), [400, 'invalid_request', 'caller'], text);
    const deep = await ask('crm/contacts', { method: 'POST', text: `{"custom_fields":{"x":${'['.repeat(1_000_000)}${']'.repeat(1_000_000)}}}` });
    assert.ok(deep.status === 201 || deep.json?.['origin'] === 'caller', deep.text.slice(0, 300));
    assert.equal(({} as Record<string, unknown>)['polluted'], undefined);
  });
});
