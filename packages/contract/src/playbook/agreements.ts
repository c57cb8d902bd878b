/** `playbook/agreements.yaml`: what customers were promised (SLAs), what counts as downtime, what a breach costs. */
import Type from 'typebox';
import { Strict } from '../manifest/value.ts';
import { Day, Moment, OneOf, Percent, Slug, TimeZone } from './share.ts';

export const exclusionClauses = ['maintenance', 'upstream', 'customer', 'force_majeure'] as const;
export type ExclusionClause = (typeof exclusionClauses)[number];
export const ExclusionClause = OneOf(exclusionClauses, 'maintenance announced in time; a failure of a vendor; caused by the customer; force majeure.');

export const Downtime = Strict(
  {
    consecutive_minutes: Type.Integer({ minimum: 1, maximum: 1440, description: 'So many bad minutes in a row are downtime; every minute of such a run counts.' }),
    above: Percent('A minute is bad when more than this share of the tenant\'s requests fails with a server error.'),
    errors: Type.Union([Type.Literal('platform'), Type.Literal('platform_and_upstream')], { description: 'Whose server errors make a minute bad.' }),
    unmeasured: Type.Union([Type.Literal('downtime'), Type.Literal('left_out')], {
      description: 'A minute in which no node gave a sign of life. downtime: it is bad like any other. left_out: it leaves the total, and the statement shows it. It is never up.',
    }),
  },
  { description: 'What downtime is.' },
);
export type Downtime = Type.Static<typeof Downtime>;

export const CreditTier = Strict({
  below: Percent('Uptime under this…'),
  credit: Percent('…gives this share of the monthly fee; the lowest tier that applies counts.'),
});
export type CreditTier = Type.Static<typeof CreditTier>;

/** What terms hold, each of which an agreement may state otherwise. */
const termProperties = {
  target: Percent('Uptime promised for each calendar month, in percent.'),
  downtime: Downtime,
  maintenance_notice_hours: Type.Integer({ minimum: 0, maximum: 8760, description: 'Hours of elapsed time between the announcement and the beginning of a maintenance window.' }),
  exclusions: Type.Array(ExclusionClause, { description: 'Which clauses may exclude downtime.' }),
  credits: Type.Array(CreditTier),
  cap: Percent('Largest credit for a month, in percent of the monthly fee.'),
};

export const Terms = Strict({ title: Type.String({ minLength: 1, maxLength: 120 }), ...termProperties });
export type Terms = Type.Static<typeof Terms>;

export const MaintenanceWindow = Strict({
  from: Moment('Begins.'),
  to: Moment('Ends.'),
  announced_at: Moment('When the customer was told.'),
  note: Type.Optional(Type.String({ maxLength: 500 })),
});
export type MaintenanceWindow = Type.Static<typeof MaintenanceWindow>;

export const Agreement = Strict({
  id: Slug(),
  tenant_id: Type.String({ minLength: 1, maxLength: 128 }),
  title: Type.Optional(Type.String({ minLength: 1, maxLength: 120 })),
  terms: Slug('A name of the terms above.'),
  time_zone: TimeZone('Where its months begin and end.'),
  starts: Day('First day, in its time zone.'),
  ends: Type.Optional(Day('Last day, in its time zone.')),
  monthly_fee_minor: Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER, description: 'In the currency\'s smallest unit: 500000 for $5,000.00.' }),
  currency: Type.String({ pattern: '^[A-Z]{3}$', description: 'ISO 4217, such as USD.' }),
  maintenance: Type.Optional(Type.Array(MaintenanceWindow)),
  target: Type.Optional(termProperties.target),
  downtime: Type.Optional(Downtime),
  maintenance_notice_hours: Type.Optional(termProperties.maintenance_notice_hours),
  exclusions: Type.Optional(termProperties.exclusions),
  credits: Type.Optional(termProperties.credits),
  cap: Type.Optional(termProperties.cap),
});
export type Agreement = Type.Static<typeof Agreement>;

export const AgreementsFile = Strict(
  {
    $schema: Type.Optional(Type.String()),
    version: Type.Literal(1),
    terms: Type.Record(Type.String({ pattern: '^[a-z][a-z0-9-]{0,62}$' }), Terms, { additionalProperties: false }),
    agreements: Type.Array(Agreement),
  },
  { $id: 'https://evenkeel.dev/schemas/agreements.v1.json', title: 'Evenkeel playbook: agreements, format 1' },
);
export type AgreementsFile = Type.Static<typeof AgreementsFile>;
