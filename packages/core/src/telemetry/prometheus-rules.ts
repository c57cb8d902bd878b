/**
 * Prometheus rules for the six categories, over the metrics of `/metrics`. They watch changes where a change is what
 * matters: adjacent windows of fifteen minutes, a factor and a floor. The layout is that of a rules file.
 */

export interface PrometheusRule {
  readonly record?: string;
  readonly alert?: string;
  readonly expr: string;
  readonly for?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

export interface PrometheusGroup {
  readonly name: string;
  readonly interval?: string;
  readonly rules: readonly PrometheusRule[];
}

interface CategoryAlert {
  readonly alert: string;
  readonly expr: string;
  readonly for: string;
  readonly severity: 'critical' | 'warning' | 'info';
  readonly category: string;
  readonly runbook: string;
  readonly summary: string;
  readonly description: string;
}

const failing = 'outcome=~"platform|upstream"';
const decided = 'outcome!="aborted"';
const endpointBy = 'connector, endpoint, way';

const recordings: readonly PrometheusRule[] = [
  { record: 'evenkeel:endpoint_failures:rate15m', expr: `sum by (${endpointBy}) (rate(evenkeel_endpoint_calls_total{${failing}}[15m]))` },
  { record: 'evenkeel:endpoint_errors:ratio_rate15m', expr: `evenkeel:endpoint_failures:rate15m / (sum by (${endpointBy}) (rate(evenkeel_endpoint_calls_total{${decided}}[15m])) > 0)` },
  { record: 'evenkeel:webhook_lag_seconds:p95_5m', expr: 'histogram_quantile(0.95, sum by (connector, le) (rate(evenkeel_webhook_lag_seconds_bucket[5m])))' },
  { record: 'evenkeel:delivery_success:ratio_rate1h', expr: 'sum (rate(evenkeel_observations_total{kind="delivery", outcome="success"}[1h])) / (sum (rate(evenkeel_observations_total{kind="delivery", outcome!="aborted"}[1h])) > 0)' },
  // Read from the database, so the same on every node; 0 for a connector that has accounts and none in that state.
  { record: 'evenkeel:accounts_needs_reauth', expr: 'max by (connector) (evenkeel_accounts{state="needs_reauth"}) or max by (connector) (evenkeel_accounts) * 0' },
];

const alerts: readonly CategoryAlert[] = [
  {
    alert: 'EvenkeelNeedsReauthRising',
    expr: 'evenkeel:accounts_needs_reauth - evenkeel:accounts_needs_reauth offset 1h >= 10 and evenkeel:accounts_needs_reauth >= 4 * evenkeel:accounts_needs_reauth offset 1h',
    for: '2m',
    severity: 'critical',
    category: 'auth-health',
    runbook: 'needs-reauth',
    summary: 'Accounts of {{ $labels.connector }} lose their authorisation',
    description: '{{ $value }} more accounts of {{ $labels.connector }} need re-authorisation than an hour ago.',
  },
  {
    alert: 'EvenkeelTokensEndEarly',
    expr: 'max by (connector) (evenkeel_token_drift_tokens) >= 3',
    for: '10m',
    severity: 'warning',
    category: 'token-drift',
    runbook: 'needs-reauth',
    summary: 'Tokens of {{ $labels.connector }} end before their stated end',
    description: '{{ $value }} tokens were refused early within a day. A shorter refresh.effective_lifetime_s of the connector avoids it.',
  },
  {
    alert: 'EvenkeelWebhookLag',
    expr: 'evenkeel:webhook_lag_seconds:p95_5m > 30',
    for: '5m',
    severity: 'critical',
    category: 'webhook-lag',
    runbook: 'webhook-lag',
    summary: 'Events of {{ $labels.connector }} are processed late',
    description: 'The 95th percentile from a vendor\'s event to its processing is {{ $value | humanizeDuration }}.',
  },
  {
    alert: 'EvenkeelDeliveriesFailing',
    expr: 'evenkeel:delivery_success:ratio_rate1h < 0.995 and sum (increase(evenkeel_observations_total{kind="delivery"}[1h])) >= 200',
    for: '10m',
    severity: 'warning',
    category: 'delivery-rate',
    runbook: 'delivery-failures',
    summary: 'Deliveries to customers fail',
    description: '{{ $value | humanizePercentage }} of the last hour\'s deliveries arrived; the objective is 99.5 %.',
  },
  {
    alert: 'EvenkeelEndpointErrorsRising',
    expr: `evenkeel:endpoint_errors:ratio_rate15m >= 0.02 and evenkeel:endpoint_errors:ratio_rate15m >= 4 * evenkeel:endpoint_errors:ratio_rate15m offset 15m and evenkeel:endpoint_failures:rate15m * 900 >= 10`,
    for: '2m',
    severity: 'critical',
    category: 'error-rate',
    runbook: 'upstream-outage',
    summary: '{{ $labels.connector }} {{ $labels.endpoint }} fails',
    description: '{{ $value | humanizePercentage }} of its calls failed in 15 minutes, at least four times as many as in the 15 before. GET /v1/monitoring/error-rate says whose problem it is.',
  },
  {
    alert: 'EvenkeelTenantBroken',
    expr: 'max by (connector) (evenkeel_tenants_broken) > 0 and max by (connector) (evenkeel_tenant_since_success_seconds_max) > 86400',
    for: '10m',
    severity: 'warning',
    category: 'tenant-success',
    runbook: 'tenant-broken',
    summary: 'A tenant on {{ $labels.connector }} has had no success for a day',
    description: '{{ $value }} tenants on {{ $labels.connector }} have only failures. GET /v1/monitoring/tenant-success names them.',
  },
  {
    alert: 'EvenkeelCountsStale',
    expr: 'min (evenkeel_telemetry_sealed_age_seconds) > 180 or max (evenkeel_database_reachable) == 0',
    for: '1m',
    severity: 'critical',
    category: 'telemetry',
    runbook: 'platform-errors',
    summary: 'No minute has been sealed for {{ $value | humanizeDuration }}',
    description: 'Nothing that Evenkeel shows is current: no node with the worker role seals, or the database cannot be reached.',
  },
  {
    alert: 'EvenkeelAlertsStale',
    expr: 'min (evenkeel_alerts_evaluated_age_seconds) > 180 or max (evenkeel_alerts_evaluation_failures) > 3',
    for: '1m',
    severity: 'critical',
    category: 'telemetry',
    runbook: 'platform-errors',
    summary: 'Alert rules are not judged',
    description: 'No node with the worker role judges sealed minutes: no alert of Evenkeel is current. Its log says why; minutes wait and are judged later.',
  },
  {
    alert: 'EvenkeelSeriesOverflow',
    expr: 'sum (increase(evenkeel_telemetry_overflowed_total[15m])) > 0',
    for: '5m',
    severity: 'warning',
    category: 'telemetry',
    runbook: 'platform-errors',
    summary: 'More series are counted than a node may hold',
    description: '{{ $value }} observations in 15 minutes were counted as "other": which account they are of is not known. evenkeel_telemetry_series_known tells how many series there are.',
  },
  {
    alert: 'EvenkeelCoverageLow',
    expr: 'max (evenkeel_telemetry_coverage_ratio) < 0.95',
    for: '10m',
    severity: 'warning',
    category: 'telemetry',
    runbook: 'platform-errors',
    summary: 'Only {{ $value | humanizePercentage }} of the last hour was measured',
    description: 'No node counted in the rest. It is unknown, and reported as not measured.',
  },
];

/** Groups of a rules file; other sources of rules add theirs behind. */
export function categoryRuleGroups(): PrometheusGroup[] {
  return [
    { name: 'evenkeel-monitoring-recordings', interval: '30s', rules: recordings },
    {
      name: 'evenkeel-monitoring-alerts',
      interval: '30s',
      rules: alerts.map(({ alert, expr, for: pending, severity, category, runbook, summary, description }) => ({
        alert,
        expr,
        for: pending,
        labels: { severity, category },
        annotations: { summary, description, runbook: `playbook/runbooks/${runbook}.md` },
      })),
    },
  ];
}
