/** `GET /v1/monitoring/{category}`: the six categories. */
import { AuthHealth, DeliveryRate, ErrorRate, MonitoringQuery, TenantSuccess, TokenDrift, WebhookLag } from '@evenkeel/contract/api/monitoring.ts';
import type { Caller } from '../../access/keys.ts';
import type { Queryable } from '../../database/pool.ts';
import { route, type Route } from '../../http/route.ts';
import { visibleTenant } from '../../access/visible-tenant.ts';
import { readAuthHealth } from './auth-health.ts';
import { readDeliveryRate } from './delivery-rate.ts';
import { readErrorRate } from './error-rate.ts';
import type { Asked } from './figures.ts';
import { lengthOf, readSpans, windowsEndingNow } from './span.ts';
import { readTenantSuccess } from './tenant-success.ts';
import { readTokenDrift } from './token-drift.ts';
import { readWebhookLag } from './webhook-lag.ts';

export function monitoringRoutes(database: Queryable): Route[] {
  const answer = async <Part extends object>(category: string, query: MonitoringQuery, caller: Caller, read: (asked: Asked) => Promise<Part>) => {
    const windows = await windowsEndingNow(database, lengthOf(query.window ?? '1h'));
    const asked: Asked = { database, windows, tenantId: visibleTenant(caller, query.tenant_id), connectorId: query.connector ?? null, limit: query.limit ?? 100 };
    const [spans, part] = await Promise.all([readSpans(database, windows), read(asked)]);
    return { category, ...spans, ...part };
  };
  const common = { method: 'GET', tag: 'monitoring', access: 'read', audit: { none: 'reads only' } } as const;
  const rows = <Row>(read: (asked: Asked) => Promise<Row[]>) => async (asked: Asked) => ({ results: await read(asked) });
  return [
    route({ ...common, path: '/v1/monitoring/auth-health', summary: 'Accounts that need re-authorisation, by connector', schema: { query: MonitoringQuery, response: { 200: AuthHealth } }, handle: ({ query, caller }) => answer('auth-health', query, caller, rows(readAuthHealth)) }),
    route({ ...common, path: '/v1/monitoring/token-drift', summary: 'Tokens that ended before their stated time, by connector', schema: { query: MonitoringQuery, response: { 200: TokenDrift } }, handle: ({ query, caller }) => answer('token-drift', query, caller, rows(readTokenDrift)) }),
    route({ ...common, path: '/v1/monitoring/webhook-lag', summary: 'Time from a vendor\'s event to its processing, by connector', schema: { query: MonitoringQuery, response: { 200: WebhookLag } }, handle: ({ query, caller }) => answer('webhook-lag', query, caller, rows(readWebhookLag)) }),
    route({ ...common, path: '/v1/monitoring/delivery-rate', summary: 'Deliveries that arrived, by receiving endpoint', schema: { query: MonitoringQuery, response: { 200: DeliveryRate } }, handle: ({ query, caller }) => answer('delivery-rate', query, caller, rows(readDeliveryRate)) }),
    route({ ...common, path: '/v1/monitoring/error-rate', summary: 'Failures by endpoint, vendor and unified, and whose problem they are', schema: { query: MonitoringQuery, response: { 200: ErrorRate } }, handle: ({ query, caller }) => answer('error-rate', query, caller, readErrorRate) }),
    route({ ...common, path: '/v1/monitoring/tenant-success', summary: 'Success by tenant and connector, the worst first', schema: { query: MonitoringQuery, response: { 200: TenantSuccess } }, handle: ({ query, caller }) => answer('tenant-success', query, caller, rows(readTenantSuccess)) }),
  ];
}
