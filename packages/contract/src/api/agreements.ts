/** The API of agreements: their terms, monthly statements with the working shown, exclusions with evidence. */
import Type from 'typebox';
import { Agreement as WrittenAgreement, ExclusionClause } from '../playbook/agreements.ts';
import { OneOf } from '../playbook/share.ts';
import { listOf, pageQuery } from './list.ts';

const orNull = <T extends Type.TSchema>(schema: T) => Type.Union([schema, Type.Null()]);
const when = Type.String({ format: 'date-time' });

/** What `PUT /v1/agreements/{id}` takes: an agreement of the playbook without its id. */
const { id: _id, ...written } = WrittenAgreement.properties;
export const AgreementRequest = Type.Object(written, { additionalProperties: false });
export type AgreementRequest = Type.Static<typeof AgreementRequest>;

export const AgreementView = Type.Object(
  {
    ...WrittenAgreement.properties,
    source: OneOf(['playbook', 'api'], 'Agreements of the playbook are changed in its file.'),
    warnings: Type.Optional(Type.Array(Type.String(), { description: 'Of an agreement that was just made: what is allowed and probably not meant, such as maintenance announced too late to exclude anything.' })),
  },
  { $id: 'AgreementView' },
);
export type AgreementView = Type.Static<typeof AgreementView>;
export const AgreementList = listOf(AgreementView);

const Span = Type.Object({ from: when, to: when, minutes: Type.Integer() });

export const DowntimeView = Type.Object({
  run: Span,
  in_period: Span,
  unmeasured_minutes: Type.Integer(),
  requests: Type.Integer(),
  failed_requests: Type.Integer(),
  excluded: Type.Array(Type.Object({ exclusion_id: Type.String(), clause: ExclusionClause, minutes: Type.Integer() })),
  counted_minutes: Type.Integer(),
});

export const StatementView = Type.Object(
  {
    agreement_id: Type.String(),
    tenant_id: Type.String(),
    month: Type.String(),
    state: OneOf(['open', 'closed']),
    revision: orNull(Type.Integer({ description: 'Of closed months; a change makes a further one.' })),
    from: when,
    to: when,
    time_zone: Type.String(),
    period_minutes: Type.Integer(),
    unmeasured_minutes: Type.Integer(),
    left_out_minutes: Type.Integer(),
    total_minutes: Type.Integer(),
    downtime_minutes: Type.Integer(),
    excluded_minutes: Type.Integer(),
    uptime_percent: orNull(Type.String({ description: 'Cut, not rounded, to five decimals; tiers are decided on the minutes.' })),
    target_percent: Type.String(),
    meets_target: orNull(Type.Boolean()),
    credit_percent: Type.String(),
    credit_minor: Type.Integer(),
    monthly_fee_minor: Type.Integer(),
    currency: Type.String(),
    downtime: Type.Array(DowntimeView),
    working: Type.Array(Type.String(), { description: 'How the figures come about, line by line.' }),
  },
  { $id: 'StatementView' },
);
export type StatementView = Type.Static<typeof StatementView>;
export const StatementList = listOf(StatementView);

export const AgreementParams = Type.Object({ id: Type.String({ pattern: '^[a-z][a-z0-9-]{0,62}$' }) });
export const PeriodParams = Type.Object({ id: Type.String({ maxLength: 63 }), month: Type.String({ pattern: '^\\d{4}-(0[1-9]|1[0-2])$' }) });
export const PeriodQuery = Type.Object({ limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 60, default: 12 })) });
export const RevisionQuery = Type.Object({ revision: Type.Optional(Type.Integer({ minimum: 1 })) });
export const PeriodCallsQuery = Type.Object({ ...pageQuery });
export const AgreementQuery = Type.Object({ tenant_id: Type.Optional(Type.String({ maxLength: 128 })) });

/** A call as it was recorded when an exclusion was proposed. */
export const ExclusionCall = Type.Object({
  id: Type.String(),
  at: when,
  request_id: Type.String(),
  connector: orNull(Type.String()),
  status: Type.Integer(),
  origin: orNull(Type.String()),
  code: orNull(Type.String()),
  upstream_status: orNull(Type.Integer()),
  upstream_answer: orNull(Type.String({ description: 'What the vendor answered, as far as it was kept.' })),
});

export const ExclusionRequest = Type.Object(
  {
    agreement_id: Type.String({ maxLength: 63 }),
    clause: ExclusionClause,
    from: when,
    to: when,
    reason: Type.String({ minLength: 10, maxLength: 2000 }),
    announced_at: Type.Optional(when),
    evidence: Type.Optional(
      Type.Object(
        {
          call_ids: Type.Optional(Type.Array(Type.String({ maxLength: 64 }), { maxItems: 200, description: 'Calls of the tenant within the time; their records are copied.' })),
          links: Type.Optional(Type.Array(Type.String({ maxLength: 2000, pattern: '^https?://' }), { maxItems: 50, description: 'Such as the vendor\'s status page.' })),
          notes: Type.Optional(Type.String({ maxLength: 5000 })),
        },
        { additionalProperties: false },
      ),
    ),
  },
  { additionalProperties: false },
);
export type ExclusionRequest = Type.Static<typeof ExclusionRequest>;

export const Exclusion = Type.Object(
  {
    id: Type.String(),
    agreement_id: Type.String(),
    tenant_id: Type.String(),
    clause: ExclusionClause,
    from: when,
    to: when,
    announced_at: orNull(when),
    reason: Type.String(),
    evidence: Type.Object({ calls: Type.Array(ExclusionCall), links: Type.Array(Type.String()), notes: orNull(Type.String()) }),
    state: OneOf(['proposed', 'approved', 'rejected']),
    proposed_by: Type.String(),
    proposed_at: when,
    decided_by: orNull(Type.String()),
    decided_at: orNull(when),
    decision_note: orNull(Type.String()),
  },
  { $id: 'Exclusion' },
);
export type Exclusion = Type.Static<typeof Exclusion>;
export const ExclusionList = listOf(Exclusion);
export const ExclusionParams = Type.Object({ id: Type.String({ maxLength: 64 }) });
export const ExclusionQuery = Type.Object({ agreement_id: Type.Optional(Type.String({ maxLength: 63 })), state: Type.Optional(OneOf(['proposed', 'approved', 'rejected'])), ...pageQuery });
export const ExclusionDecision = Type.Object({ decision: OneOf(['approve', 'reject']), note: Type.Optional(Type.String({ maxLength: 2000 })) }, { additionalProperties: false });
