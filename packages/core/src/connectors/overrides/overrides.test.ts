import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { changesBetween, mergePatch } from './merge-patch.ts';
import { faultsOfManifestPatch, faultsOfMappingPatch } from './override-rules.ts';

test('merges as RFC 7396 shows it', () => {
  const cases: [unknown, unknown, unknown][] = [
    [{ a: 'b' }, { a: 'c' }, { a: 'c' }], [{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }], [{ a: 'b' }, { a: null }, {}], [{ a: 'b', b: 'c' }, { a: null }, { b: 'c' }],
    [{ a: ['b'] }, { a: 'c' }, { a: 'c' }], [{ a: 'c' }, { a: ['b'] }, { a: ['b'] }], [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
    [{ a: [{ b: 'c' }] }, { a: [1] }, { a: [1] }], [['a', 'b'], ['c', 'd'], ['c', 'd']], [{ e: null }, { a: 1 }, { e: null, a: 1 }], [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
  ];
  for (const [base, patch, merged] of cases) assert.deepEqual(mergePatch(base, patch), merged);
});

test('leaves its arguments and every prototype alone', () => {
  const base = { fields: { a: 'x' } };
  const merged = mergePatch(base, JSON.parse('{"fields":{"__proto__":{"polluted":1},"b":"y"},"__proto__":{"polluted":1}}')) as Record<string, unknown>;
  assert.deepEqual(base, { fields: { a: 'x' } });
  assert.deepEqual(merged, { fields: { a: 'x', b: 'y' } });
  assert.equal(({} as Record<string, unknown>)['polluted'], undefined);
});

test('a second application changes nothing, and the changes are told', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue()), fc.dictionary(fc.string(), fc.jsonValue()), (base, patch) => {
      const once = mergePatch(base, patch);
      assert.deepEqual(mergePatch(once, patch), once);
      assert.equal(changesBetween(once, once).length, 0);
    }),
  );
  assert.deepEqual(changesBetween({ a: 1, b: { c: 1 } }, { b: { c: 2, d: 3 } }), [{ path: 'a', before: 1 }, { path: 'b.c', before: 1, after: 2 }, { path: 'b.d', after: 3 }]);
});

test('a patch is an object and keeps the mapping what it is', () => {
  assert.deepEqual(faultsOfMappingPatch({ fields: {} }), []);
  assert.match(faultsOfMappingPatch([])[0]?.message ?? '', /object/);
  assert.deepEqual(faultsOfMappingPatch({ model: 'x', mapping: 2, fields: {} }).map(({ path }) => path), ['model', 'mapping']);
});

test('of a manifest only what calls are made of is overridden, and narrower layers see no secret and no address', () => {
  const paths = (patch: unknown, layer: 'installation' | 'tenant' | 'account'): string[] => faultsOfManifestPatch(patch, layer).map(({ path }) => path);
  const calls = { http: { headers: { 'x-region': '{{config.region}}' }, timeout_ms: 5_000 }, resources: { contacts: { list: { path: '/v2/contacts' } } }, errors: [], pagination: null };
  for (const layer of ['installation', 'tenant', 'account'] as const) {
    assert.deepEqual(paths(calls, layer), []);
    const fixed = { id: 'x', manifest: 2, auth: [], app_fields: [], validation: {}, account: {}, post_install: [], granted_scopes: {}, mappings: {}, webhooks: {}, nonsense: 1, http: { base_url: 'https://evil.example', origins: ['https://evil.example'], header: {} } };
    assert.deepEqual(paths(fixed, layer), [...Object.keys(fixed).filter((key) => key !== 'http'), 'http.base_url', 'http.origins', 'http.header']);
    for (const patch of [[], 'x', null, { http: null }, { http: [] }]) assert.equal(paths(patch, layer).length, 1);
  }
  const name = { name: 'Ours' };
  assert.deepEqual(paths(name, 'installation'), []);
  assert.deepEqual(paths(name, 'tenant'), ['name']);
  const elsewhere = { resources: { contacts: { list: { url: 'https://evil.example/{{input.id}}' }, actions: { push: { url: 'https://evil.example' } } } } };
  assert.deepEqual(paths(elsewhere, 'installation'), []);
  assert.deepEqual(paths(elsewhere, 'account'), ['resources.contacts.list.url', 'resources.contacts.actions.push.url']);
  const secrets = ['{{secret.api_key}}', 'Bearer {{token.access_token}}', '{{ app.client_secret | upper }}', { $expr: "secret.api_key & 'x'" }, { $expr: '1 + token ["access_token"]' }, ...['$$.token.access_token', '$.secret', '`secret`.api_key', '*.access_token', '$string()', '$lookup($, "sec" & "ret")'].map(($expr) => ({ $expr }))];
  for (const value of secrets) {
    assert.equal(paths({ http: { query: { leak: value } } }, 'tenant').length, 1, JSON.stringify(value));
    assert.deepEqual(paths({ http: { query: { leak: value } } }, 'installation'), []);
  }
  const read = { $expr: 'data.token' };
  const reading = { error_message: read, pagination: { type: 'cursor', next: read, query: { cursor: '{{page.cursor}}' } }, resources: { contacts: { list: { response: { records: read } } } } };
  assert.deepEqual(paths(reading, 'tenant'), []);
  assert.deepEqual(paths({ pagination: { query: { cursor: read } } }, 'tenant'), ['pagination.query.cursor.$expr']);
  for (const value of ['secret', '{{config.secret}}']) assert.deepEqual(paths({ http: { query: { fine: value } } }, 'tenant'), [], JSON.stringify(value));
});
