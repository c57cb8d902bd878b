/** The README's example, run as it stands but for the address and the place of the key. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { promisify } from 'node:util';
import { registerApps } from 'evenkeel/demo/cast.ts';
import { startTestEvenkeel } from '../harness/evenkeel.ts';

const run = promisify(execFile);
const evenkeel = await startTestEvenkeel();
await registerApps(evenkeel.client, AbortSignal.timeout(30_000));

describe('the README', () => {
  it('connects an account with curl only and lists three pages of contacts', async () => {
    const readme = await readFile(join(import.meta.dirname, '../../README.md'), 'utf8');
    const example = /<!-- example:curl -->\n```sh\n([\s\S]*?)```/.exec(readme)?.[1];
    assert.ok(example, 'the README has the example');
    const script = example.replace('http://127.0.0.1:4400', evenkeel.url).replace('$(cat .evenkeel/admin.key)', evenkeel.adminKey);
    assert.ok(script.includes(evenkeel.url) && script.includes(evenkeel.adminKey));
    const { stdout } = await run('sh', ['-c', script], { timeout: 60_000 });
    const pages = stdout.trim().split('\n').map((line) => JSON.parse(line.replace(/^page \d: /, '')) as { results: { id: string }[]; next_cursor: string | null });
    assert.equal(pages.length, 3);
    const ids = pages.flatMap(({ results }) => results.map(({ id }) => id));
    assert.equal(new Set(ids).size, 6);
  });
});
