/**
 * The six categories that are watched. Each answers for a window and for the window of the same length before it, with
 * how much of both was measured: a figure without its coverage says nothing.
 */
import Type from 'typebox';

const orNull = <T extends Type.TSchema>(schema: T) => Type.Union([schema, Type.Null()]);
const count = (description?: string) => Type.Integer(description === undefined ? {} : { description });
const ratio = (description: string) => orNull(Type.Number({ description: `${description} Between 0 and 1; null when there is nothing to divide by.` }));
const milliseconds = (description: string) => orNull(Type.Number({ description: `${description}, in milliseconds; null when nothing was measured. Within 0.8 %.` }));
const when = Type.String({ format: 'date-time' });

export const MonitoringQuery = Type.Object({
  connector: Type.Optional(Type.String({ maxLength: 63 })),
  tenant_id: Type.Optional(Type.String({ maxLength: 128 })),
  window: Type.Optional(Type.String({ pattern: '^[1-9][0-9]{0,3}[mhd]$', description: 'Length of the window, such as 15m, 1h, 24h or 7d; at most 30d; default 1h. More than 24 hours are read by whole hours.' })),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000, description: 'Rows at most, the worst first; default 100.' })),
});
export type MonitoringQuery = Type.Static<typeof MonitoringQuery>;

export const Span = Type.Object({
  from: when,
  to: when,
  seconds: count(),
  covered_seconds: count('Seconds in which at least one node lived and counted.'),
  lost_seconds: count('Seconds in which counts of a node were lost.'),
  coverage: Type.Number({ description: 'covered_seconds / seconds. What is not covered is unknown, never good.' }),
});
export type Span = Type.Static<typeof Span>;

export const Percentiles = Type.Object({ p50: milliseconds('Median'), p95: milliseconds('95th percentile'), p99: milliseconds('99th percentile') });
export type Percentiles = Type.Static<typeof Percentiles>;

function answerOf<Row extends Type.TSchema>(row: Row) {
  return Type.Object({
    category: Type.String(),
    now: Span,
    before: Span,
    sufficient: Type.Boolean({ description: 'At least 95 % of the window was measured; otherwise the figures are a part of the truth.' }),
    results: Type.Array(row),
  });
}

const AuthFigures = Type.Object({ lost: count('Accounts that came to need re-authorisation in the window.'), reactivated: count(), refreshes: count(), refreshes_failed: count() });
export const AuthHealth = answerOf(
  Type.Object({
    connector: Type.String(),
    accounts: count(),
    needs_reauth: count('Accounts that need re-authorisation now.'),
    needs_reauth_before: count('The same when the window began.'),
    share: ratio('needs_reauth / accounts.'),
    now: AuthFigures,
    before: AuthFigures,
  }),
);
export type AuthHealth = Type.Static<typeof AuthHealth>;

const DriftFigures = Type.Object({
  tokens: count('Tokens that were refused before their stated end, proven by a success with the next one.'),
  accounts: count(),
  drift_p50_s: orNull(Type.Number({ description: 'Seconds between the refusal and the stated end.' })),
  drift_p95_s: orNull(Type.Number()),
  drift_max_s: orNull(Type.Number()),
});
export const TokenDrift = answerOf(
  Type.Object({ connector: Type.String(), now: DriftFigures, before: DriftFigures, shortest_lifetime_s: orNull(Type.Integer({ description: 'The least that a token really lasted: a candidate for refresh.effective_lifetime_s.' })), last_at: when }),
);
export type TokenDrift = Type.Static<typeof TokenDrift>;

const LagFigures = Type.Object({ events: count(), failed: count(), lag_ms: Percentiles, above_30_s: ratio('Share of events processed more than 30 s after the vendor\'s time of them.') });
export const WebhookLag = answerOf(Type.Object({ connector: Type.String(), now: LagFigures, before: LagFigures, behind: Type.Boolean({ description: 'The 95th percentile is above 30 seconds.' }) }));
export type WebhookLag = Type.Static<typeof WebhookLag>;

const DeliveryFigures = Type.Object({ total: count(), delivered: count(), failed: count(), success_rate: ratio('Delivered of those decided.'), codes: Type.Record(Type.String(), Type.Integer()), lag_ms: Percentiles });
export const DeliveryRate = answerOf(
  Type.Object({ tenant_id: orNull(Type.String()), endpoint: orNull(Type.String()), now: DeliveryFigures, before: DeliveryFigures, below_objective: Type.Boolean({ description: 'Less than 99.5 % were delivered.' }) }),
);
export type DeliveryRate = Type.Static<typeof DeliveryRate>;

const ErrorFigures = Type.Object({
  total: count(),
  accounts: count('Accounts that called.'),
  failing_accounts: count('Of them, with a failure of the platform or the vendor.'),
  caller: count(),
  account: count(),
  platform: count(),
  upstream: count(),
  rate_limited: count('Of upstream.'),
  error_rate: ratio('Failures of platform and upstream, of all calls that were not aborted.'),
  codes: Type.Record(Type.String(), Type.Integer()),
});
const EndpointErrors = Type.Object({ connector: Type.String(), endpoint: Type.String(), vendor_endpoint: Type.String(), way: Type.Union([Type.Literal('unified'), Type.Literal('direct'), Type.Literal('external'), Type.Literal('background')]), now: ErrorFigures, before: ErrorFigures, total_ms: Percentiles, overhead_ms: Percentiles });
export const EndpointVerdict = Type.Object({
  connector: Type.String(),
  endpoint: Type.String(),
  vendor_endpoint: Type.String(),
  way: Type.String(),
  whose: Type.Union([Type.Literal('upstream'), Type.Literal('platform'), Type.Literal('account'), Type.Literal('unclear')]),
  because: Type.String({ description: 'What decided: fails_direct_too, fails_only_unified, fails_on_every_connector, other_connectors_well, one_account, own_attribution or too_little_volume.' }),
  explanation: Type.String(),
  failed: count(),
  total: count(),
  accounts: count(),
  failing_accounts: count(),
});
export const ErrorRate = Type.Object({ ...answerOf(EndpointErrors).properties, verdicts: Type.Array(EndpointVerdict) });
export type ErrorRate = Type.Static<typeof ErrorRate>;
export type EndpointVerdict = Type.Static<typeof EndpointVerdict>;

const TenantFigures = Type.Object({ total: count(), success: count(), failed: count('Failures of account, platform or upstream.'), success_rate: ratio('Successes, of all calls but the aborted and those the caller got wrong.') });
export const TenantSuccess = answerOf(
  Type.Object({
    rank: count('1 is the worst.'),
    tenant_id: Type.String(),
    connector: orNull(Type.String()),
    accounts: count(),
    now: TenantFigures,
    before: TenantFigures,
    share_of_failures: ratio('Of all failures in the window, those of this tenant on this connector.'),
    share_of_calls: ratio('Of all calls in the window: how well a total would hide it.'),
    last_success_at: orNull(when),
    since_last_success_s: orNull(Type.Integer({ description: 'Null when there was none within retention.' })),
    broken: Type.Boolean({ description: 'It fails and nothing succeeded in the window.' }),
  }),
);
export type TenantSuccess = Type.Static<typeof TenantSuccess>;
