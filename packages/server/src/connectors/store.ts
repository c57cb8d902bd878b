/** The tables of connectors: versions, what is in effect, and the log of its changes. */
import type { Rollout } from '@evenkeel/core/connectors/rollout.ts';
import type { Queryable } from '../database/pool.ts';

export type VersionSource = 'built_in' | 'folder' | 'api';

/** What is in effect of one connector. */
export interface ConnectorRow {
  readonly id: string;
  readonly rollout: Rollout;
  readonly revision: number;
  readonly updatedAt: Date;
}

export interface VersionRow {
  readonly version: number;
  readonly source: VersionSource;
  readonly sha256: string;
  readonly createdBy: string;
  readonly createdAt: Date;
  readonly manifest: unknown;
}

interface StoredConnector {
  id: string;
  stable_version: number | null;
  candidate_version: number | null;
  candidate_percent: number | null;
  revision: number;
  updated_at: Date;
}

const connectorColumns = 'id, stable_version, candidate_version, candidate_percent, revision, updated_at';

function parseConnector(row: StoredConnector): ConnectorRow | undefined {
  const { id, stable_version: stable, candidate_version: version, candidate_percent: percent, revision, updated_at: updatedAt } = row;
  if (stable === null) return undefined;
  return { id, rollout: { stable, candidate: version === null || percent === null ? null : { version, percent } }, revision, updatedAt };
}

/** Those named, or all. */
export async function readConnectors(database: Queryable, ids?: readonly string[]): Promise<ConnectorRow[]> {
  const { rows } = await database.query<StoredConnector>(
    `select ${connectorColumns} from connectors where stable_version is not null and ($1::text[] is null or id = any($1)) order by id`,
    [ids ?? null],
  );
  return rows.map(parseConnector).filter((row) => row !== undefined);
}

/** The connector's row, locked until the transaction ends; made when missing. `present` is undefined before the first version. */
export async function lockConnector(database: Queryable, id: string): Promise<{ present: ConnectorRow | undefined }> {
  await database.query('insert into connectors (id) values ($1) on conflict (id) do nothing', [id]);
  const { rows } = await database.query<StoredConnector>(`select ${connectorColumns} from connectors where id = $1 for update`, [id]);
  return { present: rows[0] === undefined ? undefined : parseConnector(rows[0]) };
}

/** As `lockConnector`, for what must exist already. */
export async function lockPresentConnector(database: Queryable, id: string): Promise<ConnectorRow | undefined> {
  const { rows } = await database.query<StoredConnector>(`select ${connectorColumns} from connectors where id = $1 for update`, [id]);
  return rows[0] === undefined ? undefined : parseConnector(rows[0]);
}

/** Appends an immutable version and returns its number; the connector must be locked. `acceptedBy`: the rules it was checked by. */
export async function appendVersion(
  database: Queryable,
  entry: { connectorId: string; manifest: unknown; sha256: string; acceptedBy: string; source: VersionSource; actor: string },
): Promise<number> {
  const { rows } = await database.query<{ version: number }>(
    `insert into connector_versions (connector_id, version, manifest, sha256, accepted_by, source, created_by)
     select $1, coalesce(max(version), 0) + 1, $2::json, decode($3, 'hex'), decode($4, 'hex'), $5, $6 from connector_versions where connector_id = $1
     returning version`,
    [entry.connectorId, JSON.stringify(entry.manifest), entry.sha256, entry.acceptedBy, entry.source, entry.actor],
  );
  const row = rows[0];
  if (row === undefined) throw new Error(`insert into connector_versions returned no row for ${entry.connectorId}`);
  return row.version;
}

export interface NewestVersion {
  readonly version: number;
  readonly sha256: string;
  /** The rules it was last accepted by; null when that is not known. */
  readonly acceptedBy: string | null;
}

/** The newest version of each connector (or of one) that came from a folder. */
export async function newestFromDisk(database: Queryable, connectorId?: string): Promise<Map<string, NewestVersion>> {
  const { rows } = await database.query<{ connector_id: string; version: number; sha256: string; accepted_by: string | null }>(
    `select distinct on (connector_id) connector_id, version, encode(sha256, 'hex') as sha256, encode(accepted_by, 'hex') as accepted_by
     from connector_versions
     where source <> 'api' and ($1::text is null or connector_id = $1)
     order by connector_id, version desc`,
    [connectorId ?? null],
  );
  return new Map(rows.map((row) => [row.connector_id, { version: row.version, sha256: row.sha256, acceptedBy: row.accepted_by }]));
}

/** The contents of some versions, by number. */
export async function readDigests(database: Queryable, connectorId: string, versions: readonly number[]): Promise<Map<number, string>> {
  const { rows } = await database.query<{ version: number; sha256: string }>(
    `select version, encode(sha256, 'hex') as sha256 from connector_versions where connector_id = $1 and version = any($2)`,
    [connectorId, versions],
  );
  return new Map(rows.map(({ version, sha256 }) => [version, sha256]));
}

export interface VersionName {
  readonly connectorId: string;
  readonly version: number;
}
export interface StoredManifest {
  readonly manifest: unknown;
  readonly acceptedBy: string | null;
}

/** By `versionKey`. */
export async function readManifests(database: Queryable, wanted: readonly VersionName[]): Promise<Map<string, StoredManifest>> {
  const { rows } = await database.query<{ connector_id: string; version: number; manifest: unknown; accepted_by: string | null }>(
    `select v.connector_id, v.version, v.manifest, encode(v.accepted_by, 'hex') as accepted_by
     from connector_versions v
     join unnest($1::text[], $2::int[]) as wanted (connector_id, version) using (connector_id, version)`,
    [wanted.map(({ connectorId }) => connectorId), wanted.map(({ version }) => version)],
  );
  return new Map(rows.map((row) => [versionKey(row.connector_id, row.version), { manifest: row.manifest, acceptedBy: row.accepted_by }]));
}

/** Notes that versions have passed these rules. */
export async function markAccepted(database: Queryable, versions: readonly VersionName[], acceptedBy: string): Promise<void> {
  await database.query(
    `update connector_versions v
     set accepted_by = decode($3, 'hex')
     from unnest($1::text[], $2::int[]) as passed (connector_id, version)
     where v.connector_id = passed.connector_id and v.version = passed.version`,
    [versions.map(({ connectorId }) => connectorId), versions.map(({ version }) => version), acceptedBy],
  );
}

export const versionKey = (connectorId: string, version: number): string => `${connectorId}@${version}`;

/** Newest first. The manifest only when asked for, null otherwise. */
export async function listVersions(
  database: Queryable,
  connectorId: string,
  page: { limit: number; before: number | null; withManifest: boolean },
): Promise<VersionRow[]> {
  const { rows } = await database.query<{ version: number; source: VersionSource; sha256: string; created_by: string; created_at: Date; manifest: unknown }>(
    `select version, source, encode(sha256, 'hex') as sha256, created_by, created_at, case when $4 then manifest end as manifest
     from connector_versions
     where connector_id = $1 and ($2::bigint is null or version < $2)
     order by version desc
     limit $3`,
    [connectorId, page.before, page.limit, page.withManifest],
  );
  return rows.map(({ version, source, sha256, created_by: createdBy, created_at: createdAt, manifest }) => ({ version, source, sha256, createdBy, createdAt, manifest }));
}

/** Who made the version that is stable now: what an operator put is not replaced by what stands on disk. */
export async function sourceOf(database: Queryable, connectorId: string, version: number): Promise<VersionSource | undefined> {
  const { rows } = await database.query<{ source: VersionSource }>('select source from connector_versions where connector_id = $1 and version = $2', [connectorId, version]);
  return rows[0]?.source;
}

/** Every version that was stable at some time. */
export async function onceStable(database: Queryable, connectorId: string): Promise<number[]> {
  const { rows } = await database.query<{ version: number }>('select distinct stable_version as version from connector_rollouts where connector_id = $1', [connectorId]);
  return rows.map(({ version }) => version);
}

/** Puts a rollout into effect, logs it, and tells every node once the transaction commits. */
export async function writeRollout(
  database: Queryable,
  change: { connectorId: string; rollout: Rollout; action: 'put' | 'load' | 'rollout' | 'rollback'; actor: string },
): Promise<ConnectorRow> {
  const { connectorId, rollout, action, actor } = change;
  const { rows } = await database.query<StoredConnector>(
    `update connectors
     set stable_version = $2, candidate_version = $3, candidate_percent = $4, revision = revision + 1, updated_at = now()
     where id = $1
     returning ${connectorColumns}`,
    [connectorId, rollout.stable, rollout.candidate?.version ?? null, rollout.candidate?.percent ?? null],
  );
  const row = rows[0] === undefined ? undefined : parseConnector(rows[0]);
  if (row === undefined) throw new Error(`update connectors found no row for ${connectorId}`);
  await database.query(
    `insert into connector_rollouts (connector_id, revision, action, stable_version, candidate_version, candidate_percent, actor)
     values ($1, $2, $3, $4, $5, $6, $7)`,
    [connectorId, row.revision, action, rollout.stable, rollout.candidate?.version ?? null, rollout.candidate?.percent ?? null, actor],
  );
  await database.query(`select pg_notify($1, $2)`, [channel, connectorId]);
  return row;
}

/** NOTIFY channel; the payload is a connector's id, or `app:` and the id when its app settings changed. */
export const channel = 'evenkeel_connectors';

/** Authentication schemes that accounts were connected with, and how many of each. Reads the accounts room's table. */
export async function schemesInUse(database: Queryable, connectorId: string): Promise<{ schemeId: string; accounts: number }[]> {
  const { rows } = await database.query<{ scheme_id: string; accounts: number }>(
    'select scheme_id, count(*) as accounts from accounts where connector_id = $1 and deleted_at is null group by scheme_id order by scheme_id',
    [connectorId],
  );
  return rows.map(({ scheme_id: schemeId, accounts }) => ({ schemeId, accounts }));
}
