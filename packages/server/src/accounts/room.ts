/** The accounts room, put together: what it needs from other rooms comes in, routes and access to accounts go out. */
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import type { CryptoPort } from '@evenkeel/core/connectors/requests/crypto-port.ts';
import type { Pool } from '../database/pool.ts';
import type { Notifications } from '../database/notifications.ts';
import type { Route } from '../http/route.ts';
import type { Log } from '../log.ts';
import type { Metric } from '../telemetry/metrics/exposition.ts';
import { noObserver, type Observer } from '../telemetry/observation.ts';
import type { UpstreamClient } from '../upstream/client.ts';
import type { HostMap } from '../upstream/host-map.ts';
import { AbandonedLeases } from './abandoned-leases.ts';
import { AccessToAccounts, type AccountAccess } from './account-access.ts';
import type { AccountHooks } from './account-hooks.ts';
import { accountRoutes } from './account-routes.ts';
import { accountChannel } from './account-store.ts';
import { ConnectFlow } from './connecting/connect-flow.ts';
import { connectRoutes } from './connecting/connect-routes.ts';
import { removeEndedSessions } from './connecting/connect-session-store.ts';
import { AccountOpener } from './open-account.ts';
import { createReconnectLinks } from './connecting/reconnect-links.ts';
import { DueTimes, type ConnectorRevision } from './refreshing/due-times.ts';
import { RefreshBrakes } from './refreshing/refresh-brakes.ts';
import { RefreshPace } from './refreshing/refresh-pace.ts';
import { createRefreshScheduler, type RefreshScheduler, type SchedulerLimits } from './refreshing/refresh-scheduler.ts';
import { readRefreshMetrics } from './refreshing/refresh-metrics.ts';
import { RefreshReports } from './refreshing/refresh-report.ts';
import { createRefresher } from './refreshing/refresher.ts';
import { Setup } from './connecting/setup.ts';
import { createVendor, type ConnectorSource } from './vendor.ts';
import type { Vault } from './vault/vault.ts';
import { Waiters } from './refreshing/waiters.ts';

export interface AccountsParts {
  readonly pool: Pool;
  readonly notifications: Notifications;
  readonly log: Log;
  /** The clock that all nodes share. */
  readonly now: () => number;
  readonly publicUrl: string;
  readonly vault: Vault;
  readonly connectors: ConnectorSource;
  /** Of every connector as this node serves it. */
  readonly revisions: () => readonly ConnectorRevision[];
  readonly upstream: UpstreamClient;
  readonly hostMap: HostMap;
  readonly crypto: CryptoPort;
  readonly hooks?: AccountHooks | undefined;
  /** How often work left behind is looked for; default 3 s. */
  readonly resumeEveryMs?: number;
  /** How long the owner of a lease has to be missing to count as gone; default 4 s. */
  readonly missingForMs?: number;
  /** Where refreshes are counted; nowhere by default. */
  readonly observer?: Observer;
  readonly schedulerLimits?: Partial<SchedulerLimits>;
}

/** How long a process that ends waits for a database that is gone, to write tokens that are nowhere else. */
const endingMs = 10_000;

export interface AccountsRoom {
  readonly access: AccountAccess;
  readonly routes: readonly Route[];
  /** Refreshes tokens apart from traffic, once it is started: on nodes that work. */
  readonly scheduler: RefreshScheduler;
  metrics(): Promise<readonly Metric[]>;
  /** Frees what processes that are gone had begun, and continues set-ups that nobody works on; also called by the clock. */
  resume(): Promise<number>;
  /** Brings the times of refreshes in line with connectors that have changed; also called by the clock. */
  adjustDueTimes(): Promise<number>;
  /** Waits for what is under way. */
  close(): Promise<void>;
}

export async function createAccountsRoom(parts: AccountsParts): Promise<AccountsRoom> {
  const { pool, log, now, publicUrl, connectors, vault } = parts;
  const owner = `${hostname()}:${process.pid}:${randomUUID().slice(0, 8)}`;
  const waiters = new Waiters();
  const vendor = createVendor(parts);
  const links = createReconnectLinks({ database: pool, publicUrl, now });
  const ending = new AbortController();
  const reports = new RefreshReports(parts.observer ?? noObserver);
  const pace = new RefreshPace(pool, log);
  const brakes = new RefreshBrakes({ pool, log, now });
  const refresher = createRefresher({ pool, vault, vendor, connectors, waiters, log, now, owner, ending: ending.signal, reports, pace, brakes });
  const opener = new AccountOpener({ pool, vault, connectors, refresher, links, log, now });
  const changed = (accountId: string): void => {
    opener.forget(accountId);
    waiters.wake(accountId);
  };
  const setup = new Setup({ pool, vault, vendor, connectors, refresher, log, now, owner, changed, hooks: parts.hooks });
  const access = new AccessToAccounts({ pool, opener, refresher, vendor, log, now });
  const flow = new ConnectFlow({ ...parts, vendor, setup, changed });
  // Before the first lease is taken in this name.
  await parts.notifications.show(owner);
  await parts.notifications.listen(accountChannel, { notified: changed, resynchronise: () => opener.forgetAll() });

  const abandoned = new AbandonedLeases({ pool, log, ...(parts.missingForMs === undefined ? {} : { missingForMs: parts.missingForMs }) });
  const resume = async (): Promise<number> => {
    await abandoned.free(now());
    return setup.resume();
  };
  const everySecondHour = 2 * 3_600_000;
  const guard = (work: Promise<unknown>): void => void work.catch((error: unknown) => log.warn({ err: error }, 'accounts: a periodic look at the database failed'));
  const dueTimes = new DueTimes(parts);
  const every = parts.resumeEveryMs ?? 3_000;
  const timers = [setInterval(() => guard(resume()), every), setInterval(() => guard(dueTimes.adjust()), every), setInterval(() => guard(removeEndedSessions(pool)), everySecondHour)];
  for (const timer of timers) timer.unref();

  const scheduler = createRefreshScheduler({ pool, refresher, pace, brakes, connectors, log, now, owner, limits: parts.schedulerLimits ?? {} });
  return {
    access,
    scheduler,
    async metrics() {
      // A node that refreshes little has not looked at them lately.
      await brakes.read().catch(() => undefined);
      return readRefreshMetrics({ database: pool, scheduler, reports, now });
    },
    routes: [...accountRoutes({ ...parts, vendor, setup, refresher, links, changed }), ...connectRoutes({ flow, publicUrl, log })],
    resume,
    adjustDueTimes: () => dueTimes.adjust(),
    async close() {
      for (const timer of timers) clearInterval(timer);
      const lastMoment = setTimeout(() => ending.abort(), endingMs);
      await dueTimes.close();
      await scheduler.close();
      await setup.close();
      await access.settled();
      clearTimeout(lastMoment);
    },
  };
}
