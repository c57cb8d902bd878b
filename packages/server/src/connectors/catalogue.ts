/**
 * The connectors in effect, in memory: compiled once a version, looked up without a promise, brought up to date when
 * any node changes something. Compiled versions no longer in effect stay in a bounded cache, for a quick way back.
 */
import { LRUCache } from 'lru-cache';
import { compileAccepted, compileConnector, type CompileResult, type Connector } from '@evenkeel/core/connectors/compile.ts';
import { versionFor } from '@evenkeel/core/connectors/rollout.ts';
import type { Queryable } from '../database/pool.ts';
import type { Log } from '../log.ts';
import { ruleSet } from './rule-set.ts';
import { markAccepted, readConnectors, readManifests, versionKey, type ConnectorRow, type StoredManifest, type VersionName } from './store.ts';

/** One version of a connector at work. */
export interface ActiveConnector {
  readonly connector: Connector;
  readonly version: number;
}

export interface ServedConnector {
  readonly stable: ActiveConnector;
  /** Undefined without a trial, and when the candidate does not compile here: then stable serves everyone. */
  readonly candidate: ActiveConnector | undefined;
  readonly row: ConnectorRow;
}

/** Old versions kept beside those in effect, over all connectors. */
const cachedVersions = 256;
const retryMs = 1_000;

export class Catalogue {
  readonly #database: Queryable;
  readonly #log: Log;
  readonly #served = new Map<string, ServedConnector>();
  readonly #compiled = new LRUCache<string, Connector>({ max: cachedVersions });
  #retry: NodeJS.Timeout | undefined;
  readonly #refreshing = new Set<Promise<void>>();
  #closed = false;

  constructor(database: Queryable, log: Log) {
    this.#database = database;
    this.#log = log;
  }

  /** The version that serves the account; without an account the stable one. */
  get(id: string, accountId?: string): ActiveConnector | undefined {
    const served = this.#served.get(id);
    if (served === undefined) return undefined;
    const { stable, candidate, row } = served;
    if (candidate === undefined) return stable;
    return versionFor(id, row.rollout, accountId) === candidate.version ? candidate : stable;
  }

  served(id: string): ServedConnector | undefined {
    return this.#served.get(id);
  }

  /** By id. */
  list(): ServedConnector[] {
    return [...this.#served.values()].toSorted((a, b) => (a.row.id < b.row.id ? -1 : 1));
  }

  /** Keeps what was compiled anyway, so that loading it costs nothing. */
  remember(id: string, version: number, connector: Connector): void {
    this.#compiled.set(versionKey(id, version), connector);
  }

  /** Compiles a stored version, or finds it compiled. Undefined when there is no such version. */
  async version(id: string, version: number): Promise<CompileResult | undefined> {
    const known = this.#compiled.get(versionKey(id, version));
    if (known !== undefined) return { ok: true, connector: known, warnings: [] };
    const stored = (await readManifests(this.#database, [{ connectorId: id, version }])).get(versionKey(id, version));
    return stored === undefined ? undefined : this.#compile(id, version, stored, await ruleSet());
  }

  /** Reads what is in effect, of the connectors named or of all, and serves it from then on. */
  async load(ids?: readonly string[]): Promise<void> {
    const rows = await readConnectors(this.#database, ids);
    const wanted = rows.flatMap(({ id, rollout }) => [
      { connectorId: id, version: rollout.stable },
      ...(rollout.candidate === null ? [] : [{ connectorId: id, version: rollout.candidate.version }]),
    ]);
    const missing = wanted.filter(({ connectorId, version }) => !this.#compiled.has(versionKey(connectorId, version)));
    const manifests = missing.length === 0 ? new Map<string, StoredManifest>() : await readManifests(this.#database, missing);
    const rules = await ruleSet();
    for (const row of rows) this.#serve(row, manifests, rules);
    const checked = missing.filter((one) => this.#passed(one, manifests.get(versionKey(one.connectorId, one.version)), rules));
    if (checked.length > 0) await markAccepted(this.#database, checked, rules);
  }

  /** Loads now and, while PostgreSQL cannot be reached, again until it succeeds. Never throws. */
  refresh(ids?: readonly string[]): void {
    const refreshing = this.load(ids).catch((error: unknown) => {
      if (this.#closed) return;
      this.#log.warn({ err: error }, 'connectors: what is in effect could not be read, trying again');
      clearTimeout(this.#retry);
      // Everything, since this timer may stand in for that of other connectors.
      this.#retry = setTimeout(() => this.refresh(), retryMs);
    });
    this.#refreshing.add(refreshing);
    void refreshing.then(() => this.#refreshing.delete(refreshing));
  }

  /** Resolves when nothing reads any more. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#retry);
    await Promise.all(this.#refreshing);
  }

  /** Whether it was just checked here, and is not yet known to have passed. */
  #passed({ connectorId, version }: VersionName, stored: StoredManifest | undefined, rules: string): boolean {
    return stored !== undefined && stored.acceptedBy !== rules && this.#compiled.has(versionKey(connectorId, version));
  }

  #serve(row: ConnectorRow, manifests: ReadonlyMap<string, StoredManifest>, rules: string): void {
    const present = this.#served.get(row.id);
    // Two loads may overtake each other; the newer state stays.
    if (present !== undefined && present.row.revision > row.revision) return;
    const { stable, candidate } = row.rollout;
    const active = this.#activate(row.id, stable, manifests, rules);
    if (active === undefined) return;
    this.#served.set(row.id, { stable: active, candidate: candidate === null ? undefined : this.#activate(row.id, candidate.version, manifests, rules), row });
  }

  #activate(id: string, version: number, manifests: ReadonlyMap<string, StoredManifest>, rules: string): ActiveConnector | undefined {
    const key = versionKey(id, version);
    const known = this.#compiled.get(key);
    if (known !== undefined) return { connector: known, version };
    const result = this.#compile(id, version, manifests.get(key), rules);
    if (result.ok) return { connector: result.connector, version };
    this.#log.error({ connector: id, version, faults: result.faults }, 'connectors: a stored version does not compile on this release and is not served');
    return undefined;
  }

  #compile(id: string, version: number, stored: StoredManifest | undefined, rules: string): CompileResult {
    const result: CompileResult = stored?.acceptedBy === rules ? { ok: true, connector: compileAccepted(stored.manifest), warnings: [] } : compileConnector(stored?.manifest);
    if (result.ok) this.remember(id, version, result.connector);
    return result;
  }
}
