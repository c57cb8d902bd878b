import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { connect, createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Evenkeel } from '@evenkeel/sdk/client.ts';
import type { Account, AccountTransition } from '@evenkeel/sdk/generated/contract.ts';

const bin = fileURLToPath(new URL('../bin/evenkeel.mjs', import.meta.url));
let dataDir = '';
let ports: [number, number, number] = [0, 0, 0];

before(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'evenkeel-demo-'));
  await chmod(dataDir, 0o755); // As root, PostgreSQL runs as another user, who has to reach it.
  ports = [await freePort(), await freePort(), await freePort()];
});
after(() => rm(dataDir, { recursive: true, force: true }));

interface Demo {
  readonly url: string;
  readonly apiKey: string;
  readonly text: string;
  /** Interrupts it as Ctrl-C does; resolves with exit code and what it wrote to standard error. */
  end(): Promise<{ code: number | null; stderr: string }>;
}

async function startDemo(): Promise<Demo> {
  const child = spawn(process.execPath, [bin, 'demo', '--sandbox-port', String(ports[1]), '--receiver-port', String(ports[2]), '--rate', '20'], {
    env: { PATH: process.env['PATH'], PORT: String(ports[0]), EVENKEEL_DATA_DIR: dataDir },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let text = '';
  let stderr = '';
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  const exited = once(child, 'exit') as Promise<[number | null]>;
  await new Promise<void>((resolve, reject) => {
    child.stdout.on('data', (chunk: Buffer) => {
      text += chunk.toString();
      if (text.includes('Ctrl-C ends it')) resolve();
    });
    void exited.then(([code]) => reject(new Error(`The demo ended with ${code}: ${stderr}`)));
  });
  const apiKey = /API key {3}(\S+)/.exec(text)?.[1] ?? '';
  return {
    url: `http://127.0.0.1:${ports[0]}`,
    apiKey,
    text,
    async end() {
      child.kill('SIGINT');
      const [code] = await exited;
      return { code, stderr };
    },
  };
}

test('the demo connects accounts at every vendor, sends traffic, ends cleanly and takes up again', { timeout: 240_000 }, async (context) => {
  let demo = await startDemo();
  context.after(() => demo.end());
  assert.match(demo.text, /16 accounts of 3 tenants at 8 vendors are connected\./);
  assert.ok(demo.text.includes(`Console   ${demo.url}`));
  assert.equal((await fetch(`${demo.url}/`)).status, 200);
  for (const file of ['master.key', 'admin.key']) assert.equal((await stat(join(dataDir, file))).mode & 0o777, 0o600, file);
  assert.equal((await readFile(join(dataDir, 'admin.key'), 'utf8')).trim(), demo.apiKey);

  const first = await accountsOf(demo);
  assert.equal(first.length, 16);
  assert.deepEqual([...new Set(first.map(({ state }) => state))], ['active']);
  await callsArrive(demo);
  await eventsArrive();
  assert.deepEqual(await demo.end(), { code: 0, stderr: 'Accounts: 16 of 16\nEnding: the calls under way, the server, the database.\n' });
  for (const port of ports) assert.equal(await isListening(port), false, `port ${port} is free again`);

  demo = await startDemo();
  assert.match(demo.text, /16 accounts of 3 tenants at 8 vendors are still connected\./);
  const second = await accountsOf(demo);
  assert.deepEqual(second.map(({ id, state }) => [id, state]), first.map(({ id, state }) => [id, state]));
  await eventsArrive();
  const changes = await Promise.all(second.map((account) => transitionsOf(demo, account)));
  assert.ok(changes.every((one) => !one.some(({ to }) => to === 'needs_reauth')), 'a restart costs no account its grant');
  assert.equal((await demo.end()).code, 0);
});

async function accountsOf({ url, apiKey }: Demo): Promise<Account[]> {
  const accounts: Account[] = [];
  for await (const account of new Evenkeel({ baseUrl: url, apiKey }).accounts.list({ limit: 5 })) accounts.push(account);
  return accounts;
}

async function transitionsOf({ url, apiKey }: Demo, { id }: Account): Promise<AccountTransition[]> {
  return (await new Evenkeel({ baseUrl: url, apiKey }).accounts.transitions(id).page()).results;
}

/** Failures are all recorded, and traffic has some by nature. */
async function callsArrive({ url, apiKey }: Demo): Promise<void> {
  const client = new Evenkeel({ baseUrl: url, apiKey });
  for (let tries = 0; tries < 600; tries += 1) {
    const { results } = await client.calls.list({ limit: 5 }).page();
    if (results.some(({ outcome }) => outcome === 'failure')) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  assert.fail('no call of the traffic was recorded within 30 s');
}

/** What programs change at the vendors comes back as webhooks, and goes on as unified events to the demo's own receiver. */
async function eventsArrive(): Promise<void> {
  for (let tries = 0; tries < 1_200; tries += 1) {
    const answer = (await (await fetch(`http://127.0.0.1:${ports[2]}/webhooks`)).json()) as { newest: { type: string; data: { source?: string } }[] };
    if (answer.newest.some(({ type, data }) => type.startsWith('crm.contact.') && data.source === 'webhook')) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  assert.fail('no unified event of a webhook reached the receiver within a minute');
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
      .once('connect', () => {
        socket.destroy();
        resolve(true);
      })
      .once('error', () => resolve(false));
  });
}
