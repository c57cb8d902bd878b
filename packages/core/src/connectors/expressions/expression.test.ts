import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compileExpression, ExpressionFailure } from './expression.ts';

async function evaluate(source: string, input: unknown = {}): Promise<unknown> {
  const compiled = compileExpression(source);
  assert.ok(compiled.ok, compiled.ok ? '' : compiled.fault.message);
  return compiled.evaluate(input);
}

test('an expression reads its input and answers plain data', async () => {
  const input = { items: [{ id: 1, tags: ['a'] }, { id: 2, tags: [] }] };
  assert.deepEqual(await evaluate('items.{"id": id, "first": tags[0]}', input), [{ id: 1, first: 'a' }, { id: 2 }]);
  assert.deepEqual(await evaluate('$merge([{"a": 1}, {"b": 2}])'), { a: 1, b: 2 });
  assert.deepEqual(await evaluate('$distinct([1, "1", {"a": 1, "b": 2}, {"b": 2, "a": 1}, 1])'), [1, '1', { a: 1, b: 2 }]);
  assert.equal(await evaluate('nothing.here'), undefined);
});

const hostile: readonly string[] = [
  '( $f := function($x){ $f($x) }; $f(1) )',
  '( $f := function($x){ 1 + $f($x) }; $f(1) )',
  '[1..1e7]',
  '[1..50000].[1..50000]',
  '$reduce([1..40], function($a){ $a & $a }, "xx")',
  '$reduce([1..40], function($a){ {"a": $a, "b": $a} }, 1)',
  '$string($reduce([1..40], function($a){ [[$a], [$a]] }, 1))',
  '$pad("x", 1e9)',
  '$replace($pad("", 10000, "a"), "a", $pad("", 10000, "b"))',
  '$match($pad("", 10000, "a") & $pad("", 10000, "a"), /a+b/)',
  '$toMillis("11111111111111111111111111111111111111111111", "[D][D][D][D][D][D][D][D][D][D]")',
  '$formatNumber(1, $pad("", 5000, "#"))',
  '$formatInteger(1e300, "i")',
  '$map([1..50000], function($x){ $map([1..100], $string) })',
  '$filter([1..50000], function($x){ $count([1..1000][$ > $x]) = 0 })',
  '"a" + 1',
  '$error("no")',
];
for (const source of hostile) {
  test(`ends in a clear failure, quickly: ${source.slice(0, 60)}`, async () => {
    const started = performance.now();
    await assert.rejects(evaluate(source), (thrown: unknown) => thrown instanceof ExpressionFailure && thrown.message.includes(source.slice(0, 10).replaceAll('"', '\\"')));
    assert.ok(performance.now() - started < 1_000);
  });
}

test('what is nondeterministic, unreadable or exponential is refused before it runs', () => {
  for (const source of ['$eval("1")', '$random()', '$shuffle([1,2])', '$now()', '$millis()', '$ ~> |$|{"a": 1}|', '$match(a, /(a+)+$/)', '$match(a, /(x)\\1/)', '(', 'a.[', '('.repeat(9_000), 'a'.repeat(20_000), `a${'.a'.repeat(4_999)}`, `%${'.%'.repeat(4_999)}`]) {
    const compiled = compileExpression(source);
    assert.equal(compiled.ok, false, source.slice(0, 40));
  }
  const position = compileExpression('a + + b');
  assert.ok(!position.ok && position.fault.position !== undefined);
});

test('prototypes are out of reach, both ways', async () => {
  assert.equal(await evaluate('__proto__.polluted'), undefined);
  assert.equal(await evaluate('constructor'), undefined);
  assert.equal(await evaluate('items.constructor.name', { items: [1] }), undefined);
  assert.deepEqual(await evaluate('{"__proto__": {"polluted": 1}, "a": 1}'), { a: 1 });
  await evaluate('$merge([$, {"__proto__": {"polluted": true}}])', JSON.parse('{"__proto__": {"polluted": true}}'));
  assert.equal(Object.hasOwn(Object.prototype, 'polluted'), false);
  assert.equal(({} as Record<string, unknown>)['polluted'], undefined);
});

test('one expression serves many callers at once', async () => {
  const compiled = compileExpression('$sum(n)');
  assert.ok(compiled.ok);
  assert.equal(compileExpression('$sum(n)'), compiled);
  const sums = await Promise.all(Array.from({ length: 50 }, (_, n) => compiled.evaluate({ n: [n, 1] })));
  assert.deepEqual(sums, Array.from({ length: 50 }, (_, n) => n + 1));
});
