/** A node's counts from the hot path to the rows of its half seconds, on a real PostgreSQL. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readPackedCounts } from '@evenkeel/core/telemetry/counts-codec.ts';
import { noCounts, type Counts } from '@evenkeel/core/telemetry/counts.ts';
import { createTestDatabase } from '@evenkeel/tests/harness/database.ts';
import type { Queryable } from '../../database/pool.ts';
import { createLog } from '../../log.ts';
import type { Observation } from '../observation.ts';
import { NodeCounter, type NodeCounterParts } from './node-counter.ts';

const database = await createTestDatabase();
const log = createLog('silent');
let nodes = 0;

async function startNode(more: Partial<NodeCounterParts> = {}): Promise<{ node: NodeCounter; nodeId: string }> {
  nodes += 1;
  const nodeId = `node-${nodes}`;
  return { node: await NodeCounter.start({ database: database.pool, log, nodeId, ...more }), nodeId };
}

const call = (more: Partial<Observation> = {}): Observation => ({
  kind: 'call',
  surface: 'proxy',
  tenantId: 'acme',
  accountId: 'acc_1',
  connectorId: 'vendor',
  category: 'crm',
  endpoint: 'contacts.list',
  outcome: 'success',
  origin: null,
  code: null,
  atMs: 0,
  totalUs: 12_000,
  upstreamUs: 10_000,
  ...more,
});

interface Row {
  half: number;
  beat: boolean;
  last: boolean;
  lost: boolean;
  counts: Buffer;
}

async function rowsOf(nodeId: string): Promise<Row[]> {
  const { rows } = await database.pool.query<Row>(
    `select (extract(epoch from second) * 2 + part)::bigint as half, beat, last, lost, counts from telemetry_seconds where node_id = $1 order by 1`,
    [nodeId],
  );
  return rows;
}

async function totals(nodeId: string): Promise<Record<string, number>> {
  const read = new Map<number, Counts>();
  for (const { counts } of await rowsOf(nodeId)) readPackedCounts(counts, read);
  const { rows } = await database.pool.query<{ id: number; endpoint: string | null; account_id: string | null }>('select id, endpoint, account_id from telemetry_series');
  return Object.fromEntries(rows.flatMap(({ id, endpoint, account_id: account }) => (read.has(id) ? [[`${account} ${endpoint}`, (read.get(id) ?? noCounts()).columns[0] ?? 0]] : [])));
}

test('a graceful end loses nothing, whatever was observed and however late', async () => {
  const { node, nodeId } = await startNode();
  for (let at = 0; at < 1000; at += 1) node.observe(call({ accountId: `acc_${at % 3}`, endpoint: at % 2 === 0 ? 'contacts.list' : null }));
  await node.close();
  assert.equal(Object.values(await totals(nodeId)).reduce((a, b) => a + b, 0), 1000);
  assert.equal((await rowsOf(nodeId)).at(-1)?.last, true);
  assert.equal((await rowsOf(nodeId)).filter(({ last }) => last).length, 1);
});

test('halves are written as they end, one each, also when nothing was counted', async () => {
  const written = Promise.withResolvers<void>();
  let inserts = 0;
  const watched: Queryable = {
    async query(config, values) {
      const result = await database.pool.query(config as string, values);
      if (typeof config === 'object' && config.name === 'insert-telemetry-seconds' && ++inserts === 3) written.resolve();
      return result as never;
    },
  };
  const { node, nodeId } = await startNode({ database: watched });
  await written.promise;
  await node.close();
  const rows = await rowsOf(nodeId);
  const halves = rows.map(({ half }) => half);
  assert.ok(halves.length >= 3);
  assert.deepEqual(halves, halves.map((_, at) => (halves[0] ?? 0) + at), 'no half is left out');
  assert.ok(rows.slice(0, -1).every(({ beat, lost }) => beat && !lost));
});

test('beyond the bound series are counted together and nothing is lost', async () => {
  const { node, nodeId } = await startNode({ maxSeries: 5 });
  for (let at = 0; at < 40; at += 1) node.observe(call({ accountId: `many_${at % 20}` }));
  const { series, overflowed } = node.figures;
  await node.close();
  const found = await totals(nodeId);
  assert.equal(Object.values(found).reduce((a, b) => a + b, 0), 40);
  assert.equal(found['null other'], 30);
  assert.deepEqual([series, overflowed], [6, 30]);
});

test('a database that is away makes rows wait; they are written with their own time', async () => {
  let away = true;
  const back = Promise.withResolvers<void>();
  const refused = Promise.withResolvers<void>();
  let refusals = 0;
  const flaky: Queryable = {
    async query(config, values) {
      if (away && typeof config === 'object') {
        if (++refusals === 3) refused.resolve();
        throw new Error('connection refused');
      }
      const result = await database.pool.query(config as string, values);
      if (typeof config === 'object' && config.name === 'insert-telemetry-seconds') back.resolve();
      return result as never;
    },
  };
  const { node, nodeId } = await startNode({ database: flaky });
  node.observe(call({ accountId: 'acc_waits' }));
  await refused.promise;
  away = false;
  await back.promise;
  await node.close();
  assert.equal((await totals(nodeId))['acc_waits contacts.list'], 1);
});

test('what does not fit while the database is away is marked as lost', async () => {
  const { node, nodeId } = await startNode({ maxQueuedBytes: 10 });
  node.observe(call({ accountId: 'acc_lost' }));
  await node.close();
  assert.equal(node.figures.lostHalves, 1);
  assert.deepEqual((await rowsOf(nodeId)).map(({ lost, beat }) => [lost, beat]).at(0), [true, false]);
});

test('a database that is away for longer than rows are kept: the oldest half seconds come back as lost, none is left out', async () => {
  let away = false;
  let dropped = (): boolean => false;
  const long = Promise.withResolvers<void>();
  const flaky: Queryable = {
    async query(config, values) {
      if (away) {
        if (dropped()) long.resolve();
        throw new Error('connection refused');
      }
      return (await database.pool.query(config as string, values)) as never;
    },
  };
  const { node, nodeId } = await startNode({ database: flaky, maxQueuedRows: 2 });
  node.observe(call({ accountId: 'acc_kept' }));
  for (const deadline = Date.now() + 10_000; (await totals(nodeId))['acc_kept contacts.list'] !== 1; ) assert.ok(Date.now() < deadline, 'nothing was written');
  away = true;
  dropped = () => node.figures.lostHalves > 0;
  node.observe(call({ accountId: 'acc_dropped' }));
  await long.promise;
  away = false;
  await node.close();
  const rows = await rowsOf(nodeId);
  assert.deepEqual(rows.map(({ half }) => half - (rows[0]?.half ?? 0)), rows.map((_, at) => at), 'a row of every half second');
  assert.ok(rows.some(({ lost, beat }) => lost && !beat));
  assert.equal((await totals(nodeId))['acc_dropped contacts.list'], undefined);
  assert.equal(rows.at(-1)?.last, true);
});

test('the same series on two nodes has one id', async () => {
  const [one, two] = await Promise.all([startNode(), startNode()]);
  const keys = Array.from({ length: 200 }, (_, at) => call({ accountId: `both_${at}` }));
  for (const key of keys) one.node.observe(key);
  for (const key of keys.toReversed()) two.node.observe(key);
  await Promise.all([one.node.close(), two.node.close()]);
  const { rows } = await database.pool.query<{ n: number }>(`select count(*) as n from telemetry_series where account_id like 'both_%'`);
  assert.equal(rows[0]?.n, 200);
  assert.deepEqual(await totals(one.nodeId), await totals(two.nodeId));
});
