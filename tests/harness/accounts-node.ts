/** One node of the server with the accounts room and the registry, listening on loopback, over a test database. */
import { after } from 'node:test';
import { createKey, ensureTenant, KeyLookup } from '@evenkeel/server/access/keys.ts';
import { createAccountsRoom, type AccountsRoom } from '@evenkeel/server/accounts/room.ts';
import { openVault } from '@evenkeel/server/accounts/vault/vault-keys.ts';
import { openRegistry, type ConnectorRegistry } from '@evenkeel/server/connectors/registry.ts';
import { createNotifications } from '@evenkeel/server/database/notifications.ts';
import { createPool, type Pool } from '@evenkeel/server/database/pool.ts';
import { createApplication } from '@evenkeel/server/http/application.ts';
import { createLog, type Log } from '@evenkeel/server/log.ts';
import { noObserver, type Observer } from '@evenkeel/server/telemetry/observation.ts';
import { createUpstreamClient } from '@evenkeel/server/upstream/client.ts';
import { createCrypto } from '@evenkeel/server/upstream/crypto.ts';
import { createHostMap } from '@evenkeel/server/upstream/host-map.ts';
import type { TestDatabase } from './database.ts';

export interface AccountsNode {
  readonly url: string;
  readonly pool: Pool;
  readonly room: AccountsRoom;
  readonly registry: ConnectorRegistry;
  /** Moves this node's clock; in ms. */
  advance(ms: number): void;
  call(method: string, path: string, body?: object, key?: string): Promise<{ status: number; body: Record<string, unknown> }>;
  /** A key of one tenant. */
  tenantKey(tenantId: string): Promise<string>;
}

export interface NodeOptions {
  readonly database: TestDatabase;
  readonly masterKey: Uint8Array;
  readonly hosts: Record<string, string>;
  readonly port?: number;
  readonly log?: Log;
  readonly observer?: Observer;
}

export async function startAccountsNode({ database, masterKey, hosts, port = 0, log = createLog(process.env['EVENKEEL_TEST_LOG'] ?? 'silent'), observer = noObserver }: NodeOptions): Promise<AccountsNode> {
  const pool = createPool(database.url, { max: 8, onError: () => undefined });
  let offset = 0;
  const now = (): number => Date.now() + offset;
  const notifications = await createNotifications(database.url, log);
  const vault = await openVault(pool, masterKey);
  const registry = await openRegistry({ pool, notifications, log, sealer: vault, folders: [] });
  const hostMap = createHostMap(hosts);
  const upstream = createUpstreamClient({ hostMap });
  const free = port === 0 ? await freePort() : port;
  const url = `http://127.0.0.1:${free}`;
  const room = await createAccountsRoom({ pool, notifications, log, now, publicUrl: url, vault, connectors: registry, revisions: () => registry.revisions(), upstream, hostMap, crypto: createCrypto(), observer, resumeEveryMs: 3_600_000 });
  const application = await createApplication({ database: pool, keys: new KeyLookup(pool, Date.now), log, version: 'test', routes: room.routes });
  await application.listen({ port: free, host: '127.0.0.1' });
  const admin = await createKey(pool, { name: 'test', scope: 'admin', tenantId: null });
  after(async () => {
    await application.close();
    await room.close();
    await registry.close();
    await upstream.close();
    await notifications.close();
    await pool.end();
  });
  return {
    url,
    pool,
    room,
    registry,
    advance: (ms) => void (offset += ms),
    async call(method, path, body, key = admin.key) {
      const response = await fetch(url + path, { method, headers: { authorization: `Bearer ${key}`, ...(body === undefined ? {} : { 'content-type': 'application/json' }) }, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
      const text = await response.text();
      return { status: response.status, body: (text === '' ? {} : JSON.parse(text)) as Record<string, unknown> };
    },
    async tenantKey(tenantId) {
      await ensureTenant(pool, tenantId);
      return (await createKey(pool, { name: tenantId, scope: 'write', tenantId })).key;
    },
  };
}

async function freePort(): Promise<number> {
  const { createServer } = await import('node:net');
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address !== null ? address.port : 0;
}
