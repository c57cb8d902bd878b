/** Builds the rooms in the order in which they need each other, and says how each ends. */
import { join } from 'node:path';
import { tokenDriftRetentionJob } from './accounts/refreshing/drift-retention.ts';
import { LateHooks } from './accounts/account-hooks.ts';
import { createAccountsRoom } from './accounts/room.ts';
import { reEncryptionJob } from './accounts/vault/re-encryption.ts';
import { vaultRoutes } from './accounts/vault/vault-routes.ts';
import type { Vault } from './accounts/vault/vault.ts';
import { createAlertsRoom } from './alerts/room.ts';
import type { Configuration } from './configuration.ts';
import { ConnectorOverrides } from './connectors/connector-overrides.ts';
import { effectiveConnectors } from './connectors/effective-connectors.ts';
import { overrideRoutes } from './connectors/override-routes.ts';
import { openRegistry } from './connectors/registry.ts';
import { connectorRoutes } from './connectors/routes.ts';
import type { Notifications } from './database/notifications.ts';
import type { Pool } from './database/pool.ts';
import { Gateway } from './gateway/gateway.ts';
import { gatewayRoutes } from './gateway/routes.ts';
import { UnifiedGateway } from './gateway/unified.ts';
import { unifiedRoutes } from './gateway/unified-routes.ts';
import type { Route } from './http/route.ts';
import { createInboundRoom } from './inbound/room.ts';
import { inboundRetentionJob } from './inbound/retention.ts';
import { createObjectivesRoom } from './objectives/room.ts';
import type { AnyJob } from './jobs/runner.ts';
import type { Log } from './log.ts';
import { deliveryMetrics } from './outbound/delivering/delivery-metrics.ts';
import { createOutboundRoom } from './outbound/room.ts';
import { openPlaybook } from './playbook/open-playbook.ts';
import { openChanges } from './telemetry/drift/shape-store.ts';
import type { Metric, MetricSource } from './telemetry/metrics/exposition.ts';
import { createTelemetryRoom } from './telemetry/room.ts';
import { createUpstreamClient } from './upstream/client.ts';
import { createCrypto } from './upstream/crypto.ts';
import { createHostMap } from './upstream/host-map.ts';

/** What the rooms are built from. */
export interface Foundation {
  readonly configuration: Configuration;
  readonly vault: Vault;
  readonly pool: Pool;
  readonly notifications: Notifications;
  readonly log: Log;
  readonly now: () => number;
  /** The clock that all nodes share. */
  readonly fleetNow: () => number;
  /** This process, unlike any other. */
  readonly node: string;
  readonly version: string;
  /** The metrics of all processes of this node. */
  readonly nodeMetrics: () => Promise<readonly Metric[]>;
  /** Registers how something opened here ends; called in reverse order. */
  readonly onClose: (close: () => Promise<unknown>) => void;
}

export interface Rooms {
  readonly routes: readonly Route[];
  readonly jobs: readonly AnyJob[];
  /** What this process tells of itself. */
  readonly processMetrics: MetricSource;
}

const builtInConnectors = join(import.meta.dirname, '../../../connectors');

export async function buildRooms(foundation: Foundation): Promise<Rooms> {
  const { configuration, vault, pool, notifications, log, now, fleetNow, node, version, nodeMetrics, onClose } = foundation;
  // First, so that it ends last: every room counts until its own end.
  const telemetry = await createTelemetryRoom({ pool, notifications, log, now, node, version, seals: configuration.role !== 'api', retention: configuration, sampling: configuration, otlp: configuration, nodeMetrics, manifestOf: (id) => registry.get(id)?.connector.manifest });
  onClose(() => telemetry.close());
  const registry = await openRegistry({
    pool,
    notifications,
    log,
    sealer: vault,
    folders: [
      { path: builtInConnectors, source: 'built_in' },
      ...(configuration.connectorsDir === undefined ? [] : [{ path: configuration.connectorsDir, source: 'folder' as const }]),
    ],
  });
  onClose(() => registry.close());
  const overrides = await ConnectorOverrides.open(pool, notifications, log);
  onClose(() => overrides.close());

  const hostMap = createHostMap(configuration.hostMap);
  const crypto = createCrypto();
  const upstream = createUpstreamClient({ hostMap, allowPrivate: configuration.allowPrivate });
  onClose(() => upstream.close());

  const hooks = new LateHooks();
  const accounts = await createAccountsRoom({ pool, notifications, log, now: fleetNow, publicUrl: configuration.publicUrl, vault, connectors: effectiveConnectors(registry, overrides), revisions: () => registry.revisions(), upstream, hostMap, crypto, observer: telemetry.observer, hooks });
  telemetry.showMetrics(() => accounts.metrics());
  onClose(() => accounts.close());
  if (configuration.role !== 'api') accounts.scheduler.start();

  const outbound = await createOutboundRoom({
    pool, vault, notifications, log, now, node,
    observer: telemetry.observer,
    publicUrl: configuration.publicUrl,
    delivers: configuration.role !== 'api',
    settings: {
      allowPrivate: configuration.allowPrivateEndpoints,
      keepDays: configuration.deliveryRetentionDays,
      disableAfterMs: configuration.endpointDisableDays * 86_400_000,
      smtpUrl: configuration.smtpUrl,
      mailFrom: configuration.mailFrom,
      mailTo: configuration.mailTo,
    },
  });
  onClose(() => outbound.close());
  telemetry.showMetrics(() => deliveryMetrics(outbound.dispatcher.counts));
  const gateway = new Gateway({ accounts: accounts.access, upstream, crypto, recorder: telemetry.recorder, log, now });
  const unified = new UnifiedGateway({ gateway, accounts: accounts.access, mappings: overrides, now });
  const inbound = await createInboundRoom({
    pool, notifications, vault, connectors: registry, access: accounts.access, gateway, signing: crypto, backfills: configuration.backfill,
    declared: () => registry.list().map(({ stable }) => ({ id: stable.connector.id, webhooks: stable.connector.manifest.webhooks })),
    unified, mappings: overrides, upstream, observer: telemetry.observer, shapes: telemetry.shapes, log, publicUrl: configuration.publicUrl, node, now,
  });
  hooks.fill(inbound.hooks);
  telemetry.showMetrics(() => inbound.metrics());
  onClose(() => inbound.close());
  if (configuration.role !== 'api') inbound.start();

  const playbook = await openPlaybook(configuration.playbookDir, log);
  const objectives = createObjectivesRoom({ pool, log, now, playbook, keptDays: configuration.minutesDays, evaluates: configuration.role !== 'api' });
  onClose(() => objectives.close());
  telemetry.showSharedMetrics(() => objectives.metrics());
  const alerts = createAlertsRoom({
    pool, log, now, rules: playbook.alerts, budgetPolicy: playbook.budgetPolicy, contacts: playbook.contacts, upstream, publicUrl: configuration.publicUrl,
    facts: { shapeChanges: openChanges, budgets: (database) => objectives.budgets(database), settled: () => objectives.settled() },
    mail: { smtpUrl: configuration.smtpUrl, from: configuration.mailFrom, operator: configuration.mailTo },
  });
  telemetry.showMetrics(() => alerts.metrics());
  onClose(() => alerts.close());
  if (configuration.role !== 'api') alerts.watch.start();

  return {
    routes: [
      ...connectorRoutes({ registry, overrides, database: pool }),
      ...overrideRoutes({ registry, overrides, database: pool }),
      ...accounts.routes,
      ...gatewayRoutes(gateway, now),
      ...unifiedRoutes(unified),
      ...inbound.routes,
      ...outbound.routes,
      ...vaultRoutes(pool),
      ...telemetry.routes,
      ...alerts.routes,
      ...objectives.routes,
    ],
    processMetrics: telemetry.processMetrics,
    jobs: [tokenDriftRetentionJob(pool), reEncryptionJob({ pool, vault, log }), inboundRetentionJob({ pool, log, now, keepDays: configuration.inboundDays, dedupeDays: configuration.inboundDedupeDays, connectors: () => registry.list().map(({ stable }) => stable.connector) }), ...telemetry.jobs, ...alerts.jobs, ...outbound.jobs, ...objectives.jobs],
  };
}
