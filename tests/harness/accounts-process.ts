/**
 * A node with the accounts room as a process of its own, for tests that kill it. Commands come over IPC. `stopAt` makes
 * it stand still for ever at a step of its next refresh, and say so: the parent can kill it exactly there.
 */
import { createAccountsRoom } from '@evenkeel/server/accounts/room.ts';
import { openVault } from '@evenkeel/server/accounts/vault/vault-keys.ts';
import { openRegistry } from '@evenkeel/server/connectors/registry.ts';
import { createNotifications } from '@evenkeel/server/database/notifications.ts';
import { createPool, type Pool } from '@evenkeel/server/database/pool.ts';
import { createLog } from '@evenkeel/server/log.ts';
import { createUpstreamClient, type UpstreamClient } from '@evenkeel/server/upstream/client.ts';
import { createCrypto } from '@evenkeel/server/upstream/crypto.ts';
import { createHostMap } from '@evenkeel/server/upstream/host-map.ts';

export const stops = ['before the request', 'after the answer', 'before the commit', 'after the store'] as const;
export type Stop = (typeof stops)[number];

export interface ProcessSettings {
  readonly databaseUrl: string;
  readonly masterKey: string;
  readonly hosts: Record<string, string>;
  readonly publicUrl: string;
  readonly connector: string;
  /** The clock runs ahead by so much. */
  readonly aheadMs: number;
  /** Works by itself: the scheduler runs, and work of processes that are gone is taken over after so long. */
  readonly worksAfterMs?: number;
}

export type Command =
  | { readonly do: 'open'; readonly accountId: string; readonly times: number; readonly at: number }
  | { readonly do: 'tick' }
  | { readonly do: 'stop at'; readonly stop: Stop }
  | { readonly do: 'ahead'; readonly ms: number };
export type Report =
  | { readonly kind: 'ready' }
  | { readonly kind: 'opened'; readonly versions: readonly (number | string)[] }
  | { readonly kind: 'ticked' }
  | { readonly kind: 'set' }
  | { readonly kind: 'stopped'; readonly at: Stop };

let stop: Stop | undefined;
const report = (message: Report): void => void process.send?.(message);
const forEver = (at: Stop): Promise<never> => {
  report({ kind: 'stopped', at });
  return new Promise<never>(() => undefined);
};

/** Stands still around the request to a token endpoint. */
function stoppingUpstream(inner: UpstreamClient): UpstreamClient {
  return {
    async send(request, options) {
      if (!request.url.endsWith('/token')) return inner.send(request, options);
      if (stop === 'before the request') return forEver(stop);
      const reply = await inner.send(request, options);
      if (stop !== 'after the answer') return reply;
      await reply.bytes();
      return forEver(stop);
    },
    close: () => inner.close(),
  };
}

/** Stands still in the transaction that stores a refreshed token: the statement is known by its name. */
function stopAtStore(pool: Pool): void {
  type Query = (config: { name?: string } | string, ...rest: unknown[]) => Promise<unknown>;
  pool.on('connect', (client) => {
    const query = client.query.bind(client) as unknown as Query;
    let storing = false;
    const stopping: Query = async (config, ...rest) => {
      const result = await query(config, ...rest);
      if (typeof config === 'object' && config.name === 'store-refreshed') storing = true;
      if (storing && typeof config === 'object' && stop === 'before the commit') return forEver(stop);
      if (storing && config === 'commit' && stop === 'after the store') return forEver(stop);
      return result;
    };
    Object.assign(client, { query: stopping });
  });
}

const settings = JSON.parse(process.argv[2] ?? '') as ProcessSettings;
let aheadMs = settings.aheadMs;
const log = createLog(process.env['EVENKEEL_TEST_LOG'] ?? 'silent');
const pool = createPool(settings.databaseUrl, { max: 8, onError: () => undefined });
stopAtStore(pool);
const notifications = await createNotifications(settings.databaseUrl, log);
const vault = await openVault(pool, Buffer.from(settings.masterKey, 'base64'));
const registry = await openRegistry({ pool, notifications, log, sealer: vault, folders: [] });
const hostMap = createHostMap(settings.hosts);
const upstream = stoppingUpstream(createUpstreamClient({ hostMap }));
const now = (): number => Date.now() + aheadMs;
const room = await createAccountsRoom({ pool, notifications, log, now, publicUrl: settings.publicUrl, vault, connectors: registry, revisions: () => registry.revisions(), upstream, hostMap, crypto: createCrypto(), resumeEveryMs: settings.worksAfterMs === undefined ? 3_600_000 : 50, ...(settings.worksAfterMs === undefined ? {} : { missingForMs: settings.worksAfterMs }) });
if (settings.worksAfterMs !== undefined) room.scheduler.start();

async function perform(command: Command): Promise<void> {
  switch (command.do) {
    case 'open': {
      await new Promise((resolve) => setTimeout(resolve, Math.max(0, command.at - Date.now())));
      const results = await Promise.all(Array.from({ length: command.times }, async () => room.access.open(command.accountId, { tenantId: null })));
      return report({ kind: 'opened', versions: results.map((result) => (result.ok ? result.opened.credentialVersion : `${result.failure.code}: ${result.failure.detail}`)) });
    }
    case 'tick':
      await room.scheduler.tick();
      await room.scheduler.settled();
      return report({ kind: 'ticked' });
    case 'stop at':
      ({ stop } = command);
      return report({ kind: 'set' });
    case 'ahead':
      aheadMs = command.ms;
      return report({ kind: 'set' });
  }
}

process.on('message', (command: Command) => void perform(command));
// Whoever started it is gone: nothing is left to do.
process.on('disconnect', () => process.exit());
report({ kind: 'ready' });
