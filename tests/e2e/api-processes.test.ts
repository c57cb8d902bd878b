/** Several processes on one port: all of them answer, one that dies is replaced, and all end with the server. */
import assert from 'node:assert/strict';
import { get } from 'node:http';
import { test } from 'node:test';
import { startTestEvenkeel } from '../harness/evenkeel.ts';

const evenkeel = await startTestEvenkeel({ EVENKEEL_API_PROCESSES: '2' });
const [child = 0] = evenkeel.server.apiProcessIds();

/** On a connection of its own, which the kernel gives to either process. */
function ask(): Promise<number> {
  return new Promise((resolve, reject) => {
    get(`${evenkeel.url}/v1/accounts`, { agent: false, headers: { authorization: `Bearer ${evenkeel.adminKey}` } }, (response) => {
      response.resume().once('end', () => resolve(response.statusCode ?? 0));
    }).once('error', reject);
  });
}

test('the kernel deals connections out to both processes', async () => {
  assert.ok(child > 0 && child !== process.pid);
  const statuses: number[] = [];
  process.kill(child, 'SIGSTOP');
  // Sixty-four connections all to one side: once in 2^63 runs.
  const calls = Array.from({ length: 64 }, async () => void statuses.push(await ask()));
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

test('a process that is killed is replaced', async () => {
  process.kill(child, 'SIGKILL');
  const deadline = performance.now() + 20_000;
  const replaced = (): boolean => evenkeel.server.apiProcessIds().some((pid) => pid !== child);
  while (!replaced()) {
    assert.ok(performance.now() < deadline, 'nothing took the place of the killed process');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  assert.ok(evenkeel.logLines.some((line) => line.includes('ended by itself')));
  assert.deepEqual(new Set(await Promise.all(Array.from({ length: 32 }, ask))), new Set([200]));
});

test('all end with the server', async () => {
  const pids = evenkeel.server.apiProcessIds();
  assert.equal(pids.length, 1);
  await evenkeel.server.close();
  for (const pid of pids) assert.throws(() => process.kill(pid, 0), { code: 'ESRCH' });
});
