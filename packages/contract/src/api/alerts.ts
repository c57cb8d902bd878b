/** Alerts: what was found, whom it meets, what is silenced, and trying rules on history. */
import Type from 'typebox';
import { Origin } from '../errors.ts';
import { AlertSeverity, AlertsFile } from '../playbook/alerts.ts';
import { listOf, pageQuery } from './list.ts';

const orNull = <T extends Type.TSchema>(schema: T) => Type.Union([schema, Type.Null()]);
const when = Type.String({ format: 'date-time' });
const oneOf = <const T extends string>(words: readonly T[]) => Type.Unsafe<T>({ type: 'string', enum: [...words] });

export const AlertState = oneOf(['firing', 'resolved']);

export const Alert = Type.Object(
  {
    id: Type.String(),
    title: Type.String(),
    severity: AlertSeverity,
    state: AlertState,
    source: oneOf(['evenkeel', 'external']),
    scope: oneOf(['platform', 'connector', 'account', 'tenant', 'endpoint', 'installation']),
    origin: orNull(Origin),
    connector: orNull(Type.String()),
    account_id: orNull(Type.String()),
    tenant_id: orNull(Type.String()),
    endpoint: orNull(Type.String()),
    runbook: orNull(Type.String({ description: 'A file of playbook/runbooks, without its ending.' })),
    opened_at: Type.String({ format: 'date-time', description: 'The end of the minute that made it fire.' }),
    updated_at: when,
    resolved_at: orNull(when),
    joined_into: orNull(Type.String({ description: 'The alert that tells of this cause since.' })),
    affected_accounts: Type.Integer({ description: 'Accounts it has met while it lasted.' }),
    findings: Type.Array(
      Type.Object({ rule: Type.String(), watch: Type.String(), key: Type.String(), evidence: Type.Record(Type.String(), Type.Unknown(), { description: 'The figures that made the rule fire.' }) }),
      { description: 'At most 20, one of each rule first. All of them, in pages: GET /v1/alerts/{id}/findings.' },
    ),
    findings_total: Type.Integer(),
  },
  { $id: 'Alert' },
);
export type Alert = Type.Static<typeof Alert>;
export const AlertList = listOf(Alert);
export const AlertFindings = listOf(Alert.properties.findings.items);
export const AlertFindingsQuery = Type.Object(pageQuery);

export const RoleNotice = Type.Object(
  {
    role: Type.String(),
    status: AlertState,
    channel: Type.Union([Type.Literal('mail'), Type.Literal('webhook'), Type.Literal('none')]),
    address: Type.String({ description: 'Empty when nobody stands for the role.' }),
    state: Type.Union([Type.Literal('pending'), Type.Literal('sent'), Type.Literal('failed'), Type.Literal('passed'), Type.Literal('unaddressed')], { description: 'sent: it was taken. passed: there was nothing to tell any more. unaddressed: contacts.yaml has nobody for the role.' }),
    attempts: Type.Integer(),
    detail: orNull(Type.String({ description: 'Why it failed or was passed over.' })),
    queued_at: when,
    settled_at: orNull(when),
  },
  { $id: 'RoleNotice' },
);

export const AlertWithAccounts = Type.Object({
  ...Alert.properties,
  silenced_until: orNull(when),
  accounts: Type.Array(Type.Object({ account_id: Type.String(), tenant_id: orNull(Type.String()), since: when }), { description: 'At most 5,000.' }),
  told: Type.Array(RoleNotice, { description: 'What the roles of the budget policy were told. Empty for keys of a tenant.' }),
});

export const AlertQuery = Type.Object({
  state: Type.Optional(AlertState),
  severity: Type.Optional(AlertSeverity),
  connector: Type.Optional(Type.String({ maxLength: 63 })),
  account_id: Type.Optional(Type.String({ maxLength: 64 })),
  tenant_id: Type.Optional(Type.String({ maxLength: 128 })),
  ...pageQuery,
});
export const AlertParams = Type.Object({ id: Type.String({ maxLength: 64 }) });

export const SilenceMatchers = Type.Object(
  {
    connector: Type.Optional(Type.String({ maxLength: 63 })),
    account_id: Type.Optional(Type.String({ maxLength: 64 })),
    tenant_id: Type.Optional(Type.String({ maxLength: 128 })),
    rule: Type.Optional(Type.String({ maxLength: 63 })),
    severity: Type.Optional(AlertSeverity),
  },
  { additionalProperties: false, minProperties: 1, description: 'All that are stated must fit.' },
);
export type SilenceMatchers = Type.Static<typeof SilenceMatchers>;

export const NewSilence = Type.Object(
  {
    matchers: SilenceMatchers,
    reason: Type.String({ minLength: 1, maxLength: 500 }),
    minutes: Type.Integer({ minimum: 1, maximum: 43_200, description: 'At most 30 days: every silence ends.' }),
  },
  { additionalProperties: false },
);
export const Silence = Type.Object({ id: Type.String(), matchers: SilenceMatchers, reason: Type.String(), created_by: Type.String(), created_at: when, expires_at: when }, { $id: 'Silence' });
export const SilenceList = listOf(Silence);

export const AlertReplay = Type.Object(
  {
    since: when,
    until: Type.Optional(when),
    rules: Type.Optional(Type.Unsafe<AlertsFile>({ ...AlertsFile, $id: undefined, description: 'The content of an alerts.yaml; default the one in use.' })),
  },
  { additionalProperties: false },
);
export const AlertReplayed = Type.Object({
  minutes: Type.Integer({ description: 'Sealed minutes that were judged.' }),
  unmeasured: Type.Integer({ description: 'Of them, those that say nothing.' }),
  alerts: Type.Array(
    Type.Object({ title: Type.String(), severity: AlertSeverity, rules: Type.Array(Type.String()), scope: Type.String(), origin: orNull(Origin), connector: orNull(Type.String()), account_id: orNull(Type.String()), tenant_id: orNull(Type.String()), endpoint: orNull(Type.String()), opened_at: when, resolved_at: orNull(when), affected_accounts: Type.Integer() }),
  ),
});
export type AlertReplayed = Type.Static<typeof AlertReplayed>;

/** https://prometheus.io/docs/alerting/latest/configuration/#webhook_config, version 4. Unknown fields are accepted. */
export const AlertmanagerWebhook = Type.Object({
  version: Type.Optional(Type.String()),
  alerts: Type.Array(
    Type.Object({
      status: AlertState,
      labels: Type.Optional(Type.Record(Type.String(), Type.String({ maxLength: 2000 }))),
      annotations: Type.Optional(Type.Record(Type.String(), Type.String({ maxLength: 10_000 }))),
      startsAt: Type.Optional(Type.String({ maxLength: 40 })),
      fingerprint: Type.Optional(Type.String({ maxLength: 200 })),
    }),
    { maxItems: 500 },
  ),
});
export const AlertmanagerTaken = Type.Object({ opened: Type.Integer(), resolved: Type.Integer() });
