/** Values that several files of the playbook use: shares in percent, names, roles, dates. */
import Type from 'typebox';

/**
 * A share in percent as people write it: 99.995, or "99.995" as text. At most seven decimals, so that it is a whole
 * number of parts per billion; it is never computed with as a floating-point number.
 */
export const Percent = (description: string) =>
  Type.Union([Type.Number({ minimum: 0, maximum: 100 }), Type.String({ pattern: '^\\d{1,3}(\\.\\d{1,7})?$' })], { description });
export type Percent = number | string;

/** One of the words given. */
export const OneOf = <const T extends string>(words: readonly T[], description?: string) =>
  Type.Unsafe<T>({ type: 'string', enum: [...words], ...(description === undefined ? {} : { description }) });

export const Slug = (description?: string) => Type.String({ pattern: '^[a-z][a-z0-9-]{0,62}$', ...(description === undefined ? {} : { description }) });

export const TimeZone = (description: string) => Type.String({ minLength: 1, maxLength: 64, description: `${description} An IANA name such as America/New_York.` });

/** Groups of people that actions name; who stands behind each is told by the escalation file. */
export const Role = Type.String({ pattern: '^[a-z][a-z0-9_]{0,62}$', description: 'A role such as on_call, team_lead, engineering_leads, vp_engineering.' });

/** 5m, 6h, 3d. */
export const Duration = (description: string) => Type.String({ pattern: '^[1-9]\\d{0,4}[mhd]$', description });

/** An exact moment. */
export const Moment = (description: string) =>
  Type.String({ pattern: '^\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}(:\\d{2}(\\.\\d{1,3})?)?(Z|[+-]\\d{2}:\\d{2})$', description: `${description} An ISO 8601 time with its offset, such as 2026-11-01T02:00:00Z.` });

/** A day of a calendar. */
export const Day = (description: string) => Type.String({ pattern: '^\\d{4}-\\d{2}-\\d{2}$', description: `${description} YYYY-MM-DD.` });
