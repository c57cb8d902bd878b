import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GroupWriter, WriterBusy, type GroupWriterOptions } from './group-writer.ts';

/** Writes that end when the test says so. */
function heldWriter(options: Partial<GroupWriterOptions<number>> = {}) {
  const groups: { rows: readonly number[]; end: PromiseWithResolvers<void> }[] = [];
  const writer = new GroupWriter<number>({
    write(rows) {
      const end = Promise.withResolvers<void>();
      groups.push({ rows, end });
      return end.promise;
    },
    bytesOf: () => 10,
    isRowFault: (error) => error instanceof RangeError,
    writers: 1,
    ...options,
  });
  return { writer, groups };
}
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(() => setImmediate(resolve)));

test('rows of one turn share a statement, and those that come meanwhile share the next', async () => {
  const { writer, groups } = heldWriter();
  const first = [1, 2, 3].map((row) => writer.store(row));
  await turn();
  assert.deepEqual(groups.map(({ rows }) => rows), [[1, 2, 3]]);
  const second = [4, 5].map((row) => writer.store(row));
  await turn();
  assert.equal(groups.length, 1, 'nothing is written beside the group under way');
  groups[0]?.end.resolve();
  await Promise.all(first);
  await turn();
  assert.deepEqual(groups[1]?.rows, [4, 5]);
  groups[1]?.end.resolve();
  await Promise.all(second);
  await writer.settled();
  assert.deepEqual(writer.counts, { rows: 5, groups: 2, refused: 0, failed: 0 });
});

test('a failed statement fails its rows only', async () => {
  const { writer, groups } = heldWriter();
  const lost = writer.store(1);
  await turn();
  const kept = writer.store(2);
  groups[0]?.end.reject(new Error('disk full'));
  await assert.rejects(lost, /disk full/);
  await turn();
  groups[1]?.end.resolve();
  await kept;
});

test('a row that cannot be stored does not take its group with it', async () => {
  const stored: number[] = [];
  const writer = new GroupWriter<number>({
    write(rows) {
      if (rows.includes(13)) return Promise.reject(new RangeError('not this one'));
      stored.push(...rows);
      return Promise.resolve();
    },
    bytesOf: () => 1,
    isRowFault: (error) => error instanceof RangeError,
  });
  const outcomes = await Promise.allSettled([12, 13, 14].map((row) => writer.store(row)));
  assert.deepEqual(outcomes.map(({ status }) => status), ['fulfilled', 'rejected', 'fulfilled']);
  assert.deepEqual(stored, [12, 14]);
});

test('groups are bounded in rows and bytes, and what waits is bounded too', async () => {
  const { writer, groups } = heldWriter({ maxGroupRows: 2, maxWaitingRows: 5, maxWaitingBytes: 45 });
  const kept = [1, 2, 3, 4].map((row) => writer.store(row));
  await assert.rejects(writer.store(5), WriterBusy, 'the bytes are full');
  await turn();
  assert.deepEqual(groups.map(({ rows }) => rows), [[1, 2]]);
  groups[0]?.end.resolve();
  await turn();
  groups[1]?.end.resolve();
  await Promise.all(kept);
  assert.deepEqual(groups.map(({ rows }) => rows), [[1, 2], [3, 4]]);
});
