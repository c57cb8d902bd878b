/**
 * Composition: builds every room of the server from a configuration and ties their lifetimes together. Rooms get what
 * they need as arguments; nothing here decides anything a room should.
 */
import { randomUUID } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import type { FastifyInstance, FastifyListenOptions } from 'fastify';
import { createPool, type Pool } from './database/pool.ts';
import { startEmbeddedPostgres } from './database/embedded.ts';
import { startFleetClock } from './database/fleet-clock.ts';
import { migrate, readMigrations } from './database/migrate.ts';
import { createNotifications } from './database/notifications.ts';
import { ensureAdminKey, KeyLookup } from './access/keys.ts';
import { accessRoutes } from './access/routes.ts';
import { findMasterKeys, type MasterKeys } from './accounts/vault/master-keys.ts';
import { hasKeys, openVault, proveMasterKeys } from './accounts/vault/vault-keys.ts';
import { watchVault } from './accounts/vault/vault-nodes.ts';
import type { Configuration } from './configuration.ts';
import { createApplication } from './http/application.ts';
import { errorPageRoutes } from './http/error-page.ts';
import { databaseChecks, faultsOf, probeRoutes, type Readiable } from './http/probes.ts';
import { startJobs } from './jobs/runner.ts';
import { makeAdminKey, readOrMakeKey } from './keyfile.ts';
import { createLog, type Log } from './log.ts';
import { overviewRoutes } from './overview/routes.ts';
import { FirstProcess } from './processes/first-process.ts';
import type { NodeProcesses } from './processes/node-processes.ts';
import { requireFree } from './processes/shared-port.ts';
import { buildRooms } from './rooms.ts';

export const version = '0.1.0';

/** The console's pages, served as files: nothing of them is imported. */
const pagesDir = join(import.meta.dirname, '../../console/pages');

export interface RunningServer {
  /** Address it listens on. */
  readonly url: string;
  readonly application: FastifyInstance;
  /** The admin key of the environment or of the data folder; undefined when the installation's own database has keys. */
  readonly adminKey: string | undefined;
  /** Of the further processes that answer on the port. */
  readonly apiProcessIds: () => readonly number[];
  /** Resolves when the server cannot go on, with what to do; it is still to be closed. */
  readonly failed: Promise<Error>;
  /** Stops taking requests, lets those under way end, flushes, closes. Called twice, the second awaits the first. */
  close(): Promise<void>;
}

/**
 * The garbage collector as a server of many short calls wants it (docs/decisions/0008 has the measurements):
 * - V8 makes what survives often in the old generation from the start. Of objects that live as long as a call, such a one
 *   keeps its whole call alive until the next full collection: 8 of 37 µs a call.
 * - Where every core has its process, a collection of the young generation waits longer for helping threads to be run than
 *   it takes: 5 to 7 ms in place of below 1.
 * - The collections by which V8 gives memory back while little is allocated come under load as well, and shrink the young
 *   generation to the least: calls waited for up to 180 ms. Memory that was used once stays with the process.
 * - While little is allocated V8 lowers what the old generation may hold, and so begins each burst of calls with a full
 *   collection.
 */
function suitCollectorToCalls(): void {
  // Others than the pinned release may not know the later ones, and would complain of each.
  const measured = Number.parseInt(process.versions.node, 10) >= 26;
  const flags = ['--no-allocation-site-pretenuring', ...(measured ? ['--no-parallel-scavenge', '--memory-reducer-gc-count=0', '--no-scavenger-updates-allocation-limit'] : [])];
  for (const flag of flags) setFlagsFromString(flag);
}

/** Starts everything; on a failure half-way, what was started is stopped again before the error is passed on. */
export async function startServer(configuration: Configuration, options: { log?: Log; now?: () => number; processes?: NodeProcesses } = {}): Promise<RunningServer> {
  suitCollectorToCalls();
  const log = options.log ?? createLog(configuration.logLevel);
  const now = options.now ?? Date.now;
  const closers: (() => Promise<unknown>)[] = [];
  const failure = Promise.withResolvers<Error>();
  let closing: Promise<void> | undefined;
  const close = (): Promise<void> => (closing ??= closeAll(closers, log));
  try {
    const databaseUrl = await openDatabase(configuration, closers);
    const pool = createPool(databaseUrl, { ...(options.processes === undefined ? {} : { max: furtherConnections }), onError: (error) => log.warn({ err: error }, 'database: an idle connection was lost') });
    closers.push(() => pool.end());
    // Before anything is written or migrated: a wrong key must leave everything as it was.
    const proven = await proveKeysOf(configuration, pool);
    const migrations = await readMigrations();
    const applied = await migrate(databaseUrl, migrations);
    if (applied.length > 0) log.info({ applied }, 'database: migrations applied');
    const clock = await startFleetClock({ database: pool, log });
    closers.push(async () => clock.close());
    const node = `${hostname()}:${process.pid}:${randomUUID().slice(0, 8)}`;
    const { masterKey, previous } = proven ?? (await findMasterKeys(configuration, pool));
    const vault = await openVault(pool, masterKey, previous, node);
    const notifications = await createNotifications(databaseUrl, log);
    closers.push(() => notifications.close());
    const watch = await watchVault({ pool, notifications, vault, node, log, lost: (message) => failure.resolve(new Error(message)) });
    closers.push(() => watch.close());
    const adminKey = await ensureFirstKey(configuration, pool);
    const keys = new KeyLookup(pool, now);
    const first = new FirstProcess(log);
    const processes = options.processes ?? first;
    const rooms = await buildRooms({ configuration, vault, pool, notifications, log, now, fleetNow: options.now ?? clock.now, node, version, nodeMetrics: () => processes.metrics(), onClose: (end) => void closers.push(end) });
    const checks: Readiable[] = [...databaseChecks(pool, migrations.map(({ name }) => name)), ...processes.checks];
    if (configuration.role !== 'api') {
      const jobs = await startJobs(pool, rooms.jobs, log);
      closers.push(() => jobs.stop());
      checks.push({ name: 'workers', check: () => jobs.check() });
    }
    processes.tells({ metrics: rooms.processMetrics, faults: () => faultsOf(checks) });
    const routes = [...probeRoutes({ version, checks }), ...errorPageRoutes(), ...overviewRoutes(pagesDir), ...accessRoutes({ database: pool, keys }), ...rooms.routes];
    const application = await createApplication({ database: pool, keys, log, version, routes });
    // Together: no process of the node takes a request any more once it closes.
    closers.push(() => Promise.all([application.close(), first.stop()]));
    const { apiProcesses } = configuration;
    if (apiProcesses > 1) await requireFree(configuration);
    const url = await listen(application, configuration, apiProcesses > 1 || options.processes !== undefined);
    const { port } = application.server.address() as AddressInfo;
    await first.start({ ...configuration, databaseUrl, masterKey, previousMasterKeys: previous, port, role: 'api', apiProcesses: 1 }, apiProcesses - 1);
    log.info({ url, role: configuration.role, processes: apiProcesses }, 'evenkeel listens');
    return { url, application, adminKey, apiProcessIds: () => first.pids(), failed: failure.promise, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Connections to the database of a further process, which has no jobs. */
const furtherConnections = 8;

/** `shared`: with other processes of this machine, by SO_REUSEPORT. */
function listen(application: FastifyInstance, { port, host }: Configuration, shared: boolean): Promise<string> {
  const address: FastifyListenOptions & { reusePort?: boolean } = { port, host, ...(shared ? { reusePort: true } : {}) };
  return application.listen(address);
}

/** The master keys, proven on what a database in use holds; undefined for one that is new. */
async function proveKeysOf(configuration: Configuration, pool: Pool): Promise<MasterKeys | undefined> {
  if (!(await hasKeys(pool))) return undefined;
  const keys = await findMasterKeys(configuration, pool);
  await proveMasterKeys(pool, keys.masterKey, keys.previous);
  return keys;
}

async function openDatabase(configuration: Configuration, closers: (() => Promise<unknown>)[]): Promise<string> {
  if (configuration.databaseUrl !== undefined) return configuration.databaseUrl;
  const embedded = await startEmbeddedPostgres(configuration.dataDir);
  closers.push(() => embedded.stop());
  return embedded.url;
}

/** With an own database the first key must be given; the embedded one makes and keeps its own. */
async function ensureFirstKey(configuration: Configuration, pool: Pool): Promise<string | undefined> {
  const key =
    configuration.adminKey ?? (configuration.databaseUrl === undefined ? await readOrMakeKey(configuration.dataDir, 'admin.key', makeAdminKey) : undefined);
  if (key !== undefined) await ensureAdminKey(pool, key);
  return key;
}

/** In the reverse order of opening; a failure is logged and does not keep the others open. */
async function closeAll(closers: (() => Promise<unknown>)[], log: Log): Promise<void> {
  for (const close of closers.toReversed()) {
    try {
      await close();
    } catch (error) {
      log.error({ err: error }, 'a part of the server did not close cleanly');
    }
  }
}
