import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { atEnd, createTestDatabase, type TestDatabase } from '@evenkeel/tests/harness/database.ts';
import { ensureTenant } from '../../access/keys.ts';
import { readConfiguration } from '../../configuration.ts';
import { createNotifications } from '../../database/notifications.ts';
import { transaction, type Pool } from '../../database/pool.ts';
import { newId } from '../../identifier.ts';
import { createLog } from '../../log.ts';
import { startServer } from '../../server.ts';
import { openCredential, putCredential, readCredential } from '../credential-store.ts';
import { findMasterKeys } from './master-keys.ts';
import { reEncrypt, type ReEncryption } from './re-encryption.ts';
import { claimLease, storeRefreshed } from '../refreshing/refresh-store.ts';
import { sealedTables } from './sealed-tables.ts';
import { createAccount } from '../transitions.ts';
import { MasterKeyRefused, openVault } from './vault-keys.ts';
import { watchVault, type VaultWatch } from './vault-nodes.ts';
import { readVaultState, retireKeys, rotate } from './vault-rotation.ts';
import { createVault, keyIdOf, type Vault } from './vault.ts';

const log = createLog('silent');
const times = { grantedAtMs: Date.now(), expiresAtMs: null, refreshDueAtMs: null };
const never = new AbortController().signal;
/** Jobs are queued in the transaction of a promotion; the worker itself is not needed here. */
const workerStub = `create schema graphile_worker; create function graphile_worker.add_job(text, json, queue_name text default null, run_at timestamptz default null, max_attempts int default null, job_key text default null) returns void language sql as ''`;

interface Node {
  readonly vault: Vault;
  readonly watch: VaultWatch;
  readonly lost: string[];
}

async function fleet(): Promise<{ database: TestDatabase; pool: Pool; start(name: string, masterKey: Buffer, previous?: Buffer[]): Promise<Node> }> {
  const database = await createTestDatabase();
  const { pool } = database;
  await pool.query(workerStub);
  await ensureTenant(pool, 't');
  return {
    database,
    pool,
    async start(name, masterKey, previous = []) {
      const vault = await openVault(pool, masterKey, previous, name);
      const notifications = await createNotifications(database.url, log);
      const lost: string[] = [];
      const watch = await watchVault({ pool, notifications, vault, node: name, log, lost: (message) => void lost.push(message), everyMs: 3_600_000 });
      atEnd(async () => {
        await watch.close();
        await notifications.close();
      });
      return { vault, watch, lost };
    },
  };
}

/** At the top of the file, so that they end with it and not with one test. */
const fleets = { traffic: await fleet(), killed: await fleet(), dropped: await fleet(), damaged: await fleet(), settling: await fleet(), wrong: await fleet() };

async function connect(pool: Pool, vault: Vault, count: number): Promise<string[]> {
  const ids = Array.from({ length: count }, () => newId('acc'));
  await transaction(pool, async (client) => {
    for (const id of ids) {
      await createAccount(client, { id, tenantId: 't', connectorId: 'c', schemeId: 's', config: {}, captured: {} }, { actor: 'test', evidence: {} });
      await putCredential(client, vault, { accountId: id, slot: 'current', credential: { token: { access_token: `${id} 1` }, secret: {}, obtained: true }, times });
    }
    const sealed = vault.sealJson({ purpose: 'app', subject: 'c' }, { client_secret: 'app-secret' });
    await client.query(`insert into connector_apps (connector_id, sealed, key_id, fields, updated_by) values ('c', $1, $2, '{}', 'test')`, [sealed, vault.keyId]);
  });
  return ids;
}

const tokenOf = async (pool: Pool, vault: Vault, id: string): Promise<string | undefined> => {
  const row = await readCredential(pool, id);
  assert.ok(row);
  return openCredential(vault, row).token.access_token;
};

const recordsOf = async (pool: Pool): Promise<Record<string, number>> => Object.fromEntries((await readVaultState(pool)).keys.map(({ key_id, records }) => [key_id, records]));

/** Every row of every table but what is told apart on purpose. */
async function fingerprint(pool: Pool): Promise<Record<string, string>> {
  const { rows } = await pool.query<{ name: string }>(`select table_name as name from information_schema.tables where table_schema = 'public' and table_type = 'BASE TABLE' order by 1`);
  const prints: Record<string, string> = {};
  for (const { name } of rows) {
    const { rows: printed } = await pool.query<{ print: string | null }>(`select md5(string_agg(t::text, '|' order by t::text)) as print from ${name} as t`);
    prints[name] = printed[0]?.print ?? '';
  }
  return prints;
}

test('a rotation under traffic: refused until every node knows the key, then nothing is lost and the old key goes', async () => {
  const { pool, start } = fleets.traffic;
  const [old, fresh] = [randomBytes(32), randomBytes(32)];
  const [oldId, freshId] = [keyIdOf(old), keyIdOf(fresh)];
  let one = await start('one', old);
  const ids = await connect(pool, one.vault, 300);

  const two = await start('two', fresh, [old]);
  assert.equal(two.vault.keyId, oldId, 'a new key seals nothing before it is promoted');
  await connectOne(pool, two.vault, ids);
  assert.ok(await tokenOf(pool, one.vault, ids.at(-1) ?? ''), 'a node with the old key alone reads what the other writes');

  const early = await rotate(pool, 'test');
  assert.ok(!early.ok && early.message.includes('one (seen') && early.message.includes(freshId));
  assert.equal((await readVaultState(pool)).progress, null);
  await one.watch.close();
  one = await start('one', fresh, [old]);
  assert.deepEqual(await rotate(pool, 'test'), { ok: true, promoted: freshId });
  await Promise.all([one.watch.beat(), two.watch.beat()]);
  assert.equal(one.vault.keyId, freshId);

  // Refreshes and opens on both nodes while every record is sealed anew.
  const expected = new Map(ids.map((id) => [id, 1]));
  let working = true;
  const refresh = async (vault: Vault, at: number): Promise<void> => {
    for (let n = at; working; n += 7) {
      const id = ids[n % ids.length] ?? '';
      const row = await readCredential(pool, id);
      const held = row === undefined ? undefined : await claimLease(pool, { accountId: id, version: row.version, owner: `w${at}`, leaseMs: 60_000, ignoreBackoff: true, nowMs: Date.now() });
      if (held === undefined) continue;
      const next = (expected.get(id) ?? 0) + 1;
      assert.equal(openCredential(vault, held).token.access_token, `${id} ${next - 1}`);
      assert.ok(await storeRefreshed(pool, vault, { accountId: id, version: held.version, fence: held.lease_fence }, { token: { access_token: `${id} ${next}` }, secret: {}, obtained: true }, times, 'test'));
      expected.set(id, next);
    }
  };
  const read = async (vault: Vault): Promise<void> => {
    for (let n = 0; working; n += 1) assert.match((await tokenOf(pool, vault, ids[n % ids.length] ?? '')) ?? '', /^acc_/);
  };
  // One writer has not heard of the promotion yet and still seals with the old key.
  const late = createVault(old, [fresh]);
  const traffic = Promise.all([refresh(one.vault, 0), refresh(two.vault, 1), refresh(late, 2), read(one.vault), read(two.vault)]);
  const passing = reEncrypt({ pool, vault: one.vault, log, batch: 10 }, never).finally(() => (working = false));
  const [first] = await Promise.all([passing, traffic.finally(() => (working = false))]);
  assert.equal(first, 'waiting', 'nodes have only just begun to seal with the new key');
  let outcome: ReEncryption = first;
  while (outcome !== 'done') outcome = await reEncrypt({ pool, vault: two.vault, log, settleMs: 0 }, never);

  for (const id of ids) assert.equal(await tokenOf(pool, createVault(fresh), id), `${id} ${expected.get(id)}`);
  assert.ok([...expected.values()].some((version) => version > 2), 'refreshes ran meanwhile');
  assert.deepEqual(await recordsOf(pool), { [oldId]: 0, [freshId]: ids.length + 1 });
  const { progress, keys } = await readVaultState(pool);
  assert.equal(progress?.remaining, 0);
  assert.ok(progress.total >= ids.length && progress.finishedAt !== null);
  assert.deepEqual(keys.map(({ state }) => state), ['retired', 'in_use']);
  await openVault(pool, fresh);
  // Whoever slept through it writes nothing that nobody could read.
  await assert.rejects(putCredential(pool, createVault(old), { accountId: ids[0] ?? '', slot: 'current', credential: { token: {}, secret: {}, obtained: true }, times }), /is retired/);
});

async function connectOne(pool: Pool, vault: Vault, ids: string[]): Promise<void> {
  const id = newId('acc');
  await transaction(pool, async (client) => {
    await createAccount(client, { id, tenantId: 't', connectorId: 'c', schemeId: 's', config: {}, captured: {} }, { actor: 'test', evidence: {} });
    await putCredential(client, vault, { accountId: id, slot: 'current', credential: { token: { access_token: `${id} 1` }, secret: {}, obtained: true }, times });
  });
  ids.push(id);
}

test('a process killed in the middle of re-encryption leaves every record readable, and the next one goes on', async () => {
  const { database, pool, start } = fleets.killed;
  const [old, fresh] = [randomBytes(32), randomBytes(32)];
  const first = await start('one', old);
  const ids = await connect(pool, first.vault, 400);
  await first.watch.close();
  const { vault } = await start('one', fresh, [old]);
  assert.ok((await rotate(pool, 'test')).ok);

  const from = (path: string): string => JSON.stringify(new URL(path, import.meta.url).href);
  const program = `
    import { createPool } from ${from('../../database/pool.ts')};
    import { createLog } from ${from('../../log.ts')};
    import { reEncrypt } from ${from('./re-encryption.ts')};
    import { openVault } from ${from('./vault-keys.ts')};
    const pool = createPool(${JSON.stringify(database.url)}, { onError: () => undefined });
    const vault = await openVault(pool, Buffer.from('${fresh.toString('hex')}', 'hex'), [Buffer.from('${old.toString('hex')}', 'hex')]);
    await reEncrypt({ pool, vault, log: createLog('silent'), batch: 10, onBatch: () => process.stdout.write('batch\\n') }, new AbortController().signal);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = once(child, 'exit');
  let printed = '';
  for await (const chunk of child.stdout) {
    printed += String(chunk);
    if (printed.split('batch').length > 4) child.kill('SIGKILL');
  }
  assert.deepEqual((await exited)[1], 'SIGKILL');

  const left = (await readVaultState(pool)).progress;
  assert.ok(left !== null && left.done >= 30 && left.remaining > 0, JSON.stringify(left));
  for (const id of ids) assert.equal(await tokenOf(pool, vault, id), `${id} 1`);
  let outcome = 'elsewhere';
  // The lock of the dead one is free as soon as PostgreSQL has noticed its end.
  while (outcome === 'elsewhere') outcome = await reEncrypt({ pool, vault, log, settleMs: 0 }, never);
  assert.equal(outcome, 'done');
  for (const id of ids) assert.equal(await tokenOf(pool, createVault(fresh), id), `${id} 1`);
});

test('the old key cannot be dropped while records stand under it, and a node without the new one ends', { timeout: 30_000 }, async () => {
  const { pool, start } = fleets.dropped;
  const [old, fresh] = [randomBytes(32), randomBytes(32)];
  const first = await start('one', old);
  await connect(pool, first.vault, 3);
  await first.watch.close();
  const { watch, vault } = await start('two', fresh, [old]);
  assert.ok((await rotate(pool, 'test')).ok);
  // It had lost its connection: no promotion waits for a node that was not seen for a minute.
  const asleep = await sleepyWatch(pool, old);
  assert.match(asleep.join(), new RegExp(`now ${keyIdOf(fresh)}, and this node knows only ${keyIdOf(old)}`));

  // The node that is up goes on telling so.
  const stored = async (): Promise<object> => ({ ...(await fingerprint(pool)), vault_nodes: (await pool.query<{ node_id: string }>('select node_id from vault_nodes')).rows });
  const before = await stored();
  await assert.rejects(openVault(pool, fresh, [], 'three'), (error) => error instanceof MasterKeyRefused && error.message.includes(`4 records under master key ${keyIdOf(old)}`));
  await assert.rejects(openVault(pool, old, [], 'three'), (error) => error instanceof MasterKeyRefused && error.message.includes(`The master key in use is ${keyIdOf(fresh)}, with 0 records`));
  assert.deepEqual(await stored(), before);

  await watch.beat();
  // A write under the old key that has not committed is neither waited for nor overwritten, and holds the verdict back.
  const written = createVault(old).sealJson({ purpose: 'app', subject: 'c' }, { client_secret: 'newer' });
  await transaction(pool, async (client) => {
    await client.query('update connector_apps set sealed = $1, key_id = $2', [written, keyIdOf(old)]);
    assert.equal(await reEncrypt({ pool, vault, log, settleMs: 0 }, never), 'waiting');
    assert.equal((await recordsOf(pool))[keyIdOf(old)], 1, 'only the record in somebody\'s hands is left');
  });
  assert.equal(await reEncrypt({ pool, vault, log, settleMs: 0 }, never), 'done');
  assert.equal(await reEncrypt({ pool, vault, log }, never), 'idle');
  const { rows: apps } = await pool.query<{ sealed: Buffer }>('select sealed from connector_apps');
  assert.deepEqual(createVault(fresh).openJson({ purpose: 'app', subject: 'c' }, apps[0]?.sealed ?? Buffer.of()), { client_secret: 'newer' });
  await openVault(pool, fresh);
  // Back to the former key: a rotation like any other.
  await start('four', old, [fresh]);
  assert.deepEqual((await readVaultState(pool)).keys.map(({ state }) => state), ['standby', 'in_use']);
});

async function sleepyWatch(pool: Pool, key: Buffer): Promise<string[]> {
  const lost: string[] = [];
  const notifications = { listen: () => Promise.resolve(), show: () => Promise.resolve(), close: () => Promise.resolve() };
  const watch = await watchVault({ pool, notifications, vault: createVault(key), node: 'asleep', log, lost: (message) => void lost.push(message), everyMs: 3_600_000 });
  await watch.close();
  return lost;
}

test('a record that cannot be opened is left as it is and keeps its key', async () => {
  const { pool, start } = fleets.damaged;
  const [old, fresh] = [randomBytes(32), randomBytes(32)];
  const first = await start('one', old);
  const [damaged = ''] = await connect(pool, first.vault, 3);
  await pool.query(`update credentials set sealed = set_byte(sealed, 60, get_byte(sealed, 60) # 1) where account_id = $1`, [damaged]);
  const kept = (await pool.query<object>('select * from credentials where account_id = $1', [damaged])).rows;
  await first.watch.close();
  const { vault, watch } = await start('one', fresh, [old]);
  assert.ok((await rotate(pool, 'test')).ok);
  await watch.beat();
  assert.equal(await reEncrypt({ pool, vault, log, settleMs: 0, batch: 1 }, never), 'unreadable');
  const { progress, keys } = await readVaultState(pool);
  assert.deepEqual([progress?.remaining, progress?.unreadable, progress?.finishedAt, keys[0]?.state], [1, 1, null, 'retiring']);
  assert.deepEqual((await pool.query('select * from credentials where account_id = $1', [damaged])).rows, kept);
  // Connected anew, it no longer holds anything back.
  await putCredential(pool, vault, { accountId: damaged, slot: 'current', credential: { token: {}, secret: {}, obtained: true }, times });
  assert.equal(await reEncrypt({ pool, vault, log, settleMs: 0 }, never), 'done');
  assert.equal((await readVaultState(pool)).progress?.unreadable, 0);
});

test('a key is not retired while a node seals with it or has only just stopped', async () => {
  const { pool, start } = fleets.settling;
  const [old, fresh] = [randomBytes(32), randomBytes(32)];
  const first = await start('one', old);
  await first.watch.close();
  const { watch } = await start('one', fresh, [old]);
  assert.ok((await rotate(pool, 'test')).ok);
  // NOTIFY may be behind: its row says so until it has switched.
  await pool.query(`update vault_nodes set sealing_with = $1`, [keyIdOf(old)]);
  assert.deepEqual(await retireKeys(pool, 0), { settled: false, retired: [] });
  await watch.beat();
  assert.deepEqual(await retireKeys(pool, 60_000), { settled: false, retired: [] });
  assert.deepEqual(await retireKeys(pool, 0), { settled: true, retired: [keyIdOf(old)] });
  assert.match(await messageOf(rotate(pool, 'test')), /nothing to rotate to/);
});

const messageOf = async (promotion: ReturnType<typeof rotate>): Promise<string> => {
  const answer = await promotion;
  return answer.ok ? '' : answer.message;
};

test('every column that holds envelopes is re-encrypted', async () => {
  const { pool } = fleets.wrong;
  const { rows } = await pool.query<{ name: string }>(`select table_name as name from information_schema.columns where table_schema = 'public' and column_name like '%sealed%' and data_type = 'bytea' order by 1`);
  assert.deepEqual(rows.map(({ name }) => name), sealedTables.map(({ name }) => name).toSorted());
  const { rows: guarded } = await pool.query<{ name: string }>(`select tgrelid::regclass::text as name from pg_trigger where tgname = 'refuse_retired_key' order by 1`);
  assert.deepEqual(guarded.map(({ name }) => name), rows.map(({ name }) => name));
});

let dataDir = '';
before(async () => void (dataDir = await mkdtemp(join(tmpdir(), 'evenkeel-keys-'))));
after(() => rm(dataDir, { recursive: true, force: true }));

test('a server started with another key, or without its key file, changes nothing anywhere', async () => {
  const { database, pool } = fleets.wrong;
  const key = randomBytes(32);
  await connect(pool, await openVault(pool, key), 2);
  const before = await fingerprint(pool);
  const start = (environment: Record<string, string>): ReturnType<typeof startServer> => {
    const read = readConfiguration({ PORT: '0', EVENKEEL_API_PROCESSES: '1', DATABASE_URL: database.url, EVENKEEL_DATA_DIR: dataDir, EVENKEEL_ADMIN_KEY: 'ek_a_new_admin_key_0123456789', ...environment });
    assert.ok(read.ok);
    return startServer(read.configuration, { log });
  };
  await assert.rejects(start({ EVENKEEL_MASTER_KEY: randomBytes(32).toString('base64') }), (error) => error instanceof MasterKeyRefused && error.message.includes(`${keyIdOf(key)}, with 3 records`));
  await assert.rejects(start({}), (error) => error instanceof MasterKeyRefused && /master\.key does not exist, while 3 records are sealed/.test(error.message));
  assert.deepEqual(await readdir(dataDir), [], 'no key is made up for the one that was lost');
  await writeFile(join(dataDir, 'master.key'), 'half a key');
  await assert.rejects(start({}), /does not hold 32 bytes in base64/);
  await pool.query('update vault_keys set canary = set_byte(canary, 50, get_byte(canary, 50) # 1)');
  await assert.rejects(openVault(pool, key), /canary .* is damaged/);
  await pool.query('update vault_keys set canary = set_byte(canary, 50, get_byte(canary, 50) # 1)');
  // Nor is a release installed whose key turns out to be wrong: the last migration is as if it had not run yet.
  const { rows: [last] } = await pool.query<{ kept: string }>('delete from schema_migrations m where name = (select max(name) from schema_migrations) returning row_to_json(m)::text as kept');
  await assert.rejects(start({ EVENKEEL_MASTER_KEY: randomBytes(32).toString('base64') }), MasterKeyRefused);
  await pool.query('insert into schema_migrations select * from json_populate_record(null::schema_migrations, $1)', [last?.kept]);
  assert.deepEqual(await fingerprint(pool), before);

  // Set aside instead of lost: that is how a key in the data folder is rotated.
  await rm(join(dataDir, 'master.key'));
  await writeFile(join(dataDir, 'master.key.previous'), `${key.toString('base64')}\n`);
  const found = await findMasterKeys({ masterKey: undefined, previousMasterKeys: [], dataDir }, pool);
  assert.deepEqual(found.previous, [key]);
  assert.equal((await openVault(pool, found.masterKey, found.previous)).keyId, keyIdOf(key));
  assert.deepEqual((await readdir(dataDir)).toSorted(), ['master.key', 'master.key.previous']);
});
