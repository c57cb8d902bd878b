import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { evenkeel, evenkeelProcess } from './command-line.ts';

test('start names every wrong variable in a line of its own', async () => {
  const { code, stdout, stderr } = await evenkeelProcess(['start'], { environment: { PORT: 'many', EVENKEEL_MASTER_KEY: 'short', EVENKEEL_MASTERKEY: 'x' } });
  assert.equal(code, 2);
  assert.equal(stdout, '');
  const lines = stderr.trimEnd().split('\n');
  assert.deepEqual(lines.map((line) => /^evenkeel: (\w+) /.exec(line)?.[1]), ['PORT', 'EVENKEEL_MASTER_KEY', 'EVENKEEL_MASTERKEY']);
});

test('the help of start lists the environment', async () => {
  const { stdout } = await evenkeel(['start', '--help']);
  for (const name of ['DATABASE_URL', 'EVENKEEL_MASTER_KEY', 'EVENKEEL_ROLE']) assert.ok(stdout.includes(name), name);
});

test('a demo on a port in use ends with one line, before it touches anything', async (context) => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  context.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  assert.deepEqual(await evenkeelProcess(['demo', '--sandbox-port', '0'], { environment: { PORT: String(port), EVENKEEL_DATA_DIR: '/nowhere/at/all' } }), {
    code: 2,
    stdout: '',
    stderr: `evenkeel: port ${port} is in use; end what listens there (another demo?), or set PORT to another.\n`,
  });
  const sandbox = await evenkeel(['demo', '--sandbox-port', String(port)], { environment: { PORT: '0', EVENKEEL_DATA_DIR: '/nowhere/at/all' } });
  assert.deepEqual([sandbox.code, sandbox.stderr], [2, `evenkeel: port ${port} is in use; end what listens there (another demo?), or pass --sandbox-port with another.\n`]);
});

for (const [args, environment, message] of [
  [['--sandbox-port', 'x'], {}, /--sandbox-port must be a whole number/],
  [['--rate', '1e9'], {}, /--rate must be a number from 0 to 200/],
  [[], { EVENKEEL_HOST_MAP: '{"*":"http://127.0.0.1:1/{host}"}' }, /unset EVENKEEL_HOST_MAP/],
  [[], { PORT: '4410' }, /both 4410/],
  [[], { DATABASE_URL: 'mysql://x' }, /DATABASE_URL must be a postgres/],
] as [string[], Record<string, string>, RegExp][]) {
  test(`demo ${args.join(' ')} ${Object.keys(environment).join(' ')} is a usage error`, async () => {
    const { code, stderr } = await evenkeel(['demo', ...args], { environment });
    assert.equal(code, 2);
    assert.match(stderr, message);
    assert.equal(stderr.trimEnd().split('\n').length, 1);
  });
}
