import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { startAccountsNode } from '@evenkeel/tests/harness/accounts-node.ts';
import { createTestDatabase } from '@evenkeel/tests/harness/database.ts';
import { plantAccount } from '@evenkeel/tests/harness/planted-account.ts';
import { startTokenVendor } from '@evenkeel/tests/harness/token-vendor.ts';
import { openVault } from '../vault/vault-keys.ts';

const database = await createTestDatabase();
const hosts: Record<string, string> = {};
const masterKey = randomBytes(32);
const [node, second] = [await startAccountsNode({ database, masterKey, hosts }), await startAccountsNode({ database, masterKey, hosts })];
const vault = await openVault(node.pool, masterKey);
const { pool, registry } = node;
const [minute, hour] = [60_000, 3_600_000];
const grantedAtMs = Date.now() - minute;

interface Refresh {
  readonly effective_lifetime_s?: number;
  readonly lead_s?: { readonly min: number; readonly max: number };
}

const vendor = await startTokenVendor({ id: 'life', rotation: 'rotates' });
hosts['life.example'] = vendor.url;

/** The manifest with these rules, on that share of accounts. */
async function put(refresh: Refresh, percent = 100): Promise<number> {
  const { manifest } = vendor;
  const auth = (manifest as { auth: readonly { refresh?: object }[] }).auth.map((scheme) => ({ ...scheme, refresh: { ...scheme.refresh, ...refresh } }));
  return (await registry.put('life', { ...manifest, auth }, percent, { actor: 'key:test' })).version;
}

const grant = (name: string, lifeMs: number | null, dueMs: number | null): Promise<string> =>
  plantAccount(pool, vault, { connectorId: 'life', token: vendor.grant(name), grantedAtMs, expiresAtMs: lifeMs === null ? null : grantedAtMs + lifeMs, refreshDueAtMs: dueMs === null ? null : grantedAtMs + dueMs });

/** From the grant to the time of the next refresh, in ms. */
async function dueAfterMs(id: string): Promise<number | null> {
  const { rows } = await pool.query<{ refresh_due_at: Date | null }>(`select refresh_due_at from credentials where account_id = $1 and slot = 'current'`, [id]);
  const due = rows[0]?.refresh_due_at;
  return due === null || due === undefined ? null : due.getTime() - grantedAtMs;
}
const within = (value: number | null, from: number, to: number): void => assert.ok(value !== null && value >= from && value <= to, `${value} is not within ${from} and ${to}`);

await put({});
const plain = await grant('plain', 2 * hour, 2 * hour - 2 * minute);
const endless = await grant('endless', null, null);
const failing = await grant('failing', 2 * hour, 3 * minute);
await pool.query('update credentials set refresh_failures = 2 where account_id = $1', [failing]);
const fixed = await plantAccount(pool, vault, { connectorId: 'life', token: { access_token: 'at' }, grantedAtMs, expiresAtMs: grantedAtMs + 2 * hour, refreshDueAtMs: null });
const dead = await grant('dead', 2 * hour, 2 * hour - 2 * minute);
await pool.query(`update accounts set state = 'needs_reauth' where id = $1`, [dead]);
await node.room.adjustDueTimes();

test('what fits the rules keeps its time, whatever was changed', async () => {
  assert.equal(await dueAfterMs(plain), 2 * hour - 2 * minute);
  await put({ lead_s: { min: 100, max: 180 } });
  assert.equal(await node.room.adjustDueTimes(), 0);
  assert.equal(await dueAfterMs(plain), 2 * hour - 2 * minute);
});

test('a lifetime that is cut moves the refresh of tokens granted before, and only of those that wait for one', async () => {
  await put({ effective_lifetime_s: 3_600, lead_s: { min: 60, max: 180 } });
  assert.equal(await node.room.adjustDueTimes(), 2);
  within(await dueAfterMs(plain), hour - 3 * minute, hour - minute);
  within(await dueAfterMs(endless), hour - 3 * minute, hour - minute);
  assert.equal(await dueAfterMs(failing), 3 * minute, 'it backs off');
  assert.equal(await dueAfterMs(fixed), null, 'there is nothing to renew it with');
  assert.equal(await dueAfterMs(dead), 2 * hour - 2 * minute, 'its grant is refused');
  assert.equal(await node.room.adjustDueTimes(), 0);
});

test('a rollback moves it back, on whichever node it is noticed', async () => {
  await registry.rollBack('life', 1, { actor: 'key:test' });
  const { revision } = registry.served('life')?.row ?? assert.fail();
  while (second.registry.served('life')?.row.revision !== revision) await new Promise((resolve) => setTimeout(resolve, 5));
  assert.equal(await second.room.adjustDueTimes(), 2);
  within(await dueAfterMs(plain), 2 * hour - 3 * minute, 2 * hour - minute);
  assert.equal(await dueAfterMs(endless), null);
  assert.equal(await node.room.adjustDueTimes(), 0);
});

test('a trial moves the accounts it is tried on, and a change goes on where a node that died had come to', async () => {
  const many = await Promise.all(Array.from({ length: 40 }, (_, n) => grant(`many-${n}`, 2 * hour, 2 * hour - 2 * minute)));
  const version = await put({ effective_lifetime_s: 1_800 }, 50);
  const tried = many.filter((id) => registry.get('life', id)?.version === version);
  assert.ok(tried.length > 0 && tried.length < many.length);
  // As a node would have left it that died when it had come to this account, newest first.
  const sorted = many.toSorted().toReversed();
  const at = sorted[19] ?? '';
  await pool.query(`update refresh_rules set revision = $1, position = 'active ' || $2 where connector_id = 'life'`, [registry.served('life')?.row.revision, at]);
  await node.room.adjustDueTimes();
  for (const id of many) {
    const due = await dueAfterMs(id);
    if (tried.includes(id) && id < at) within(due, 27 * minute, 29 * minute);
    else assert.equal(due, 2 * hour - 2 * minute);
  }
});
