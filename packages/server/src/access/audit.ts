/**
 * The audit log. An entry is written before the act and completed after it, so that no write to Evenkeel's own state
 * happens without a trace, and an act cut short by a crash shows as an entry without status.
 */
import type { Queryable } from '../database/pool.ts';

export interface AuditRow {
  id: number;
  at: Date;
  actor: string;
  action: string;
  tenant_id: string | null;
  target: string;
  request_id: string;
  status: number | null;
}

export async function beginAudit(
  database: Queryable,
  entry: { actor: string; action: string; tenantId: string | null; target: string; requestId: string },
): Promise<number> {
  const { rows } = await database.query<{ id: number }>({
    name: 'begin-audit',
    text: 'insert into audit_log (actor, action, tenant_id, target, request_id) values ($1, $2, $3, $4, $5) returning id',
    values: [entry.actor, entry.action, entry.tenantId, entry.target, entry.requestId],
  });
  const row = rows[0];
  if (row === undefined) throw new Error('insert into audit_log returned no row');
  return row.id;
}

export async function completeAudit(database: Queryable, id: number, status: number): Promise<void> {
  await database.query({ name: 'complete-audit', text: 'update audit_log set status = $2 where id = $1', values: [id, status] });
}

export async function listAudit(database: Queryable, page: { tenantId: string | null; limit: number; before: number | null }): Promise<AuditRow[]> {
  const { rows } = await database.query<AuditRow>(
    `select id, at, actor, action, tenant_id, target, request_id, status from audit_log
     where ($1::bigint is null or id < $1) and ($2::text is null or tenant_id = $2)
     order by id desc
     limit $3`,
    [page.before, page.tenantId, page.limit],
  );
  return rows;
}
