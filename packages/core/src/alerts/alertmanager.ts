/** Alertmanager's webhook, version 4: alerts as it sends them, written and read. Unknown fields are left alone. */
import type { AlertSeverity } from '@evenkeel/contract/playbook/alerts.ts';
import type { Cause } from './cause.ts';
import { nobody } from './facts.ts';

/** How Alertmanager writes that something has not ended. */
const notEnded = '0001-01-01T00:00:00Z';

export interface AlertNotice {
  readonly id: string;
  readonly rule: string;
  readonly severity: AlertSeverity;
  readonly title: string;
  readonly scope: string;
  readonly origin: string | null;
  readonly connector: string | null;
  readonly accountId: string | null;
  readonly tenantId: string | null;
  readonly endpoint: string | null;
  readonly runbook: string | null;
  readonly affected: number;
  readonly openedAt: string;
  readonly resolvedAt: string | null;
}

interface WebhookAlert {
  readonly status: 'firing' | 'resolved';
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly startsAt: string;
  readonly endsAt: string;
  readonly generatorURL: string;
  readonly fingerprint: string;
}

export interface AlertmanagerWebhook {
  readonly version: '4';
  readonly groupKey: string;
  readonly truncatedAlerts: number;
  readonly status: 'firing' | 'resolved';
  readonly receiver: string;
  readonly groupLabels: Readonly<Record<string, string>>;
  readonly commonLabels: Readonly<Record<string, string>>;
  readonly commonAnnotations: Readonly<Record<string, string>>;
  readonly externalURL: string;
  readonly alerts: readonly WebhookAlert[];
}

/** One alert as a group of its own. `publicUrl` without a trailing slash. */
export function writeWebhook(notice: AlertNotice, receiver: string, publicUrl: string): AlertmanagerWebhook {
  const status = notice.resolvedAt === null ? 'firing' : 'resolved';
  const { connector, accountId, tenantId, endpoint, origin, runbook } = notice;
  const labels = present({ alertname: notice.rule, severity: notice.severity, scope: notice.scope, origin, connector, account_id: accountId, tenant_id: tenantId, endpoint });
  const annotations = present({ summary: notice.title, affected_accounts: String(notice.affected), runbook });
  return {
    version: '4',
    groupKey: `{}:{alert_id="${notice.id}"}`,
    truncatedAlerts: 0,
    status,
    receiver,
    groupLabels: { alertname: notice.rule },
    commonLabels: labels,
    commonAnnotations: annotations,
    externalURL: publicUrl,
    alerts: [{ status, labels, annotations, startsAt: notice.openedAt, endsAt: notice.resolvedAt ?? notEnded, generatorURL: `${publicUrl}/v1/alerts/${notice.id}`, fingerprint: notice.id }],
  };
}

function present(values: Readonly<Record<string, string | null>>): Record<string, string> {
  return Object.fromEntries(Object.entries(values).filter((entry): entry is [string, string] => entry[1] !== null));
}

export interface ReceivedAlert {
  readonly status: 'firing' | 'resolved';
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly startsAt?: string;
  readonly fingerprint?: string;
}

/** An alert of another system as a cause of ours. Its severity label decides: critical and page are P1, warning P2. */
export function readReceived(alert: ReceivedAlert): Cause {
  const labels = alert.labels ?? {};
  const { connector: connectorId = null, account_id: accountId = null, tenant_id: tenantId = null, endpoint = null } = labels;
  const key = alert.fingerprint ?? Object.entries(labels).toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([name, value]) => `${name}=${value}`).join(',');
  return {
    key: key.slice(0, 500),
    scope: accountId !== null ? 'account' : connectorId !== null ? 'connector' : tenantId !== null ? 'tenant' : 'installation',
    subject: { ...nobody, connectorId, accountId, tenantId, endpoint },
    origin: null,
    severity: severityOf(labels['severity']),
    title: (alert.annotations?.['summary'] ?? labels['alertname'] ?? 'An alert of another system').slice(0, 300),
    runbook: null,
    findings: [],
    affected: accountId === null ? [] : [{ accountId, tenantId }],
  };
}

function severityOf(label: string | undefined): AlertSeverity {
  const word = label?.toLowerCase() ?? '';
  if (['p1', 'critical', 'page', 'emergency'].includes(word)) return 'P1';
  return ['p3', 'info', 'none', 'low'].includes(word) ? 'P3' : 'P2';
}
