/** Grafana dashboards over the metrics of `/metrics`, in the JSON model that Grafana imports and provisions. */

export interface Dashboard {
  readonly uid: string;
  readonly title: string;
  readonly [member: string]: unknown;
}

type Unit = 'percentunit' | 's' | 'short' | 'reqps' | 'bytes';

interface PanelPlan {
  readonly title: string;
  readonly unit: Unit;
  readonly kind?: 'timeseries' | 'stat' | 'table';
  readonly description?: string;
  readonly queries: readonly (readonly [expression: string, legend: string])[];
}

interface RowPlan {
  readonly title: string;
  readonly panels: readonly PanelPlan[];
}

const connector = 'connector=~"$connector"';
const quantile = (q: number, metric: string, by: string, labels: string): string => `histogram_quantile(${q}, sum by (${by === '' ? 'le' : `${by}, le`}) (rate(${metric}_bucket{${labels}}[$__rate_interval])))`;
const three = (metric: string, labels = ''): [string, string][] => [0.5, 0.95, 0.99].map((q) => [quantile(q, metric, '', labels), `p${q * 100}`]);

const rows: readonly RowPlan[] = [
  {
    title: '1. Authentication health',
    panels: [
      { title: 'Accounts that need re-authorisation', unit: 'short', queries: [[`max by (connector) (evenkeel_accounts{state="needs_reauth", ${connector}})`, '{{connector}}']] },
      { title: 'Refreshes that fail', unit: 'reqps', queries: [[`sum by (connector) (rate(evenkeel_observations_total{kind="refresh", outcome!="success", ${connector}}[$__rate_interval]))`, '{{connector}}']] },
    ],
  },
  {
    title: '2. Token expiry drift',
    panels: [
      { title: 'Tokens refused before their stated end, last day', unit: 'short', queries: [[`max by (connector) (evenkeel_token_drift_tokens{${connector}})`, '{{connector}}']] },
      { title: 'Longest time before the stated end', unit: 's', queries: [[`max by (connector) (evenkeel_token_drift_max_seconds{${connector}})`, '{{connector}}']] },
    ],
  },
  {
    title: '3. Webhook ingestion lag',
    panels: [
      { title: '95th percentile by connector', unit: 's', description: 'Above 30 seconds the queue falls behind.', queries: [[quantile(0.95, 'evenkeel_webhook_lag_seconds', 'connector', connector), '{{connector}}']] },
      { title: 'Events processed', unit: 'reqps', queries: [[`sum by (connector) (rate(evenkeel_observations_total{kind="inbound", ${connector}}[$__rate_interval]))`, '{{connector}}']] },
    ],
  },
  {
    title: '4. Outbound delivery',
    panels: [
      { title: 'Delivered', unit: 'percentunit', description: 'The objective is 99.5 %.', queries: [['sum (rate(evenkeel_observations_total{kind="delivery", outcome="success"}[$__rate_interval])) / sum (rate(evenkeel_observations_total{kind="delivery", outcome!="aborted"}[$__rate_interval]))', 'delivered']] },
      { title: 'From acceptance to delivery', unit: 's', queries: three('evenkeel_delivery_lag_seconds') },
    ],
  },
  {
    title: '5. Errors by endpoint',
    panels: [
      { title: 'Vendor endpoints', unit: 'percentunit', queries: [[`topk(10, sum by (connector, endpoint) (rate(evenkeel_endpoint_calls_total{way="direct", outcome=~"platform|upstream", ${connector}}[$__rate_interval])) / sum by (connector, endpoint) (rate(evenkeel_endpoint_calls_total{way="direct", outcome!="aborted", ${connector}}[$__rate_interval])))`, '{{connector}} {{endpoint}}']] },
      { title: 'Unified endpoints', unit: 'percentunit', description: 'Failing on one connector alone, while its vendor endpoint is well, is ours.', queries: [[`topk(10, sum by (connector, endpoint) (rate(evenkeel_endpoint_calls_total{way="unified", outcome=~"platform|upstream", ${connector}}[$__rate_interval])) / sum by (connector, endpoint) (rate(evenkeel_endpoint_calls_total{way="unified", outcome!="aborted", ${connector}}[$__rate_interval])))`, '{{endpoint}} on {{connector}}']] },
      { title: 'Calls by whom they fail for', unit: 'reqps', queries: [[`sum by (outcome) (rate(evenkeel_observations_total{kind="call", ${connector}}[$__rate_interval]))`, '{{outcome}}']] },
      { title: 'Time of calls that is ours', unit: 's', queries: three('evenkeel_call_overhead_seconds') },
    ],
  },
  {
    title: '6. Tenants',
    panels: [
      { title: 'Tenants that fail, without a success in 15 minutes', unit: 'short', queries: [[`max by (connector) (evenkeel_tenants_broken{${connector}})`, '{{connector}}']] },
      { title: 'Longest time since a success', unit: 's', queries: [[`max by (connector) (evenkeel_tenant_since_success_seconds_max{${connector}})`, '{{connector}}']] },
    ],
  },
  {
    title: 'The counting itself',
    panels: [
      { title: 'Measured share of the last hour', unit: 'percentunit', kind: 'stat', queries: [['max (evenkeel_telemetry_coverage_ratio)', 'covered']] },
      { title: 'Age of the last sealed minute', unit: 's', kind: 'stat', queries: [['min (evenkeel_telemetry_sealed_age_seconds)', 'age']] },
      { title: 'Series in memory', unit: 'short', queries: [['evenkeel_telemetry_series', '{{instance}}']] },
      { title: 'Counts waiting for the database', unit: 'bytes', queries: [['evenkeel_telemetry_queued_bytes', '{{instance}}']] },
    ],
  },
];

const datasource = { type: 'prometheus', uid: '${datasource}' };
const height = 8;

/** The same JSON every time. */
export function monitoringDashboard(): Dashboard {
  const panels: object[] = [];
  let y = 0;
  for (const { title, panels: plans } of rows) {
    panels.push({ id: panels.length + 1, type: 'row', title, collapsed: false, gridPos: { h: 1, w: 24, x: 0, y }, panels: [] });
    y += 1;
    plans.forEach((plan, at) => void panels.push(panelOf(plan, panels.length + 1, (at % 2) * 12, y + Math.floor(at / 2) * height)));
    y += Math.ceil(plans.length / 2) * height;
  }
  return {
    uid: 'evenkeel-monitoring',
    title: 'Evenkeel: monitoring playbook',
    tags: ['evenkeel'],
    schemaVersion: 39,
    editable: true,
    refresh: '30s',
    time: { from: 'now-6h', to: 'now' },
    timezone: 'utc',
    templating: {
      list: [
        { name: 'datasource', type: 'datasource', query: 'prometheus', label: 'Data source' },
        { name: 'connector', type: 'query', label: 'Connector', datasource, query: { query: 'label_values(evenkeel_observations_total, connector)', refId: 'connector' }, includeAll: true, multi: true, allValue: '.*', current: { text: 'All', value: '$__all' }, refresh: 2, sort: 1 },
      ],
    },
    annotations: { list: [] },
    panels,
  };
}

function panelOf({ title, unit, kind = 'timeseries', description, queries }: PanelPlan, id: number, x: number, y: number): object {
  return {
    id,
    type: kind,
    title,
    ...(description === undefined ? {} : { description }),
    datasource,
    gridPos: { h: height, w: 12, x, y },
    fieldConfig: { defaults: { unit, min: 0 }, overrides: [] },
    options: kind === 'stat' ? { reduceOptions: { calcs: ['lastNotNull'] } } : { legend: { displayMode: 'list', placement: 'bottom' } },
    targets: queries.map(([expr, legendFormat], at) => ({ refId: String.fromCharCode(65 + at), datasource, expr, legendFormat })),
  };
}
