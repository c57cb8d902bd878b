import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { defineObjectives, definePolicy } from '@evenkeel/core/objectives/definition.ts';
import { builtInPlaybook, readPlaybook } from './playbook.ts';

async function withFile(name: string, text: string): ReturnType<typeof readPlaybook> {
  const dir = await mkdtemp(join(tmpdir(), 'evenkeel-playbook-'));
  try {
    await writeFile(join(dir, name), text);
    return await readPlaybook(dir);
  } finally {
    await rm(dir, { recursive: true });
  }
}

test('the playbook that comes with Evenkeel has no faults, not even warnings', async () => {
  const reading = await readPlaybook(undefined);
  assert.deepEqual(reading.faults, []);
  assert.equal(reading.ok, true);
});

test('a fault is told with file, line, path and what was meant; other files are taken from the built-in playbook', async () => {
  const text = (await readFile(join(builtInPlaybook, 'objectives.yaml'), 'utf8')).replace('indicator: freshness', 'indicator: freshnes').replace('scopes: [overall, connector]', 'scopes: [overall, conector]');
  const reading = await withFile('objectives.yaml', text);
  assert.equal(reading.ok, false);
  const [fault] = reading.faults;
  assert.equal(fault?.path, 'objectives[2].scopes[1]');
  assert.equal(fault.suggestion, 'connector');
  assert.equal(text.split('\n')[(fault.line ?? 0) - 1]?.includes('conector'), true);
  assert.equal(reading.faults.length, 1, 'what the files say together is judged when their shapes are right');
});

test('YAML that cannot be read is told by its line', async () => {
  const reading = await withFile('budget-policy.yaml', 'version: 1\nedges: { caution: 75\nversion: 2\n');
  assert.equal(reading.ok, false);
  assert.ok((reading.faults[0]?.line ?? 0) >= 2);
  const twice = await withFile('agreements.yaml', 'version: 1\nterms: {}\nterms: {}\nagreements: []\n');
  assert.deepEqual(twice.faults.map(({ line, severity }) => [line, severity]), [[3, 'error']]);
});

test('the playbook that comes with Evenkeel becomes exact values', async () => {
  const reading = await readPlaybook(undefined);
  assert.ok(reading.ok);
  const policy = definePolicy(reading.playbook.budgetPolicy);
  const [first] = defineObjectives(reading.playbook.objectives, policy);
  assert.deepEqual([first?.target, first?.budget], [999_950_000n, 50_000n]);
  assert.deepEqual(policy.tiers.map(({ factor, longMinutes, shortMinutes, severity }) => [factor.num, factor.den, longMinutes, shortMinutes, severity]), [
    [14_400_000n, 1_000_000n, 60, 5, 'P1'],
    [6_000_000n, 1_000_000n, 360, 30, 'P2'],
  ]);
});
