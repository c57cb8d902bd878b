/**
 * What the fields of unified models are made of. Plain JSON Schema: a field that may be null says so in its type, one
 * that must not be is never answered as null; `readOnly` fields are the vendor's to set.
 */
import Type from 'typebox';

export interface UnifiedModel {
  /** JSON Schema of one record as it is answered: every field is there, with a value, null or an empty list. */
  readonly schema: Type.TObject;
  /**
   * Query parameters that narrow a list. A name of a field compares with it; `<field>_after` and `<field>_before`
   * compare a time with `<field>_at` or `<field>_on`, the instant itself included. A connector offers some of them.
   */
  readonly filters: readonly string[];
  /** Fields a list can be sorted by: `sort=updated_at`, descending with `-`. */
  readonly sort: readonly string[];
}

export interface FieldOptions {
  readonly description?: string;
  /** Set by the vendor: refused in what a caller writes. */
  readonly readOnly?: true;
}

/** A scalar or a list as a model states it. `required` fields are never null. */
export const text = (options: FieldOptions = {}) => Type.Unsafe<string | null>({ type: ['string', 'null'], ...options });
export const requiredText = (options: FieldOptions = {}) => Type.Unsafe<string>({ type: 'string', minLength: 1, ...options });
export const number = (options: FieldOptions = {}) => Type.Unsafe<number | null>({ type: ['number', 'null'], ...options });
export const integer = (options: FieldOptions = {}) => Type.Unsafe<number | null>({ type: ['integer', 'null'], ...options });
export const flag = (options: FieldOptions = {}) => Type.Unsafe<boolean | null>({ type: ['boolean', 'null'], ...options });
/** RFC 3339 in UTC with milliseconds: "2026-11-23T13:50:30.000Z". */
export const moment = (options: FieldOptions = {}) => Type.Unsafe<string | null>({ type: ['string', 'null'], format: 'date-time', ...options });
/** RFC 3339 full-date: "2026-11-23". */
export const day = (options: FieldOptions = {}) => Type.Unsafe<string | null>({ type: ['string', 'null'], format: 'date', ...options });
export const requiredDay = (options: FieldOptions = {}) => Type.Unsafe<string>({ type: 'string', format: 'date', ...options });
export const choice = <const Values extends readonly string[]>(values: Values, options: FieldOptions = {}) =>
  Type.Unsafe<Values[number] | null>({ type: ['string', 'null'], enum: [...values, null], ...options });
/** Of text; never null, empty where there is nothing. */
export const texts = (options: FieldOptions = {}) => Type.Unsafe<string[]>({ type: 'array', items: { type: 'string' }, ...options });

/** Several fields under one name; null when none of them has a value. */
export function group<Fields extends Type.TProperties>(fields: Fields, options: FieldOptions = {}) {
  const { properties, required } = Type.Object(fields);
  return Type.Unsafe<Type.Static<Type.TObject<Fields>> | null>({ type: ['object', 'null'], properties, required, additionalProperties: false, ...options });
}

/** A list of groups; never null, empty where there is nothing. */
export function groups<Fields extends Type.TProperties>(fields: Fields, options: FieldOptions = {}) {
  return Type.Unsafe<Type.Static<Type.TObject<Fields>>[]>({ type: 'array', items: Type.Object(fields, { additionalProperties: false }), ...options });
}

export const emails = groups({ address: requiredText(), type: choice(['work', 'home', 'other']) }, { description: 'The main one first.' });
export const phones = groups({ number: requiredText(), type: choice(['work', 'mobile', 'home', 'other']) }, { description: 'The main one first.' });
export const address = group({ street: text(), city: text(), region: text(), postal_code: text(), country: text() });

/** What every model has beside its own fields. `remote_data` is there when it was asked for. */
export function model<Fields extends Type.TProperties>(title: string, fields: Fields) {
  return Type.Object(
    {
      id: requiredText({ readOnly: true, description: 'The vendor\'s id, as text; usable in the path of get, update and delete.' }),
      ...fields,
      created_at: moment({ readOnly: true }),
      updated_at: moment({ readOnly: true }),
      custom_fields: Type.Unsafe<Record<string, unknown>>({ type: 'object', description: 'The vendor\'s own fields that the model has no name for, where the mapping reads them.' }),
      remote_data: Type.Optional(Type.Unknown({ readOnly: true, description: 'The vendor\'s record as it came, with remote_data=true.' })),
    },
    { title, additionalProperties: false },
  );
}
