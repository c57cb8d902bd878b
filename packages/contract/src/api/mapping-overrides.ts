/** Overrides of mappings, as the API shows them: the layers, what they make of the mapping, and what they change. */
import Type from 'typebox';

export const MappingParams = Type.Object({ id: Type.String({ pattern: '^[a-z][a-z0-9-]{0,62}$' }), model: Type.String({ pattern: '^[a-z]+\\.[a-z_]+$' }) });
const owner = Type.Optional(Type.String({ minLength: 1, maxLength: 200 }));
export const MappingLayerQuery = Type.Object({ tenant_id: owner, account_id: owner }, { description: 'Whose layer: an account\'s, a tenant\'s, or without either the installation\'s.' });

const layer = Type.Union([Type.Literal('installation'), Type.Literal('tenant'), Type.Literal('account')]);
export type MappingLayer = Type.Static<typeof layer>;
export const MappingOverride = Type.Object({
  layer,
  owner: Type.String({ description: 'The tenant or the account; empty for the installation.' }),
  patch: Type.Unknown({ description: 'A JSON merge patch (RFC 7396).' }),
  revision: Type.Integer(),
  updated_by: Type.String(),
  updated_at: Type.String({ format: 'date-time' }),
});
export const EffectiveMapping = Type.Object(
  {
    connector: Type.String(),
    version: Type.Integer(),
    model: Type.String(),
    built_in: Type.Unknown({ description: 'The mapping of this connector version; null where it has none.' }),
    layers: Type.Array(MappingOverride, { description: 'In the order in which they apply.' }),
    effective: Type.Unknown(),
    changes: Type.Array(Type.Object({ path: Type.String(), before: Type.Optional(Type.Unknown()), after: Type.Optional(Type.Unknown()) }), { description: 'Between built_in and effective.' }),
    faults: Type.Array(Type.Object({ path: Type.String(), message: Type.String() }), { description: 'Why the layers do not fit this version; its calls answer mapping_failed.' }),
  },
  { $id: 'EffectiveMapping' },
);
export type EffectiveMapping = Type.Static<typeof EffectiveMapping>;
