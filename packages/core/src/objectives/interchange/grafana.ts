/** A Grafana dashboard over the exported recordings: what remains, how fast it burns, the share of errors by window. */
import type { Dashboard } from '../../telemetry/grafana-dashboard.ts';
import type { ObjectiveDefinition } from '../definition.ts';
import { percentOf } from '../share.ts';
import { slothId } from './prometheus.ts';

/** As Grafana imports it (schema version 39); the data source is chosen on import. */
export function objectivesDashboard(objectives: readonly ObjectiveDefinition[]): Dashboard {
  const shown = objectives.filter(({ scopes }) => scopes.includes('overall'));
  return {
    __inputs: [{ name: 'DS_PROMETHEUS', label: 'Prometheus', type: 'datasource', pluginId: 'prometheus', pluginName: 'Prometheus' }],
    title: 'Evenkeel objectives',
    uid: 'evenkeel-objectives',
    tags: ['evenkeel', 'slo'],
    schemaVersion: 39,
    version: 1,
    timezone: 'utc',
    time: { from: 'now-7d', to: 'now' },
    refresh: '1m',
    templating: {
      list: [{ name: 'objective', label: 'Objective', type: 'custom', query: shown.map(({ id, ...rest }) => `${id} (${percentOf(rest.target)} %) : ${slothId({ id, ...rest })}`).join(','), current: {}, includeAll: false, multi: false }],
    },
    panels: [
      stat(1, 0, 'Budget that remains', `slo:period_error_budget_remaining:ratio{sloth_id="$objective"}`, 'percentunit', [[null, 'red'], [0.25, 'orange'], [0.5, 'yellow'], [0.75, 'green']]),
      stat(2, 8, 'Burn rate now', `slo:current_burn_rate:ratio{sloth_id="$objective"}`, 'none', [[null, 'green'], [1, 'yellow'], [6, 'orange'], [14.4, 'red']]),
      stat(3, 16, 'Target', `slo:objective:ratio{sloth_id="$objective"}`, 'percentunit', [[null, 'blue']]),
      series(4, 6, 'Share of bad ones by window', `{__name__=~"slo:sli_error:ratio_rate(5m|1h|6h|1d)", sloth_id="$objective"}`, '{{sloth_window}}'),
      series(5, 15, 'Budget that remains', `slo:period_error_budget_remaining:ratio{sloth_id="$objective"}`, 'remains'),
      series(6, 24, 'Alerts', `ALERTS{sloth_id="$objective", alertstate="firing"}`, '{{sloth_severity}}'),
    ],
  };
}

const datasource = { type: 'prometheus', uid: '${DS_PROMETHEUS}' };

function stat(id: number, x: number, title: string, expr: string, unit: string, steps: readonly (readonly [value: number | null, color: string])[]): object {
  const thresholds = { mode: 'absolute', steps: steps.map(([value, color]) => ({ value, color })) };
  return { id, type: 'stat', title, datasource, gridPos: { x, y: 0, w: 8, h: 6 }, targets: [{ refId: 'A', expr, datasource }], fieldConfig: { defaults: { unit, decimals: 4, thresholds }, overrides: [] } };
}

function series(id: number, y: number, title: string, expr: string, legendFormat: string): object {
  return { id, type: 'timeseries', title, datasource, gridPos: { x: 0, y, w: 24, h: 9 }, targets: [{ refId: 'A', expr, legendFormat, datasource }], fieldConfig: { defaults: { unit: 'percentunit' }, overrides: [] } };
}
