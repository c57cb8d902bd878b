import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { judgeRateChange, type RateChangeRule } from './rate-change.ts';
import { SeriesWindows } from './series-scan.ts';

interface Row {
  readonly series: number;
  readonly total: number;
  readonly bad: number;
}

const rule: RateChangeRule = { minRatioPpm: 20_000, factor: 4, minBad: 3, minTotal: 10, alpha: 1e-3, assumedRatioPpm: 5000 };

const oneMinute = fc.uniqueArray(fc.record({ series: fc.integer({ min: 0, max: 40 }), total: fc.integer({ min: 1, max: 50 }), bad: fc.integer({ min: 0, max: 50 }) }), { selector: ({ series }) => series, maxLength: 20 }).map((rows) => rows.map((row): Row => ({ ...row, bad: Math.min(row.total, row.bad) })));

const sum = (minutes: readonly (readonly Row[])[], series: number) =>
  minutes.flat().filter((row) => row.series === series).reduce((counts, { total, bad }) => ({ total: counts.total + total, bad: counts.bad + bad }), { total: 0, bad: 0 });

describe('the scan of series', () => {
  it('finds what judging each series by itself finds, at every minute', () => {
    fc.assert(
      fc.property(fc.array(oneMinute, { minLength: 1, maxLength: 30 }), fc.integer({ min: 1, max: 6 }), (minutes, window) => {
        const windows = new SeriesWindows(window, 4);
        for (const [at, minute] of minutes.entries()) {
          windows.push({ series: Int32Array.from(minute, ({ series }) => series), total: Int32Array.from(minute, ({ total }) => total), bad: Int32Array.from(minute, ({ bad }) => bad) });
          const until = at + 1;
          const [later, earlier] = [minutes.slice(Math.max(0, until - window), until), minutes.slice(Math.max(0, until - 2 * window), Math.max(0, until - window))];
          const expected = Array.from({ length: 41 }, (_, series) => series).filter((series) => judgeRateChange(sum(earlier, series), sum(later, series), rule).kind === 'risen');
          assert.deepEqual(windows.scan(rule).map(({ series }) => series), expected);
        }
      }),
      { numRuns: 60 },
    );
  });
});
