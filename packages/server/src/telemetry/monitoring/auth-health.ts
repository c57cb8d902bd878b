/** Authentication health: how many accounts of each connector wait for their owner, and how many came to that in the window. */
import type { AuthHealth } from '@evenkeel/contract/api/monitoring.ts';
import { ratioOf, type Asked } from './figures.ts';
import { sumWindows } from './window-store.ts';

interface Row {
  connector_id: string;
  accounts: number;
  needs_reauth: number;
  lost: number;
  reactivated: number;
  lost_before: number;
  reactivated_before: number;
  /** Since the window began, until this moment. */
  lost_since: number;
  left_since: number;
}

export async function readAuthHealth({ database, windows, tenantId, connectorId, limit }: Asked): Promise<AuthHealth['results']> {
  const { from, mid, to } = windows;
  const [{ rows }, refreshes] = await Promise.all([
    database.query<Row>(
      `with moved as (
         select connector_id,
           count(*) filter (where to_state = 'needs_reauth' and at >= $2 and at < $3) as lost,
           count(*) filter (where from_state = 'needs_reauth' and to_state = 'active' and at >= $2 and at < $3) as reactivated,
           count(*) filter (where to_state = 'needs_reauth' and at < $2) as lost_before,
           count(*) filter (where from_state = 'needs_reauth' and to_state = 'active' and at < $2) as reactivated_before,
           count(*) filter (where to_state = 'needs_reauth' and at >= $2) as lost_since,
           count(*) filter (where from_state = 'needs_reauth' and at >= $2) as left_since
         from account_transitions transitions join accounts on accounts.id = account_id
         where at >= $1 and ($4::text is null or accounts.tenant_id = $4) and ($5::text is null or connector_id = $5)
         group by connector_id),
       present as (
         select connector_id, count(*) as accounts, count(*) filter (where state = 'needs_reauth') as needs_reauth
         from accounts where deleted_at is null and ($4::text is null or tenant_id = $4) and ($5::text is null or connector_id = $5)
         group by connector_id)
       select connector_id, coalesce(accounts, 0) as accounts, coalesce(needs_reauth, 0) as needs_reauth,
         coalesce(lost, 0) as lost, coalesce(reactivated, 0) as reactivated, coalesce(lost_before, 0) as lost_before,
         coalesce(reactivated_before, 0) as reactivated_before, coalesce(lost_since, 0) as lost_since, coalesce(left_since, 0) as left_since
       from present full join moved using (connector_id)
       order by lost desc, needs_reauth desc, connector_id
       limit $6`,
      [from, mid, to, tenantId, connectorId, limit],
    ),
    sumWindows(database, windows, { kind: 'refresh', tenantId, connectorId }, ['connector_id']),
  ]);
  return rows.map((row) => {
    const sums = refreshes.find(({ dimensions }) => dimensions.connector_id === row.connector_id);
    const refreshesOf = (side: 'now' | 'before') => ({ refreshes: sums?.[side].total ?? 0, refreshes_failed: (sums?.[side].total ?? 0) - (sums?.[side].success ?? 0) });
    return {
      connector: row.connector_id,
      accounts: row.accounts,
      needs_reauth: row.needs_reauth,
      needs_reauth_before: Math.max(0, row.needs_reauth - row.lost_since + row.left_since),
      share: ratioOf(row.needs_reauth, row.accounts),
      now: { lost: row.lost, reactivated: row.reactivated, ...refreshesOf('now') },
      before: { lost: row.lost_before, reactivated: row.reactivated_before, ...refreshesOf('before') },
    };
  });
}
