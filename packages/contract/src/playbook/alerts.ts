/**
 * `playbook/alerts.yaml`: what is watched and when it is an alert. A rule names what it measures; what it watches by
 * (windows, factors, chances) has defaults that `docs/guides/alerts.md` gives reasons for.
 */
import Type from 'typebox';
import { Strict, Tagged } from '../manifest/value.ts';
import { OneOf, Slug } from './share.ts';

export const alertSeverities = ['P1', 'P2', 'P3'] as const;
export type AlertSeverity = (typeof alertSeverities)[number];
export const AlertSeverity = OneOf(alertSeverities);

const percent = (description: string) => Type.Number({ exclusiveMinimum: 0, maximum: 100, description });
const minutes = (description: string) => Type.Integer({ minimum: 1, maximum: 1440, description });

const common = {
  id: Slug(),
  title: Type.String({ minLength: 1, maxLength: 120 }),
  severity: AlertSeverity,
  runbook: Type.Optional(Slug('A file of playbook/runbooks, without its ending.')),
  enabled: Type.Optional(Type.Boolean({ description: 'Default true.' })),
  connectors: Type.Optional(Type.Array(Type.String(), { minItems: 1, description: 'Of these connectors only.' })),
  evaluations: Type.Optional(Type.Integer({ minimum: 1, maximum: 60, description: 'Verdicts in a row until it fires; default 2.' })),
  resolve_evaluations: Type.Optional(Type.Integer({ minimum: 1, maximum: 120, description: 'Good verdicts in a row until it resolves; default 5.' })),
};

const change = {
  window_minutes: Type.Optional(minutes('Length of each of the two adjacent windows; default 15.')),
  min_ratio_percent: Type.Optional(percent('The later ratio is at least this; default 2.')),
  factor: Type.Optional(Type.Number({ minimum: 1, description: 'The later ratio is at least so many times the earlier; default 4.' })),
  min_bad: Type.Optional(Type.Integer({ minimum: 1, description: 'Default 10.' })),
  min_total: Type.Optional(Type.Integer({ minimum: 1, description: 'Default 50.' })),
  alpha: Type.Optional(Type.Number({ exclusiveMinimum: 0, maximum: 0.05, description: 'Largest chance that the rise is none; default 1e-9, since very many series are judged every minute.' })),
  assumed_ratio_percent: Type.Optional(percent('Taken as the earlier ratio where nothing came earlier; default 0.5.')),
};

export const AlertRule = Tagged('watch', [
  Strict({ ...common, watch: Type.Literal('error-rate'), by: OneOf(['endpoint', 'account', 'tenant', 'connector']), origins: Type.Optional(Type.Array(OneOf(['account', 'platform', 'upstream']), { minItems: 1, description: 'Failures that count; default all three.' })), ...change }, { description: 'Share of failed calls, by its change.' }),
  Strict({ ...common, watch: Type.Literal('delivery-rate'), by: OneOf(['endpoint', 'overall']), below_percent: percent('Share of deliveries that succeed, over the window.'), window_minutes: Type.Optional(minutes('Default 15.')), min_total: Type.Optional(Type.Integer({ minimum: 1, description: 'Default 5: a breaker spares an endpoint that fails, so that few attempts are made.' })), alpha: Type.Optional(Type.Number({ exclusiveMinimum: 0, maximum: 1, description: 'Largest chance of so many failures if the true share were just at the level; default 1e-6. 1 judges by the share alone.' })) }, { description: 'Success of outbound deliveries under a level.' }),
  Strict({ ...common, watch: Type.Literal('auth-health'), window_minutes: Type.Optional(minutes('Default 60.')), factor: Type.Optional(Type.Number({ minimum: 1, description: 'Default 4.' })), min_rise: Type.Optional(Type.Integer({ minimum: 1, description: 'Default 5.' })) }, { description: 'Accounts in needs_reauth per connector, by their change.' }),
  Strict({ ...common, watch: Type.Literal('token-drift'), window_minutes: Type.Optional(minutes('Default 60.')), min_accounts: Type.Optional(Type.Integer({ minimum: 1, description: 'Accounts whose token ended early; default 3.' })), min_drift_s: Type.Optional(Type.Integer({ minimum: 1, description: 'Only tokens that ended at least so many seconds early; default 60.' })) }, { description: 'Tokens that end before their stated end.' }),
  Strict({ ...common, watch: Type.Literal('webhook-lag'), quantile: Type.Optional(Type.Number({ exclusiveMinimum: 0, exclusiveMaximum: 1, description: 'Default 0.95.' })), above_s: Type.Number({ exclusiveMinimum: 0 }), window_minutes: Type.Optional(minutes('Default 5.')), min_total: Type.Optional(Type.Integer({ minimum: 1, description: 'Default 20.' })) }, { description: 'Time from the vendor\'s event to its processing.' }),
  Strict({ ...common, watch: Type.Literal('tenant-success'), silent_hours: Type.Optional(Type.Integer({ minimum: 1, maximum: 720, description: 'A tenant that calls and has not succeeded for so long; default 24.' })), min_total: Type.Optional(Type.Integer({ minimum: 1, description: 'Default 20.' })) }, { description: 'One tenant that fails while the sum looks well.' }),
  Strict({ ...common, watch: Type.Literal('flat-line'), by: OneOf(['account', 'connector']), alpha: Type.Optional(Type.Number({ exclusiveMinimum: 0, maximum: 0.05, description: 'Default 1e-9.' })), min_weeks: Type.Optional(Type.Integer({ minimum: 1, maximum: 12, description: 'Default 2.' })) }, { description: 'Inbound events that have stopped.' }),
  Strict({ ...common, watch: Type.Literal('drift'), classes: Type.Optional(Type.Array(OneOf(['breaking', 'warning']), { minItems: 1, description: 'Default breaking.' })) }, { description: 'The shape of a vendor\'s answers has changed.' }),
  Strict({ ...common, watch: Type.Literal('refresh-failures'), ...change }, { description: 'Refreshes that fail for reasons that may pass, by their change.' }),
]);
export type AlertRule = Type.Static<typeof AlertRule>;

/** One cause, one alert: when accounts that fail together are taken as their connector's failure. */
export const Grouping = Strict({
  share_percent: Type.Optional(percent('Default 50.')),
  min_accounts: Type.Optional(Type.Integer({ minimum: 2, description: 'Default 3.' })),
  platform_connectors: Type.Optional(Type.Integer({ minimum: 2, description: 'Default 3.' })),
});

export const AlertRoute = Strict(
  {
    id: Slug(),
    url: Type.String({ pattern: '^https?://', description: 'Takes Alertmanager webhooks (version 4). In a private network only if EVENKEEL_ALLOW_PRIVATE has it.' }),
    severities: Type.Optional(Type.Array(AlertSeverity, { minItems: 1, description: 'Default all.' })),
    connectors: Type.Optional(Type.Array(Type.String(), { minItems: 1, description: 'Alerts of these connectors only.' })),
    send_resolved: Type.Optional(Type.Boolean({ description: 'Default true.' })),
  },
  { description: 'Where alerts are sent. A silenced one is not.' },
);
export type AlertRoute = Type.Static<typeof AlertRoute>;

export const AlertsFile = Strict(
  { $schema: Type.Optional(Type.String()), version: Type.Literal(1), alerts: Type.Array(AlertRule), grouping: Type.Optional(Grouping), routes: Type.Optional(Type.Array(AlertRoute)) },
  { $id: 'https://evenkeel.dev/schemas/alerts.v1.json', title: 'Evenkeel alert rules' },
);
export type AlertsFile = Type.Static<typeof AlertsFile>;
