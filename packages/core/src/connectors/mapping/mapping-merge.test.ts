import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { changesBetween, faultOfPatch, mergePatch } from './mapping-merge.ts';

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
  assert.equal(faultOfPatch({ fields: {} }), undefined);
  assert.match(faultOfPatch([]) ?? '', /object/);
  assert.match(faultOfPatch({ model: 'x' }) ?? '', /model/);
});
