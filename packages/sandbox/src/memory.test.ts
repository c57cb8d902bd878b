import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { createClock } from './clock.ts';
import { createGrants } from './grants.ts';
import { openMemory, type MemoryFile } from './memory.ts';

let nowMs = 1_000_000;
let made = 0;
const grantsIn = (memory: MemoryFile) =>
  createGrants({
    clock: createClock(() => nowMs),
    codeLifetimeMs: 60_000,
    accessLifetimeMs: () => 3_600_000,
    refreshLifetimeMs: null,
    rotation: () => 'single_use',
    memory: memory.of('vendor/grants'),
    accessToken: () => `access-${(made += 1)}`,
    refreshToken: () => `refresh-${(made += 1)}`,
  });

test('grants outlive a restart, and with them what is spent and revoked', async (context) => {
  const folder = await mkdtemp(join(tmpdir(), 'evenkeel-sandbox-'));
  context.after(() => rm(folder, { recursive: true, force: true }));
  const file = join(folder, 'sandbox.json');

  const first = openMemory(file);
  const before = grantsIn(first);
  const kept = before.grantDirectly('acct', 'client', ['a', 'b'], { kind: 'user' });
  const renewed = before.refresh(kept.refresh, 'client');
  assert.ok(renewed.ok);
  const revoked = before.grantDirectly('acct', 'client', []);
  before.revokeToken(revoked.refresh);
  await first.close();

  const second = openMemory(file);
  const after = grantsIn(second);
  assert.deepEqual(after.find(kept.access), before.find(kept.access));
  assert.equal(after.find(revoked.access)?.state, 'revoked');
  assert.deepEqual(after.refresh(kept.refresh, 'client'), { ok: false, reason: 'reused' }, 'a spent token ends its family after the restart too');
  assert.deepEqual(after.refresh(renewed.issued.refresh, 'client'), { ok: false, reason: 'revoked' });
  nowMs += 2 * 86_400_000;
  await second.close();
  const third = openMemory(file);
  assert.equal(grantsIn(third).find(kept.access), null, 'tokens long ended are forgotten');
  await third.close();
});

test('a file that is none counts as empty', async (context) => {
  const folder = await mkdtemp(join(tmpdir(), 'evenkeel-sandbox-'));
  context.after(() => rm(folder, { recursive: true, force: true }));
  const file = join(folder, 'sandbox.json');
  await writeFile(file, '{"vendor/grants": {"grants": [null, 7], "accesses": {}, "refreshes": [[]]');
  const memory = openMemory(file);
  assert.equal(grantsIn(memory).find('access-1'), null);
  await memory.close();
});
