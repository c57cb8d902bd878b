/** The table of overrides: of a mapping, named by its model, and of the manifest. */
import type { OverrideLayer } from '@evenkeel/contract/api/overrides.ts';
import type { Queryable } from '../database/pool.ts';

export const overrideChannel = 'mapping_overrides';
/** What stands in the column `model` for an override of the manifest itself. */
export const manifestPart = 'manifest';

export interface OverrideRow {
  readonly connectorId: string;
  /** A unified model, or `manifestPart`. */
  readonly part: string;
  readonly layer: OverrideLayer;
  readonly owner: string;
  readonly patch: unknown;
  readonly revision: number;
  readonly updatedBy: string;
  readonly updatedAt: Date;
}
export type OverrideKey = Pick<OverrideRow, 'connectorId' | 'part' | 'layer' | 'owner'>;

interface StoredOverride {
  connector_id: string;
  model: string;
  layer: OverrideLayer;
  owner: string;
  patch: unknown;
  revision: string | number;
  updated_by: string;
  updated_at: Date;
}

export async function readOverrides(database: Queryable): Promise<OverrideRow[]> {
  const { rows } = await database.query<StoredOverride>('select connector_id, model, layer, owner, patch, revision, updated_by, updated_at from mapping_overrides');
  return rows.map((row) => ({ connectorId: row.connector_id, part: row.model, layer: row.layer, owner: row.owner, patch: row.patch, revision: Number(row.revision), updatedBy: row.updated_by, updatedAt: row.updated_at }));
}

/**
 * Makes or replaces it, and tells every node. With `expected` only if it has this revision, 0 for none: false when it does
 * not, and nothing is changed.
 */
export async function writeOverride(database: Queryable, { connectorId, part, layer, owner }: OverrideKey, patch: unknown, { actor, expected }: { actor: string; expected: number | undefined }): Promise<boolean> {
  const { rowCount } = await database.query(
    `with written as (
       insert into mapping_overrides (connector_id, model, layer, owner, patch, updated_by, revision)
       -- Unlike any revision before, also after a removal: compiled mappings are kept by it.
       select $1, $2, $3, $4, $5, $6, (extract(epoch from clock_timestamp()) * 1000000)::bigint
       -- Locked, so that it is not removed meanwhile and then made anew by somebody who expects it.
       where coalesce($8::bigint, 0) = 0 or exists (select from mapping_overrides where connector_id = $1 and model = $2 and layer = $3 and owner = $4 for update)
       on conflict (connector_id, model, layer, owner)
       do update set patch = excluded.patch, updated_by = excluded.updated_by, updated_at = now(), revision = greatest(mapping_overrides.revision + 1, excluded.revision)
         where $8::bigint is null or mapping_overrides.revision = $8
       returning connector_id)
     select pg_notify($7, connector_id) from written`,
    [connectorId, part, layer, owner, JSON.stringify(patch), actor, overrideChannel, expected ?? null],
  );
  return (rowCount ?? 0) > 0;
}

/** Whether there was one, of this revision where one is expected. */
export async function removeOverride(database: Queryable, { connectorId, part, layer, owner }: OverrideKey, expected: number | undefined): Promise<boolean> {
  const { rowCount } = await database.query(
    `with gone as (delete from mapping_overrides where connector_id = $1 and model = $2 and layer = $3 and owner = $4 and ($6::bigint is null or revision = $6) returning connector_id)
     select pg_notify($5, connector_id) from gone`,
    [connectorId, part, layer, owner, overrideChannel, expected ?? null],
  );
  return (rowCount ?? 0) > 0;
}

export async function tenantOf(database: Queryable, accountId: string, connectorId: string): Promise<string | undefined> {
  const { rows } = await database.query<{ tenant_id: string }>('select tenant_id from accounts where id = $1 and connector_id = $2', [accountId, connectorId]);
  return rows[0]?.tenant_id;
}
