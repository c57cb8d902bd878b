/** Token expiry drift: how long before their stated end vendors stopped accepting tokens. */
import type { TokenDrift } from '@evenkeel/contract/api/monitoring.ts';
import type { Asked } from './figures.ts';

interface Row {
  connector_id: string;
  late: boolean;
  tokens: number;
  accounts: number;
  p50: number | null;
  p95: number | null;
  worst: number | null;
  shortest: number | null;
  last_at: Date;
}

export async function readTokenDrift({ database, windows, tenantId, connectorId, limit }: Asked): Promise<TokenDrift['results']> {
  const { from, mid, to } = windows;
  const { rows } = await database.query<Row>(
    `select connector_id, failed_at >= $2 as late, count(*) as tokens, count(distinct account_id) as accounts,
            percentile_disc(0.5) within group (order by drift_s)::int as p50, percentile_disc(0.95) within group (order by drift_s)::int as p95,
            max(drift_s) as worst, min(lifetime_s - drift_s) as shortest, max(failed_at) as last_at
     from token_drift
     where failed_at >= $1 and failed_at < $3 and ($4::text is null or tenant_id = $4) and ($5::text is null or connector_id = $5)
     group by connector_id, failed_at >= $2`,
    [from, mid, to, tenantId, connectorId],
  );
  const figures = (row: Row | undefined) => ({ tokens: row?.tokens ?? 0, accounts: row?.accounts ?? 0, drift_p50_s: row?.p50 ?? null, drift_p95_s: row?.p95 ?? null, drift_max_s: row?.worst ?? null });
  return [...Map.groupBy(rows, ({ connector_id: connector }) => connector)]
    .map(([connector, sides]) => ({
      connector,
      now: figures(sides.find(({ late }) => late)),
      before: figures(sides.find(({ late }) => !late)),
      shortest_lifetime_s: sides.reduce<number | null>((least, { shortest }) => (shortest !== null && (least === null || shortest < least) ? shortest : least), null),
      last_at: new Date(Math.max(...sides.map(({ last_at: at }) => at.getTime()))).toISOString(),
    }))
    .toSorted((a, b) => b.now.tokens - a.now.tokens || b.before.tokens - a.before.tokens)
    .slice(0, limit);
}
