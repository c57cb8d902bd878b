/** Connectors that the database has never seen, stored together: a new installation would otherwise ask it seven times for each. */
import type { Queryable } from '../database/pool.ts';
import { channel, type VersionSource } from './store.ts';

export interface FirstVersion {
  readonly id: string;
  readonly manifest: unknown;
  readonly sha256: string;
  readonly source: VersionSource;
}

/**
 * Makes version 1 of each and puts it into effect; those that exist already, or that another node makes meanwhile, are left
 * alone. Returns the ids of those made. In a transaction: until it ends, nobody else can make or change them.
 */
export async function addFirstVersions(client: Queryable, entries: readonly FirstVersion[], acceptedBy: string, actor: string): Promise<Set<string>> {
  // In one order on every node, so that nodes starting together wait for each other instead of deadlocking.
  const { rows } = await client.query<{ id: string }>('insert into connectors (id) select id from unnest($1::text[]) as id order by id on conflict (id) do nothing returning id', [entries.map(({ id }) => id)]);
  const made = new Set(rows.map(({ id }) => id));
  if (made.size === 0) return made;
  const mine = entries.filter(({ id }) => made.has(id));
  const ids = mine.map(({ id }) => id);
  await client.query(
    `insert into connector_versions (connector_id, version, manifest, sha256, accepted_by, source, created_by)
     select id, 1, manifest::json, decode(sha256, 'hex'), decode($5, 'hex'), source, $6
     from unnest($1::text[], $2::text[], $3::text[], $4::text[]) as first (id, manifest, sha256, source)`,
    [ids, mine.map(({ manifest }) => JSON.stringify(manifest)), mine.map(({ sha256 }) => sha256), mine.map(({ source }) => source), acceptedBy, actor],
  );
  await client.query('update connectors set stable_version = 1, revision = revision + 1, updated_at = now() where id = any($1)', [ids]);
  await client.query(
    `insert into connector_rollouts (connector_id, revision, action, stable_version, actor)
     select id, revision, 'load', stable_version, $2 from connectors where id = any($1)`,
    [ids, actor],
  );
  await client.query('select pg_notify($1, id) from unnest($2::text[]) as id', [channel, ids]);
  return made;
}
