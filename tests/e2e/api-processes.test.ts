/** Several processes on one port: all of them answer, tell of the node as a whole, one that dies is replaced, and all end with the server. */
import assert from 'node:assert/strict';
import { get } from 'node:http';
import { tmpdir } from 'node:os';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { readConfiguration } from '@evenkeel/server/configuration.ts';
import { startServer } from '@evenkeel/server/server.ts';
import { createLog } from '@evenkeel/server/log.ts';
import { FirstProcess } from '@evenkeel/server/processes/first-process.ts';
import { freePort, startTestEvenkeel } from '../harness/evenkeel.ts';

const evenkeel = await startTestEvenkeel({ EVENKEEL_API_PROCESSES: '2' });
const [child = 0] = evenkeel.server.apiProcessIds();

/** On a connection of its own, which the kernel gives to either process. */
function ask(path = '/v1/accounts'): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    get(evenkeel.url + path, { agent: false, headers: { authorization: `Bearer ${evenkeel.adminKey}` } }, (response) => {
      text(response).then((body) => resolve({ status: response.statusCode ?? 0, text: body }), reject);
    }).once('error', reject);
  });
}

/** The same over as many connections: all to one side once in 2^(n-1) runs. */
const askOften = (path: string, times: number): Promise<{ status: number; text: string }[]> => Promise.all(Array.from({ length: times }, () => ask(path)));

function figure(metrics: string, name: string): number {
  return Number(new RegExp(`^${name.replaceAll(/[{}]/g, '\\$&')} (.+)$`, 'm').exec(metrics)?.[1] ?? Number.NaN);
}

const failures = 'evenkeel_calls_total{outcome="failure"}';

async function until(met: () => boolean | Promise<boolean>, otherwise: string): Promise<void> {
  const deadline = performance.now() + 20_000;
  while (!(await met())) {
    assert.ok(performance.now() < deadline, otherwise);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

test('the kernel deals connections out to both processes', async () => {
  assert.ok(child > 0 && child !== process.pid);
  const statuses: number[] = [];
  process.kill(child, 'SIGSTOP');
  // Sixty-four connections all to one side: once in 2^63 runs.
  const calls = Array.from({ length: 64 }, async () => void statuses.push((await ask()).status));
  try {
    // Those of this process are answered while the other stands still; then nothing comes any more.
    for (let before = -1; before !== statuses.length || before === 0; ) {
      before = statuses.length;
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
    assert.ok(statuses.length < calls.length, 'the stopped process had no connection');
  } finally {
    process.kill(child, 'SIGCONT');
  }
  await Promise.all(calls);
  assert.deepEqual(new Set(statuses), new Set([200]));
});

test('whichever process is scraped, it tells of all of them', async () => {
  // Calls that name no account: recorded, and counted where they were answered.
  const calls = await askOften('/v1/proxy/contacts', 64);
  assert.deepEqual(new Set(calls.map(({ status }) => status)), new Set([400]));
  const scrapes = await askOften('/metrics', 32);
  assert.deepEqual(new Set(scrapes.map(({ status }) => status)), new Set([200]));
  assert.deepEqual(new Set(scrapes.map(({ text: metrics }) => figure(metrics, failures))), new Set([64]));
  assert.deepEqual(new Set(scrapes.map(({ text: metrics }) => figure(metrics, 'evenkeel_api_processes'))), new Set([2]));
  // Of a metric there is one, or Prometheus refuses the scrape.
  for (const { text: metrics } of scrapes) {
    const names = [...metrics.matchAll(/^# TYPE (\S+)/gm)].map((match) => match[1]);
    assert.equal(new Set(names).size, names.length);
  }
});

test('each process answers for the readiness of the node, the jobs of the first included', async () => {
  for (const { status, text: body } of await askOften('/readyz', 32)) assert.equal(status, 200, body);
});

test('a process that is killed is replaced; meanwhile the node stays ready, and nothing counted is taken back', async () => {
  process.kill(child, 'SIGKILL');
  await until(() => evenkeel.logLines.some((line) => line.includes('ended by itself')), 'the end of the killed process went unnoticed');
  // Only the first listens until the killed one is replaced, a second later.
  const { text: metrics } = await ask('/metrics');
  assert.equal(figure(metrics, 'evenkeel_api_processes'), 1);
  assert.equal(figure(metrics, failures), 64);
  assert.equal((await ask('/readyz')).status, 200);
  await until(async () => figure((await ask('/metrics')).text, 'evenkeel_api_processes') === 2, 'nothing took the place of the killed process');
  assert.deepEqual(new Set((await askOften('/v1/accounts', 32)).map(({ status }) => status)), new Set([200]));
  await askOften('/v1/proxy/contacts', 32);
  const scrapes = await askOften('/metrics', 32);
  assert.deepEqual(new Set(scrapes.map((scrape) => figure(scrape.text, failures))), new Set([96]));
  assert.deepEqual(new Set(scrapes.map((scrape) => figure(scrape.text, 'evenkeel_api_processes_replaced_total'))), new Set([1]));
});

test('no second server joins the port unnoticed', async () => {
  const read = readConfiguration({
    PORT: new URL(evenkeel.url).port,
    DATABASE_URL: evenkeel.database.url,
    EVENKEEL_DATA_DIR: tmpdir(),
    EVENKEEL_MASTER_KEY: evenkeel.masterKey,
    EVENKEEL_ADMIN_KEY: evenkeel.adminKey,
    EVENKEEL_API_PROCESSES: '2',
    EVENKEEL_LOG_LEVEL: 'silent',
  });
  assert.ok(read.ok);
  await assert.rejects(startServer(read.configuration), { code: 'EADDRINUSE' });
});

test('a process that stands still is ended and replaced', async () => {
  const read = readConfiguration({ DATABASE_URL: evenkeel.database.url, EVENKEEL_DATA_DIR: tmpdir(), EVENKEEL_MASTER_KEY: evenkeel.masterKey, EVENKEEL_LOG_LEVEL: 'silent', EVENKEEL_API_PROCESSES: '1' });
  assert.ok(read.ok);
  const lines: string[] = [];
  const first = new FirstProcess(createLog('error', { write: (line: string) => void lines.push(line) }), { standstillMs: 1_000 });
  await first.start({ ...read.configuration, port: await freePort(), role: 'api' }, 1);
  try {
    const [still = 0] = first.pids();
    process.kill(still, 'SIGSTOP');
    await until(() => first.pids().some((pid) => pid !== still), 'nothing took the place of the process that stands still');
    assert.ok(lines.some((line) => line.includes('said nothing for 1 s')));
  } finally {
    await first.stop();
  }
});

test('all end with the server', async () => {
  const pids = evenkeel.server.apiProcessIds();
  assert.equal(pids.length, 1);
  await evenkeel.server.close();
  for (const pid of pids) assert.throws(() => process.kill(pid, 0), { code: 'ESRCH' });
});
