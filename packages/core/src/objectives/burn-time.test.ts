import assert from 'node:assert/strict';
import { test } from 'node:test';
import { detectionSeconds, exhaustionSeconds, resetSeconds, spentAtDetection, type Tier } from './burn-time.ts';
import { durationText, sloTable } from './calculator.ts';
import { compare, fraction, readPercent, whole, type Fraction } from './share.ts';

const fast: Tier = { factor: fraction(72n, 5n), longMinutes: 60, shortMinutes: 5 };
const slow: Tier = { factor: fraction(6n, 1n), longMinutes: 360, shortMinutes: 30 };
const share = (percent: string): Fraction => fraction(readPercent(percent) ?? 0n, whole);
const budget = (target: string): bigint => whole - (readPercent(target) ?? 0n);
const isExactly = (found: Fraction | null, num: bigint, den: bigint): void => assert.ok(found !== null && compare(found, fraction(num, den)) === 0, `${found?.num}/${found?.den} is not ${num}/${den}`);

test('detection times are the published ones, as fractions', () => {
  isExactly(detectionSeconds(fast, budget('99.9'), share('100')), 5184n, 100n);
  isExactly(detectionSeconds(slow, budget('99.9'), share('100')), 1296n, 10n);
  isExactly(detectionSeconds(fast, budget('99.9'), share('5')), 10368n, 10n);
  isExactly(detectionSeconds(slow, budget('99.9'), share('5')), 2592n, 1n);
  assert.equal(detectionSeconds(fast, budget('99.9'), share('1')), null);
  isExactly(detectionSeconds(slow, budget('99.9'), share('1')), 12960n, 1n);
  isExactly(detectionSeconds(fast, budget('99.995'), share('100')), 2592n, 1000n);
  isExactly(detectionSeconds(fast, budget('99.995'), share('0.1')), 2592n, 1n);
});

test('exactly at the factor nothing fires; one part in a billion above it does', () => {
  assert.equal(detectionSeconds(fast, budget('99.9'), share('1.44')), null);
  assert.equal(resetSeconds(fast, budget('99.9'), share('1.44')), null);
  assert.notEqual(detectionSeconds(fast, budget('99.9'), share('1.4400001')), null);
});

test('spent budget, exhaustion and reset', () => {
  isExactly(spentAtDetection(fast, 43_200), 2n, 100n);
  isExactly(spentAtDetection(slow, 43_200), 5n, 100n);
  isExactly(exhaustionSeconds(fast, 43_200), 180_000n, 1n);
  isExactly(exhaustionSeconds(slow, 43_200), 432_000n, 1n);
  // 5 min × (1 − 0.0144).
  isExactly(resetSeconds(fast, budget('99.9'), share('100')), 29_568n, 100n);
});

test('the table of a target shows the published downtime', () => {
  const { windows, credits } = sloTable(readPercent('99.99') ?? 0n, [], [{ below: 99.99, credit: 10 }], 500_000n);
  const allowed = Object.fromEntries(windows.map((one): [string, string] => [one.window.split(' ', 1).join(), one.allowed]));
  assert.deepEqual([allowed['year'], allowed['month'], allowed['30']], ['52 min 35.7 s', '4 min 23 s', '4 min 19.2 s']);
  assert.deepEqual(credits, [{ from: '0 %', below: '99.99 %', credit: '10 %', example: '500' }]);
  assert.deepEqual(['0', '59.9994', '59.9996', '90061'].map((text) => durationText(fraction(BigInt(Math.round(Number(text) * 10_000)), 10_000n))), ['0 s', '59.999 s', '1 min', '1 d 1 h 1 min 1 s']);
});
