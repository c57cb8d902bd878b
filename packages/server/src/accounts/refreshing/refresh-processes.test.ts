import assert from 'node:assert/strict';
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { randomBytes } from 'node:crypto';
import { afterEach, test } from 'node:test';
import { startAccountsNode } from '@evenkeel/tests/harness/accounts-node.ts';
import type { Command, ProcessSettings, Report, Stop } from '@evenkeel/tests/harness/accounts-process.ts';
import { startAuthorizationServer, testClient } from '@evenkeel/tests/harness/authorization-server.ts';
import { Browser } from '@evenkeel/tests/harness/browser.ts';
import { createTestDatabase } from '@evenkeel/tests/harness/database.ts';
import { plantAccount } from '@evenkeel/tests/harness/planted-account.ts';
import { startTokenVendor } from '@evenkeel/tests/harness/token-vendor.ts';
import { openCredential, readCredential } from '../credential-store.ts';
import { openVault } from '../vault/vault-keys.ts';

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

  constructor(aheadMs: number, worksAfterMs?: number) {
    const settings: ProcessSettings = { databaseUrl: database.url, masterKey: masterKey.toString('base64'), hosts, publicUrl: node.url, connector: 'idp', aheadMs, ...(worksAfterMs === undefined ? {} : { worksAfterMs }) };
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
// A process or a due account that was left would mix into the next test.
afterEach(async () => {
  for (const one of started) await one.kill();
  await node.pool.query('update credentials set refresh_due_at = null');
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

/**
 * A vendor whose old refresh token works until the new one is used; nobody ends leases here: that the process is gone is
 * noticed by its connection, and a process that works by itself takes its work over at once.
 */
const rotating = await startTokenVendor({ id: 'rotating', rotation: 'rotates', scheme: { capture: { captured: { lifetime: '{{response.body.expires_in}}' } } } });
hosts['rotating.example'] = rotating.url;
await node.registry.put('rotating', rotating.manifest, 100, { actor: 'key:test' });
await node.registry.apps.write('rotating', { client_id: 'rotating', client_secret: 'planted-app-secret-0123456789' }, { actor: 'key:test' });
const vault = await openVault(node.pool, masterKey);

for (const stop of ['before the request', 'after the answer', 'before the commit', 'after the store'] as const) {
  test(`killed ${stop}, with tokens that rotate: another process takes over by itself within seconds, and the account works`, async () => {
    const name = `rotates ${stop}`;
    const at = Date.now();
    const id = await plantAccount(node.pool, vault, { connectorId: 'rotating', token: rotating.grant(name), grantedAtMs: at - hour, expiresAtMs: at + 120_000, refreshDueAtMs: at - 1 });
    const [dying] = await start(1, 0);
    assert.ok(dying);
    dying.send({ do: 'stop at', stop });
    await dying.next('set');
    dying.send({ do: 'tick' });
    await dying.next('stopped');
    const asked = rotating.seen.requests.filter((account) => account === name).length;
    assert.equal(asked, stop === 'before the request' ? 0 : 1);
    const working = new Process(0, 300);
    await working.next('ready');
    await dying.kill();
    const killedAt = performance.now();
    for (;;) {
      const row = await readCredential(node.pool, id);
      if (row?.version === 2 && row.lease_until === null) break;
      assert.ok(performance.now() - killedAt < 10_000, 'the lease of the killed process was waited for');
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    const row = await readCredential(node.pool, id);
    assert.ok(row);
    const { token } = openCredential(vault, row);
    assert.ok(rotating.accepts(token.access_token ?? ''));
    assert.equal(token.refresh_token, rotating.truth(name).delivered);
    assert.deepEqual([row.in_doubt_since, (await credentialOf(id))?.state, rotating.seen.reuses], [null, 'active', 0]);
    assert.equal(rotating.seen.requests.filter((account) => account === name).length, stop === 'after the store' ? 1 : asked + 1);
    await working.kill();
  });
}

test('a process that is alive keeps its lease, however long its vendor takes', async () => {
  const at = Date.now();
  const id = await plantAccount(node.pool, vault, { connectorId: 'rotating', token: rotating.grant('slow'), grantedAtMs: at - hour, expiresAtMs: at + 120_000, refreshDueAtMs: at - 1 });
  const [slow] = await start(1, 0);
  assert.ok(slow);
  slow.send({ do: 'stop at', stop: 'after the answer' });
  await slow.next('set');
  slow.send({ do: 'tick' });
  await slow.next('stopped');
  const working = new Process(0, 200);
  await working.next('ready');
  await new Promise((resolve) => setTimeout(resolve, 800));
  const row = await readCredential(node.pool, id);
  assert.ok(row?.version === 1 && row.lease_until !== null && row.lease_until.getTime() > Date.now());
  await working.kill();
  await slow.kill();
});

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
