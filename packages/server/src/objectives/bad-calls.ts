/**
 * The calls behind a figure: those that were counted as bad, as telemetry recorded them. A call is counted in the minute
 * it ended in, and its record says when it began.
 */
import type { Queryable } from '../database/pool.ts';
import { timeOfId } from '../identifier.ts';
import { callColumns, type CallRow } from '../telemetry/call-store.ts';
import type { Scope } from './evaluation/scopes.ts';

export interface BadCallFilter {
  readonly scope: Scope;
  /** Times in which the calls ended, milliseconds since the epoch, the end not included. */
  readonly ranges: readonly { readonly fromMs: number; readonly toMs: number }[];
  /** Vendors' failures as well. */
  readonly upstream: boolean;
  /** The last call of the page before. */
  readonly beforeId: string | null;
  readonly limit: number;
}

/** Longer than any call: how far before a range its calls may have begun. */
const longestCallMs = 15 * 60_000;
/** Call records name the connector; which of them are of a category is told by what was counted under it. */
const ofScope = {
  overall: '$9::text is not null',
  connector: 'connector_id = $9',
  tenant: 'tenant_id = $9',
  category: `connector_id in (select s.connector_id from telemetry_series s where s.kind = 'call' and s.category = $9)`,
} as const;

/** Answers of 500 and more, newest first; not of what Evenkeel reads for itself, which is in no objective and no agreement. */
export async function listBadCalls(database: Queryable, { scope, ranges, upstream, beforeId, limit }: BadCallFilter): Promise<CallRow[]> {
  if (ranges.length === 0) return [];
  const beforeMs = beforeId === null ? null : timeOfId(beforeId);
  const { rows } = await database.query<CallRow>(
    `select ${callColumns} from calls c
     where outcome = 'failure' and status >= 500 and surface <> 'background' and (coalesce(origin, 'platform') = 'platform' or ($1 and origin = 'upstream'))
       and at >= $2 and at < $3
       and exists (
         select 1 from unnest($4::timestamptz[], $5::timestamptz[]) as r (from_at, to_at)
         where c.at + c.total_us * interval '1 microsecond' >= r.from_at and c.at + c.total_us * interval '1 microsecond' < r.to_at
       )
       and ($6::text is null or (at, id) < ($7::timestamptz, $6)) and ${ofScope[scope.kind]}
     order by at desc, id desc limit $8`,
    [
      upstream,
      new Date(Math.min(...ranges.map(({ fromMs }) => fromMs)) - longestCallMs),
      new Date(Math.max(...ranges.map(({ toMs }) => toMs))),
      ranges.map(({ fromMs }) => new Date(fromMs)),
      ranges.map(({ toMs }) => new Date(toMs)),
      beforeId,
      beforeMs === null ? null : new Date(beforeMs),
      limit,
      scope.id,
    ],
  );
  return rows;
}
