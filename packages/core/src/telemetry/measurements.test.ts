import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Measurements } from './measurements.ts';

const valuesOf = (measurements: Measurements): number[] => Array.from({ length: measurements.length }, (_, at) => measurements.at(at));

test('holds, sorts and forgets any number of buckets, half second after half second', () => {
  fc.assert(
    fc.property(fc.array(fc.array(fc.integer({ min: 0, max: 65_535 }), { maxLength: 200 }), { maxLength: 8 }), (halves) => {
      const measurements = new Measurements();
      for (const buckets of halves) {
        for (const bucket of buckets) measurements.push(bucket);
        assert.deepEqual(valuesOf(measurements), buckets);
        measurements.sort();
        assert.deepEqual(valuesOf(measurements), buckets.toSorted((a, b) => a - b));
        measurements.clear();
        assert.equal(measurements.length, 0);
      }
    }),
  );
});
