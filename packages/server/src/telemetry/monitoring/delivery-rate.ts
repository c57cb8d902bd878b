/** Outbound delivery rate by receiving endpoint: below 99.5 % something is wrong at the customer or with the retries. */
import type { DeliveryRate } from '@evenkeel/contract/api/monitoring.ts';
import type { Sketch } from '@evenkeel/core/telemetry/sketch.ts';
import { percentiles, ratioOf, type Asked } from './figures.ts';
import { sketchWindows, sumWindows, type WindowSums } from './window-store.ts';

const objective = 0.995;

export async function readDeliveryRate({ database, windows, tenantId, connectorId, limit }: Asked): Promise<DeliveryRate['results']> {
  const filter = { kind: 'delivery' as const, tenantId, connectorId };
  const dimensions = ['tenant_id', 'endpoint'] as const;
  const [sums, lags] = await Promise.all([sumWindows(database, windows, filter, dimensions), sketchWindows(database, windows, filter, dimensions, 'lag_sketch')]);
  const figures = ({ total, success, aborted, codes }: WindowSums['now'], lag: Sketch | undefined) => ({
    total,
    delivered: success,
    failed: total - success - aborted,
    success_rate: ratioOf(success, total - aborted),
    codes,
    lag_ms: percentiles(lag),
  });
  return sums
    .map((row) => {
      const lag = lags.of(row.dimensions);
      const now = figures(row.now, lag?.now);
      return { tenant_id: row.dimensions.tenant_id, endpoint: row.dimensions.endpoint, now, before: figures(row.before, lag?.before), below_objective: (now.success_rate ?? 1) < objective };
    })
    .toSorted((a, b) => (a.now.success_rate ?? 1) - (b.now.success_rate ?? 1) || b.now.total - a.now.total)
    .slice(0, limit);
}
