import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { Check } from 'typebox/schema';
import { VaultStatus } from '@evenkeel/contract/api/vault.ts';
import { atEnd, createTestDatabase } from '@evenkeel/tests/harness/database.ts';
import { createKey, ensureTenant, KeyLookup } from '../../access/keys.ts';
import { createApplication } from '../../http/application.ts';
import { createLog } from '../../log.ts';
import { vaultRoutes } from './vault-routes.ts';
import { openVault } from './vault-keys.ts';
import { keyIdOf } from './vault.ts';

const { pool } = await createTestDatabase();
await ensureTenant(pool, 'acme');
const application = await createApplication({ database: pool, keys: new KeyLookup(pool, Date.now), log: createLog('silent'), version: 'test', routes: vaultRoutes(pool) });
atEnd(() => application.close());
const keyOf = async (scope: 'write' | 'admin', tenantId: string | null): Promise<string> => (await createKey(pool, { name: scope, scope, tenantId })).key;
const admin = await keyOf('admin', null);
const ask = async (method: 'GET' | 'POST', url: string, key: string): Promise<{ status: number; text: string }> => {
  const { statusCode, body } = await application.inject({ method, url, headers: { authorization: `Bearer ${key}` } });
  return { status: statusCode, text: body };
};

test('only an admin of the installation sees the keys or rotates them', async () => {
  for (const key of [await keyOf('write', null), await keyOf('admin', 'acme')]) {
    assert.equal((await ask('GET', '/v1/vault', key)).status, 403);
    assert.equal((await ask('POST', '/v1/vault/rotate', key)).status, 403);
  }
});

test('the status names keys and nodes, says what to do next, and never shows a key', async () => {
  const [old, fresh] = [randomBytes(32), randomBytes(32)];
  await openVault(pool, old, [], 'node-one');
  const shown = await ask('GET', '/v1/vault', admin);
  assert.ok(Check(VaultStatus, JSON.parse(shown.text)), shown.text);
  assert.match(shown.text, /"next_step":"Nothing: one key seals everything\."/);
  assert.equal((await ask('POST', '/v1/vault/rotate', admin)).status, 409);

  await openVault(pool, fresh, [old], 'node-two');
  const waiting = await ask('GET', '/v1/vault', admin);
  assert.match(waiting.text, new RegExp(`1 of 2 nodes know the new key ${keyIdOf(fresh)}; not yet node-one\\.`));
  const refused = await ask('POST', '/v1/vault/rotate', admin);
  assert.equal(refused.status, 409);
  assert.match(refused.text, /node-one/);
  for (const { text } of [shown, waiting, refused]) for (const key of [old, fresh]) assert.ok(!text.includes(key.toString('base64')) && !text.includes(key.toString('hex')));
  const { rows } = await pool.query<{ action: string }>('select distinct action from audit_log');
  assert.deepEqual(rows, [{ action: 'vault.rotate' }]);
});
