import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { createTestDatabase } from '@evenkeel/tests/harness/database.ts';
import { ensureTenant } from '../access/keys.ts';
import { transaction } from '../database/pool.ts';
import { newId } from '../identifier.ts';
import { openCredential, putCredential, readCredential, swapCredential, type Credential } from './credential-store.ts';
import { claimLease, storeFailure, storeRefreshed } from './refreshing/refresh-store.ts';
import { createAccount, moveAccount } from './transitions.ts';
import { openVault } from './vault/vault-keys.ts';

const { pool } = await createTestDatabase();
const vault = await openVault(pool, randomBytes(32));
await ensureTenant(pool, 't');
const credential = (accessToken: string): Credential => ({ token: { access_token: accessToken }, secret: {}, obtained: true });
const times = { grantedAtMs: Date.now(), expiresAtMs: null, refreshDueAtMs: null };

async function account(): Promise<string> {
  const id = newId('acc');
  await transaction(pool, async (client) => {
    await createAccount(client, { id, tenantId: 't', connectorId: 'c', schemeId: 's', config: {}, captured: {} }, { actor: 'test', evidence: {} });
    await putCredential(client, vault, { accountId: id, slot: 'current', credential: credential('one'), times });
  });
  return id;
}
const stored = async (id: string): Promise<string | undefined> => {
  const row = await readCredential(pool, id);
  return row === undefined ? undefined : openCredential(vault, row).token.access_token;
};
const claim = (accountId: string, leaseMs = 60_000, version = 1) => claimLease(pool, { accountId, version, owner: 'a', leaseMs, ignoreBackoff: false, nowMs: Date.now() });

test('of many who want the lease one gets it', async () => {
  const id = await account();
  const held = await Promise.all(Array.from({ length: 20 }, () => claim(id)));
  assert.equal(held.filter((row) => row !== undefined).length, 1);
});

test('whoever stalled past his lease overwrites nothing, whether or not the other has finished', async () => {
  const id = await account();
  const stalled = await claim(id, -1);
  const other = await claim(id);
  assert.ok(stalled && other && other.lease_fence > stalled.lease_fence);
  const hold = (row: typeof stalled) => ({ accountId: id, version: row.version, fence: row.lease_fence });
  assert.equal(await storeRefreshed(pool, vault, hold(stalled), credential('stale'), times, 'test'), false);
  assert.equal(await storeFailure(pool, hold(stalled), { message: 'x', actor: 'test', retry: { afterMs: 1, atMs: Date.now() + 1 }, inDoubt: false }), false);
  assert.equal(await storeRefreshed(pool, vault, hold(other), credential('two'), times, 'test'), true);
  assert.equal(await storeRefreshed(pool, vault, hold(stalled), credential('stale'), times, 'test'), false);
  assert.equal(await stored(id), 'two');
  assert.equal(await claim(id), undefined);
});

test('new credentials of the owner win over a refresh that is under way', async () => {
  const id = await account();
  const held = await claim(id);
  assert.ok(held);
  await putCredential(pool, vault, { accountId: id, slot: 'current', credential: credential('given'), times });
  assert.equal(await storeRefreshed(pool, vault, { accountId: id, version: held.version, fence: held.lease_fence }, credential('late'), times, 'test'), false);
  assert.equal(await swapCredential(pool, vault, { accountId: id, slot: 'current', version: 1, credential: credential('late'), times }), false);
  assert.equal(await stored(id), 'given');
});

test('a backoff keeps everybody away until it is over', async () => {
  const id = await account();
  const held = await claim(id);
  assert.ok(held);
  await storeFailure(pool, { accountId: id, version: 1, fence: held.lease_fence }, { message: 'down', actor: 'test', retry: { afterMs: 60_000, atMs: Date.now() + 60_000 }, inDoubt: false });
  assert.equal(await claim(id), undefined);
  assert.ok(await claimLease(pool, { accountId: id, version: 1, owner: 'a', leaseMs: 1, ignoreBackoff: true, nowMs: Date.now() }));
});

test('a transition that cannot be written leaves no state, event or record behind', async () => {
  const id = await account();
  await assert.rejects(
    transaction(pool, async (client) => {
      await moveAccount(client, id, { type: 'setup_passed', called: true }, { actor: 'test', evidence: {} });
      throw new Error('the process dies');
    }),
  );
  const { rows } = await pool.query('select state, (select count(*) from events where account_id = $1) as events, (select count(*) from account_transitions where account_id = $1) as transitions from accounts where id = $1', [id]);
  assert.deepEqual(rows[0], { state: 'connecting', events: 1, transitions: 1 });
});

test('one account\'s envelope does not open as another\'s', async () => {
  const [first, second] = [await account(), await account()];
  await pool.query(`update credentials set sealed = (select sealed from credentials where account_id = $1) where account_id = $2`, [first, second]);
  const row = await readCredential(pool, second);
  assert.ok(row);
  assert.throws(() => openCredential(vault, row), /belongs to something else/);
});
