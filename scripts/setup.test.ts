import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { staleReason } from './setup.mjs';

const root = await mkdtemp(join(tmpdir(), 'setup-'));
after(() => rm(root, { recursive: true }));

async function lay(wanted: object, installed: object | undefined, runtime = true): Promise<string> {
  const dir = await mkdtemp(join(root, 'checkout-'));
  await writeFile(join(dir, 'package-lock.json'), JSON.stringify({ packages: wanted }));
  if (installed !== undefined) {
    await mkdir(join(dir, 'node_modules', '.bin'), { recursive: true });
    await writeFile(join(dir, 'node_modules', '.package-lock.json'), JSON.stringify({ packages: installed }));
    if (runtime) await writeFile(join(dir, 'node_modules', '.bin', process.platform === 'win32' ? 'node.cmd' : 'node'), '');
  }
  return dir;
}
const one = { '': {}, 'packages/core': {}, 'node_modules/one': { version: '1.0.0' } };

describe('setup', () => {
  it('leaves alone what is installed as the lock file says', async () => {
    assert.equal(staleReason(await lay(one, { 'node_modules/one': { version: '1.0.0' }, 'node_modules/extra': { version: '3.0.0' } })), undefined);
    assert.equal(staleReason(join(import.meta.dirname, '..')), undefined);
  });

  it('installs what is missing or another version', async () => {
    assert.match(staleReason(await lay(one, undefined)) ?? '', /nothing is installed/);
    assert.match(staleReason(await lay(one, {})) ?? '', /node_modules\/one is missing/);
    assert.match(staleReason(await lay(one, { 'node_modules/one': { version: '0.9.0' } })) ?? '', /is 0\.9\.0, package-lock\.json wants 1\.0\.0/);
    assert.match(staleReason(await lay({ 'packages/a/node_modules/one': { version: '1.0.0' } }, {})) ?? '', /is missing/);
  });

  it('does not miss the optional binaries of other platforms', async () => {
    assert.equal(staleReason(await lay({ 'node_modules/for-windows': { version: '1.0.0', optional: true } }, {})), undefined);
  });

  it('installs when the pinned runtime is not there', async () => {
    assert.match(staleReason(await lay(one, { 'node_modules/one': { version: '1.0.0' } }, false)) ?? '', /runtime is missing/);
  });
});
