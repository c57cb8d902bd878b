/** Counting: the columns add up, whatever is merged in whatever order, and survive being packed. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { errorCodes, type Origin } from '@evenkeel/contract/errors.ts';
import fc from 'fast-check';
import { readPackedCounts, writeCounts, writeSeriesIds } from './counts-codec.ts';
import { countFact, mergeCounts, noCounts, type Counts } from './counts.ts';
import { countColumns, type CountColumn, type Fact } from './outcome.ts';
import { ByteWriter } from './varint.ts';

const us = fc.integer({ min: 0, max: 90_000_000 });
const fact: fc.Arbitrary<Fact> = fc
  .record({ outcome: fc.constantFrom('success', 'failure', 'aborted'), origin: fc.constantFrom<Origin>('caller', 'account', 'platform', 'upstream'), code: fc.constantFrom(...errorCodes, null), totalUs: us, upstreamUs: us, lagUs: us })
  .map(({ outcome, origin, code, ...times }) => ({ outcome, ...times, ...(outcome === 'failure' ? { origin, code } : { origin: null, code: null }) }));

const sum = (facts: readonly Fact[]): Counts => {
  const counts = noCounts();
  for (const one of facts) countFact(counts, one);
  return counts;
};
const content = ({ columns, codes, overhead, total, lag }: Counts) => [[...columns], Object.fromEntries(codes), overhead.sorted(), total.sorted(), lag.sorted()];
const columnOf = (counts: Counts, name: CountColumn): number => counts.columns[countColumns.indexOf(name)] ?? -1;

test('every fact is in exactly one of success, the four origins and aborted', () => {
  fc.assert(
    fc.property(fc.array(fact), (facts) => {
      const counts = sum(facts);
      const classes = (['success', 'caller', 'account', 'platform', 'upstream', 'aborted'] as const).reduce((all, name) => all + columnOf(counts, name), 0);
      assert.equal(classes, facts.length);
      assert.equal(columnOf(counts, 'total'), facts.length);
      assert.ok(columnOf(counts, 'platform_5xx') <= columnOf(counts, 'platform') && columnOf(counts, 'upstream_5xx') <= columnOf(counts, 'upstream'));
      assert.equal(counts.total.total, facts.filter(({ outcome }) => outcome !== 'aborted').length);
    }),
  );
});

test('merging parts in any grouping gives the counts of the whole', () => {
  fc.assert(
    fc.property(fc.array(fact), fc.array(fact), fc.array(fact), (a, b, c) => {
      const left = sum(a);
      mergeCounts(left, sum(b));
      mergeCounts(left, sum(c));
      const right = sum(c);
      const tail = sum(b);
      mergeCounts(tail, sum(a));
      mergeCounts(right, tail);
      assert.deepEqual(content(left), content(sum([...a, ...b, ...c])));
      assert.deepEqual(content(right), content(left));
    }),
  );
});

test('packed and read again, twice into the same place, is the double', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.integer({ min: 1, max: 2 ** 40 }), { maxLength: 5 }), fc.array(fact), (ids, facts) => {
      const writer = new ByteWriter();
      for (const _ of ids) writeCounts(writer, sum(facts));
      const packed = new Uint8Array([...writeSeriesIds(ids), ...writer.finish()]);
      const read = new Map<number, Counts>();
      readPackedCounts(packed, read);
      readPackedCounts(packed, read);
      for (const id of ids) assert.deepEqual(content(read.get(id) ?? noCounts()), content(sum([...facts, ...facts])));
      assert.equal(read.size, ids.length);
    }),
  );
});

test('which column a failure is counted in', () => {
  const at = (more: Partial<Fact>): Record<string, number> => {
    const counts = sum([{ outcome: 'failure', origin: 'upstream', code: 'upstream_unavailable', totalUs: 1000, upstreamUs: 900, ...more }]);
    return Object.fromEntries(countColumns.map((name) => [name, columnOf(counts, name)] as const).filter(([, n]) => n !== 0));
  };
  assert.deepEqual(at({}), { total: 1, upstream: 1, upstream_5xx: 1 });
  assert.deepEqual(at({ code: 'rate_limited' }), { total: 1, upstream: 1, rate_limited: 1 });
  assert.deepEqual(at({ origin: 'platform', code: 'mapping_failed' }), { total: 1, platform: 1, platform_5xx: 1 });
  assert.deepEqual(at({ origin: null, code: null }), { total: 1, platform: 1, platform_5xx: 1 });
  assert.deepEqual(at({ origin: 'caller', code: 'not_found', totalUs: 700_000 }), { total: 1, caller: 1, slow: 1, overhead_slow: 1 });
  assert.deepEqual(at({ totalUs: 700_000, upstreamUs: 690_000 }), { total: 1, upstream: 1, upstream_5xx: 1 }, 'a 5xx is bad already and not slow besides');
  assert.deepEqual(at({ origin: 'platform', code: 'internal', totalUs: 700_000, upstreamUs: 0 }), { total: 1, platform: 1, platform_5xx: 1 }, 'nor is its own share slow besides');
  assert.deepEqual(at({ outcome: 'success', origin: null, code: null, totalUs: 500_000, upstreamUs: 499_000 }), { total: 1, success: 1, slow: 1 });
});
