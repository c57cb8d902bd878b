import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { evenkeel } from './command-line.ts';

test('playbook check: silent on the built-in playbook, exact about a fault', async () => {
  const good = await evenkeel(['playbook', 'check']);
  assert.deepEqual([good.code, good.stdout], [0, '']);
  const dir = await mkdtemp(join(tmpdir(), 'evenkeel-playbook-'));
  try {
    await writeFile(join(dir, 'agreements.yaml'), 'version: 1\nterms: {}\nagreements:\n  - id: acme\n    tenant_id: acme\n    terms: standard\n    time_zone: UTC\n    start: "2026-01-01"\n    monthly_fee_minor: 1\n    currency: USD\n');
    const wrong = await evenkeel(['playbook', 'check', '.'], { cwd: dir });
    assert.equal(wrong.code, 1);
    assert.match(wrong.stdout, /^agreements\.yaml:8:agreements\[0\]\.start: There is no "start" here\. \(did you mean "starts"\?\)$/m);
    assert.match((await evenkeel(['playbook', 'check', 'nowhere'], { cwd: dir })).stderr, /there is no folder nowhere/);
  } finally {
    await rm(dir, { recursive: true });
  }
});

test('playbook slo prints what a target means', async () => {
  const { code, stdout } = await evenkeel(['playbook', 'slo', '99.99']);
  assert.equal(code, 0);
  assert.match(stdout, /^30 days +4 min 19\.2 s +259\.2$/m);
  assert.match(stdout, /^fast-burn +100 % +5\.184 s +4 min 59\.6 s$/m);
  assert.match(stdout, /^99\.9 % +99\.99 % +10 % +500$/m);
  const json = JSON.parse((await evenkeel(['playbook', 'slo', '99.9%', '--json'])).stdout) as { alerts: { times: { fires_after: string }[] }[] };
  assert.equal(json.alerts[0]?.times[0]?.fires_after, '51.84 s');
  for (const target of ['100', '0', '99.99999999', 'four nines']) assert.equal((await evenkeel(['playbook', 'slo', target])).code, 2);
});

test('playbook render: policy for engineers, sample contracts for legal', async () => {
  const policy = await evenkeel(['playbook', 'render']);
  assert.match(policy.stdout, /\| critical \| less than 25 % \| all but reliability \| engineering_leads, vp_engineering \|/);
  assert.match(policy.stdout, /\| fast-burn \| > 14\.4× \| 1h and 5m \| P1 \|/);
  assert.match((await evenkeel(['playbook', 'render', 'standard'])).stdout, /at least 99\.99 % of the time/);
  assert.match((await evenkeel(['playbook', 'render', 'nothing'])).stderr, /terms: standard/);
});

test('playbook render: an agreement that only the server has, in its own words and fee', async (context) => {
  const agreement = { id: 'acme-2026', tenant_id: 'acme', terms: 'standard', time_zone: 'Australia/Lord_Howe', starts: '2026-03-01', monthly_fee_minor: 120_000, currency: 'EUR', source: 'api' };
  const server = createServer((_request, response) => response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ results: [agreement, { ...agreement, id: 'foreign', terms: 'gold' }], next_cursor: null }))).listen(0, '127.0.0.1');
  await once(server, 'listening');
  context.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const environment = { EVENKEEL_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, EVENKEEL_API_KEY: 'ek_test' };
  const { code, stdout } = await evenkeel(['playbook', 'render', 'acme-2026'], { environment });
  assert.equal(code, 0);
  assert.match(stdout, /time zone Australia\/Lord_Howe[^]*monthly fee is 1200\.00 EUR/);
  assert.match((await evenkeel(['playbook', 'render', 'foreign'], { environment })).stderr, /has the terms "gold", which this playbook does not have/);
  assert.match((await evenkeel(['playbook', 'render', 'nothing'], { environment })).stderr, /neither an agreement nor/);
});

test('gate: one line and an exit code', async (context) => {
  const answer = { objective: 'platform', scope: 'overall', change: 'normal', decision: 'deny', reason: 'platform: critical, 12 % of the budget remains; only reliability fixes are deployed.', mode: 'critical', remaining_percent: '12', evaluated_to: null, override: null };
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(request.url ?? '');
    const decision = request.url?.includes('change=reliability') === true ? 'allow' : 'deny';
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ ...answer, decision }));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  context.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const environment = { EVENKEEL_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, EVENKEEL_API_KEY: 'ek_test' };
  const closed = await evenkeel(['gate', 'platform'], { environment });
  assert.deepEqual([closed.code, closed.stdout], [1, `deny: ${answer.reason}\n`]);
  assert.equal((await evenkeel(['gate', 'platform', '--change', 'reliability'], { environment })).code, 0);
  assert.deepEqual(asked, ['/v1/deploy-gate?objective=platform&change=normal', '/v1/deploy-gate?objective=platform&change=reliability']);
  assert.equal((await evenkeel(['gate', 'platform', '--change', 'risky'], { environment })).code, 2);
  assert.equal((await evenkeel(['gate', 'platform'], { environment: { ...environment, EVENKEEL_URL: 'http://127.0.0.1:1' } })).code, 3);
});
