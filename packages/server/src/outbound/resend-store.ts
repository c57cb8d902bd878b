/**
 * Bulk operations, recovering and resending, as rows: what is wanted, and how far it has come. What they do to deliveries is
 * in `resend-batch.ts`.
 */
import type { Queryable } from '../database/pool.ts';
import { newId } from '../identifier.ts';
import { firstIdAt } from './day-partitions.ts';

/** The job that does it. */
export const resendJob = 'resend-deliveries';

export interface ResendFilter {
  readonly states: readonly ('delivered' | 'failed' | 'cancelled')[];
  /** Null: all that the endpoint asks for. */
  readonly eventTypes: readonly string[] | null;
  readonly sinceMs: number;
  readonly untilMs: number;
  /** Events of which the endpoint has no delivery at all, because it was disabled then. */
  readonly missing: boolean;
}

export interface ResendRow {
  readonly id: string;
  readonly endpoint_id: string;
  readonly kind: 'recover' | 'resend';
  readonly filter: ResendFilter;
  readonly state: 'running' | 'done' | 'cancelled';
  readonly total: number;
  /** False: counting stopped early, there are at least `total`. */
  readonly total_exact: boolean;
  readonly done: number;
  readonly position: string;
  readonly created_at: Date;
  readonly finished_at: Date | null;
}

export interface Batch {
  readonly queued: number;
  /** Null at the end. */
  readonly position: string | null;
}

export interface ResendCount {
  readonly atLeast: number;
  readonly exact: boolean;
}

const columns = 'id, endpoint_id, kind, filter, state, total, total_exact, done, position, created_at, finished_at';

export async function insertResend(client: Queryable, resend: { endpointId: string; kind: 'recover' | 'resend'; filter: ResendFilter; total: ResendCount; createdBy: string }): Promise<ResendRow> {
  const { rows } = await client.query<ResendRow>(
    `insert into resends (id, endpoint_id, kind, filter, total, total_exact, position, created_by) values ($1, $2, $3, $4, $5, $6, $7, $8) returning ${columns}`,
    [newId('rs'), resend.endpointId, resend.kind, resend.filter, resend.total.atLeast, resend.total.exact, firstIdAt('evt', resend.filter.sinceMs), resend.createdBy],
  );
  const row = rows[0];
  if (row === undefined) throw new Error('insert into resends returned no row');
  return row;
}

export async function findResend(database: Queryable, endpointId: string, id: string): Promise<ResendRow | undefined> {
  const { rows } = await database.query<ResendRow>(`select ${columns} from resends where id = $1 and endpoint_id = $2`, [id, endpointId]);
  return rows[0];
}

export async function listResends(database: Queryable, endpointId: string, page: { before: string | null; limit: number }): Promise<ResendRow[]> {
  const { rows } = await database.query<ResendRow>(`select ${columns} from resends where endpoint_id = $1 and ($2::text is null or id < $2) order by id desc limit $3`, [endpointId, page.before, page.limit]);
  return rows;
}

/** False when it had ended before. */
export async function cancelResend(client: Queryable, id: string): Promise<boolean> {
  const { rowCount } = await client.query(`update resends set state = 'cancelled', finished_at = now() where id = $1 and state = 'running'`, [id]);
  return rowCount === 1;
}

/**
 * Keeps how far it has come; `position` null ends it, and what it has queued is then its total where that was not known.
 * One cancelled meanwhile stays cancelled, and counts what it has queued.
 */
export async function keepProgress(client: Queryable, id: string, { queued, position }: Batch): Promise<void> {
  await client.query(
    `update resends set done = done + $2, position = coalesce($3, position),
       total = case when total_exact then total when $3::text is null then done + $2 else greatest(total, done + $2) end,
       total_exact = total_exact or $3::text is null,
       finished_at = case when $3::text is null and state = 'running' then now() else finished_at end,
       state = case when $3::text is null and state = 'running' then 'done' else state end
     where id = $1`,
    [id, queued, position],
  );
}
