/** Calls on unified models. Answers are described by the models themselves, see `unified/models.ts`. */
import Type from 'typebox';
import { listOf } from './list.ts';

const name = Type.String({ pattern: '^[a-z][a-z_]{0,63}$' });
export const UnifiedParams = Type.Object({ category: name, resource: name });
export const UnifiedRecordParams = Type.Object({ category: name, resource: name, id: Type.String({ minLength: 1, maxLength: 2000 }) });

const account = { account_id: Type.Optional(Type.String({ maxLength: 64, description: 'The account; or the header evenkeel-account.' })) };
const shown = {
  fields: Type.Optional(Type.String({ maxLength: 2000, description: 'Fields of the model, separated by commas; the id is always there.' })),
  remote_data: Type.Optional(Type.Boolean({ description: 'Adds the vendor\'s own record as remote_data.' })),
};
export const UnifiedQuery = Type.Object({ ...account, ...shown });
export const UnifiedListQuery = Type.Object({
  ...account,
  ...shown,
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000 })),
  cursor: Type.Optional(Type.String({ maxLength: 16_384 })),
  sort: Type.Optional(Type.String({ maxLength: 64, description: 'A field of the model; descending with "-" before.' })),
});

export const ModelDescription = Type.Object({
  model: Type.String({ description: '<category>.<resource>' }),
  filters: Type.Array(Type.String()),
  sort: Type.Array(Type.String()),
  schema: Type.Unknown({ description: 'JSON Schema of a record.' }),
});
export const ModelList = listOf(ModelDescription);

const names = Type.Array(Type.String());
export const OfferedModel = Type.Object(
  {
    methods: names,
    lists: Type.Array(Type.Object({ filters: names, required_filters: names, sort: names }), { description: 'Ways to list: the filters and the sorting of one call are of one way.' }),
    fields: Type.Array(Type.String(), { description: 'Fields that have a value here; the others of the model are null.' }),
    writable: Type.Object({ create: names, update: names }),
    required: Type.Array(Type.String(), { description: 'Fields that create must be given.' }),
    custom_fields: Type.Boolean(),
  },
  { description: 'What a connector offers of a unified model.' },
);
export type OfferedModel = Type.Static<typeof OfferedModel>;
