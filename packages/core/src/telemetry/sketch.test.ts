/** Sketches: the stated error, exact merges, and the way to bytes and back. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Measurements } from './measurements.ts';
import { packSketch, unpackSketch, unpackSketches, writeMeasurements } from './sketch-codec.ts';
import { bucketOf, Sketch, valueOf } from './sketch.ts';
import { ByteWriter } from './varint.ts';

const durations = fc.array(fc.oneof(fc.integer({ min: 0, max: 5_000 }), fc.double({ min: 0, max: 8e12, noNaN: true })), { minLength: 1, maxLength: 200 });

function sketchOf(values: readonly number[]): Sketch {
  const sketch = new Sketch();
  for (const value of values) sketch.record(value);
  return sketch;
}

test('a bucket holds its own middle, and buckets are in the order of values', () => {
  fc.assert(
    fc.property(fc.double({ min: 0, max: 8e12, noNaN: true }), fc.double({ min: 0, max: 8e12, noNaN: true }), (a, b) => {
      assert.equal(bucketOf(valueOf(bucketOf(a))), bucketOf(a));
      if (a <= b) assert.ok(bucketOf(a) <= bucketOf(b), `${a} ${b}`);
    }),
  );
});

test('a quantile is within 1/128 of the value of its rank, for microseconds as whole numbers', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 2 ** 42 }), { minLength: 1, maxLength: 300 }), fc.double({ min: 0, max: 1, noNaN: true }), (values, q) => {
      const exact = values.toSorted((a, b) => a - b)[Math.max(1, Math.ceil(q * values.length)) - 1] ?? 0;
      const found = sketchOf(values).quantile(q) ?? -1;
      assert.ok(Math.abs(found - exact) <= exact / 128, `${found} for ${exact}`);
    }),
  );
});

test('merging is commutative, associative and loses nothing', () => {
  const content = (sketch: Sketch) => [sketch.total, sketch.sorted()];
  fc.assert(
    fc.property(durations, durations, durations, (a, b, c) => {
      const whole = sketchOf([...a, ...b, ...c]);
      const left = sketchOf(a);
      left.merge(sketchOf(b));
      left.merge(sketchOf(c));
      const right = sketchOf(c);
      const tail = sketchOf(b);
      tail.merge(sketchOf(a));
      right.merge(tail);
      assert.deepEqual(content(left), content(whole));
      assert.deepEqual(content(right), content(whole));
    }),
  );
});

test('bytes give back what went in, and single measurements make the same bytes', () => {
  fc.assert(
    fc.property(durations, (values) => {
      const sketch = sketchOf(values);
      const packed = packSketch(sketch);
      assert.deepEqual(unpackSketch(packed).sorted(), sketch.sorted());
      const writer = new ByteWriter(1);
      writeMeasurements(writer, Measurements.of(values.map(bucketOf)));
      assert.deepEqual(writer.finish(), packed);
    }),
  );
  assert.equal(packSketch(new Sketch()), null);
});

test('packed sketches one behind the other are read as their sum', () => {
  fc.assert(
    fc.property(fc.array(durations, { maxLength: 5 }), (lists) => {
      const into = new Sketch();
      unpackSketches(new Uint8Array(lists.flatMap((list) => [...(packSketch(sketchOf(list)) ?? [])])), into);
      assert.deepEqual(into.sorted(), sketchOf(lists.flat()).sorted());
    }),
  );
});

test('odd measurements are nothing or the longest, and bytes cut short are refused', () => {
  for (const odd of [-1, -Infinity, Number.NaN, 0, 0.5]) assert.equal(bucketOf(odd), 0);
  assert.equal(bucketOf(Infinity), bucketOf(1e300));
  assert.equal(new Sketch().quantile(0.5), null);
  const packed = packSketch(sketchOf([1, 1000])) ?? new Uint8Array();
  assert.throws(() => unpackSketch(packed.subarray(0, 2)), /end too early/);
});

test('what is above a bound is counted to the accuracy of a bucket', () => {
  const sketch = sketchOf([1_000_000, 29_000_000, 31_000_000, 60_000_000]);
  assert.equal(sketch.above(30_000_000), 2);
});
