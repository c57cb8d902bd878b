import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { binomialUpperTail, fisherExact, logChanceOfSilence, logGamma } from './exact-tests.ts';

/** Binomial coefficients as whole numbers: the oracle of everything here. */
function choose(n: number, k: number): bigint {
  if (k < 0 || k > n) return 0n;
  let result = 1n;
  for (let i = 1n; i <= BigInt(k); i += 1n) result = (result * (BigInt(n) - BigInt(k) + i)) / i;
  return result;
}

/** A quotient of big whole numbers as a double, good to 15 digits. */
function quotient(over: bigint, under: bigint): number {
  return Number((over * 10n ** 60n) / under) / 1e60;
}

const near = (actual: number, expected: number, relative = 1e-9): void => {
  assert.ok(Math.abs(actual - expected) <= relative * Math.max(Math.abs(expected), 1e-300), `${actual} is not ${expected}`);
};

describe('exact tests', () => {
  it('agree with whole-number arithmetic: Fisher', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 400 }), fc.integer({ min: 1, max: 400 }), fc.double({ min: 0, max: 1, noNaN: true }), fc.double({ min: 0, max: 1, noNaN: true }), (n1, n2, x, y) => {
        const [b1, b2] = [Math.floor(x * n1), Math.floor(y * n2)];
        let over = 0n;
        for (let k = b2; k <= Math.min(b1 + b2, n2); k += 1) over += choose(n2, k) * choose(n1, b1 + b2 - k);
        const expected = quotient(over, choose(n1 + n2, b1 + b2));
        // Below 1e-45 the oracle's 60 digits say too little.
        if (expected > 1e-45) near(fisherExact({ total: n1, bad: b1 }, { total: n2, bad: b2 }), expected);
      }),
    );
  });

  it('give the values known for 0.5 % to 2 %', () => {
    const small = fisherExact({ total: 1000, bad: 5 }, { total: 1000, bad: 20 });
    const large = fisherExact({ total: 4000, bad: 20 }, { total: 4000, bad: 80 });
    assert.equal(small.toFixed(4), '0.0019');
    // 4.4498e-10 in whole-number arithmetic.
    assert.ok(Math.abs(large - 4.5e-10) < 0.1e-10, String(large));
  });

  it('agree with whole-number arithmetic: binomial', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 200 }), fc.integer({ min: 0, max: 200 }), fc.integer({ min: 1, max: 99 }), (n, bad, percent) => {
        const b = Math.min(n, bad);
        let over = 0n;
        for (let k = b; k <= n; k += 1) over += choose(n, k) * BigInt(percent) ** BigInt(k) * BigInt(100 - percent) ** BigInt(n - k);
        const expected = quotient(over, 100n ** BigInt(n));
        if (expected > 1e-45) near(binomialUpperTail(n, b, percent / 100), expected);
      }),
    );
  });

  it('know the logarithm of the gamma function: factorials and the half', () => {
    let factorial = 0;
    for (let n = 1; n < 500; n += 1) {
      factorial += Math.log(n);
      near(logGamma(n + 1), factorial, n === 1 ? 1 : 1e-12);
    }
    near(logGamma(0.5), Math.log(Math.sqrt(Math.PI)), 1e-13);
  });

  it('see less in a silence the more a stream varies', () => {
    near(logChanceOfSilence(20, Number.POSITIVE_INFINITY), -20);
    near(logChanceOfSilence(20, 2), -2 * Math.log(11));
    near(logChanceOfSilence(20, 1e9), -20, 1e-6);
    assert.equal(logChanceOfSilence(0, 3), 0);
  });
});
