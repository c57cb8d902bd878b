/** The outbound room: endpoints, the deliveries to them, and the process that delivers. */
import type { HealthPolicy } from '@evenkeel/core/outbound/endpoint-health.ts';
import type { Vault } from '../accounts/vault/vault.ts';
import type { Notifications } from '../database/notifications.ts';
import type { Pool } from '../database/pool.ts';
import type { Route } from '../http/route.ts';
import type { AnyJob } from '../jobs/runner.ts';
import type { Log } from '../log.ts';
import { createMailer } from '../mail/mailer.ts';
import type { Observer } from '../telemetry/observation.ts';
import { createAddressGuard } from '../upstream/address-guard.ts';
import { createUpstreamClient } from '../upstream/client.ts';
import type { Resolve } from '../upstream/dialer.ts';
import { makeDayPartitions } from './day-partitions.ts';
import { Dispatcher, type DispatcherLimits } from './delivering/dispatcher.ts';
import { deliveryRoutes } from './delivery-routes.ts';
import { createDisabling } from './endpoint-disabling.ts';
import { endpointRoutes } from './endpoint-routes.ts';
import { eventTypeRoutes } from './event-type-routes.ts';
import { outboundJobs } from './jobs.ts';
import { deliveryChannel } from './publish.ts';
import { resendRoutes } from './resend-routes.ts';

export interface OutboundParts {
  readonly pool: Pool;
  readonly vault: Pick<Vault, 'seal' | 'open'>;
  readonly notifications: Notifications;
  readonly log: Log;
  readonly now: () => number;
  /** Names this process in leases. */
  readonly node: string;
  readonly observer: Observer;
  readonly publicUrl: string;
  readonly settings: OutboundSettings;
  /** Whether this process delivers. */
  readonly delivers: boolean;
  readonly random?: () => number;
  readonly resolve?: Resolve;
  readonly limits?: Partial<DispatcherLimits>;
  readonly schedule?: readonly number[];
}

export interface OutboundSettings {
  /** CIDR ranges of private networks in which endpoints may be. Apart from that of vendors: tenants choose endpoints. */
  readonly allowPrivate: readonly string[];
  readonly keepDays: number;
  readonly disableAfterMs: number;
  readonly smtpUrl: string | undefined;
  readonly mailFrom: string;
  readonly mailTo: string | undefined;
}

export interface OutboundRoom {
  readonly routes: readonly Route[];
  readonly jobs: readonly AnyJob[];
  readonly dispatcher: Dispatcher;
  close(): Promise<void>;
}

export async function createOutboundRoom(parts: OutboundParts): Promise<OutboundRoom> {
  const { pool, vault, notifications, log, now, settings } = parts;
  await makeDayPartitions(pool, now());
  const upstream = createUpstreamClient({ allowPrivate: settings.allowPrivate, connectionsPerOrigin: 256, ...(parts.resolve === undefined ? {} : { resolve: parts.resolve }) });
  const mailer = settings.smtpUrl === undefined ? null : createMailer(settings.smtpUrl, settings.mailFrom);
  const health: Partial<HealthPolicy> = { disableAfterMs: settings.disableAfterMs };
  const dispatcher = new Dispatcher({
    pool,
    vault,
    upstream,
    log,
    now,
    random: parts.random ?? Math.random,
    owner: parts.node,
    observer: parts.observer,
    disable: createDisabling({ pool, publicUrl: parts.publicUrl, mailTo: settings.mailTo ?? null }),
    health,
    ...(parts.limits === undefined ? {} : { limits: parts.limits }),
    ...(parts.schedule === undefined ? {} : { schedule: parts.schedule }),
  });
  if (parts.delivers) {
    await notifications.listen(deliveryChannel, { notified: () => dispatcher.notify(), resynchronise: () => dispatcher.notify() });
    dispatcher.start();
  }
  const address = { guard: createAddressGuard(settings.allowPrivate), plainAllowed: settings.allowPrivate.length > 0 };
  return {
    routes: [...endpointRoutes({ pool, vault, now, address }), ...deliveryRoutes(pool), ...resendRoutes({ pool, now }), ...eventTypeRoutes()],
    jobs: outboundJobs({ pool, now, keepDays: settings.keepDays, mailer }),
    dispatcher,
    async close() {
      await dispatcher.close();
      await upstream.close();
      mailer?.close();
    },
  };
}
