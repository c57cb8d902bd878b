import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ceiling, compare, cutPercent, cutText, decimalText, floor, fraction, percentOf, raisedText, readDecimal, readPercent, whole } from './share.ts';

test('a share is read exactly as it is written', () => {
  assert.equal(readPercent(99.995), 999_950_000n);
  assert.equal(whole - (readPercent('99.995') ?? 0n), 50_000n);
  assert.equal(readPercent(1e-7), 1n);
  assert.equal(readPercent(2.5e-6), 25n);
  for (const [written, ppb] of [[0, 0n], ['100', whole], ['99.9999999', 999_999_999n], ['5.0', 50_000_000n]] as const) assert.equal(readPercent(written), ppb);
  for (const wrong of [100.0000001, -1, Number.NaN, Infinity, 0.1 + 0.2, '99,9', '', '1e2', '.5', '99.99999999']) assert.equal(readPercent(wrong), undefined, String(wrong));
  assert.equal(readDecimal(14.4, 6), 14_400_000n);
});

test('any share in parts per billion survives being written and read, as text and as a number', () => {
  fc.assert(
    fc.property(fc.bigInt(0n, whole), (ppb) => {
      assert.equal(readPercent(percentOf(ppb)), ppb);
      assert.equal(readPercent(Number(percentOf(ppb))), ppb);
    }),
    { numRuns: 2_000 },
  );
});

test('what is shown never crosses a bound', () => {
  const fractions = fc.record({ num: fc.bigInt(-(10n ** 15n), 10n ** 15n), den: fc.bigInt(1n, 10n ** 12n) });
  fc.assert(
    fc.property(fractions, fc.bigInt(-2_000_000n, 2_000_000n), (value, bound) => {
      const edge = fraction(bound, 10_000n);
      const shown = (text: string) => fraction(BigInt(text.replace('.', '')), 10_000n);
      assert.equal(compare(shown(cutText(value, 4)), edge) >= 0, compare(value, edge) >= 0);
      assert.equal(compare(shown(raisedText(value, 4)), edge) > 0, compare(value, edge) > 0);
      assert.equal(floor(value) <= ceiling(value), true);
    }),
    { numRuns: 2_000 },
  );
  assert.equal(cutPercent(fraction(9_998_999n, 10_000_000n), 2), '99.98');
  assert.equal(cutPercent(fraction(-1n, 3n), 2), '-33.34');
  assert.equal(decimalText(-1_050n, 3), '-1.05');
});
