/** A failure of Evenkeel's own before the account is open is counted for the tenant whose account it is. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { demoConnections } from '@evenkeel/sandbox/demonstration.ts';
import { registerApps } from 'evenkeel/demo/cast.ts';
import { connectAccount } from 'evenkeel/demo/connect.ts';
import { startTestEvenkeel } from '../harness/evenkeel.ts';

test('a credential that cannot be opened fails the tenant\'s calls, on both surfaces', { timeout: 60_000 }, async () => {
  const { call, client, database } = await startTestEvenkeel();
  const signal = AbortSignal.timeout(50_000);
  await registerApps(client, signal);
  const plan = demoConnections.find((one) => one.connector === 'hubspot');
  assert.ok(plan);
  const { id } = await connectAccount(client, { ...plan, tenant: 'acme', choice: 0 }, undefined, signal);
  await database.pool.query(`update credentials set sealed = set_byte(sealed, length(sealed) - 1, (get_byte(sealed, length(sealed) - 1) + 1) % 256) where account_id = $1`, [id]);
  for (const path of ['/v1/proxy/contacts?limit=2', '/v1/unified/crm/contacts?limit=2']) {
    const answer = await call('GET', path, { headers: { 'evenkeel-account': id } });
    assert.deepEqual([answer.status, answer.json?.['code'], answer.json?.['origin']], [500, 'internal', 'platform'], answer.text);
  }
  for (const deadline = Date.now() + 15_000; ; await new Promise((resolve) => setTimeout(resolve, 100))) {
    const { rows } = await database.pool.query<{ tenant_id: string | null; account_id: string | null; connector_id: string | null }>('select tenant_id, account_id, connector_id from calls where status = 500');
    if (rows.length === 2) {
      for (const row of rows) assert.deepEqual(row, { tenant_id: 'acme', account_id: id, connector_id: 'hubspot' });
      return;
    }
    assert.ok(Date.now() < deadline, `${rows.length} of 2 calls were recorded`);
  }
});
