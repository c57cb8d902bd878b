import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { judgeRateChange, stillRisen, type RateChangeRule } from './rate-change.ts';

const rule: RateChangeRule = { minRatioPpm: 20_000, factor: 4, minBad: 10, minTotal: 100, alpha: 1e-9, assumedRatioPpm: 5000 };

describe('a rise of the failure ratio', () => {
  it('is seen from 0.5 % to 2 % where the volume proves it, and not where it may be chance', () => {
    assert.equal(judgeRateChange({ total: 4000, bad: 20 }, { total: 4000, bad: 80 }, rule).kind, 'risen');
    assert.deepEqual({ ...judgeRateChange({ total: 1000, bad: 5 }, { total: 1000, bad: 20 }, rule), chance: 0 }, { kind: 'quiet', why: 'may_be_chance', chance: 0 });
    assert.equal(judgeRateChange({ total: 1000, bad: 5 }, { total: 1000, bad: 20 }, { ...rule, alpha: 0.002 }).kind, 'risen');
  });

  it('needs the floor, the factor and the volume', () => {
    assert.deepEqual(judgeRateChange({ total: 100_000, bad: 10 }, { total: 100_000, bad: 1900 }, rule), { kind: 'quiet', why: 'below_floor' });
    assert.deepEqual(judgeRateChange({ total: 100_000, bad: 10_000 }, { total: 100_000, bad: 30_000 }, rule), { kind: 'quiet', why: 'no_rise' });
    assert.deepEqual(judgeRateChange({ total: 4000, bad: 0 }, { total: 60, bad: 60 }, rule), { kind: 'quiet', why: 'insufficient_volume' });
  });

  it('is judged against an assumed ratio where nothing came before', () => {
    assert.equal(judgeRateChange({ total: 0, bad: 0 }, { total: 200, bad: 100 }, rule).kind, 'risen');
    assert.equal(judgeRateChange({ total: 0, bad: 0 }, { total: 2000, bad: 20 }, rule).kind, 'quiet');
  });

  it('a steady ratio raises nothing, whatever its height', () => {
    fc.assert(
      fc.property(fc.integer({ min: 100, max: 1_000_000 }), fc.double({ min: 0, max: 1, noNaN: true }), (total, ratio) => {
        const bad = Math.floor(total * ratio);
        assert.equal(judgeRateChange({ total, bad }, { total, bad }, rule).kind, 'quiet');
      }),
    );
  });

  it('more failures never quieten what has risen', () => {
    fc.assert(
      fc.property(fc.integer({ min: 200, max: 20_000 }), fc.integer({ min: 0, max: 200 }), fc.integer({ min: 0, max: 20_000 }), fc.integer({ min: 0, max: 5000 }), (total, before, bad, more) => {
        const earlier = { total, bad: Math.min(before, total) };
        const less = judgeRateChange(earlier, { total, bad: Math.min(total, bad) }, rule);
        const worse = judgeRateChange(earlier, { total, bad: Math.min(total, bad + more) }, rule);
        if (less.kind === 'risen') assert.equal(worse.kind, 'risen');
      }),
    );
  });

  it('lasts while the failures do, though the earlier window has filled with them', () => {
    assert.equal(stillRisen({ total: 4000, bad: 20 }, { total: 4000, bad: 80 }, rule), true);
    assert.equal(stillRisen({ total: 4000, bad: 20 }, { total: 4000, bad: 39 }, rule), false);
    assert.equal(stillRisen({ total: 4000, bad: 20 }, { total: 0, bad: 0 }, rule), false);
  });
});
