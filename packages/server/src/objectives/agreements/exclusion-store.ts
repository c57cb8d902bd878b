/** Exclusions in PostgreSQL: proposed with evidence, decided once. */
import type { Exclusion } from '@evenkeel/contract/api/agreements.ts';
import type { ExclusionClause } from '@evenkeel/contract/playbook/agreements.ts';
import type { Queryable } from '../../database/pool.ts';

export interface ExclusionRow {
  id: string;
  agreement_id: string;
  tenant_id: string;
  clause: ExclusionClause;
  from_at: Date;
  to_at: Date;
  announced_at: Date | null;
  reason: string;
  evidence: Exclusion['evidence'];
  state: Exclusion['state'];
  proposed_by: string;
  proposed_at: Date;
  decided_by: string | null;
  decided_at: Date | null;
  decision_note: string | null;
}

export type NewExclusion = Pick<ExclusionRow, 'id' | 'agreement_id' | 'tenant_id' | 'clause' | 'from_at' | 'to_at' | 'announced_at' | 'reason' | 'evidence' | 'proposed_by'>;

export async function insertExclusion(database: Queryable, one: NewExclusion): Promise<ExclusionRow> {
  const { rows } = await database.query<ExclusionRow>(
    `insert into exclusions (id, agreement_id, tenant_id, clause, from_at, to_at, announced_at, reason, evidence, proposed_by)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) returning *`,
    [one.id, one.agreement_id, one.tenant_id, one.clause, one.from_at, one.to_at, one.announced_at, one.reason, JSON.stringify(one.evidence), one.proposed_by],
  );
  const row = rows[0];
  if (row === undefined) throw new Error('insert into exclusions returned no row');
  return row;
}

/** Null when there is none that is still proposed. */
export async function decideExclusion(database: Queryable, id: string, state: 'approved' | 'rejected', by: string, note: string | null): Promise<ExclusionRow | null> {
  const { rows } = await database.query<ExclusionRow>(
    `update exclusions set state = $2, decided_by = $3, decided_at = now(), decision_note = $4 where id = $1 and state = 'proposed' returning *`,
    [id, state, by, note],
  );
  return rows[0] ?? null;
}

export async function findExclusion(database: Queryable, id: string, tenantId: string | null): Promise<ExclusionRow | null> {
  const { rows } = await database.query<ExclusionRow>('select * from exclusions where id = $1 and ($2::text is null or tenant_id = $2)', [id, tenantId]);
  return rows[0] ?? null;
}

export async function listExclusions(database: Queryable, filter: { agreementId: string | null; tenantId: string | null; state: string | null; before: string | null; limit: number }): Promise<ExclusionRow[]> {
  const { rows } = await database.query<ExclusionRow>(
    `select * from exclusions
     where ($1::text is null or agreement_id = $1) and ($2::text is null or tenant_id = $2) and ($3::text is null or state = $3) and ($4::text is null or id < $4)
     order by id desc limit $5`,
    [filter.agreementId, filter.tenantId, filter.state, filter.before, filter.limit],
  );
  return rows;
}

/** Approved ones that touch the time. */
export async function approvedExclusions(database: Queryable, agreementId: string, fromMs: number, toMs: number): Promise<ExclusionRow[]> {
  const { rows } = await database.query<ExclusionRow>(
    `select * from exclusions where agreement_id = $1 and state = 'approved' and from_at < $3 and to_at > $2 order by from_at, id`,
    [agreementId, new Date(fromMs), new Date(toMs)],
  );
  return rows;
}
