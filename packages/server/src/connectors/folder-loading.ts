/**
 * Brings what stands on disk into the registry at start. A manifest that differs from the newest one that came from
 * disk becomes a new version. It takes effect at once unless an operator has put a version of his own or a trial is
 * under way: then it waits in the list of versions for a rollout. When nodes of two releases start in turns, the one
 * that started last decides.
 */
import { compileAccepted, compileConnector, type Connector } from '@evenkeel/core/connectors/compile.ts';
import { transaction, type Pool, type Queryable } from '../database/pool.ts';
import type { Log } from '../log.ts';
import type { Catalogue } from './catalogue.ts';
import { addFirstVersions } from './first-versions.ts';
import { manifestDigest } from './manifest-digest.ts';
import { readManifestFolders, type FoundManifest } from './manifest-folder.ts';
import { ruleSet } from './rule-set.ts';
import { lostSchemes } from './scheme-continuity.ts';
import { appendVersion, lockConnector, markAccepted, newestFromDisk, schemesInUse, sourceOf, writeRollout, type NewestVersion } from './store.ts';

interface Candidate extends FoundManifest {
  readonly connector: Connector;
  readonly sha256: string;
}

export interface ConnectorFolder {
  readonly path: string;
  readonly source: 'built_in' | 'folder';
}

/** A faulty manifest is logged with every fault and left out; it never keeps the others from starting. */
export async function loadFolders(pool: Pool, catalogue: Catalogue, folders: readonly ConnectorFolder[], log: Log): Promise<void> {
  const [{ found, unreadable }, known, rules] = await Promise.all([readManifestFolders(folders), newestFromDisk(pool), ruleSet()]);
  for (const { file, message } of unreadable) log.error({ file }, `connectors: ${file} ${message}; it is left out`);
  const candidates = found.flatMap((one) => judge(one, known.get(one.id), rules, log));
  const fresh: Candidate[] = [];
  const passed: { connectorId: string; version: number }[] = [];
  for (const one of candidates) {
    const newest = known.get(one.id);
    if (newest?.sha256 !== one.sha256) fresh.push(one);
    else {
      catalogue.remember(one.id, newest.version, one.connector);
      if (newest.acceptedBy !== rules) passed.push({ connectorId: one.id, version: newest.version });
    }
  }
  if (passed.length > 0) await markAccepted(pool, passed, rules);
  if (fresh.length === 0) return;
  const added = await transaction(pool, async (client) => {
    const made = await addFirstVersions(client, fresh.filter(({ id }) => !known.has(id)), rules, 'system:load');
    const versions = fresh.filter(({ id }) => made.has(id)).map(({ id, connector }) => ({ id, version: 1, connector }));
    for (const { id, file } of fresh) if (made.has(id)) log.info({ connector: id, version: 1, file }, 'connectors: a new connector was loaded');
    // In one order on every node, so that nodes starting together wait for each other instead of deadlocking.
    for (const one of fresh.filter(({ id }) => !made.has(id)).toSorted((a, b) => (a.id < b.id ? -1 : 1))) {
      const version = await addFromDisk(client, one, rules, log);
      if (version !== undefined) versions.push({ id: one.id, version, connector: one.connector });
    }
    return versions;
  });
  for (const { id, version, connector } of added) catalogue.remember(id, version, connector);
}

/** What this release has accepted before, in the same content, is not checked again. */
function judge(one: FoundManifest, newest: NewestVersion | undefined, rules: string, log: Log): Candidate[] {
  const sha256 = manifestDigest(one.manifest);
  if (newest?.sha256 === sha256 && newest.acceptedBy === rules) return [{ ...one, connector: compileAccepted(one.manifest), sha256 }];
  const result = compileConnector(one.manifest);
  if (!result.ok) {
    log.error({ file: one.file, faults: result.faults }, `connectors: ${one.file} has faults and is left out`);
    return [];
  }
  if (result.connector.id !== one.id) {
    log.error({ file: one.file }, `connectors: ${one.file} has the id "${result.connector.id}"; it must be the name of its folder, and is left out`);
    return [];
  }
  return [{ ...one, connector: result.connector, sha256 }];
}

async function addFromDisk(client: Queryable, one: Candidate, acceptedBy: string, log: Log): Promise<number | undefined> {
  const { id, manifest, sha256, source } = one;
  const { present } = await lockConnector(client, id);
  // Another node may have added it while this one waited for the lock.
  const newest = (await newestFromDisk(client, id)).get(id);
  if (newest?.sha256 === sha256) return newest.version;
  const version = await appendVersion(client, { connectorId: id, manifest, sha256, acceptedBy, source, actor: 'system:load' });
  const obstacle = present === undefined ? undefined : await obstacleTo(client, one, present);
  if (obstacle !== undefined) {
    log.warn({ connector: id, version, file: one.file }, `connectors: version ${version} of ${id} is stored and not in effect, because ${obstacle}`);
    return version;
  }
  await writeRollout(client, { connectorId: id, rollout: { stable: version, candidate: null }, action: 'load', actor: 'system:load' });
  log.info({ connector: id, version, file: one.file }, 'connectors: a new version was loaded');
  return version;
}

async function obstacleTo(client: Queryable, one: Candidate, present: { id: string; rollout: { stable: number; candidate: object | null } }): Promise<string | undefined> {
  const { rollout } = present;
  if (rollout.candidate !== null) return 'a trial of another version is under way';
  if ((await sourceOf(client, one.id, rollout.stable)) === 'api') return `version ${rollout.stable}, which was put through the API, is`;
  return lostSchemes(one.connector.manifest, await schemesInUse(client, one.id));
}
