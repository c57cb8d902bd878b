/** Overrides of the deploy gate, and deployments, in PostgreSQL. */
import type { GateOverride } from '@evenkeel/contract/api/objectives.ts';
import type { ChangeKind } from '@evenkeel/core/objectives/deploy-gate.ts';
import type { ScopeKind } from '@evenkeel/contract/playbook/objectives.ts';
import type { Queryable } from '../../database/pool.ts';
import { writeScope, type Scope } from '../evaluation/scopes.ts';

interface OverrideRow {
  id: string;
  objective_id: string;
  scope_kind: ScopeKind;
  scope_id: string;
  reason: string;
  created_by: string;
  created_at: Date;
  expires_at: Date;
}

const viewOf = (row: OverrideRow): GateOverride => ({
  id: row.id,
  objective: row.objective_id,
  scope: writeScope({ kind: row.scope_kind, id: row.scope_id }),
  reason: row.reason,
  created_by: row.created_by,
  created_at: row.created_at.toISOString(),
  expires_at: row.expires_at.toISOString(),
});

export async function insertOverride(database: Queryable, one: { id: string; objectiveId: string; scope: Scope; reason: string; by: string; expiresAt: Date }): Promise<GateOverride> {
  const { rows } = await database.query<OverrideRow>(
    `insert into gate_overrides (id, objective_id, scope_kind, scope_id, reason, created_by, expires_at) values ($1, $2, $3, $4, $5, $6, $7) returning *`,
    [one.id, one.objectiveId, one.scope.kind, one.scope.id, one.reason, one.by, one.expiresAt],
  );
  const row = rows[0];
  if (row === undefined) throw new Error('insert into gate_overrides returned no row');
  return viewOf(row);
}

/** The one in force that ends last. */
export async function findOverride(database: Queryable, objectiveId: string, scope: Scope, now: Date): Promise<GateOverride | null> {
  const { rows } = await database.query<OverrideRow>(
    `select * from gate_overrides where objective_id = $1 and scope_kind = $2 and scope_id = $3 and expires_at > $4 order by expires_at desc limit 1`,
    [objectiveId, scope.kind, scope.id, now],
  );
  return rows[0] === undefined ? null : viewOf(rows[0]);
}

export async function listOverrides(database: Queryable, before: string | null, limit: number): Promise<GateOverride[]> {
  const { rows } = await database.query<OverrideRow>('select * from gate_overrides where ($1::text is null or id < $1) order by id desc limit $2', [before, limit]);
  return rows.map(viewOf);
}

export interface DeploymentRow {
  id: string;
  service: string;
  version: string;
  change: ChangeKind;
  description: string | null;
  url: string | null;
  deployed_at: Date;
  created_by: string;
}

export async function insertDeployment(database: Queryable, one: DeploymentRow): Promise<void> {
  await database.query(
    `insert into deployments (id, service, version, change, description, url, deployed_at, created_by) values ($1, $2, $3, $4, $5, $6, $7, $8)`,
    [one.id, one.service, one.version, one.change, one.description, one.url, one.deployed_at, one.created_by],
  );
}

export async function listDeployments(database: Queryable, filter: { since: Date | null; before: { at: Date; id: string } | null; limit: number }): Promise<DeploymentRow[]> {
  const { rows } = await database.query<DeploymentRow>(
    `select id, service, version, change, description, url, deployed_at, created_by from deployments
     where ($1::timestamptz is null or deployed_at >= $1) and ($2::timestamptz is null or (deployed_at, id) < ($2, $3))
     order by deployed_at desc, id desc limit $4`,
    [filter.since, filter.before?.at ?? null, filter.before?.id ?? null, filter.limit],
  );
  return rows;
}
