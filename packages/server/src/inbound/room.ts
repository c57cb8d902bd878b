/** The inbound room, put together: what receives, what works, what keeps subscriptions, and what shows all of it. */
import { setTimeout as pause } from 'node:timers/promises';
import type { CryptoPort } from '@evenkeel/core/connectors/requests/crypto-port.ts';
import type { VerificationPort } from '@evenkeel/core/inbound/verification-port.ts';
import type { AccountHooks } from '../accounts/account-hooks.ts';
import type { AccountAccess } from '../accounts/account-access.ts';
import { accountChannel } from '../accounts/account-store.ts';
import type { Vault } from '../accounts/vault/vault.ts';
import { createVendor, type ConnectorSource } from '../accounts/vendor.ts';
import type { Notifications } from '../database/notifications.ts';
import { createPool, type Pool } from '../database/pool.ts';
import type { Gateway } from '../gateway/gateway.ts';
import { callInside, callResourceInside } from '../gateway/inside-call.ts';
import type { EffectiveMappings, UnifiedGateway } from '../gateway/unified.ts';
import type { Route } from '../http/route.ts';
import type { Log } from '../log.ts';
import type { ShapeSampler } from '../telemetry/drift/shape-sampler.ts';
import type { Metric } from '../telemetry/metrics/exposition.ts';
import type { Observer } from '../telemetry/observation.ts';
import type { UpstreamClient } from '../upstream/client.ts';
import { eventRoutes } from './event-routes.ts';
import { erasePieces } from './erasure.ts';
import { handOver } from './replays.ts';
import { EventCounts } from './processing/event-counts.ts';
import { readFetched } from './processing/fetch-record.ts';
import { splitBatch } from './processing/splitter.ts';
import { WaitingWork } from './processing/waiting-work.ts';
import { Loop } from './processing/worker.ts';
import { AddressDirectory } from './receiving/address-directory.ts';
import { GroupWriter } from './receiving/group-writer.ts';
import { ingestRoute } from './receiving/ingest-route.ts';
import { Receiver } from './receiving/receiver.ts';
import { RefusalLog } from './receiving/refusal-log.ts';
import { VendorKeys } from './receiving/vendor-keys.ts';
import { insertRequests, type NewRequest } from './request-store.ts';
import { makeInboundPartitions } from './retention.ts';
import { PlannedAccounts } from './standing/planned-accounts.ts';
import { StandingWork, type StandingParts } from './standing/standing-work.ts';
import { inboundMetrics } from './showing/inbound-metrics.ts';
import { createVerificationCrypto } from './verification-crypto.ts';

export interface InboundParts {
  readonly pool: Pool;
  readonly notifications: Notifications;
  readonly vault: Vault;
  readonly connectors: ConnectorSource;
  /** Id and rules of every connector in effect: what standing tasks there are to be. */
  readonly declared: StandingParts['declared'];
  readonly access: AccountAccess;
  readonly backfills: boolean;
  /** Signs what is sent to vendors in registering. */
  readonly signing: CryptoPort;
  readonly gateway: Gateway;
  readonly unified: UnifiedGateway;
  readonly mappings: EffectiveMappings;
  readonly upstream: UpstreamClient;
  readonly observer: Observer;
  readonly shapes: Pick<ShapeSampler, 'offer'>;
  readonly log: Log;
  readonly publicUrl: string;
  /** This process, unlike any other. */
  readonly node: string;
  readonly now: () => number;
  /** How long a worker may be silent before another takes its events; default 60 s. */
  readonly leaseMs?: number;
}

export interface InboundRoom {
  readonly routes: readonly Route[];
  readonly crypto: VerificationPort;
  /** Begins to work on events: on nodes that work. */
  start(): void;
  metrics(): Promise<Metric[]>;
  /** What is done here at the turns of an account's life. */
  readonly hooks: AccountHooks;
  /** Lets what is under way end. */
  close(): Promise<void>;
}

/** Acknowledging comes first: while a group takes longer than this to be committed, splitting takes a fifth of the time. */
const slowAcknowledgementMs = 6;
const longestYieldMs = 1_000;
/** A batch of fewer requests is not followed by another before this long after its begin. */
const [largeBatch, batchEveryMs] = [200, 25];
const eraseIdleMs = 2_000;
const [splitIdleMs, workIdleMs, replayIdleMs, standingIdleMs, planEveryMs] = [100, 250, 2_000, 1_000, 30_000];
/** A standing task of a node that died is taken over after this; who lives holds it on. */
const standingLeaseS = 30;

export async function createInboundRoom(parts: InboundParts): Promise<InboundRoom> {
  const { pool, log, now, unified, connectors, node } = parts;
  await makeInboundPartitions(pool, now());
  const crypto = createVerificationCrypto();
  const counts = new EventCounts(parts.observer, connectors, parts.shapes);
  const common = { ...parts, crypto, counts, random: Math.random, owner: node };
  const loops: Loop[] = [];
  let splitting: Loop | undefined;
  const stored = (): void => splitting?.wake();

  // Connections of its own: requests are stored whatever the rest of the node asks of the database.
  const intake = createPool(String(pool.options.connectionString), { max: 3, onError: (error) => log.warn({ err: error }, 'inbound: an idle connection was lost') });
  const writer = new GroupWriter<NewRequest>({
    write: (rows) => insertRequests(intake, rows),
    bytesOf: ({ body, headers }) => body.length + headers.length + 500,
    isRowFault: (error) => error instanceof Error && 'code' in error && /^2[23]/.test(String(error.code)),
  });
  const directory = await AddressDirectory.open(parts);
  const refusals = new RefusalLog(log, now);
  const receiver = new Receiver({ ...common, directory, writer, keys: new VendorKeys(parts.upstream, now), refusals, stored });

  let working: Loop | undefined;
  let keeping: Loop | undefined;
  let ending = false;
  let replays: Loop | undefined;
  const waiting = new WaitingWork({
    ...common,
    leaseMs: parts.leaseMs ?? 60_000,
    ended: () => working?.wake(),
    fetchRecord: async (owner, model, id) => readFetched(await callInside(unified, { id: owner.accountId, tenantId: owner.tenantId }, { model, method: 'get', id, query: {}, headers: {} })),
  });

  const standing = new StandingWork({
    ...parts,
    owner: node,
    ending: () => ending,
    forget: (accountId) => directory.forgetAccount(accountId),
    leaseS: standingLeaseS,
    vendor: createVendor({ upstream: parts.upstream, crypto: parts.signing, now, log }),
    list: (account, model, query) => callInside(unified, account, { model, method: 'list', query, headers: {} }),
    call: (account, resource, method, query) =>
      callResourceInside(parts.gateway, account, method === 'list' ? { surface: 'proxy', httpMethod: 'GET', resource, query, headers: {} } : { surface: 'proxy', httpMethod: 'POST', resource, id: '-', action: method, query, headers: {} }, now()),
    stored,
  });

  return {
    crypto,
    routes: [ingestRoute(receiver), ...eventRoutes({ ...parts, replayBegun: () => replays?.wake(), tasksAsked: () => keeping?.wake() })],
    start() {
      const split = async (): Promise<number> => {
        const begun = performance.now();
        const { requests, waiting: handed } = await splitBatch(common);
        if (handed > 0) working?.wake();
        const tookMs = performance.now() - begun;
        if (writer.recentMs > slowAcknowledgementMs) await pause(Math.min(4 * tookMs, longestYieldMs));
        // What comes meanwhile is split together: a batch costs as much as twenty events do.
        else if (requests > 0 && requests < largeBatch && tookMs < batchEveryMs) await pause(batchEveryMs - tookMs);
        return requests;
      };
      working = new Loop({ name: 'waiting', idleMs: workIdleMs, log, work: () => waiting.workOnBatch() });
      const replaying = async (): Promise<number> => {
        const handed = await handOver(pool);
        if (handed > 0) working?.wake();
        return handed;
      };
      replays = new Loop({ name: 'replays', idleMs: replayIdleMs, log, work: replaying });
      loops.push(new Loop({ name: 'erasures', idleMs: eraseIdleMs, log, work: () => erasePieces(pool) }));
      loops.push(working, replays);
      const keeper = new Loop({ name: 'standing', idleMs: standingIdleMs, log, work: () => standing.work() });
      const planned = new PlannedAccounts({ plan: (accountId) => standing.plan(accountId), made: () => keeper.wake(), log });
      const heard = (accountId: string): void => {
        planned.heard(accountId);
        standing.heard(accountId).then((due) => due && keeper.wake(), (error: unknown) => log.debug({ err: error, accountId }, 'inbound: tasks of an account are taken up later'));
      };
      void parts.notifications.listen(accountChannel, { notified: (accountId) => heard(accountId), resynchronise: () => planned.forget() });
      keeping = keeper;
      loops.push(keeper, new Loop({ name: 'plan', idleMs: planEveryMs, log, work: () => planned.planAll() }));
      // One a node: a second one works off a backlog little faster, and acknowledgements pay for it (docs/decisions/0010).
      splitting = new Loop({ name: 'split', idleMs: splitIdleMs, log, work: split });
      loops.push(splitting);
    },
    hooks: standing,
    metrics: () => inboundMetrics({ database: pool, writer, events: counts, refusals }),
    async close() {
      ending = true;
      await Promise.all(loops.map((loop) => loop.close()));
      await Promise.all([waiting.settled(), standing.settled()]);
      await writer.settled();
      await intake.end();
    },
  };
}
