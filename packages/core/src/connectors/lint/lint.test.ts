import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { Ajv2020 } from 'ajv/dist/2020.js';
import fc from 'fast-check';
import { compileConnector } from '../compile.ts';
import { nearest, type Fault } from './fault.ts';
import { withMappings } from '../mapping/mapping-files.ts';
import { lintManifest } from './lint.ts';

type Json = Record<string, unknown>;
const root = new URL('../../../../..', import.meta.url);

const good = (): Json => ({
  manifest: 1,
  id: 'good',
  name: 'Good',
  categories: ['crm'],
  auth: [{ type: 'oauth2_code', id: 'oauth', fields: [{ name: 'region', label: 'Region' }], authorize_url: 'https://v.example/a', token_url: 'https://v.example/t', scopes: ['read'] }],
  http: { base_url: 'https://api.v.example' },
  validation: { request: { method: 'GET', path: '/me' } },
  resources: {
    contacts: {
      list: { method: 'GET', path: '/contacts', query: { limit: '{{page.limit}}', after: '{{page.cursor}}' }, pagination: { type: 'cursor', next: 'next' } },
      update: { method: 'PATCH', path: '/contacts/{{input.id}}', body: { type: 'json', value: '{{input.body}}' } },
    },
  },
});

/** Sets one place of a good manifest: `at` is a fault path without quotes. */
function changed(at: string, value: unknown): Json {
  const manifest = good();
  const keys = at.split(/[.[\]]+/).filter((key) => key !== '');
  let node: Json = manifest;
  for (const key of keys.slice(0, -1)) node = (node[key] ??= {}) as Json;
  const last = keys.at(-1) ?? '';
  if (value === undefined) Reflect.deleteProperty(node, last);
  else node[last] = value;
  return manifest;
}

test('a good manifest has no fault', () => {
  assert.deepEqual(lintManifest(good()), []);
});

const cases: readonly (readonly [set: string, value: unknown, path: string, message: RegExp, suggestion?: string | undefined, severity?: Fault['severity']])[] = [
  ['resources.contacts.list.qurey', {}, 'resources.contacts.list.qurey', /no "qurey"/, 'query'],
  ['auth[0].type', 'oauth2code', 'auth[0].type', /must be one of/, 'oauth2_code'],
  ['auth[0].type', undefined, 'auth[0].type', /missing/],
  ['auth[0].pkce', 's256', 'auth[0].pkce', /must be one of/, 'S256'],
  ['auth[0].token_url', undefined, 'auth[0].token_url', /missing/],
  ['auth[0].token_url', 'http://v.example/t', 'auth[0].token_url', /https/],
  ['auth[0].apply', { headers: { authorization: 'Bearer {{tokn.access_token}}' } }, 'auth[0].apply.headers.authorization', /begins with "tokn"/, 'token'],
  ['auth[0].apply', { headers: { authorization: '{{token.acces_token}}' } }, 'auth[0].apply.headers.authorization', /does not have/, 'token.access_token'],
  ['auth[0].apply', { headers: { 'Content-Length': '1' } }, 'auth[0].apply.headers.Content-Length', /written by/],
  ['auth[0].apply', { headers: { 'a b': '1' } }, 'auth[0].apply.headers["a b"]', /not a header name/],
  ['auth[0].refresh', { lead_s: { min: 100, max: 50 } }, 'auth[0].refresh.lead_s', /greater than max/],
  ['auth[0].scopes', undefined, 'auth[0].scopes', /No scopes/, undefined, 'warning'],
  ['auth[1]', { type: 'none', id: 'oauth' }, 'auth[1].id', /used twice/],
  ['auth[0].fields[1]', { name: 'region', label: 'Again' }, 'auth[0].fields[1].name', /used twice/],
  ['auth[0].fields[0].pattern', '(a+)+', 'auth[0].fields[0].pattern', /unbounded time/],
  ['auth[0].fields[0].type', 'select', 'auth[0].fields[0].options', /needs options/],
  ['http.base_url', 'http://api.v.example', 'http.base_url', /https/],
  ['http.base_url', 'https://{{config.regoin}}.v.example', 'http.base_url', /no connect field/, 'config.region'],
  ['http.base_url', 'https://{{secret.region}}.v.example', 'http.base_url', /no secret/, 'config.region'],
  ['http.timeout_ms', 5, 'http.timeout_ms', /at least 100/],
  ['resources.contacts', {}, 'resources.contacts', /no method/],
  ['resources.Contacts', { get: { method: 'GET', path: '/x/{{input.id}}' } }, 'resources.Contacts', /must match/],
  ['resources.contacts.update.path', '/contacts', 'resources.contacts.update.path', /input\.id/, undefined, 'warning'],
  ['resources.contacts.list.method', 'get', 'resources.contacts.list.method', /must be one of/, 'GET'],
  ['resources.contacts.list.path', undefined, 'resources.contacts.list.path', /neither path nor url/],
  ['resources.contacts.list.path', '/x/{{input.id|uper}}', 'resources.contacts.list.path', /no filter "uper"/, 'upper'],
  ['resources.contacts.list.path', '/x/{{input.id', 'resources.contacts.list.path', /not closed/],
  ['resources.contacts.list.pagination', undefined, 'resources.contacts.list.query.after', /never filled/],
  ['resources.contacts.list.query', {}, 'resources.contacts.list.pagination', /every page would be the first/],
  ['resources.contacts.list.pagination', { type: 'cursor' }, 'resources.contacts.list.pagination.next', /needs next/],
  ['resources.contacts.list.pagination.next', { $expr: '(' }, 'resources.contacts.list.pagination.next.$expr', /cannot be used/],
  ['resources.contacts.list.pagination.next', 'a..b', 'resources.contacts.list.pagination.next', /cannot be read/],
  ['resources.contacts.list.pagination.next', 7, 'resources.contacts.list.pagination.next', /must be a path/],
  ['resources.contacts.list.body', { type: 'json', value: 1 }, 'resources.contacts.list.body', /no body/],
  ['resources.contacts.update.body.value', { $expr: '$eval("1")' }, 'resources.contacts.update.body.value.$expr', /\$eval is not allowed/],
  ['resources.contacts.update.body.value', { $expr: '1', other: 2 }, 'resources.contacts.update.body.value.$expr', /only name/],
  ['resources.contacts.update.body.value', '{{captured.org}}', 'resources.contacts.update.body.value', /nothing captures/],
  ['resources.contacts.update.body.value', '{{app.clientid}}', 'resources.contacts.update.body.value', /app_fields/, 'app.client_id'],
  ['resources.contacts.update.body.value', '{{callback.code}}', 'resources.contacts.update.body.value', /only while an account connects/],
  ['resources.contacts.update.body.value', { $expr: 'config.regoin' }, 'resources.contacts.update.body.value.$expr', /no connect field/, 'config.region', 'warning'],
  ['errors', [{ when: { body: { error: { mathces: 'x' } } }, code: 'internal' }], 'errors[0].when.body.error.mathces', /no matcher/, 'matches'],
  ['errors', [{ when: { body: { 'a..b': 1 } }, code: 'internal' }], 'errors[0].when.body["a..b"]', /cannot be read/],
  ['errors', [{ when: { status: ['6xx'] }, code: 'internal' }], 'errors[0].when.status[0]', /must be/],
  ['errors', [{ when: {}, code: 'rate_limit' }], 'errors[0].code', /must be one of/, 'rate_limited'],
  ['resources.contacts.list.scopes', ['raed'], 'resources.contacts.list.scopes[0]', /No scheme asks/, 'read', 'warning'],
  ['validation', undefined, 'validation', /no validation call/, undefined, 'warning'],
];

for (const [set, value, path, message, suggestion, severity = 'error'] of cases) {
  test(`${set} = ${JSON.stringify(value)?.slice(0, 60)}`, () => {
    const faults = lintManifest(changed(set, value));
    const found = faults.find((fault) => fault.path === path && message.test(fault.message));
    assert.ok(found !== undefined, JSON.stringify(faults, null, 1));
    assert.equal(found.severity, severity);
    if (suggestion !== undefined) assert.equal(found.suggestion, suggestion);
    assert.equal(compileConnector(changed(set, value)).ok, severity === 'warning');
  });
}

test('every fault is listed, and only the branch that is meant', () => {
  const faults = lintManifest({ ...good(), id: 'X', nmae: 'x', auth: [{ type: 'basic', id: 'b', username: 'u' }], http: {} });
  assert.deepEqual(faults.map(({ path }) => path).toSorted(), ['auth[0].password', 'http.base_url', 'id', 'nmae']);
});

test('nothing it is given makes it throw', () => {
  const deep: unknown[] = [];
  let inner: unknown[] = deep;
  for (let level = 0; level < 5_000; level++) inner.push((inner = []));
  const cyclic = good();
  cyclic['resources'] = cyclic;
  const trap = new Proxy({}, { ownKeys: () => { throw new Error('trap'); } });
  for (const input of [undefined, null, 1, 'x', [], () => 1, deep, { ...good(), resources: deep }, cyclic, trap, { ...good(), name: 'x'.repeat(1e6) }, { ...good(), categories: Array(200_000).fill('a') }, JSON.parse('{"__proto__": 1, "resources": {"__proto__": {"list": 1}}}'), new Map(), new Date()]) {
    assert.ok(lintManifest(input).some(({ severity }) => severity === 'error'));
    assert.equal(compileConnector(input).ok, false);
  }
});

test('long hostile texts are judged in time that grows with their length', () => {
  const units = ['{{', '{', '{{config.a|', '{{config.a}}', '{{config.a|default:', `{{config.a|default:'`, `{{config.a|default:${' '.repeat(5_000)}'`, '{{ ', '["', '(', '[', '(a|', 'a*', '(?:a?', '\\', '-', '$', '"', ' '];
  for (const unit of units) {
    for (const length of [9_000, 95_000, 1_900_000]) {
      const text = unit.repeat(Math.ceil(length / unit.length));
      const field = { name: 'a', label: 'A', pattern: text };
      const places = { base_url: `https://${text}`, query: { a: text, b: { $expr: text } } };
      const started = performance.now();
      lintManifest({ manifest: 1, id: 'x', name: 'X', categories: [], auth: [{ type: 'none', id: 'none', fields: [field] }], http: places, resources: { a: { list: { method: 'GET', path: text, url: text } } }, request_id: { body: text } });
      const took = performance.now() - started;
      assert.ok(took < 8_000, `${JSON.stringify(unit.slice(0, 20))} × ${length}: ${took} ms`);
    }
  }
});

test('any damage to a good manifest ends in faults or a connector, never in a throw', async () => {
  const places = ['auth[0]', 'auth', 'http', 'http.base_url', 'resources', 'resources.contacts', 'resources.contacts.list', 'resources.contacts.list.query', 'resources.contacts.list.pagination', 'resources.contacts.update.body', 'resources.contacts.update.path', 'validation', 'errors', 'rate_limits', 'post_install', 'account'];
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...places), fc.oneof(fc.jsonValue(), fc.string(), fc.array(fc.dictionary(fc.string(), fc.jsonValue()))), async (place, value) => {
      const compiled = compileConnector(changed(place, value));
      if (!compiled.ok) return;
      for (const { id } of compiled.connector.manifest.auth) compiled.connector.scheme(id);
      await compiled.connector.operation('contacts', 'list')?.build({});
      await compiled.connector.operation('contacts', 'update')?.build({});
      assert.equal(({} as Json)['polluted'], undefined);
    }),
    { numRuns: 500 },
  );
});

test('the published JSON Schema and the linter judge the shape alike', async () => {
  const schema = JSON.parse(await readFile(new URL('packages/contract/schema/manifest.v1.json', root), 'utf8')) as object;
  const validate = new Ajv2020({ strict: true, strictTypes: false, allErrors: true }).compile(schema);
  assert.equal(validate(good()), true, JSON.stringify(validate.errors));
  for (const [set, value] of cases) {
    const manifest = changed(set, value);
    if (validate(manifest)) continue;
    assert.ok(lintManifest(manifest).some(({ severity }) => severity === 'error'), `${set}: ${JSON.stringify(validate.errors?.[0])}`);
  }
  for (const { manifest } of await builtIn()) assert.equal(validate(manifest), true, JSON.stringify(validate.errors));
});

test('the built-in connectors have no error', async () => {
  for (const { id, manifest } of await builtIn()) {
    assert.deepEqual(lintManifest(manifest).filter(({ severity }) => severity === 'error'), [], id);
  }
});

test('a suggestion is near what was written, or there is none', () => {
  assert.equal(nearest('qurey', ['query', 'path']), 'query');
  assert.equal(nearest('zzzzzz', ['query', 'path']), undefined);
  assert.equal(nearest('x'.repeat(100), ['query']), undefined);
});

const json = async (file: URL): Promise<unknown> => JSON.parse(await readFile(file, 'utf8')) as unknown;

async function mappingsIn(folder: URL): Promise<{ name: string; mapping: unknown }[]> {
  const files = await readdir(folder).catch(() => []);
  return Promise.all(files.map(async (file) => ({ name: file.replace(/\.json$/, ''), mapping: await json(new URL(file, folder)) })));
}

async function builtIn(): Promise<{ id: string; manifest: unknown }[]> {
  const folder = new URL('connectors/', root);
  const ids = (await readdir(folder, { withFileTypes: true })).filter((entry) => entry.isDirectory()).map(({ name }) => name);
  return Promise.all(ids.map(async (id) => ({ id, manifest: withMappings(await json(new URL(`${id}/connector.json`, folder)), await mappingsIn(new URL(`${id}/mappings/`, folder))) })));
}
