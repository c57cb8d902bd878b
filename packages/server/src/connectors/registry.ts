/**
 * The registry of connectors: built-in ones, those of a folder, and what is put at runtime. A change commits to the
 * database, a notification brings it to every node; reading costs a look-up in memory.
 */
import { compileConnector, type Connector } from '@evenkeel/core/connectors/compile.ts';
import type { Fault } from '@evenkeel/core/connectors/lint/fault.ts';
import { rollBack, rollOut, type Rollout, type RolloutDecision } from '@evenkeel/core/connectors/rollout.ts';
import type { Notifications } from '../database/notifications.ts';
import { transaction, type Pool, type Queryable } from '../database/pool.ts';
import { Refusal } from '../http/problem.ts';
import type { Log } from '../log.ts';
import { AppSettings, type Sealer } from './app-settings.ts';
import { Catalogue, type ActiveConnector, type ServedConnector } from './catalogue.ts';
import type { Expectation } from './expectation.ts';
import { loadFolders, type ConnectorFolder } from './folder-loading.ts';
import { manifestDigest } from './manifest-digest.ts';
import { ruleSet } from './rule-set.ts';
import { lostSchemes } from './scheme-continuity.ts';
import { appendVersion, channel, lockConnector, lockPresentConnector, onceStable, readDigests, schemesInUse, writeRollout, type ConnectorRow } from './store.ts';

/** Who changes something, and what he has seen of it: `expected` is the revision of If-Match. */
export interface ChangeContext {
  readonly actor: string;
  readonly expected?: Expectation | undefined;
}

export interface PutOutcome {
  readonly version: number;
  /** False when the same content was in effect or on trial already. */
  readonly created: boolean;
  readonly warnings: readonly Fault[];
  readonly row: ConnectorRow;
}

/** Reading is synchronous and from memory. Changes throw `Refusal`, and are served by this node when they return. */
export interface ConnectorRegistry {
  /** The version that serves the account; without an account the stable one. */
  get(id: string, accountId?: string): ActiveConnector | undefined;
  served(id: string): ServedConnector | undefined;
  /** By id. */
  list(): ServedConnector[];
  /** Of every connector as it is served here; grows with each change. */
  revisions(): { readonly id: string; readonly revision: number }[];
  /** `percent` 100 makes it stable, less tries it on that share of accounts, 0 only stores it. */
  put(id: string, manifest: unknown, percent: number, context: ChangeContext): Promise<PutOutcome>;
  rollOut(id: string, version: number, percent: number, context: ChangeContext): Promise<ConnectorRow>;
  /** Never refused for the accounts' sake: it is the way out of a bad version. */
  rollBack(id: string, version: number | undefined, context: ChangeContext): Promise<ConnectorRow>;
  /** The installation's app at the vendor: client_id, client_secret and app_fields; empty when none is set. */
  app(id: string): Promise<Readonly<Record<string, string>>>;
  readonly apps: AppSettings;
  close(): Promise<void>;
}

export interface RegistryDependencies {
  readonly pool: Pool;
  readonly notifications: Notifications;
  readonly log: Log;
  readonly sealer: Sealer;
  /** In order; a later folder's connector replaces an earlier one's of the same id. */
  readonly folders: readonly ConnectorFolder[];
}

/** Resolves once every connector is loaded and changes of other nodes are heard. */
export async function openRegistry({ pool, notifications, log, sealer, folders }: RegistryDependencies): Promise<ConnectorRegistry> {
  const catalogue = new Catalogue(pool, log);
  const apps = new AppSettings(pool, sealer);
  // Listening comes first: what changes while the folders are read is heard.
  await notifications.listen(channel, {
    notified(payload) {
      if (payload.startsWith('app:')) apps.forget(payload.slice(4));
      else catalogue.refresh([payload]);
    },
    resynchronise() {
      apps.forget();
      catalogue.refresh();
    },
  });
  await loadFolders(pool, catalogue, folders, log);
  await catalogue.load();

  /** It is committed: a failure to load it here is made up for in the background. */
  const serve = (id: string): Promise<void> => catalogue.load([id]).catch(() => catalogue.refresh([id]));

  /** One change in one transaction; `decide` refuses by throwing. The row is locked, so changes queue up. */
  const change = async (id: string, decide: (client: Queryable) => Promise<ConnectorRow>): Promise<ConnectorRow> => {
    const row = await transaction(pool, decide);
    await serve(id);
    return row;
  };

  return {
    get: (id, accountId) => catalogue.get(id, accountId),
    served: (id) => catalogue.served(id),
    list: () => catalogue.list(),
    revisions: () => catalogue.list().map(({ row: { id, revision } }) => ({ id, revision })),

    async put(id, manifest, percent, { actor, expected }) {
      const { connector, warnings } = compileOrRefuse(id, manifest);
      const acceptedBy = await ruleSet();
      const { row, version, created } = await transaction(pool, async (client) => {
        const { present } = await lockConnector(client, id);
        requireExpected(id, present, expected);
        await requireSchemes(client, connector, catalogue.served(id)?.stable.connector);
        const sha256 = manifestDigest(manifest);
        const same = present === undefined ? undefined : await sameInEffect(client, present, sha256);
        const version = same ?? (await appendVersion(client, { connectorId: id, manifest, sha256, acceptedBy, source: 'api', actor }));
        const rollout = decidedOr(rollOut(present?.rollout ?? null, version, percent));
        const unchanged = present !== undefined && equal(rollout, present.rollout);
        return { row: unchanged ? present : await writeRollout(client, { connectorId: id, rollout, action: 'put', actor }), version, created: same === undefined };
      });
      // Only now: a number given in a transaction that fails is given again.
      if (created) catalogue.remember(id, version, connector);
      await serve(id);
      return { version, created, warnings, row };
    },

    rollOut(id, version, percent, { actor, expected }) {
      return change(id, async (client) => {
        const present = await requirePresent(client, id, expected);
        const rollout = decidedOr(rollOut(present.rollout, version, percent));
        if (equal(rollout, present.rollout)) return present;
        await requireSchemes(client, await requireVersion(catalogue, id, version), catalogue.served(id)?.stable.connector);
        return writeRollout(client, { connectorId: id, rollout, action: 'rollout', actor });
      });
    },

    rollBack(id, version, { actor, expected }) {
      return change(id, async (client) => {
        const present = await requirePresent(client, id, expected);
        const rollout = decidedOr(rollBack(present.rollout, await onceStable(client, id), version));
        await requireVersion(catalogue, id, rollout.stable);
        return writeRollout(client, { connectorId: id, rollout, action: 'rollback', actor });
      });
    },

    app: (id) => apps.read(id),
    apps,
    close: () => catalogue.close(),
  };
}

/** The version in effect or on trial that has this content already. */
async function sameInEffect(client: Queryable, { id, rollout }: ConnectorRow, sha256: string): Promise<number | undefined> {
  const digests = await readDigests(client, id, [rollout.stable, ...(rollout.candidate === null ? [] : [rollout.candidate.version])]);
  return [...digests].find(([, digest]) => digest === sha256)?.[0];
}

/** Refuses whole, with every fault. */
function compileOrRefuse(id: string, manifest: unknown): { connector: Connector; warnings: readonly Fault[] } {
  const result = compileConnector(manifest);
  const faults = result.ok ? [] : [...result.faults];
  const written = typeof manifest === 'object' && manifest !== null && 'id' in manifest ? manifest.id : undefined;
  if (typeof written === 'string' && written !== id) {
    faults.unshift({ path: 'id', message: `is "${written}", but the manifest was put at "${id}"; a connector keeps its id`, suggestion: id, severity: 'error' });
  }
  if (!result.ok || faults.length > 0) throw invalid(`The manifest of ${id}`, faults);
  return { connector: result.connector, warnings: result.warnings };
}

function invalid(what: string, faults: readonly Fault[]): Refusal {
  const errors = faults.filter(({ severity }) => severity === 'error').map(({ path, message, suggestion }) => ({ path, message, ...(suggestion === undefined ? {} : { suggestion }) }));
  const count = errors.length === 1 ? 'a fault' : `${errors.length} faults`;
  return new Refusal('connector_invalid', `${what} has ${count}, nothing was changed. Mend what errors lists and send it again.`, { errors });
}

async function requirePresent(client: Queryable, id: string, expected: Expectation | undefined): Promise<ConnectorRow> {
  const present = await lockPresentConnector(client, id);
  if (present === undefined) throw unknownConnector(id);
  requireExpected(id, present, expected);
  return present;
}

export const unknownConnector = (id: string): Refusal => new Refusal('not_found', `There is no connector ${id}. GET /v1/connectors lists those there are.`);

function requireExpected(id: string, present: ConnectorRow | undefined, expected: Expectation | undefined): void {
  if (expected === undefined) return;
  if (expected === 'absent') {
    if (present !== undefined) throw new Refusal('conflict', `The connector ${id} exists already (If-None-Match: *).`, { status: 412 });
  } else if (present?.revision !== expected.revision) {
    const now = present === undefined ? 'does not exist' : `is at revision ${present.revision}`;
    throw new Refusal('conflict', `The connector ${id} ${now}, not at ${expected.revision}: someone changed it meanwhile. Read it again and repeat.`, { status: 412 });
  }
}

async function requireSchemes(client: Queryable, connector: Connector, before: Connector | undefined): Promise<void> {
  const lost = lostSchemes(connector.manifest, await schemesInUse(client, connector.id), before?.manifest);
  if (lost !== undefined) throw new Refusal('conflict', `This version would cut accounts off: ${lost}. Keep the scheme in the manifest, or have those accounts connect anew first.`);
}

async function requireVersion(catalogue: Catalogue, id: string, version: number): Promise<Connector> {
  const result = await catalogue.version(id, version);
  if (result === undefined) throw new Refusal('not_found', `The connector ${id} has no version ${version}. GET /v1/connectors/${id}/versions lists them.`);
  if (!result.ok) throw invalid(`Version ${version} of ${id}, made for another release,`, result.faults);
  return result.connector;
}

function decidedOr(decision: RolloutDecision): Rollout {
  if (!decision.ok) throw new Refusal('conflict', decision.message);
  return decision.rollout;
}

const equal = (a: Rollout, b: Rollout): boolean =>
  a.stable === b.stable && a.candidate?.version === b.candidate?.version && a.candidate?.percent === b.candidate?.percent;
