/** Coverage of minutes: what dies is seen, what stops is not mistaken for it, what is silent is never good. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { coverLate, coverMinute, halvesPerMinute, lostSeconds, settleLosses, type Beat, type NodeMinute } from './coverage.ts';

const first = 240_000;
const beats = (from: number, to: number): Beat[] => Array.from({ length: to - from }, (_, at) => ({ half: first + from + at, beat: true, last: false, lost: false }));
const node = (more: Partial<NodeMinute>): NodeMinute => ({ nodeId: 'n', lastHalf: first - 1, rows: beats(0, 120), seenLater: true, presence: 'unknown', ...more });
const brief = (nodes: readonly NodeMinute[]) => {
  const { coveredSeconds, lostSeconds, nodes: fates } = coverMinute(first, nodes);
  return [coveredSeconds, lostSeconds, fates[0]?.fate];
};

test('a node that lives covers the whole minute', () => {
  assert.deepEqual(brief([node({})]), [60, 0, 'alive']);
});

test('a node killed in the middle: the seconds its next rows would have told of are lost', () => {
  // Last row: the first half of second 20. Lost: its second half, and the first of second 21 if it died in the write.
  assert.deepEqual(brief([node({ rows: beats(0, 41), seenLater: false })]), [20, 2, 'vanished']);
  assert.deepEqual(brief([node({ rows: beats(0, 42), seenLater: false })]), [21, 1, 'vanished']);
});

test('a node killed at the end of a minute is lost in the next one, and once', () => {
  assert.deepEqual(brief([node({ seenLater: false })]), [60, 0, 'alive']);
  assert.deepEqual(brief([node({ rows: [], seenLater: false })]), [0, 1, 'vanished']);
  assert.deepEqual(brief([node({ lastHalf: first - 3, rows: [], seenLater: false })]), [0, 0, 'vanished'], 'the minutes between had no row at all');
  assert.deepEqual(brief([node({ rows: beats(0, 119), seenLater: false })]), [59, 1, 'alive'], 'the half after the minute is still to come');
});

test('another node covers the time, and the loss stays visible', () => {
  assert.deepEqual(brief([node({ rows: beats(0, 42), seenLater: false }), node({ nodeId: 'm' })]), [60, 1, 'vanished']);
});

test('a graceful end loses nothing', () => {
  const last: Beat = { half: first + 42, beat: false, last: true, lost: false };
  assert.deepEqual(brief([node({ rows: [...beats(0, 42), last], seenLater: false })]), [21, 0, 'stopped']);
});

test('a node that stood still covers nothing meanwhile, and has lost nothing', () => {
  assert.deepEqual(brief([node({ rows: [...beats(0, 20), ...beats(60, 120)] })]), [40, 0, 'alive']);
});

test('counts given up on the node are lost', () => {
  assert.deepEqual(brief([node({ rows: [...beats(0, 10), { half: first + 10, beat: false, last: false, lost: true }, ...beats(11, 120)] })]), [59, 1, 'alive']);
});

test('late heartbeats add what was not covered yet', () => {
  const { covered } = coverMinute(first, [node({ rows: beats(0, 60), seenLater: false })]);
  assert.equal(coverLate(first, covered, beats(50, 80)), 10);
  assert.equal(coverLate(first, covered, beats(0, 60)), 0);
  assert.equal(coverLate(first, [], beats(0, halvesPerMinute)), 60);
});

test('a node that lives and has not written is behind: what is not written is missing, and comes back with its rows', () => {
  const behind = node({ rows: beats(0, 41), seenLater: false, presence: 'present' });
  assert.deepEqual(brief([behind]), [20, 40, 'alive']);
  const { losses } = coverMinute(first, [behind]);
  const [own] = losses;
  assert.ok(own !== undefined);
  assert.equal(lostSeconds([settleLosses(own, first, first + 59)]), 30);
  assert.equal(lostSeconds([settleLosses(own, first, first + 120)]), 0);
});

test('a node that dies while its rows wait is missing up to the moment it was missed, over minutes', () => {
  const dying = (more: Partial<NodeMinute>): NodeMinute => node({ seenLater: false, presence: { goneHalf: first + 70 }, ...more });
  assert.deepEqual(brief([dying({ rows: beats(0, 20) })]), [10, 26, 'vanished']);
  assert.deepEqual(brief([dying({ rows: beats(0, 20), presence: { goneHalf: first + 170 } })]), [10, 50, 'alive'], 'the next minute goes on');
  assert.deepEqual(brief([dying({ rows: [], lastHalf: first - 200 })]), [0, 36, 'vanished']);
  assert.deepEqual(brief([dying({ rows: beats(0, 70) })]), [35, 1, 'vanished'], 'two half seconds at least');
});

test('a loss is counted once, whoever it is of, and stays while one of them has it', () => {
  const { losses, lostSeconds: seconds } = coverMinute(first, [
    node({ rows: beats(0, 100), seenLater: false, presence: 'present' }),
    node({ nodeId: 'm', rows: beats(0, 80), seenLater: false, presence: { goneHalf: first + 110 } }),
  ]);
  assert.equal(seconds, 20);
  const [first_, second] = losses;
  assert.ok(first_ !== undefined && second !== undefined);
  assert.equal(lostSeconds([settleLosses(first_, first, first + 119), second]), 16);
});

test('what is still to come is not missing', () => {
  assert.equal(coverMinute(first, [node({ rows: beats(0, 40), seenLater: false, presence: 'present' })], first + 41).lostSeconds, 1);
});
