import assert from 'node:assert/strict';
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { ServerResponse } from 'node:http';
import { after, describe, it } from 'node:test';
import { createTestDatabase } from '@evenkeel/tests/harness/database.ts';
import { makeEndpoint, masterKey, publish, startReceiver, untilDeliveries } from '@evenkeel/tests/harness/outbound-node.ts';
import type { ProcessSettings } from '@evenkeel/tests/harness/outbound-process.ts';
import { openVault } from '../../accounts/vault/vault-keys.ts';

const database = await createTestDatabase();
const { pool } = database;
const vault = await openVault(pool, masterKey);
const children: ChildProcess[] = [];
after(() => children.forEach((child) => child.kill('SIGKILL')));

async function startProcess(node: string, leaseMs = 1_000): Promise<ChildProcess> {
  const settings: ProcessSettings = { databaseUrl: database.url, masterKey: masterKey.toString('base64'), node, leaseMs };
  const child = fork(join(import.meta.dirname, '../../../../../tests/harness/outbound-process.ts'), [JSON.stringify(settings)]);
  children.push(child);
  await once(child, 'message');
  return child;
}

async function end(child: ChildProcess, signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
  const gone = once(child, 'exit');
  child.kill(signal);
  await gone;
}

describe('processes', () => {
  it('killed between the send and the record: another sends the same again, and everything else once', async () => {
    const held: ServerResponse[] = [];
    let holding = true;
    const receiver = await startReceiver((_one, response) => void (holding ? held.push(response) : response.end()));
    const { id } = await makeEndpoint(pool, vault, { url: receiver.url, tenant_id: 'killed', max_in_flight: 3 });
    const first = await startProcess('first');
    const ids = await publish(pool, Array.from({ length: 10 }, () => ({ tenantId: 'killed' })));
    // Received, and not yet answered: for the one that sends, nothing is known.
    await receiver.count(3);
    const inTheAir = receiver.received.map(({ headers }) => headers['webhook-id']);
    await end(first, 'SIGKILL');
    holding = false;
    const second = await startProcess('second');
    const rows = await untilDeliveries(pool, id, (all) => all.every(({ state }) => state === 'delivered'), 15_000);
    assert.equal(rows.length, 10);
    const times = Object.groupBy(receiver.received, ({ headers }) => String(headers['webhook-id']));
    for (const eventId of ids) assert.equal(times[eventId]?.length, inTheAir.includes(eventId) ? 2 : 1);
    await end(second, 'SIGTERM');
  });

  it('asked to end: attempts under way are recorded, nothing new begins, and the next goes on at once', async () => {
    const held: ServerResponse[] = [];
    let holding = true;
    const receiver = await startReceiver((_one, response) => void (holding ? held.push(response) : response.end()));
    const { id } = await makeEndpoint(pool, vault, { url: receiver.url, tenant_id: 'drained', max_in_flight: 3 });
    // Its lease would hold for a minute: only giving the lane back lets the other go on.
    const first = await startProcess('drained', 60_000);
    await publish(pool, Array.from({ length: 10 }, () => ({ tenantId: 'drained' })));
    await receiver.count(3);
    const gone = once(first, 'exit');
    first.kill('SIGTERM');
    await new Promise((resolve) => setTimeout(resolve, 200));
    held.forEach((response) => response.end());
    holding = false;
    const [code] = (await gone) as [number];
    assert.equal(code, 0);
    assert.equal(receiver.received.length, 3);
    assert.equal((await untilDeliveries(pool, id, () => true)).filter(({ state }) => state === 'delivered').length, 3);
    const second = await startProcess('after');
    await untilDeliveries(pool, id, (all) => all.every(({ state }) => state === 'delivered'));
    assert.equal(new Set(receiver.received.map(({ headers }) => headers['webhook-id'])).size, receiver.received.length);
    await end(second, 'SIGTERM');
  });

  it('side by side: each delivery is sent once, and an endpoint is worked by one of them', async () => {
    const receiver = await startReceiver();
    const endpoints = await Promise.all(Array.from({ length: 8 }, (_, n) => makeEndpoint(pool, vault, { url: `${receiver.url}/${n}`, tenant_id: `side-${n}` })));
    const nodes = await Promise.all(['one', 'two', 'three'].map((name) => startProcess(name)));
    for (let round = 0; round < 20; round += 1) await publish(pool, endpoints.map((_, n) => ({ tenantId: `side-${n}` })));
    for (const { id } of endpoints) await untilDeliveries(pool, id, (all) => all.length === 20 && all.every(({ state }) => state === 'delivered'));
    assert.equal(receiver.received.length, 160);
    await Promise.all(nodes.map((child) => end(child, 'SIGTERM')));
    const { rows } = await pool.query<{ owned: number }>('select count(*) as owned from delivery_lanes where owner is not null and lease_until > now()');
    assert.equal(rows[0]?.owned, 0);
  });
});
