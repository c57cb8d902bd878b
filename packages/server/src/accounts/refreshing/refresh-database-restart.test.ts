/** PostgreSQL goes away while a vendor is answering: the token that came exists nowhere else, and is stored when it is back. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { startAccountsNode } from '@evenkeel/tests/harness/accounts-node.ts';
import { atEnd } from '@evenkeel/tests/harness/database.ts';
import { plantAccount } from '@evenkeel/tests/harness/planted-account.ts';
import { startTokenVendor } from '@evenkeel/tests/harness/token-vendor.ts';
import { startEmbeddedPostgres } from '../../database/embedded.ts';
import { migrate, readMigrations } from '../../database/migrate.ts';
import { createPool } from '../../database/pool.ts';
import { openCredential, readCredential } from '../credential-store.ts';
import { openVault } from '../vault/vault-keys.ts';

const dir = await mkdtemp(join(tmpdir(), 'evenkeel-restart-'));
await chmod(dir, 0o755);
let postgres = await startEmbeddedPostgres(dir, { fsync: 'off' });
// The port is another after each start; this one stays.
const door = createServer((socket) => tie(socket, connect(Number(new URL(postgres.url).port), '127.0.0.1')));
await new Promise<void>((resolve) => door.listen(0, '127.0.0.1', resolve));
const sockets = new Set<Socket>();
atEnd(async () => {
  for (const socket of sockets) socket.destroy();
  await new Promise((resolve) => door.close(resolve));
  await postgres.stop();
  await rm(dir, { recursive: true, force: true });
});
function tie(a: Socket, b: Socket): void {
  for (const [one, other] of [[a, b], [b, a]] as const) {
    sockets.add(one);
    one.on('error', () => undefined).on('close', () => other.destroy()).pipe(other);
  }
}
const url = new URL(postgres.url);
url.port = String((door.address() as AddressInfo).port);
await migrate(url.href, await readMigrations());
const pool = createPool(url.href, { max: 2, onError: () => undefined });
atEnd(() => pool.end());

const hosts: Record<string, string> = {};
const masterKey = randomBytes(32);
const node = await startAccountsNode({ database: { url: url.href, pool }, masterKey, hosts });
const vault = await openVault(pool, masterKey);
const vendor = await startTokenVendor({ id: 'amid', rotation: 'single_use' });
hosts['amid.example'] = vendor.url;
await node.registry.put('amid', vendor.manifest, 100, { actor: 'key:test' });
await node.registry.apps.write('amid', { client_id: 'amid', client_secret: 'planted-app-secret-0123456789' }, { actor: 'key:test' });

const stored = async (id: string) => {
  const row = await readCredential(pool, id);
  assert.ok(row);
  return { row, token: openCredential(vault, row).token };
};

test('a token that works once, rotated while PostgreSQL restarts, is stored when it is back', async () => {
  const at = Date.now();
  const id = await plantAccount(pool, vault, { connectorId: 'amid', token: vendor.grant('r'), grantedAtMs: at - 3_600_000, expiresAtMs: at + 120_000, refreshDueAtMs: at - 1 });
  const [came, goOn] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  vendor.pause = () => {
    came.resolve();
    return goOn.promise;
  };
  await node.room.scheduler.tick();
  await came.promise;
  await postgres.stop();
  goOn.resolve();
  // The answer is here, the database is not: the refresh must still be under way.
  const settled = node.room.scheduler.settled();
  assert.equal(await Promise.race([settled.then(() => 'over'), new Promise((resolve) => setTimeout(resolve, 400, 'waits'))]), 'waits');
  postgres = await startEmbeddedPostgres(dir, { fsync: 'off' });
  await settled;
  const { row, token } = await stored(id);
  assert.deepEqual([row.in_doubt_since, row.lease_until, vendor.seen.requests.length, vendor.seen.reuses], [null, null, 1, 0]);
  assert.equal(token.refresh_token, vendor.truth('r').delivered);
  assert.ok(vendor.accepts(token.access_token ?? ''));
  const opened = await node.room.access.open(id, { tenantId: null });
  assert.ok(opened.ok && vendor.accepts((opened.opened.scope.token as { access_token: string }).access_token));
});

test('so is a refusal: the account waits for its owner, and nobody asks again', async () => {
  const at = Date.now();
  const id = await plantAccount(pool, vault, { connectorId: 'amid', token: vendor.grant('s'), grantedAtMs: at - 3_600_000, expiresAtMs: at + 120_000, refreshDueAtMs: at - 1 });
  vendor.revoke('s');
  const [came, goOn] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  vendor.pause = () => {
    came.resolve();
    return goOn.promise;
  };
  await node.room.scheduler.tick();
  await came.promise;
  await pool.query(`select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() and datname = current_database()`);
  goOn.resolve();
  await node.room.scheduler.settled();
  const { rows } = await pool.query<{ state: string }>('select state from accounts where id = $1', [id]);
  assert.equal(rows[0]?.state, 'needs_reauth');
  assert.equal(vendor.seen.requests.filter((account) => account === 's').length, 1);
});
