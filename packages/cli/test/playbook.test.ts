import assert from 'node:assert/strict';
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
