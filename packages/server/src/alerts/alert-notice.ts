/** An alert as other systems and people are told of it. */
import type { AlertNotice } from '@evenkeel/core/alerts/alertmanager.ts';
import type { AlertRow } from './alert-store.ts';

/** The last of this many attempts comes about sixteen hours after the first. */
export const maxAttempts = 12;

/** The alert as Alertmanager's webhook and messages take it. */
export function noticeOf(alert: AlertRow): AlertNotice {
  return {
    id: alert.id,
    rule: alert.findings[0]?.rule ?? alert.key,
    severity: alert.severity,
    title: alert.title,
    scope: alert.scope,
    origin: alert.origin,
    connector: alert.connector_id,
    accountId: alert.account_id,
    tenantId: alert.tenant_id,
    endpoint: alert.endpoint,
    runbook: alert.runbook,
    affected: alert.affected,
    openedAt: alert.opened_at.toISOString(),
    resolvedAt: alert.resolved_at?.toISOString() ?? null,
  };
}
