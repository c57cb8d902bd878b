import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test, type TestContext } from 'node:test';
import type { VaultStatus } from '@evenkeel/sdk/generated/contract.ts';
import { progressBar } from '../src/progress-bar.ts';
import { evenkeel } from './command-line.ts';

const at = '2026-10-01T12:00:00.000Z';
const progress = { to: 'bb', total: 40, done: 40, remaining: 0, unreadable: 0, started_at: at, finished_at: at };
const status: VaultStatus = {
  keys: [
    { id: 'aa', state: 'retired', in_use: false, records: 0, created_at: at, promoted_at: at, retired_at: at },
    { id: 'bb', state: 'in_use', in_use: true, records: 41, created_at: at, promoted_at: at, retired_at: null },
  ],
  nodes: [{ id: 'one:1', master_key: 'bb', keys: ['aa', 'bb'], sealing_with: 'bb', seen_at: at }],
  progress,
  next_step: 'Nothing is sealed with aa any more.',
};

/** Answers one status after another; the last one goes on. */
async function serve(context: TestContext, answers: readonly VaultStatus[]) {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    const answer = answers[Math.min(asked.length, answers.length - 1)];
    asked.push(`${request.method ?? ''} ${request.url ?? ''}`);
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  context.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { asked, environment: { EVENKEEL_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, EVENKEEL_API_KEY: 'ek_test' } };
}

test('vault status shows keys, nodes, progress and what to do next', async (context) => {
  const { environment } = await serve(context, [status]);
  const { code, stdout } = await evenkeel(['vault', 'status'], { environment });
  assert.equal(code, 0);
  assert.match(stdout, /^bb +in_use +41 /m);
  assert.match(stdout, /^one:1 +bb +aa bb$/m);
  assert.match(stdout, /Rotation to bb: 40 of 40 records re-encrypted; finished 2026/);
  assert.match(stdout, /Nothing is sealed with aa any more\.\n$/);
  assert.deepEqual(JSON.parse((await evenkeel(['vault', 'status', '--json'], { environment })).stdout), status);
});

test('vault rotate --wait asks until the old key is retired', async (context) => {
  const { asked, environment } = await serve(context, [{ ...status, progress: { ...progress, done: 30, remaining: 10, finished_at: null } }, { ...status, progress: { ...progress, finished_at: null } }, status]);
  const { code, stdout, stderr } = await evenkeel(['vault', 'rotate', '--wait'], { environment });
  assert.equal(code, 0);
  assert.deepEqual(asked, ['POST /v1/vault/rotate', 'GET /v1/vault', 'GET /v1/vault']);
  assert.equal(stderr, `${'█'.repeat(30)} 100 %  40 of 40 records\nWaiting until no node can still write with the old key.\n`);
  assert.match(stdout, /finished/);
});

test('records that cannot be opened end the wait with exit code 1', async (context) => {
  const { asked, environment } = await serve(context, [{ ...status, progress: { ...progress, done: 38, remaining: 2, unreadable: 2, finished_at: null } }]);
  const { code, stdout } = await evenkeel(['vault', 'rotate', '--wait'], { environment });
  assert.equal(code, 1);
  assert.equal(asked.length, 1);
  assert.match(stdout, /2 cannot be opened/);
});

test('on a terminal the bar is drawn over itself', () => {
  const drawn: string[] = [];
  const draw = progressBar({ line: () => undefined, note: (text) => void drawn.push(text), interactive: true }, 'records');
  draw(0, 4);
  draw(0, 4);
  draw(2, 4);
  draw(4, 4);
  assert.equal(drawn.length, 3);
  assert.equal(drawn[0], `${'░'.repeat(30)} 0 %  0 of 4 records`);
  assert.ok(drawn[1]?.startsWith('\u001b[1A\u001b[2K'), 'over the line before');
  assert.match((drawn[1] ?? '').slice(8), /^█{15}░{15} 50 % {2}2 of 4 records, about \d+ s left$/);
  assert.match(drawn[2] ?? '', /100 % {2}4 of 4 records$/);
});
