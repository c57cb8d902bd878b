/** An endpoint and a bulk operation as the API shows them. */
import type { Endpoint, Resend } from '@evenkeel/contract/api/endpoints.ts';
import type { EndpointRow } from './endpoint-store.ts';
import type { ResendRow } from './resend-store.ts';

export function shownEndpoint(row: EndpointRow, nowMs: number): Endpoint {
  const paused = row.resume_at !== null && row.resume_at.getTime() > nowMs;
  return {
    id: row.id,
    tenant_id: row.tenant_id,
    url: row.url,
    description: row.description,
    event_types: [...row.event_types],
    rate_limit: row.rate_limit,
    max_in_flight: row.max_in_flight,
    ordered: row.ordered,
    timeout_ms: row.timeout_ms,
    retry_schedule_s: row.retry_schedule_ms?.map((ms) => ms / 1000) ?? null,
    contact_email: row.contact_email,
    header_names: [...row.header_names],
    enabled: row.disabled_at === null,
    disabled_at: row.disabled_at?.toISOString() ?? null,
    disabled_reason: row.disabled_reason,
    health: {
      state: paused ? 'paused' : row.failing_since !== null ? 'failing' : 'healthy',
      failing_since: row.failing_since?.toISOString() ?? null,
      failures: row.failures,
      resume_at: paused ? (row.resume_at?.toISOString() ?? null) : null,
    },
    created_at: row.created_at.toISOString(),
    updated_at: row.updated_at.toISOString(),
  };
}

export function shownResend(row: ResendRow): Resend {
  return {
    id: row.id,
    endpoint_id: row.endpoint_id,
    kind: row.kind,
    state: row.state,
    total: row.total,
    total_exact: row.total_exact,
    done: row.done,
    created_at: row.created_at.toISOString(),
    finished_at: row.finished_at?.toISOString() ?? null,
  };
}
