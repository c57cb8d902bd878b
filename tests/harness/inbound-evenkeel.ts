/** Evenkeel for tests of inbound webhooks: addresses of planted accounts, signed requests, and waiting until all is worked on. */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { startTestEvenkeel, type TestEvenkeel } from './evenkeel.ts';
import { plantAddress, sign, signatureHeader, type PlantedAddress } from './webhook-vendor.ts';

export interface PublishedEvent {
  readonly type: string;
  readonly payload: Record<string, unknown>;
}

export interface InboundEvenkeel {
  readonly evenkeel: TestEvenkeel;
  putConnector(manifest: object): Promise<void>;
  /** An account with an inbound address of its own. */
  address(options?: { connectorId?: string; tenantId?: string; externalId?: string }): Promise<PlantedAddress>;
  /** Path of the installation's own address. */
  appPath(connectorId: string): Promise<string>;
  /** Sends signed as the vendor does; the status. */
  send(to: PlantedAddress, body: string): Promise<number>;
  /** Waits until nothing of the account waits any more. */
  settled(accountId: string): Promise<void>;
  /** The unified events of an account, in the order of their publication. */
  published(accountId: string): Promise<PublishedEvent[]>;
  replayed(id: string): Promise<void>;
  until(holds: () => Promise<boolean>, what: string): Promise<void>;
}

const patienceMs = 10_000;

export async function startInboundEvenkeel(environment: Record<string, string> = {}): Promise<InboundEvenkeel> {
  const evenkeel = await startTestEvenkeel(environment);
  const { call, database, masterKey } = evenkeel;
  const { pool } = database;
  const until = async (holds: () => Promise<boolean>, what: string): Promise<void> => {
    const deadline = Date.now() + patienceMs;
    while (!(await holds())) {
      if (Date.now() > deadline) assert.fail(`not within ${patienceMs / 1000} s: ${what}\n${evenkeel.logLines.filter((line) => line.includes('inbound:')).join('')}`);
      await sleep(10);
    }
  };
  return {
    evenkeel,
    until,
    async putConnector(manifest) {
      const put = await call('PUT', `/v1/connectors/${(manifest as { id: string }).id}`, { body: manifest });
      assert.equal(put.status, 201, put.text);
    },
    address: (options) => plantAddress(pool, masterKey, options),
    async appPath(connectorId) {
      const { json, text } = await call('GET', `/v1/connectors/${connectorId}/inbound`);
      assert.equal(typeof json?.['url'], 'string', text);
      return new URL(String(json?.['url'])).pathname;
    },
    send: async ({ path, secret }, body) => (await call('POST', path, { key: null, text: body, headers: { [signatureHeader]: sign(secret, body) } })).status,
    settled: (accountId) =>
      until(async () => {
        const { rows } = await pool.query<{ open: number }>('select (select count(*) from inbound_queue) + (select count(*) from inbound_work where account_id = $1) as open', [accountId]);
        return rows[0]?.open === 0;
      }, 'nothing waits'),
    async published(accountId) {
      const { rows } = await pool.query<PublishedEvent>(`select type, payload from events where account_id = $1 and type not like '%:%' order by created_at, id`, [accountId]);
      return rows;
    },
    replayed: (id) => until(async () => (await call('GET', `/v1/inbound-events/replays/${id}`)).json?.['finished_at'] !== null, 'the replay is finished'),
  };
}
