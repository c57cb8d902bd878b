/** Endpoints: receivers of outgoing events, how they are signed for, and how they fare. */
import Type from 'typebox';
import { listOf, pageQuery } from './list.ts';
import { TenantId } from './tenants.ts';

const orNull = <T extends Type.TSchema>(schema: T) => Type.Union([schema, Type.Null()]);
const when = (description?: string) => Type.String({ format: 'date-time', ...(description === undefined ? {} : { description }) });

export const endpointDisabledReasons = ['manual', 'gone', 'failing'] as const;
export const EndpointDisabledReason = Type.Unsafe<(typeof endpointDisabledReasons)[number]>({
  type: 'string',
  enum: [...endpointDisabledReasons],
  description: 'manual: by hand · gone: it answered 410 · failing: for days it has only failed.',
});

const EventFilters = Type.Array(Type.String({ minLength: 1, maxLength: 100 }), { minItems: 1, maxItems: 100, description: 'Types of events; * stands for any run of characters: crm.*, integrated_account:*, *.' });
const Headers = Type.Record(Type.String(), Type.String({ maxLength: 4000 }), { description: 'Sent with every delivery. Kept sealed: only their names are shown.' });

const settings = {
  url: Type.String({ minLength: 1, maxLength: 2000, description: 'https; http only where the installation allows private addresses for endpoints.' }),
  description: Type.String({ maxLength: 500 }),
  event_types: EventFilters,
  rate_limit: orNull(Type.Integer({ minimum: 1, maximum: 10_000, description: 'Deliveries a second at most; null: as fast as it answers.' })),
  max_in_flight: Type.Integer({ minimum: 1, maximum: 100, description: 'Attempts under way at once; default 16.' }),
  ordered: Type.Boolean({ description: 'One at a time and in order for each object; a failing one holds up those of the same object.' }),
  timeout_ms: Type.Integer({ minimum: 1_000, maximum: 30_000, description: 'From the first byte sent to the whole answer; default 15000.' }),
  retry_schedule_s: orNull(Type.Array(Type.Number({ minimum: 1, maximum: 86_400 }), { maxItems: 20, description: 'Seconds between attempts, each ±20 %; null: 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 10 h.' })),
  contact_email: orNull(Type.String({ format: 'email', maxLength: 200, description: 'Told when the endpoint is disabled because it fails.' })),
};

export const EndpointHealthState = Type.Object({
  state: Type.Union([Type.Literal('healthy'), Type.Literal('failing'), Type.Literal('paused')], { description: 'paused: spared until resume_at, but for manual retries.' }),
  failing_since: orNull(when('The first failure since the last success.')),
  failures: Type.Integer({ description: 'In a row, of the kind that makes an endpoint look dead.' }),
  resume_at: orNull(when()),
});
export type EndpointHealthState = Type.Static<typeof EndpointHealthState>;

export const Endpoint = Type.Object(
  {
    id: Type.String(),
    tenant_id: orNull(Type.String({ description: 'Null: it gets the events of every tenant.' })),
    ...settings,
    header_names: Type.Array(Type.String()),
    enabled: Type.Boolean(),
    disabled_at: orNull(when()),
    disabled_reason: orNull(EndpointDisabledReason),
    health: EndpointHealthState,
    created_at: when(),
    updated_at: when(),
  },
  { $id: 'Endpoint' },
);
export type Endpoint = Type.Static<typeof Endpoint>;
export const EndpointList = listOf(Endpoint);

const SignatureKind = Type.Union([Type.Literal('hmac'), Type.Literal('ed25519')], { description: 'hmac: v1, a shared secret · ed25519: v1a, the receiver has the public key only.' });

export const EndpointRequest = Type.Object(
  {
    url: settings.url,
    event_types: EventFilters,
    tenant_id: Type.Optional(TenantId('Gets the events of this tenant only.')),
    description: Type.Optional(settings.description),
    headers: Type.Optional(Headers),
    rate_limit: Type.Optional(settings.rate_limit),
    max_in_flight: Type.Optional(settings.max_in_flight),
    ordered: Type.Optional(settings.ordered),
    timeout_ms: Type.Optional(settings.timeout_ms),
    retry_schedule_s: Type.Optional(settings.retry_schedule_s),
    contact_email: Type.Optional(settings.contact_email),
    signature: Type.Optional(SignatureKind),
    secret: Type.Optional(Type.String({ maxLength: 120, description: 'Your own whsec_…, of 24 to 64 bytes; else one is made.' })),
  },
  { additionalProperties: false },
);
export type EndpointRequest = Type.Static<typeof EndpointRequest>;

export const EndpointUpdate = Type.Object(
  {
    url: Type.Optional(settings.url),
    event_types: Type.Optional(EventFilters),
    description: Type.Optional(settings.description),
    headers: Type.Optional(Headers),
    rate_limit: Type.Optional(settings.rate_limit),
    max_in_flight: Type.Optional(settings.max_in_flight),
    ordered: Type.Optional(settings.ordered),
    timeout_ms: Type.Optional(settings.timeout_ms),
    retry_schedule_s: Type.Optional(settings.retry_schedule_s),
    contact_email: Type.Optional(settings.contact_email),
    enabled: Type.Optional(Type.Boolean({ description: 'false disables it and cancels what is pending; true enables it, its health is forgotten.' })),
  },
  { additionalProperties: false },
);
export type EndpointUpdate = Type.Static<typeof EndpointUpdate>;

const Secret = Type.Object({
  kind: SignatureKind,
  value: Type.String({ description: 'What the receiver verifies with: whsec_… or, of ed25519, the public key whpk_…. A secret is shown this once.' }),
});

export const EndpointCreated = Type.Object({ ...Endpoint.properties, secret: Secret });
export type EndpointCreated = Type.Static<typeof EndpointCreated>;

export const RotateSecretRequest = Type.Object(
  {
    overlap_s: Type.Optional(Type.Integer({ minimum: 0, maximum: 2_592_000, default: 86_400, description: 'So long the former secrets sign as well; 0: no longer, after a leak.' })),
    signature: Type.Optional(SignatureKind),
    secret: Type.Optional(Type.String({ maxLength: 120 })),
  },
  { additionalProperties: false },
);

export const SecretRotated = Type.Object({ secret: Secret, former_until: orNull(when('Until when former secrets sign as well; null when none does.')) });

export const EndpointStatistics = Type.Object({
  since: when(),
  pending: Type.Integer({ description: 'Waiting now; at most 10000 are counted.' }),
  totals: Type.Object({
    attempts: Type.Integer(),
    failed_attempts: Type.Integer(),
    delivered: Type.Integer(),
    failed: Type.Integer(),
    cancelled: Type.Integer(),
    success_rate: orNull(Type.Number({ description: 'delivered / (delivered + failed), 0 to 1.' })),
    average_duration_ms: orNull(Type.Number()),
    average_lag_ms: orNull(Type.Number({ description: 'From the event to its delivery.' })),
  }),
  intervals: Type.Array(
    Type.Object({ start: when(), attempts: Type.Integer(), failed_attempts: Type.Integer(), delivered: Type.Integer(), failed: Type.Integer(), cancelled: Type.Integer() }),
    { description: 'Hours or days with anything in them, oldest first.' },
  ),
});
export type EndpointStatistics = Type.Static<typeof EndpointStatistics>;

export const EndpointStatisticsQuery = Type.Object({
  days: Type.Optional(Type.Integer({ minimum: 1, maximum: 366, default: 7 })),
  interval: Type.Optional(Type.Union([Type.Literal('hour'), Type.Literal('day')], { default: 'hour' })),
});

export const EndpointTestRequest = Type.Object(
  { event_type: Type.Optional(Type.String({ maxLength: 100, description: 'Sends the example of this type; default endpoint:test.' })) },
  { additionalProperties: false },
);

export const RecoverRequest = Type.Object(
  {
    since: Type.String({ format: 'date-time', description: 'Everything this endpoint should have got since then and did not: failed, cancelled, or never queued.' }),
    dry_run: Type.Optional(Type.Boolean({ default: false, description: 'Only count.' })),
  },
  { additionalProperties: false },
);

const ClosedState = Type.Unsafe<'delivered' | 'failed' | 'cancelled'>({ type: 'string', enum: ['delivered', 'failed', 'cancelled'] });

export const ResendRequest = Type.Object(
  {
    since: Type.String({ format: 'date-time' }),
    until: Type.Optional(Type.String({ format: 'date-time', description: 'Default now.' })),
    states: Type.Optional(Type.Array(ClosedState, { minItems: 1, description: 'Default all but pending.' })),
    event_types: Type.Optional(EventFilters),
    dry_run: Type.Optional(Type.Boolean({ default: false, description: 'Only count.' })),
  },
  { additionalProperties: false },
);

/** A bulk operation. Of a dry run `id` is null and nothing happens. */
export const Resend = Type.Object(
  {
    id: orNull(Type.String()),
    endpoint_id: Type.String(),
    kind: Type.Union([Type.Literal('recover'), Type.Literal('resend')]),
    state: Type.Union([Type.Literal('preview'), Type.Literal('running'), Type.Literal('done'), Type.Literal('cancelled')]),
    total: Type.Integer({ description: 'Deliveries that were found when it was asked for.' }),
    total_exact: Type.Boolean({ description: 'false: counting stopped after 200000 events, there are at least `total`. True once it is done.' }),
    done: Type.Integer({ description: 'Of these queued again so far.' }),
    created_at: orNull(when()),
    finished_at: orNull(when()),
  },
  { $id: 'Resend' },
);
export type Resend = Type.Static<typeof Resend>;
export const ResendList = listOf(Resend);

export const EndpointQuery = Type.Object({ tenant_id: Type.Optional(Type.String({ maxLength: 128 })), ...pageQuery });
export type EndpointQuery = Type.Static<typeof EndpointQuery>;
export const EndpointParams = Type.Object({ id: Type.String({ maxLength: 64 }) });
export const ResendParams = Type.Object({ id: Type.String({ maxLength: 64 }), resend: Type.String({ maxLength: 64 }) });
