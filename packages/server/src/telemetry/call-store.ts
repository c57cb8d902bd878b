/** Call records in PostgreSQL: written in batches, read newest first. */
import type { Call, CallOutcome, CallSurface, CallEvidence } from '@evenkeel/contract/api/calls.ts';
import type { ErrorCode, Origin } from '@evenkeel/contract/errors.ts';
import type { Queryable } from '../database/pool.ts';

export interface CallRow {
  id: string;
  at: Date;
  request_id: string;
  tenant_id: string | null;
  account_id: string | null;
  connector_id: string | null;
  connector_version: number | null;
  surface: CallSurface;
  resource: string | null;
  method: string;
  status: number;
  outcome: CallOutcome;
  origin: Origin | null;
  code: ErrorCode | null;
  reason: string | null;
  upstream_status: number | null;
  upstream_us: number;
  total_us: number;
  request_bytes: number;
  response_bytes: number;
  sampled: boolean;
}

/** A record as the API shows it. */
export function callView(row: CallRow): Call {
  const { at, connector_id: connector, ...rest } = row;
  return { ...rest, connector, at: at.toISOString(), overhead_us: Math.max(0, row.total_us - row.upstream_us) };
}

export const callColumns = `id, at, request_id, tenant_id, account_id, connector_id, connector_version, surface, resource, method, status,
  outcome, origin, code, reason, upstream_status, upstream_us, total_us, request_bytes, response_bytes, sampled`;

/** One statement for the batch: either all of it is stored or none. Repeating a batch stores nothing twice. */
export async function insertCalls(database: Queryable, rows: readonly (CallRow & { evidence: CallEvidence | null })[]): Promise<void> {
  await database.query({
    name: 'insert-calls',
    text: `insert into calls (${callColumns}, evidence)
           select ${callColumns}, evidence from jsonb_populate_recordset(null::calls, $1)
           on conflict do nothing`,
    values: [toJson(rows)],
  });
}

/** PostgreSQL's jsonb takes neither NUL nor half of a surrogate pair, and vendors send both. */
function toJson(rows: readonly object[]): string {
  const json = JSON.stringify(rows);
  if (!/\\u(?:0000|d[89a-f])/i.test(json)) return json;
  return JSON.stringify(rows, (_name, value: unknown) => (typeof value === 'string' ? value.replaceAll('\0', '').toWellFormed() : value));
}

export interface CallFilter {
  tenantId: string | null;
  accountId: string | null;
  connectorId: string | null;
  outcome: CallOutcome | null;
  origin: Origin | null;
  requestId: string | null;
  since: Date | null;
  /** The last call of the page before. */
  before: { at: Date; id: string } | null;
  limit: number;
}

export async function listCalls(database: Queryable, filter: CallFilter): Promise<CallRow[]> {
  const conditions: string[] = [];
  const values: unknown[] = [];
  const where = (condition: string, ...given: unknown[]): void => {
    conditions.push(condition.replace(/\?/g, () => `$${values.push(given.shift())}`));
  };
  if (filter.tenantId !== null) where('tenant_id = ?', filter.tenantId);
  if (filter.accountId !== null) where('account_id = ?', filter.accountId);
  if (filter.connectorId !== null) where('connector_id = ?', filter.connectorId);
  if (filter.outcome === 'success') where('outcome = ?', filter.outcome);
  // Said so that the partial index of everything but successes serves.
  else if (filter.outcome !== null) where(`outcome <> 'success' and outcome = ?`, filter.outcome);
  if (filter.origin !== null) where('origin = ?', filter.origin);
  if (filter.requestId !== null) where('request_id = ?', filter.requestId);
  if (filter.since !== null) where('at >= ?', filter.since);
  if (filter.before !== null) where('(at, id) < (?, ?) and at <= ?', filter.before.at, filter.before.id, filter.before.at);
  const { rows } = await database.query<CallRow>(
    `select ${callColumns} from calls
     ${conditions.length === 0 ? '' : `where ${conditions.join(' and ')}`}
     order by at desc, id desc
     limit $${values.push(filter.limit)}`,
    values,
  );
  return rows;
}

/** `at` is the moment the id was made, so that one partition is read; null when there is no such call for the tenant. */
export async function findCall(database: Queryable, id: string, at: Date, tenantId: string | null): Promise<(CallRow & { evidence: CallEvidence | null }) | null> {
  const { rows } = await database.query<CallRow & { evidence: CallEvidence | null }>(
    `select ${callColumns}, evidence from calls where at = $1 and id = $2 and ($3::text is null or tenant_id = $3)`,
    [at, id, tenantId],
  );
  return rows[0] ?? null;
}
