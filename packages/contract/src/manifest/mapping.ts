/**
 * A mapping, format 1: how one connector's records become records of one unified model and back, and which of the
 * connector's operations serve the model's methods. Data only; `docs/guides/mappings.md` tells how to write one.
 */
import Type from 'typebox';
import { Matcher } from './response.ts';
import { Strict } from './value.ts';

/** Values here read the mapping's own scope (see `mappingRoots`), so the linter of mappings reads them, not the manifest's. */
const Value = Type.Unsafe<unknown>({ description: 'JSON with placeholders over the mapping\'s scope: "{{filter.email}}", "{{filters|join:\' AND \'}}", {"$expr": "…"}.' });
const ValueMap = Type.Unsafe<{ [key: string]: unknown }>({ type: 'object', description: 'Names to values with placeholders; an absent value drops its name.' });
const Path = Type.String({ description: 'A plain path in the vendor\'s record, such as "properties.email" or "lines[0].id"; "" is the whole record.' });
const scalar = Type.Unsafe<string | number | boolean | null>({ type: ['string', 'number', 'boolean', 'null'] });

/** What the values of a method may read. */
export const mappingRoots = [
  'id', // of get, update and delete: the id in the path
  'body', // of create and update: the vendor's record made from what the caller wrote
  'input', // of create and update: what the caller wrote, by unified field
  'filter', // of list: each filter asked for, by name, as its `value` says (else as converted)
  'filters', // of list: the `term`s of the filters asked for, in order; absent when there are none
  'sort', // of list: the value of the sorting asked for; absent without one
  'select', // the vendor's names of the fields asked for (all that are mapped, without `fields`)
  'config', // the account's settings
  'captured', // what was captured when the account was connected
  'now', // { epoch_s, epoch_ms, iso }
  'value', // in a filter only: the value asked for, converted as the field of its name is written
  'values', // in a filter only: a list of it; of an enum with several vendor's values, all of them
] as const;

export type FieldMapping = string | FieldRule;
export interface FieldRule {
  readonly path?: string;
  readonly read?: string | readonly string[] | { readonly $expr: string };
  readonly write?: string;
  readonly template?: string;
  readonly const?: string | number | boolean | null;
  readonly enum?: { readonly [unified: string]: string | number | boolean | null | readonly (string | number | boolean | null)[] };
  readonly otherwise?: string | null;
  readonly date?: 'iso' | 'date' | 'epoch_s' | 'epoch_ms';
  readonly divide?: number;
  readonly empty?: readonly (string | number | boolean | null)[];
  readonly split?: string;
  readonly object?: { readonly [field: string]: FieldMapping };
  readonly list?: readonly FieldMapping[];
  readonly each?: string;
  readonly item?: FieldMapping;
  readonly uses?: readonly string[];
  readonly as?: 'text' | 'number';
}

const literalOrList = Type.Unsafe<string | number | boolean | null | (string | number | boolean | null)[]>({ type: ['string', 'number', 'boolean', 'null', 'array'] });

/** Written out to a bounded depth: a mapping nests no deeper than a model does. */
function fieldMapping(inner?: Type.TSchema): Type.TSchema {
  const nested: Type.TProperties =
    inner === undefined
      ? {}
      : {
          object: Type.Optional(Type.Record(Type.String({ pattern: '^[a-z][a-z0-9_]*$' }), inner, { additionalProperties: false, description: 'Field by field; paths go on from the same record (in an item: from the same member).' })),
          list: Type.Optional(Type.Array(inner, { description: 'A list put together from single places; members without a value are left out. Writing, each member goes to the first place whose constants it agrees with.' })),
          each: Type.Optional(Type.String({ description: 'Path of a list of the vendor; item is applied to each member.' })),
          item: Type.Optional(inner),
        };
  return Type.Union([
    Path,
    Strict(
      {
        path: Type.Optional(Type.String({ description: 'Read from here and written to here.' })),
        read: Type.Optional(
          Type.Union([Type.String(), Type.Array(Type.String(), { minItems: 1 }), Strict({ $expr: Type.String({ minLength: 1 }) })], {
            description: 'Read from here: a path, the first of several that has a value, or JSONata over the record. Without write the field is read only.',
          }),
        ),
        write: Type.Optional(Type.String({ description: 'Written to this path.' })),
        template: Type.Optional(Type.String({ description: 'Read as text with placeholders over the record: "{{repository.name}}/{{number}}". Absent when one of them is.' })),
        const: Type.Optional(scalar),
        enum: Type.Optional(Type.Record(Type.String(), literalOrList, { description: 'Unified value to the vendor\'s, or to several of which the first is written.' })),
        otherwise: Type.Optional(Type.Unsafe<string | null>({ type: ['string', 'null'], description: 'The unified value for a vendor\'s value that enum does not name; without it such a value is mapping_failed.' })),
        date: Type.Optional(Type.Unsafe<'iso' | 'date' | 'epoch_s' | 'epoch_ms'>({ type: 'string', enum: ['iso', 'date', 'epoch_s', 'epoch_ms'], description: 'How the vendor writes the time; default iso for date-times, date for dates. Reading takes every form.' })),
        divide: Type.Optional(Type.Number({ exclusiveMinimum: 0, description: 'The vendor\'s number over this is the unified one: 100 for cents.' })),
        empty: Type.Optional(Type.Array(scalar, { description: 'Vendor\'s values that mean nothing, beside null and "": ["0000-00-00"].' })),
        split: Type.Optional(Type.String({ minLength: 1, description: 'A list that the vendor keeps as one text with this separator.' })),
        as: Type.Optional(Type.Unsafe<'text' | 'number'>({ type: 'string', enum: ['text', 'number'], description: 'Written in this type, where the vendor wants another than the model has: ids that are numbers.' })),
        uses: Type.Optional(Type.Array(Type.String(), { description: 'Paths an expression or template reads, for select.' })),
        ...nested,
      },
      { description: 'One field: where it is read, where it is written, and how the value is converted.' },
    ),
  ]);
}
export const FieldOfMember = fieldMapping();
export const FieldOfGroup = fieldMapping(FieldOfMember);
export const FieldMapping = Type.Unsafe<FieldMapping>(fieldMapping(FieldOfGroup));

export const FilterMapping = Strict(
  {
    value: Type.Optional(Value),
    term: Type.Optional(Value),
    query: Type.Optional(ValueMap),
    required: Type.Optional(Type.Boolean({ description: 'The vendor lists only with it.' })),
  },
  { description: 'One filter. query adds to the operation\'s query; term adds to filters; neither: the method\'s query reads filter.<name>.' },
);
export type FilterMapping = Type.Static<typeof FilterMapping>;

const operation = {
  operation: Type.String({ pattern: '^[a-z][a-z0-9_-]*\\.(list|get|create|update|delete|actions\\.[a-z][a-z0-9_-]*)$', description: 'Of this connector: "contacts.list", "tickets.actions.close".' }),
  query: Type.Optional(ValueMap),
};
export const ListMapping = Strict({
  ...operation,
  filters: Type.Optional(Type.Record(Type.String({ pattern: '^[a-z][a-z0-9_]*$' }), FilterMapping, { additionalProperties: false })),
  sort: Type.Optional(
    Type.Record(Type.String({ pattern: '^[a-z][a-z0-9_]*$' }), Strict({ asc: Type.Optional(Value), desc: Type.Optional(Value) }), { additionalProperties: false, description: 'Unified field to what sort holds when a list is sorted by it.' }),
  ),
});
export type ListMapping = Type.Static<typeof ListMapping>;

export const GetMapping = Strict({ ...operation, id: Type.Optional(Value) });
export const WriteMapping = Strict({
  ...operation,
  id: Type.Optional(Value),
  body: Type.Optional(Value),
  required: Type.Optional(Type.Array(Type.String(), { description: 'Unified fields that create must be given.' })),
  fields: Type.Optional(Type.Array(Type.String(), { description: 'The only unified fields this method writes; default: all that the mapping can write.' })),
  reread: Type.Optional(Type.String({ description: 'The vendor does not answer with the record: its id stands at this path of the answer ("" for update: the id of the call), and get is asked for it.' })),
});
export type WriteMapping = Type.Static<typeof WriteMapping>;

export const Mapping = Strict(
  {
    $schema: Type.Optional(Type.String()),
    mapping: Type.Literal(1),
    model: Type.String({ pattern: '^[a-z]+\\.[a-z_]+$', description: 'The unified model: "crm.contacts".' }),
    description: Type.Optional(Type.String()),
    methods: Strict({
      list: Type.Optional(Type.Array(ListMapping, { minItems: 1, description: 'Ways to list; the first that knows every filter and the sorting asked for is taken.' })),
      get: Type.Optional(GetMapping),
      create: Type.Optional(WriteMapping),
      update: Type.Optional(WriteMapping),
      delete: Type.Optional(GetMapping),
    }),
    where: Type.Optional(Type.Unsafe<Record<string, Matcher>>({ type: 'object', additionalProperties: Matcher, description: 'Plain path in a record to matcher: records that do not match are not of this model and are left out.' })),
    select: Type.Optional(
      Strict(
        { prefix: Type.Optional(Type.String({ description: 'Paths that begin with it are selectable; it is taken off.' })), always: Type.Optional(Type.Array(Type.String())) },
        { description: 'How the vendor\'s own field selection is filled (the root select).' },
      ),
    ),
    fields: Type.Record(Type.String({ pattern: '^[a-z][a-z0-9_]*$' }), FieldMapping, { additionalProperties: false, description: 'Unified field to its mapping; a field of the model that is not named is null.' }),
    custom_fields: Type.Optional(
      Strict(
        {
          at: Type.Optional(Type.String({ description: 'Path of the object that holds them; "" is the record.' })),
          names: Type.Optional(Type.Array(Type.String(), { description: 'These only; they are selected too.' })),
          pattern: Type.Optional(Type.String({ description: 'Only names that match: "__c$".' })),
          write: Type.Optional(Type.Boolean({ description: 'They can be written, to the same place.' })),
        },
        { description: 'The vendor\'s own fields: every one under `at` that no field reads.' },
      ),
    ),
  },
  { title: 'Evenkeel unified mapping, format 1' },
);
export type Mapping = Omit<Type.Static<typeof Mapping>, 'fields'> & { readonly fields: { readonly [field: string]: FieldMapping } };
export type UnifiedMethod = keyof Mapping['methods'];
