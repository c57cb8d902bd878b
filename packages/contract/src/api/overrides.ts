/** Overrides of connectors, as the API shows them: the layers, what they make of a mapping or a manifest, and what they change. */
import Type from 'typebox';

const connectorId = Type.String({ pattern: '^[a-z][a-z0-9-]{0,62}$' });
export const ManifestParams = Type.Object({ id: connectorId });
export const MappingParams = Type.Object({ id: connectorId, model: Type.String({ pattern: '^[a-z]+\\.[a-z_]+$' }) });
const owner = Type.Optional(Type.String({ minLength: 1, maxLength: 200 }));
export const LayerQuery = Type.Object({ tenant_id: owner, account_id: owner }, { description: 'Whose layer: an account\'s, a tenant\'s, or without either the installation\'s.' });

const layer = Type.Union([Type.Literal('installation'), Type.Literal('tenant'), Type.Literal('account')]);
export type OverrideLayer = Type.Static<typeof layer>;
export const Override = Type.Object({
  part: Type.String({ description: 'What it changes: "manifest", or the unified model whose mapping it changes.' }),
  layer,
  owner: Type.String({ description: 'The tenant or the account; empty for the installation.' }),
  patch: Type.Unknown({ description: 'A JSON merge patch (RFC 7396).' }),
  revision: Type.Integer(),
  updated_by: Type.String(),
  updated_at: Type.String({ format: 'date-time' }),
});
export type Override = Type.Static<typeof Override>;
const shown = {
  revision: Type.Integer({ description: 'Of the override in the layer asked for; 0 when it has none. Also the ETag: send it back as If-Match to change only what you have seen.' }),
  layers: Type.Array(Override, { description: 'In the order in which they apply.' }),
  effective: Type.Unknown(),
  changes: Type.Array(Type.Object({ path: Type.String(), before: Type.Optional(Type.Unknown()), after: Type.Optional(Type.Unknown()) }), { description: 'Between built_in and effective.' }),
};
const fault = Type.Object({ path: Type.String(), message: Type.String() });

export const EffectiveMapping = Type.Object(
  {
    connector: Type.String(),
    version: Type.Integer(),
    model: Type.String(),
    built_in: Type.Unknown({ description: 'The mapping of this connector version; null where it has none.' }),
    ...shown,
    faults: Type.Array(fault, { description: 'Why the layers do not fit this version; its calls answer mapping_failed.' }),
  },
  { $id: 'EffectiveMapping' },
);
export type EffectiveMapping = Type.Static<typeof EffectiveMapping>;

export const EffectiveManifest = Type.Object(
  {
    connector: Type.String(),
    version: Type.Integer(),
    built_in: Type.Unknown({ description: 'The manifest of this connector version, its mappings included.' }),
    ...shown,
    faults: Type.Array(fault, { description: 'Why the layers do not fit this version; calls answer connector_invalid, those of one mapping mapping_failed.' }),
  },
  { $id: 'EffectiveManifest' },
);
export type EffectiveManifest = Type.Static<typeof EffectiveManifest>;
