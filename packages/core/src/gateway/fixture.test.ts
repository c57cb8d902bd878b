import assert from 'node:assert/strict';
import { createHash, createHmac } from 'node:crypto';
import { test } from 'node:test';
import type { Fixture } from '@evenkeel/contract/fixture.ts';
import type { CryptoPort } from '../connectors/requests/crypto-port.ts';
import { compileConnector } from '../connectors/compile.ts';
import { differences } from './difference.ts';
import { runFixture, type FixtureResult } from './fixture.ts';

const crypto: CryptoPort = {
  hash: (algorithm, data) => new Uint8Array(createHash(algorithm).update(data).digest()),
  hmac: (algorithm, key, data) => new Uint8Array(createHmac(algorithm, key).update(data).digest()),
  sign: () => {
    throw new TypeError('No fixture here signs with a private key.');
  },
};

const compiled = compileConnector({
  manifest: 1,
  id: 'acme',
  name: 'Acme',
  categories: ['crm'],
  auth: [
    {
      type: 'oauth2_code', id: 'oauth', authorize_url: 'https://acme.test/authorize', token_url: 'https://acme.test/token',
      capture: { captured: { host: '{{response.body.api_domain}}' } },
      apply: { headers: { authorization: 'Bearer {{token.access_token}}' } },
    },
    { type: 'api_key', id: 'key', fields: [{ name: 'api_key', label: 'Key', secret: true }], apply: { query: { key: '{{secret.api_key}}' } } },
  ],
  http: { base_url: '{{captured.host}}' },
  error_message: ['error'],
  validation: { request: { method: 'GET', path: '/me' }, capture: { captured: { owner: '{{response.body.name}}' } } },
  account: { external_id: '{{captured.host}}', label: '{{captured.owner}}' },
  post_install: [{ id: 'company', request: { method: 'GET', path: '/company' }, capture: { captured: { company: '{{response.body.id}}' } } }],
  resources: {
    contacts: {
      list: { method: 'GET', path: '/contacts', response: { records: 'data' }, pagination: { type: 'next_url', next: 'next', limit: { default: 2, max: 10 }, query: { n: '{{page.limit}}' } } },
      create: { method: 'POST', path: '/contacts', body: { type: 'form', value: '{{input.body}}' }, response: { record: 'data' } },
    },
  },
});
assert.ok(compiled.ok, JSON.stringify(compiled));
const { connector } = compiled;

const account = { scheme: 'key', captured: { host: 'https://eu.acme.test' }, secret: { api_key: 'secret-key' } };
const run = (fixture: Fixture): Promise<FixtureResult> => runFixture(connector, fixture, { crypto });
const places = async (fixture: Fixture): Promise<string[]> => (await run(fixture)).differences.map(({ at }) => at);

const pages: Fixture = {
  name: 'contacts over two pages',
  call: { surface: 'proxy', method: 'list', resource: 'contacts', query: { archived: 'false' }, pages: 2 },
  account,
  exchanges: [
    {
      request: { method: 'GET', url: 'https://eu.acme.test/contacts?archived=false', query: { n: '2', key: 'secret-key' } },
      response: { status: 200, body: { data: [{ id: 1 }, { id: 2 }], next: 'https://eu.acme.test/contacts?after=2&key=secret-key' } },
    },
    { request: { method: 'GET', url: 'https://eu.acme.test/contacts', query: { after: '2', key: 'secret-key' } }, response: { status: 200, body: { data: [{ id: 3 }] } } },
  ],
  answer: { status: 200, body: { results: [{ id: 3 }], next_cursor: null } },
};

test('a fixture that holds has no differences', async () => {
  assert.deepEqual(await run(pages), { name: pages.name, ok: true, differences: [] });
  assert.deepEqual(await places({ ...pages, call: { ...pages.call, pages: 1 }, exchanges: pages.exchanges.slice(0, 1), answer: { status: 200, body: { results: [{ id: 1 }, { id: 2 }], next_cursor: '*' } } }), []);
});

test('every difference is told with its place', async () => {
  const wrong = structuredClone(pages);
  const [first] = wrong.exchanges;
  assert.ok(first !== undefined);
  first.request = { method: 'POST', url: 'https://eu.acme.test/people', query: { n: '3', archived: 'false', key: 'secret-key' }, headers: { Accept: 'text/csv' }, body: {} };
  wrong.answer = { status: 201, headers: { 'x-none': '1' }, body: { results: [], next_cursor: null } };
  assert.deepEqual(await places(wrong), ['exchanges[0].request.method', 'exchanges[0].request.url', 'exchanges[0].request.query.n', 'exchanges[0].request.headers.accept', 'exchanges[0].request.body', 'answer.status', 'answer.headers.x-none', 'answer.body.results[0]']);
  assert.deepEqual(await places({ ...pages, exchanges: pages.exchanges.slice(0, 1) }), ['exchanges[1]']);
  assert.deepEqual(await places({ ...pages, call: { ...pages.call, pages: 1 }, answer: { status: 200, body: { results: [{ id: 1 }, { id: 2 }], next_cursor: '*' } } }), ['exchanges[1]']);
  assert.deepEqual(await places({ ...pages, account: { ...account, scheme: 'none' } }), ['account.scheme']);
});

test('a problem is held by the members named, a form by its fields', async () => {
  const fixture: Fixture = {
    name: 'a refused contact',
    call: { surface: 'proxy', method: 'create', resource: 'contacts', body: { name: 'Ada', age: 3 } },
    account,
    exchanges: [
      {
        request: { method: 'POST', url: 'https://eu.acme.test/contacts?key=secret-key', headers: { 'Content-Type': 'application/x-www-form-urlencoded' }, body: { name: 'Ada', age: '3' } },
        response: { status: 422, body: { error: 'age is private' } },
      },
    ],
    answer: { status: 422, body: { code: 'validation_failed', origin: 'caller', detail: 'Acme answered 422: age is private', upstream: { status: 422 } } },
  };
  assert.deepEqual(await places(fixture), []);
  fixture.answer.body = { code: 'conflict' };
  assert.deepEqual(await places(fixture), ['answer.body.code']);
  assert.deepEqual(await places({ ...fixture, call: { ...fixture.call, resource: 'people' }, exchanges: [], answer: { status: 405, body: { code: 'unsupported_operation' } } }), []);
});

test('passthrough is compared as it came', async () => {
  const fixture: Fixture = {
    name: 'a report',
    call: { surface: 'passthrough', method: 'GET', path: 'reports/1?as=csv' },
    account,
    exchanges: [{ request: { method: 'GET', url: 'https://eu.acme.test/reports/1?as=csv&key=secret-key' }, response: { status: 200, headers: { 'Content-Type': 'text/csv' }, text: 'a,b\n' } }],
    answer: { status: 200, headers: { 'content-type': 'text/csv' }, text: 'a,b\n' },
  };
  assert.deepEqual(await places(fixture), []);
});

const connect: Fixture = {
  name: 'connect by OAuth',
  call: { surface: 'connect', callback: { code: 'c0de', state: 's' }, redirect_uri: 'https://us.test/oauth/callback', code_verifier: 'v'.repeat(43) },
  account: { scheme: 'oauth', app: { client_id: 'id', client_secret: 'shh-secret' } },
  now: '2026-10-01T00:00:00Z',
  exchanges: [
    {
      request: { method: 'POST', url: 'https://acme.test/token', body: { grant_type: 'authorization_code', code: 'c0de', redirect_uri: 'https://us.test/oauth/callback', client_id: 'id', client_secret: 'shh-secret', code_verifier: 'v'.repeat(43) } },
      response: { status: 200, body: { access_token: 'at-1', refresh_token: 'rt-1', expires_in: 3600, api_domain: 'https://eu.acme.test' } },
    },
    { request: { method: 'GET', url: 'https://eu.acme.test/me', headers: { authorization: 'Bearer at-1' } }, response: { status: 200, body: { name: 'Ada' } } },
    { request: { method: 'GET', url: 'https://eu.acme.test/company' }, response: { status: 200, body: { id: 7 } } },
  ],
  answer: { status: 200, body: { state: 'active', captured: { host: 'https://eu.acme.test', owner: 'Ada', company: 7 }, expires_at: '2026-10-01T01:00:00.000Z', external_id: 'https://eu.acme.test', label: 'Ada' } },
};

test('connecting is replayed from callback to active, and to each error state', async () => {
  assert.deepEqual((await run(connect)).differences, []);
  const [token, me] = connect.exchanges;
  assert.ok(token !== undefined && me !== undefined);
  const refused = { ...me, response: { status: 403, body: { error: 'no' } } };
  assert.deepEqual(await places({ ...connect, exchanges: [token, refused], answer: { status: 422, body: { state: 'validation_error', step: 'validation', message: 'no' } } }), []);
  const company = { request: { method: 'GET', url: 'https://eu.acme.test/company' }, response: { status: 500 } };
  assert.deepEqual(await places({ ...connect, exchanges: [token, me, company], answer: { status: 422, body: { state: 'post_install_error', step: 'company', kind: 'transient' } } }), []);
  const invalid = { ...token, response: { status: 400, body: { error: 'invalid_grant' } } };
  assert.deepEqual(await places({ ...connect, exchanges: [invalid], answer: { status: 422, body: { state: 'refused', step: 'token' } } }), []);
});

test('the validation call alone', async () => {
  const fixture: Fixture = {
    name: 'whoami',
    call: { surface: 'validation' },
    account,
    exchanges: [{ request: { method: 'GET', url: 'https://eu.acme.test/me?key=secret-key' }, response: { status: 200, body: { name: 'Ada' } } }],
    answer: { status: 200, body: { ok: true, captured: { owner: 'Ada' } } },
  };
  assert.deepEqual((await run(fixture)).differences, []);
});

test('differences are bounded, and "*" stands for anything but nothing', () => {
  assert.ok(differences('x', {}, Object.fromEntries(Array.from({ length: 500 }, (_, index) => [`k${index}`, index]))).length <= 50);
  assert.deepEqual(differences('x', { a: '*' }, { a: [1] }), []);
  assert.equal(differences('x', { a: '*' }, { a: null }).length, 1);
  assert.equal(differences('x', { a: [1, 2] }, { a: [1] })[0]?.at, 'x.a[1]');
});
