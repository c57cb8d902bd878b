import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { addQuery, pairsOf, writeForm, writeQuery, type PairStyle } from './query-string.ts';
import { RequestFailure } from './request-failure.ts';

const query = (value: unknown, style: Partial<PairStyle> = {}): string => decodeURIComponent(writeQuery(pairsOf('a', value, { arrays: 'repeat', nesting: 'brackets', ...style })));

test('each way vendors write arrays', () => {
  const list = ['x', 2, null, true];
  assert.equal(query(list), 'a=x&a=2&a=true');
  assert.equal(query(list, { arrays: 'brackets' }), 'a[]=x&a[]=2&a[]=true');
  assert.equal(query(list, { arrays: 'indices' }), 'a[0]=x&a[1]=2&a[3]=true');
  assert.equal(query(list, { arrays: 'comma' }), 'a=x,2,true');
  assert.equal(query(list, { arrays: 'pipe' }), 'a=x|2|true');
  assert.equal(query(['x', 'y'], { arrays: 'space' }), 'a=x y');
});

test('nested forms with brackets or dots, and none where there is no way', () => {
  const nested = { items: [{ price: 'p', quantity: 2 }], meta: { k: 'v' } };
  assert.equal(query(nested, { arrays: 'indices' }), 'a[items][0][price]=p&a[items][0][quantity]=2&a[meta][k]=v');
  assert.equal(query(nested, { arrays: 'indices', nesting: 'dots' }), 'a.items[0].price=p&a.items[0].quantity=2&a.meta.k=v');
  assert.throws(() => query(nested, { nesting: 'flat' }), RequestFailure);
  assert.throws(() => query([{}], { arrays: 'comma' }), RequestFailure);
  let deep: unknown = 1;
  for (let level = 0; level < 50; level++) deep = { a: deep };
  assert.throws(() => query(deep), RequestFailure);
});

test('what is written is read back by the URL standard, query and form alike', () => {
  const text = fc.string({ unit: 'binary' });
  fc.assert(
    fc.property(fc.array(fc.tuple(text, text), { maxLength: 8 }), (pairs) => {
      const expected = pairs.map(([name, value]) => [name.toWellFormed(), value.toWellFormed()]);
      assert.deepEqual([...new URLSearchParams(writeForm(pairs))], expected);
      assert.deepEqual([...new URL(addQuery('https://h.example/p', pairs)).searchParams], expected);
      assert.match(writeQuery(pairs), /^[A-Za-z0-9_.~%&=-]*$/);
    }),
    { numRuns: 300 },
  );
});
