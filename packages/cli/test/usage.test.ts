import assert from 'node:assert/strict';
import { access, constants } from 'node:fs/promises';
import { execFile } from 'node:child_process';
import { delimiter, join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { commands } from '../src/commands.ts';
import { evenkeel, evenkeelProcess } from './command-line.ts';

const run = promisify(execFile);

test('help lists every command and the exit codes', async () => {
  const { code, stdout, stderr } = await evenkeelProcess(['help']);
  assert.equal(code, 0);
  assert.equal(stderr, '');
  for (const { words, summary } of commands) {
    assert.ok(stdout.includes(`evenkeel ${words.join(' ')}`), words.join(' '));
    assert.ok(stdout.includes(summary));
  }
  assert.match(stdout, /3 {2}the server cannot be reached/);
});

test('every command has help of its own, in both spellings', async () => {
  for (const { words, options } of commands) {
    const [before, after] = await Promise.all([evenkeel(['help', ...words]), evenkeel([...words, '--help'])]);
    assert.deepEqual(before, after);
    assert.equal(before.code, 0);
    for (const name of Object.keys(options)) assert.ok(before.stdout.includes(`--${name}`), `${words.join(' ')} ${name}`);
  }
});

test('no command is a usage error that shows the commands', async () => {
  const { code, stdout, stderr } = await evenkeelProcess([]);
  assert.equal(code, 2);
  assert.equal(stdout, '');
  assert.match(stderr, /evenkeel connectors lint/);
});

for (const [args, message] of [
  [['strat'], 'evenkeel: there is no command "strat". Did you mean start? See evenkeel help.'],
  [['conectors', 'lint'], 'evenkeel: there is no command "conectors". Did you mean connectors? See evenkeel help.'],
  [['connectors', 'lnit'], 'evenkeel: there is no command "connectors lnit". Did you mean connectors lint? See evenkeel help.'],
  [['zzzzzz'], 'evenkeel: there is no command "zzzzzz". See evenkeel help.'],
  [['accounts', 'list', '--stat', 'active'], 'evenkeel: evenkeel accounts list has no option --stat. Did you mean --state? See evenkeel accounts list --help.'],
  [['accounts', 'list', '--state'], "evenkeel: Option '--state <value>' argument missing. See evenkeel accounts list --help."],
  [['accounts', 'list', 'x'], 'evenkeel: evenkeel accounts list takes no arguments; "x" is too much.'],
  [['accounts', 'show'], 'evenkeel: evenkeel accounts show needs <account>. See evenkeel accounts show --help.'],
] as const) {
  test(`evenkeel ${args.join(' ')}`, async () => {
    const { code, stdout, stderr } = await evenkeel(args);
    assert.deepEqual({ code, stdout, stderr }, { code: 2, stdout: '', stderr: `${message}\n` });
  });
}

test('a Node that cannot run TypeScript gets one clear line', async (context) => {
  const runtime = await oldNode();
  if (runtime === undefined) return context.skip('no such Node on this machine');
  const { code, stdout, stderr } = await evenkeelProcess(['help'], { runtime });
  assert.equal(code, 2);
  assert.equal(stdout, '');
  assert.match(stderr, /^evenkeel: Node \S+ cannot run it; use npx evenkeel .* 22\.18 and newer\.\n$/);
});

async function oldNode(): Promise<string | undefined> {
  for (const directory of (process.env['PATH'] ?? '').split(delimiter)) {
    const path = join(directory, 'node');
    if (directory === '' || !(await access(path, constants.X_OK).then(() => true, () => false))) continue;
    const { stdout } = await run(path, ['-p', 'Boolean(process.features.typescript)']);
    if (stdout.trim() === 'false') return path;
  }
  return undefined;
}
