/** Nodes as processes of their own that are killed, with a database that is well and with one that is slow for them alone. */
import assert from 'node:assert/strict';
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { beforeEach, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { atEnd, createTestDatabase } from '@evenkeel/tests/harness/database.ts';
import { startSlowLink } from '@evenkeel/tests/harness/slow-link.ts';
import { createLog } from '../../log.ts';
import { halfMs, insertHalves } from '../counting/second-store.ts';
import { makePartitions } from '../../database/time-partitions.ts';
import { minutePartitions } from '../retention.ts';
import { noteMissing } from './seal-store.ts';
import { Sealer } from './sealer.ts';

const database = await createTestDatabase();
const { pool } = database;
await makePartitions(pool, minutePartitions, Date.now());
/** Seals the present minute without waiting for its end. */
const sealer = new Sealer({ pool, log: createLog('silent'), graceMs: -60_000 });

beforeEach(async () => {
  // Each test seals the present minute for itself.
  await pool.query('truncate telemetry_minutes, telemetry_losses, telemetry_seconds');
});

/** What the parent was told may be some milliseconds behind what was observed, at 2,500 observations a second. */
const tolerated = 150;

test('killed beside a database that is well: at most a second is lost, and it is shown; a graceful end loses nothing', { timeout: 60_000 }, async () => {
  const [killed, graceful] = [start('killed'), start('graceful')];
  await Promise.all([killed.atLeast(1_500), graceful.atLeast(1_500)]);
  await killed.kill();
  await graceful.end();
  await vanished('killed');
  assert.equal(await stored('graceful'), graceful.observed());
  const lost = killed.observed() - (await stored('killed'));
  assert.ok(lost >= -tolerated && lost <= killed.observedIn(1_000) + tolerated, `lost ${lost}, observed in the last second ${killed.observedIn(1_000)}`);
  const halves = await lostHalves('killed');
  assert.ok(halves.length >= 2 && halves.length <= 8, `${halves.length} half seconds are said to be lost`);
  assert.deepEqual(await lostHalves('graceful'), []);
});

test('killed while its rows wait for a slow database, beside another node: all of the wait is shown as lost, nothing else', { timeout: 60_000 }, async () => {
  const link = await startSlowLink(database.url);
  const [slow, beside] = [start('slow', link.url), start('beside')];
  await Promise.all([slow.atLeast(1_500), beside.atLeast(1_500)]);
  link.hold();
  const heldAt = Date.now();
  await slow.atLeast(slow.observed() + 8_000);
  await slow.kill();
  const killedAt = Date.now();
  await vanished('slow');
  await beside.end();
  await sealer.sealDue();
  const halves = await lostHalves('slow');
  // Whatever was observed in a half second that is not called lost is stored.
  const known = slow.observedOutside(new Set(halves));
  assert.ok((await stored('slow')) >= known - tolerated, `${await stored('slow')} stored, ${known} observed in what is called known`);
  assert.ok(halves.length * 500 >= killedAt - heldAt - 500 && halves.length * 500 <= killedAt - heldAt + 4_000, `${halves.length} half seconds for ${killedAt - heldAt} ms`);
  assert.deepEqual(await lostHalves('beside'), []);
  const { rows } = await pool.query<{ lost: number }>(`select coalesce(sum(lost_seconds), 0)::int as lost from telemetry_minutes where minute > now() - interval '5 minutes'`);
  assert.ok((rows[0]?.lost ?? 0) >= Math.floor(halves.length / 2), 'the minutes say so');
});

test('behind its database and alive: missing until its rows come, and then nothing is', { timeout: 60_000 }, async () => {
  const link = await startSlowLink(database.url);
  const behind = start('behind', link.url);
  await behind.atLeast(1_500);
  link.hold();
  await behind.atLeast(behind.observed() + 5_000);
  const beside = start('beside-2');
  for (const deadline = Date.now() + 30_000; (await lostHalves('behind')).length < 2; ) {
    await sealer.sealDue();
    assert.ok(Date.now() < deadline, 'it is missing from no minute');
  }
  link.release();
  await behind.end();
  await beside.end();
  await sealer.sealDue();
  assert.deepEqual(await lostHalves('behind'), []);
  assert.equal(await stored('behind'), behind.observed());
  const { rows } = await pool.query<{ n: number }>(`select count(*) as n from telemetry_nodes where node_id = 'behind' and stopped_at is not null`);
  assert.equal(rows[0]?.n, 1);
});

/** Waits until the node is missed and seals, until it is known to have vanished: one that dies at a minute's end vanishes in the next. */
async function vanished(nodeId: string): Promise<void> {
  const known = async (condition: string): Promise<boolean> => (await pool.query(`select from telemetry_nodes where node_id = $1 and ${condition}`, [nodeId])).rowCount === 1;
  for (const deadline = Date.now() + 30_000; !(await known('vanished_at is not null')); ) {
    assert.ok(Date.now() < deadline, `${nodeId} is not missed after 30 s`);
    await noteMissing(pool);
    if (!(await known('gone_half is not null'))) continue;
    // A minute is sealed when somebody has a row in it.
    await insertHalves(pool, 'witness', [{ half: Math.floor(Date.now() / halfMs), beat: false, last: true, lost: false, counts: new Uint8Array(0) }]);
    await sealer.sealDue();
  }
}

async function stored(account: string): Promise<number> {
  const { rows } = await pool.query<{ total: number }>(
    `select coalesce(sum(total), 0)::int as total from (select series_id, total from minute_counts union all select series_id, total from minute_amendments) parts
     join telemetry_series on id = series_id where account_id = $1`,
    [account],
  );
  return rows[0]?.total ?? 0;
}

/** Half seconds since the epoch in which counts of the node are not known. */
async function lostHalves(nodeId: string): Promise<number[]> {
  const { rows } = await pool.query<{ minute: Date; bits: string }>('select minute, (missing | lost)::text as bits from telemetry_losses where node_id = $1', [nodeId]);
  return rows.flatMap(({ minute, bits }) => Array.from(bits, (bit, at) => (bit === '1' ? [minute.getTime() / 500 + at] : [])).flat());
}

interface Counting {
  observed(): number;
  /** In the last so many milliseconds. */
  observedIn(ms: number): number;
  /** In all half seconds but these. */
  observedOutside(halves: ReadonlySet<number>): number;
  atLeast(observed: number): Promise<void>;
  kill(): Promise<void>;
  end(): Promise<void>;
}

function start(nodeId: string, url = database.url): Counting {
  const child: ChildProcess = fork(fileURLToPath(new URL('../../../../../tests/harness/counting-process.ts', import.meta.url)), [url, nodeId]);
  atEnd(async () => void child.kill('SIGKILL'));
  const reports: { at: number; observed: number }[] = [];
  const waiting: { until: number; resolve: () => void }[] = [];
  const ended = Promise.withResolvers<void>();
  child.on('message', (message: { observed: number; ended?: true }) => {
    reports.push({ at: Date.now(), observed: message.observed });
    for (const one of waiting) if (message.observed >= one.until) one.resolve();
    if (message.ended === true) ended.resolve();
  });
  const observed = (): number => reports.at(-1)?.observed ?? 0;
  return {
    observed,
    observedIn: (ms) => observed() - (reports.findLast(({ at }) => at <= (reports.at(-1)?.at ?? 0) - ms)?.observed ?? 0),
    observedOutside: (halves) => reports.reduce((sum, { at, observed: now }, index) => (halves.has(Math.floor(at / 500)) ? sum : sum + now - (reports[index - 1]?.observed ?? 0)), 0),
    atLeast: (until) => new Promise((resolve) => void waiting.push({ until, resolve })),
    async kill() {
      child.kill('SIGKILL');
      await once(child, 'exit');
    },
    async end() {
      child.send('end');
      await ended.promise;
    },
  };
}
