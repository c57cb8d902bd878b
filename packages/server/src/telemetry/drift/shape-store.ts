/** Baselines and changes of shapes in PostgreSQL. */
import type { Drift } from '@evenkeel/contract/api/drift.ts';
import type { ChangeClass, ChangeKind, ShapeState } from '@evenkeel/core/telemetry/drift.ts';
import type { JsonType } from '@evenkeel/core/telemetry/shape.ts';
import type { Queryable } from '../../database/pool.ts';
import { newId } from '../../identifier.ts';

/** Where a shape was met. */
export interface ShapePlace {
  readonly connectorId: string;
  readonly endpoint: string;
  readonly vendorEndpoint: string;
  readonly statusClass: string;
}

export interface ChangeRow {
  id: string;
  connector_id: string;
  endpoint: string;
  vendor_endpoint: string;
  status_class: string;
  path: string;
  kind: ChangeKind;
  json_type: JsonType | null;
  class: ChangeClass;
  state: Drift['state'];
  evidence: Record<string, unknown>;
  detected_at: Date;
  ended_at: Date | null;
  ended_by: string | null;
  note: string | null;
}

/** Locks the row, so that nodes take turns; undefined for a place never met. */
export async function lockBaseline(client: Queryable, { connectorId, endpoint, statusClass }: ShapePlace): Promise<ShapeState | undefined> {
  const { rows } = await client.query<{ state: ShapeState }>('select state from shape_baselines where connector_id = $1 and endpoint = $2 and status_class = $3 for update', [connectorId, endpoint, statusClass]);
  return rows[0]?.state;
}

/** For a place never met: the row to lock. */
export async function insertBaseline(client: Queryable, { connectorId, endpoint, vendorEndpoint, statusClass }: ShapePlace, state: ShapeState): Promise<void> {
  await client.query('insert into shape_baselines (connector_id, endpoint, vendor_endpoint, status_class, state) values ($1, $2, $3, $4, $5) on conflict do nothing', [connectorId, endpoint, vendorEndpoint, statusClass, JSON.stringify(state)]);
}

export async function storeBaseline(client: Queryable, { connectorId, endpoint, statusClass }: ShapePlace, state: ShapeState): Promise<void> {
  await client.query('update shape_baselines set state = $4, updated_at = now() where connector_id = $1 and endpoint = $2 and status_class = $3', [connectorId, endpoint, statusClass, JSON.stringify(state)]);
}

export interface FoundChange {
  readonly kind: ChangeKind;
  readonly path: string;
  readonly type: JsonType | null;
  readonly class: ChangeClass;
  readonly evidence: Readonly<Record<string, unknown>>;
}

/** Opens what is new, refreshes the evidence of what is open, and ends what is no more. */
export async function storeChanges(client: Queryable, { connectorId, endpoint, vendorEndpoint, statusClass }: ShapePlace, changes: readonly FoundChange[]): Promise<void> {
  const place = [connectorId, endpoint, statusClass];
  for (const { kind, path, type, class: what, evidence } of changes) {
    await client.query(
      `insert into shape_changes (id, connector_id, endpoint, status_class, vendor_endpoint, path, kind, json_type, class, evidence)
       values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
       on conflict (connector_id, endpoint, status_class, path, kind, coalesce(json_type, '')) where state = 'open'
       do update set evidence = excluded.evidence, class = excluded.class`,
      [newId('drift'), ...place, vendorEndpoint, path, kind, type, what, JSON.stringify(evidence)],
    );
  }
  const kept = changes.map(({ kind, path, type }) => `${kind} ${path} ${type ?? ''}`);
  await client.query(
    `update shape_changes set state = 'passed', ended_at = now()
     where connector_id = $1 and endpoint = $2 and status_class = $3 and state = 'open' and not (kind || ' ' || path || ' ' || coalesce(json_type, '')) = any($4::text[])`,
    [...place, kept],
  );
}

export interface ChangeFilter {
  readonly connectorId: string | null;
  readonly class: string | null;
  readonly state: string | null;
  readonly before: string | null;
  readonly limit: number;
}

export async function listChanges(database: Queryable, { connectorId, class: what, state, before, limit }: ChangeFilter): Promise<ChangeRow[]> {
  const { rows } = await database.query<ChangeRow>(
    `select * from shape_changes
     where ($1::text is null or connector_id = $1) and ($2::text is null or class = $2) and ($3::text is null or state = $3) and ($4::text is null or id < $4)
     order by id desc limit $5`,
    [connectorId, what, state, before, limit],
  );
  return rows;
}

export async function lockChange(client: Queryable, id: string): Promise<ChangeRow | undefined> {
  const { rows } = await client.query<ChangeRow>('select * from shape_changes where id = $1 for update', [id]);
  return rows[0];
}

export async function endChange(client: Queryable, id: string, by: string, note: string | null): Promise<ChangeRow | undefined> {
  const { rows } = await client.query<ChangeRow>(`update shape_changes set state = 'acknowledged', ended_at = now(), ended_by = $2, note = $3 where id = $1 returning *`, [id, by, note]);
  return rows[0];
}

/** Those nobody has acknowledged, for alerts. */
export async function openChanges(database: Queryable): Promise<{ id: string; connectorId: string; endpoint: string; change: 'breaking' | 'warning' }[]> {
  const { rows } = await database.query<{ id: string; connector_id: string; endpoint: string; class: 'breaking' | 'warning' }>(
    `select id, connector_id, endpoint, class from shape_changes where state = 'open' and class in ('breaking', 'warning') order by id limit 1000`,
  );
  return rows.map(({ id, connector_id: connectorId, endpoint, class: change }) => ({ id, connectorId, endpoint, change }));
}
