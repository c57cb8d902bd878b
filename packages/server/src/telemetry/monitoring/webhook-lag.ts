/** Webhook ingestion lag: from the vendor's time of an event to its processing. */
import type { WebhookLag } from '@evenkeel/contract/api/monitoring.ts';
import type { Sketch } from '@evenkeel/core/telemetry/sketch.ts';
import { percentiles, ratioOf, type Asked } from './figures.ts';
import { sketchWindows, sumWindows, type WindowSums } from './window-store.ts';

/** From here on the queue is falling behind. */
const behindUs = 30_000_000;

export async function readWebhookLag({ database, windows, tenantId, connectorId, limit }: Asked): Promise<WebhookLag['results']> {
  const filter = { kind: 'inbound' as const, tenantId, connectorId };
  const [sums, lags] = await Promise.all([sumWindows(database, windows, filter, ['connector_id']), sketchWindows(database, windows, filter, ['connector_id'], 'lag_sketch')]);
  const figures = ({ total, success }: WindowSums['now'], lag: Sketch | undefined) => ({
    events: total,
    failed: total - success,
    lag_ms: percentiles(lag),
    above_30_s: ratioOf(lag?.above(behindUs) ?? 0, lag?.total ?? 0),
  });
  return sums
    .map(({ dimensions, now, before }) => {
      const lag = lags.of(dimensions);
      const present = figures(now, lag?.now);
      return { connector: dimensions.connector_id ?? '', now: present, before: figures(before, lag?.before), behind: (present.lag_ms.p95 ?? 0) > behindUs / 1000 };
    })
    .toSorted((a, b) => (b.now.lag_ms.p95 ?? -1) - (a.now.lag_ms.p95 ?? -1) || a.connector.localeCompare(b.connector))
    .slice(0, limit);
}
