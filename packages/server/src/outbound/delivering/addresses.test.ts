import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createTestDatabase } from '@evenkeel/tests/harness/database.ts';
import { makeEndpoint, publish, startOutboundNode, startReceiver, untilDeliveries } from '@evenkeel/tests/harness/outbound-node.ts';

/** Every kind of address a delivery must not reach, as what a name resolves to and as it can be written in an address. */
const forbidden: Readonly<Record<string, string>> = {
  loopback: '127.0.0.1', loopback_v6: '::1', private_10: '10.1.2.3', private_172: '172.16.0.1', private_192: '192.168.1.1', link_local: '169.254.1.1',
  metadata: '169.254.169.254', metadata_v6: 'fd00:ec2::254', cgnat: '100.64.0.1', unspecified: '0.0.0.0', broadcast: '255.255.255.255', multicast: '224.0.0.1',
  unique_local: 'fd12:3456::1', link_local_v6: 'fe80::1', mapped: '::ffff:127.0.0.1', nat64: '64:ff9b::7f00:1', nat64_local: '64:ff9b:1::7f00:1', six_to_four: '2002:7f00:1::', teredo: '2001::1', documentation: '192.0.2.1',
};

const database = await createTestDatabase();
const { pool } = database;
const resolved = new Map<string, string[]>();
let lookups = 0;
const node = await startOutboundNode(database, {
  settings: { allowPrivate: [] },
  resolve: (hostname, _options, done) => {
    lookups += 1;
    const addresses = resolved.get(hostname) ?? [];
    // A name server that gives another answer every time.
    const address = addresses.length > 1 ? addresses.shift() : addresses[0];
    done(null, address === undefined ? [] : [{ address, family: address.includes(':') ? 6 : 4 }]);
  },
});

async function errorAt(url: string): Promise<string | null> {
  const tenant = `to-${url}`.replace(/[^a-z0-9]/gi, '-').slice(0, 100);
  const { id } = await makeEndpoint(pool, node.vault, { url, tenant_id: tenant, retry_schedule_s: [] });
  await publish(pool, [{ tenantId: tenant }]);
  const [row] = await untilDeliveries(pool, id, ([one]) => one?.state === 'failed');
  return row?.last_error ?? null;
}

describe('a delivery', () => {
  it('reaches no private address, whatever a name resolves to', async () => {
    const kinds = Object.entries(forbidden);
    for (const [kind, address] of kinds) resolved.set(`${kind.replaceAll('_', '-')}.example`, [address]);
    const errors = await Promise.all(kinds.map(async ([kind]) => [kind, await errorAt(`http://${kind.replaceAll('_', '-')}.example:9/`)] as const));
    assert.deepEqual(errors, kinds.map(([kind]) => [kind, 'blocked']));
  });

  it('reaches none written as an address either', async () => {
    const written = [...Object.values(forbidden).map((address) => (address.includes(':') ? `[${address}]` : address)), '2130706433', '0x7f.1', '0177.0.0.1', 'localhost'];
    resolved.set('localhost', ['127.0.0.1']);
    const errors = await Promise.all(written.map(async (host) => [host, await errorAt(`http://${host}:9/`)] as const));
    assert.deepEqual(errors, written.map((host) => [host, 'blocked']));
  });

  it('is not led astray by a name that resolves differently the second time', async () => {
    const receiver = await startReceiver();
    resolved.set('rebinding.example', ['127.0.0.1', '127.0.0.1']);
    const before = lookups;
    assert.equal(await errorAt(`http://rebinding.example:${new URL(receiver.url).port}/`), 'blocked');
    assert.equal(lookups - before, 1, 'what was judged is what is dialled: there is one look-up');
    assert.equal(receiver.received.length, 0);
  });
});
