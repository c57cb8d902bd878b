import assert from 'node:assert/strict';
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { randomBytes } from 'node:crypto';
import { after, test } from 'node:test';
import { startAccountsNode } from '@evenkeel/tests/harness/accounts-node.ts';
import type { Command, ProcessSettings, Report, Stop } from '@evenkeel/tests/harness/accounts-process.ts';
import { startAuthorizationServer, testClient } from '@evenkeel/tests/harness/authorization-server.ts';
import { Browser } from '@evenkeel/tests/harness/browser.ts';
import { createTestDatabase } from '@evenkeel/tests/harness/database.ts';

const database = await createTestDatabase();
const hosts: Record<string, string> = { 'idp.example': 'http://127.0.0.1:1' };
const masterKey = randomBytes(32);
const node = await startAccountsNode({ database, masterKey, hosts });
const idp = await startAuthorizationServer(`${node.url}/oauth/callback`);
hosts['idp.example'] = idp.url;
const hour = 3_600_000;

const manifest = (rotation: string): object => ({
  manifest: 1,
  id: 'idp',
  name: 'Identity',
  categories: ['crm'],
  auth: [
    {
      type: 'oauth2_code',
      id: 'oauth',
      authorize_url: 'https://idp.example/auth',
      authorize_params: { prompt: 'consent' },
      token_url: 'https://idp.example/token',
      scopes: ['openid', 'offline_access'],
      apply: { headers: { authorization: 'Bearer {{token.access_token}}' } },
      capture: { captured: { subject: '{{claims.sub}}' } },
      refresh: { rotation },
    },
  ],
  http: { base_url: 'https://idp.example' },
  resources: {},
  validation: { request: { method: 'GET', path: '/me' } },
  account: { external_id: '{{captured.subject}}' },
});
await node.registry.put('idp', manifest('single_use'), 100, { actor: 'key:test' });
await node.registry.apps.write('idp', testClient, { actor: 'key:test' });

async function connect(): Promise<string> {
  const { body } = await node.call('POST', '/v1/connect-sessions', { tenant_id: 'acme', connector: 'idp' });
  await new Browser().submit(String(body['url']), {});
  const { body: listed } = await node.call('GET', '/v1/accounts?limit=1');
  const [account] = listed['results'] as { id: string; state: string }[];
  assert.ok(account !== undefined && account.state === 'active');
  return account.id;
}

class Process {
  readonly #child: ChildProcess;
  readonly #reports: Report[] = [];
  #wake: () => void = () => undefined;

  constructor(aheadMs: number) {
    const settings: ProcessSettings = { databaseUrl: database.url, masterKey: masterKey.toString('base64'), hosts, publicUrl: node.url, connector: 'idp', aheadMs };
    this.#child = fork(new URL('../../../../../tests/harness/accounts-process.ts', import.meta.url), [JSON.stringify(settings)], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
    this.#child.on('message', (report: Report) => {
      this.#reports.push(report);
      this.#wake();
    });
    started.add(this);
  }

  async next<Kind extends Report['kind']>(kind: Kind): Promise<Extract<Report, { kind: Kind }>> {
    for (;;) {
      const at = this.#reports.findIndex((report) => report.kind === kind);
      const [found] = at === -1 ? [] : this.#reports.splice(at, 1);
      if (found !== undefined) return found as Extract<Report, { kind: Kind }>;
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  send(command: Command): void {
    this.#child.send(command);
  }

  /** kill -9. */
  async kill(): Promise<void> {
    started.delete(this);
    const ended = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await ended;
  }
}
const started = new Set<Process>();
after(async () => {
  for (const one of started) await one.kill();
});

async function start(count: number, aheadMs: number): Promise<Process[]> {
  const processes = Array.from({ length: count }, () => new Process(aheadMs));
  await Promise.all(processes.map((one) => one.next('ready')));
  return processes;
}

const reuses = (): string[] => idp.errors.filter((error) => /reuse|already|consumed/i.test(error));
const credentialOf = async (id: string) => (await node.pool.query<{ version: number; in_doubt_since: Date | null; state: string }>(`select c.version, c.in_doubt_since, a.state from credentials c join accounts a on a.id = c.account_id where a.id = $1`, [id])).rows[0];
/** As if the time of the dead process's lease had passed. */
const endLeases = (): Promise<unknown> => node.pool.query(`update credentials set lease_until = clock_timestamp() - interval '1 second', refresh_due_at = now() - interval '1 second' where lease_until is not null`);

test('200 callers on three processes at the moment of expiry cause exactly one token request', async () => {
  const id = await connect();
  const processes = await start(3, hour - 10_000);
  const before = idp.tokenRequests();
  const at = Date.now() + 300;
  processes.forEach((one, index) => one.send({ do: 'open', accountId: id, times: index === 0 ? 68 : 66, at }));
  const opened = await Promise.all(processes.map((one) => one.next('opened')));
  const versions = opened.flatMap((report) => report.versions);
  assert.equal(versions.length, 200);
  assert.deepEqual([...new Set(versions)], [2]);
  assert.equal(idp.tokenRequests() - before, 1);

  // Calls and the schedulers of all three at once, when the next token ends as well.
  for (const one of processes) {
    one.send({ do: 'ahead', ms: 2 * hour - 20_000 });
    await one.next('set');
  }
  for (const one of processes) {
    one.send({ do: 'tick' });
    one.send({ do: 'open', accountId: id, times: 50, at: Date.now() + 50 });
  }
  const later = (await Promise.all(processes.map((one) => one.next('opened')))).flatMap((report) => report.versions);
  await Promise.all(processes.map((one) => one.next('ticked')));
  assert.deepEqual([...new Set(later)], [3]);
  assert.equal(idp.tokenRequests() - before, 2);
  assert.deepEqual(reuses(), []);
  for (const one of processes) await one.kill();
});

/** Connects, lets a process stand still at a step of the refresh, kills it there. What is left is for another process. */
async function killAt(stop: Stop): Promise<{ id: string; next: Process }> {
  const id = await connect();
  const [dying, next] = await start(2, hour - 20_000);
  assert.ok(dying && next);
  dying.send({ do: 'stop at', stop });
  await dying.next('set');
  dying.send({ do: 'tick' });
  assert.deepEqual(await dying.next('stopped'), { kind: 'stopped', at: stop });
  await dying.kill();
  await endLeases();
  return { id, next };
}

async function openOn(one: Process, id: string): Promise<number | string> {
  one.send({ do: 'open', accountId: id, times: 1, at: 0 });
  return (await one.next('opened')).versions[0] ?? '';
}

test('killed before the request: the account works on, and is refreshed when nothing is at stake any more', async () => {
  const { id, next } = await killAt('before the request');
  const before = idp.tokenRequests();
  assert.equal(await openOn(next, id), 1);
  assert.equal(idp.tokenRequests(), before, 'nobody can know here that nothing was sent');
  next.send({ do: 'ahead', ms: hour + 1_000 });
  await next.next('set');
  assert.equal(await openOn(next, id), 2);
  assert.deepEqual([idp.tokenRequests() - before, await credentialOf(id)], [1, { version: 2, in_doubt_since: null, state: 'active' }]);
  await next.kill();
});

for (const stop of ['after the answer', 'before the commit'] as const) {
  test(`killed ${stop}, with tokens that work once: used to the end of the access token, then honestly in needs_reauth`, async () => {
    const { id, next } = await killAt(stop);
    const [before, reusesBefore] = [idp.tokenRequests(), reuses().length];
    next.send({ do: 'tick' });
    await next.next('ticked');
    assert.equal(await openOn(next, id), 1);
    assert.deepEqual([idp.tokenRequests(), reuses().length], [before, reusesBefore]);
    next.send({ do: 'ahead', ms: hour + 1_000 });
    await next.next('set');
    assert.match(String(await openOn(next, id)), /^reauth_required/);
    assert.equal((await credentialOf(id))?.state, 'needs_reauth');
    await next.kill();
  });
}

test('killed after the store: the new token is there, and is used', async () => {
  const { id, next } = await killAt('after the store');
  const before = idp.tokenRequests();
  assert.deepEqual(await credentialOf(id), { version: 2, in_doubt_since: null, state: 'active' });
  next.send({ do: 'ahead', ms: 0 });
  await next.next('set');
  assert.equal(await openOn(next, id), 2);
  assert.equal(idp.tokenRequests(), before);
  await next.kill();
});
