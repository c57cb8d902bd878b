/** What refreshes leave for telemetry and for Prometheus. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { startAccountsNode } from '@evenkeel/tests/harness/accounts-node.ts';
import { createTestDatabase } from '@evenkeel/tests/harness/database.ts';
import { plantAccount } from '@evenkeel/tests/harness/planted-account.ts';
import { startTokenVendor, type TokenFault } from '@evenkeel/tests/harness/token-vendor.ts';
import type { Observation } from '../../telemetry/observation.ts';
import { writeMetric } from '../../telemetry/metrics/exposition.ts';
import { openVault } from '../vault/vault-keys.ts';

const observed: Observation[] = [];
const database = await createTestDatabase();
const hosts: Record<string, string> = {};
const masterKey = randomBytes(32);
const node = await startAccountsNode({ database, masterKey, hosts, observer: { observe: (one) => void observed.push(one) } });
const vault = await openVault(node.pool, masterKey);
const vendor = await startTokenVendor({ id: 'told', rotation: 'rotates' });
let offset = 0;
vendor.nowMs = () => Date.now() + offset;
hosts['told.example'] = vendor.url;
await node.registry.put('told', vendor.manifest, 100, { actor: 'key:test' });
await node.registry.apps.write('told', { client_id: 'told', client_secret: 'planted-app-secret-0123456789' }, { actor: 'key:test' });
const minute = 60_000;

function plant(name: string, endsInMs = 5 * minute): Promise<string> {
  const at = vendor.nowMs();
  return plantAccount(node.pool, vault, { connectorId: 'told', token: vendor.grant(name), grantedAtMs: at - 60 * minute, expiresAtMs: at + endsInMs, refreshDueAtMs: at - 1 });
}
async function pass(ms: number): Promise<void> {
  offset += ms;
  node.advance(ms);
  await node.pool.query(`update credentials set refresh_retry_at = refresh_retry_at - $1 * interval '1 millisecond'`, [ms]);
}
async function tick(): Promise<void> {
  await node.room.scheduler.tick();
  await node.room.scheduler.settled();
}
const metrics = async (): Promise<string> => (await node.room.metrics()).map(writeMetric).join('');

test('each refresh is counted once, by who has to act', async () => {
  const cases: readonly [TokenFault | undefined, Pick<Observation, 'outcome' | 'origin' | 'code'>][] = [
    [{ status: 503 }, { outcome: 'failure', origin: 'upstream', code: 'upstream_unavailable' }],
    ['unheard', { outcome: 'failure', origin: 'upstream', code: 'upstream_unavailable' }],
    [{ status: 429, retryAfterS: 1 }, { outcome: 'failure', origin: 'upstream', code: 'rate_limited' }],
    [{ status: 200, text: '<html>' }, { outcome: 'failure', origin: 'upstream', code: 'upstream_invalid_response' }],
    [{ status: 401, text: '{"error":"invalid_client"}' }, { outcome: 'failure', origin: 'platform', code: 'client_refused' }],
    [{ status: 400, text: '{"error":"odd"}' }, { outcome: 'failure', origin: 'upstream', code: 'refresh_rejected' }],
    [undefined, { outcome: 'success', origin: null, code: null }],
    [{ status: 400, text: '{"error":"invalid_grant"}' }, { outcome: 'failure', origin: 'account', code: 'reauth_required' }],
  ];
  const id = await plant('counted');
  for (const [fault, expected] of cases) {
    vendor.fault = () => fault;
    observed.length = 0;
    await node.call('POST', `/v1/accounts/${id}/refresh`);
    assert.equal(observed.length, 1);
    const [{ atMs, totalUs, upstreamUs, ...rest }] = observed as [Observation];
    assert.deepEqual(rest, { kind: 'refresh', surface: 'api', tenantId: 'acme', accountId: id, connectorId: 'told', category: 'crm', endpoint: null, ...expected });
    assert.ok(upstreamUs > 0 && totalUs >= upstreamUs && atMs > 0);
  }
  vendor.fault = undefined;
  assert.match(await metrics(), /evenkeel_refreshes_total{connector="told",result="refreshed"} 1\nevenkeel_refreshes_total{connector="told",result="failed"} 6\nevenkeel_refreshes_total{connector="told",result="refused"} 1\n/);
});

test('a vendor that fails is told while it fails: failing, then ended, the brake; and no more when it works', async () => {
  for (let index = 0; index < 8; index += 1) await plant(`f${index}`, 3 * minute);
  vendor.fault = () => ({ status: 503 });
  await tick();
  observed.length = 0;
  const failing = await metrics();
  assert.match(failing, /evenkeel_refresh_failing_accounts{connector="told"} 8\n/);
  assert.match(failing, /evenkeel_refresh_ended_accounts{connector="told"} 0\n/);
  assert.match(failing, /evenkeel_refresh_brake{connector="told"} 1\n/);
  await pass(10 * minute);
  await tick();
  assert.deepEqual(observed.map(({ surface, code }) => [surface, code]), [['scheduler', 'upstream_unavailable']]);
  const ended = await metrics();
  assert.match(ended, /evenkeel_refresh_ended_accounts{connector="told"} 8\n/);
  assert.match(ended, /evenkeel_refresh_overdue_accounts{connector="told"} 7\n/);
  vendor.fault = undefined;
  for (let round = 0; round < 4; round += 1) {
    await pass(minute);
    await tick();
  }
  const well = await metrics();
  assert.doesNotMatch(well, /evenkeel_refresh_(failing|ended|overdue)_accounts{|evenkeel_refresh_brake{/);
  assert.match(well, /evenkeel_refreshes_late_total 8\n/);
});
