import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Metric } from './exposition.ts';
import { mergeMetrics, onlyGrowing } from './merging.ts';

const counter = (samples: Metric['samples']): Metric => ({ name: 'calls_total', type: 'counter', help: 'Calls.', samples });

test('counters are added up label set by label set, whatever the order of the labels', () => {
  const merged = mergeMetrics([[counter([[{ a: '1', b: '2' }, 3], [{ a: '1', b: '3' }, 1]])], [counter([[{ b: '2', a: '1' }, 4], [{ a: '9', b: '9' }, 5]])]]);
  assert.deepEqual(merged, [counter([[{ b: '2', a: '1' }, 7], [{ a: '1', b: '3' }, 1], [{ a: '9', b: '9' }, 5]])]);
});

test('the parts of a histogram are added up each', () => {
  const histogram = (n: number): Metric => ({ name: 'lag_seconds', type: 'histogram', help: 'Lag.', samples: [[{ le: '1' }, n, '_bucket'], [{}, n / 2, '_sum'], [{}, n, '_count']] });
  assert.deepEqual(mergeMetrics([[histogram(2)], [histogram(4)]]), [histogram(6)]);
});

test('of gauges the largest counts, or the sum where it is what matters', () => {
  const gauges = (value: number): Metric[] => [
    { name: 'delay_seconds', type: 'gauge', help: 'Delay.', samples: [[{}, value]] },
    { name: 'queued', type: 'gauge', help: 'Queued.', across: 'sum', samples: [[{}, value]] },
  ];
  assert.deepEqual(mergeMetrics([gauges(2), gauges(5)]).map(({ samples }) => samples[0]?.[1]), [5, 7]);
});

test('what one process alone tells is kept, and of one that is gone what grows', () => {
  const gauge: Metric = { name: 'queued', type: 'gauge', help: 'Queued.', samples: [[{}, 1]] };
  assert.deepEqual(mergeMetrics([[counter([[{}, 1]])], [gauge]]), [counter([[{}, 1]]), gauge]);
  assert.deepEqual(onlyGrowing([counter([[{}, 1]]), gauge]), [counter([[{}, 1]])]);
});
