/** Connectors as the API shows them: what each offers, its versions, and who gets which. */
import Type from 'typebox';
import { ConnectField } from '../manifest/value.ts';
import { listOf, pageQuery } from './list.ts';
import { OfferedModel } from './unified.ts';

const when = Type.String({ format: 'date-time' });
const orNull = <T extends Type.TSchema>(schema: T) => Type.Union([schema, Type.Null()]);
const versionNumber = Type.Integer({ minimum: 1, maximum: 2_147_483_647 });
const percent = Type.Integer({ minimum: 0, maximum: 100, description: 'Share of accounts; 100 makes the version stable, 0 ends its trial.' });

export const ConnectorParams = Type.Object({ id: Type.String({ pattern: '^[a-z][a-z0-9-]{0,62}$' }) });

export const ConnectorRollout = Type.Object({
  stable: versionNumber,
  candidate: orNull(Type.Object({ version: versionNumber, percent: Type.Integer({ minimum: 1, maximum: 99 }) })),
  revision: Type.Integer({ description: 'Grows with each change; send it back as If-Match to change only what you have seen.' }),
  updated_at: when,
});
export type ConnectorRollout = Type.Static<typeof ConnectorRollout>;

export const ConnectorDetailQuery = Type.Object({ account_id: Type.Optional(Type.String({ maxLength: 64, description: 'As this account sees it: its version, and its overrides.' })) });

export const ConnectorSummary = Type.Object({
  id: Type.String(),
  name: Type.String(),
  description: orNull(Type.String()),
  categories: Type.Array(Type.String()),
  schemes: Type.Array(Type.String(), { description: 'Authentication schemes; the first is the default.' }),
  resources: Type.Array(Type.String()),
  app: Type.Object({
    needed: Type.Boolean({ description: 'Some scheme needs an app of this installation at the vendor.' }),
    fields: Type.Array(Type.String(), { description: 'The fields that are set; values are never shown.' }),
  }),
  rollout: ConnectorRollout,
});
export type ConnectorSummary = Type.Static<typeof ConnectorSummary>;
export const ConnectorList = listOf(ConnectorSummary);
export const ConnectorQuery = Type.Object({ category: Type.Optional(Type.String({ maxLength: 64 })), ...pageQuery });

export const OfferedOperation = Type.Object({
  description: orNull(Type.String()),
  filters: Type.Array(Type.String(), { description: 'Query parameters the operation reads.' }),
  any_query: Type.Boolean({ description: 'Further query parameters are passed to the vendor as they are.' }),
  scopes: Type.Array(Type.String(), { description: 'Scopes the vendor wants for it.' }),
  idempotent: Type.Boolean(),
  page: Type.Optional(Type.Object({ type: Type.String(), default: Type.Optional(Type.Integer()), max: Type.Optional(Type.Integer()) }, { description: 'How a list is paged, and its page sizes.' })),
});
export type OfferedOperation = Type.Static<typeof OfferedOperation>;

export const OfferedResource = Type.Object({
  description: orNull(Type.String()),
  category: orNull(Type.String()),
  methods: Type.Record(Type.String(), OfferedOperation, { description: 'list, get, create, update, delete: those that are offered.' }),
  actions: Type.Record(Type.String(), OfferedOperation),
});
export type OfferedResource = Type.Static<typeof OfferedResource>;

export const OfferedScheme = Type.Object({
  id: Type.String(),
  type: Type.String(),
  label: orNull(Type.String()),
  fields: Type.Array(ConnectField, { description: 'What the connect form asks for.' }),
  scopes: Type.Array(Type.String()),
});

export const ConnectorDetail = Type.Object(
  {
    ...ConnectorSummary.properties,
    version: versionNumber,
    docs_url: orNull(Type.String()),
    offered_schemes: Type.Array(OfferedScheme),
    app_fields: Type.Array(ConnectField, { description: 'Settings of the app beside client_id and client_secret.' }),
    offered_resources: Type.Record(Type.String(), OfferedResource),
    unified: Type.Record(Type.String(), OfferedModel, { description: 'Unified model (<category>.<resource>) to what is offered of it.' }),
    post_install: Type.Array(Type.String(), { description: 'Steps that run once an account is connected.' }),
  },
  { $id: 'Connector' },
);
export type ConnectorDetail = Type.Static<typeof ConnectorDetail>;

export const ManifestWarning = Type.Object({ path: Type.String(), message: Type.String(), suggestion: Type.Optional(Type.String()) });

export const ConnectorPutQuery = Type.Object({ percent: Type.Optional(Type.Integer({ minimum: 0, maximum: 100, default: 100, description: 'Share of accounts that gets the new version at once; default 100.' })) });
export const ConnectorPut = Type.Object({
  id: Type.String(),
  version: versionNumber,
  created: Type.Boolean({ description: 'False when the same manifest was there already and no new version was needed.' }),
  warnings: Type.Array(ManifestWarning),
  rollout: ConnectorRollout,
});
export type ConnectorPut = Type.Static<typeof ConnectorPut>;

export const ConnectorVersion = Type.Object({
  version: versionNumber,
  source: Type.Union([Type.Literal('built_in'), Type.Literal('folder'), Type.Literal('api')]),
  sha256: Type.String({ description: 'Of the manifest\'s canonical JSON (RFC 8785), in hex.' }),
  created_by: Type.String(),
  created_at: when,
  percent: Type.Integer({ description: 'Share of accounts it serves now.' }),
  manifest: Type.Optional(Type.Unknown({ description: 'With include=manifest.' })),
});
export type ConnectorVersion = Type.Static<typeof ConnectorVersion>;
export const ConnectorVersionList = listOf(ConnectorVersion);
export const ConnectorVersionQuery = Type.Object({ include: Type.Optional(Type.Literal('manifest')), ...pageQuery });

export const RolloutRequest = Type.Object({ version: versionNumber, percent }, { additionalProperties: false });
export const RollbackRequest = Type.Object(
  { version: Type.Optional(Type.Integer({ minimum: 1, maximum: 2_147_483_647, description: 'Default: end the trial, else the version that was stable before.' })) },
  { additionalProperties: false },
);

export const AppRequest = Type.Record(Type.String({ maxLength: 64 }), Type.String({ maxLength: 20_000 }), {
  description: 'client_id, client_secret and the connector\'s app_fields, all of them: what is left out is removed.',
});
export const AppQuery = Type.Object({
  overlap_s: Type.Optional(
    Type.Integer({ minimum: 0, maximum: 2_592_000, description: 'For so many seconds the client secret that is replaced is tried when the vendor refuses the new one as such; each use is logged as an error. Default 0: it is gone at once.' }),
  ),
});
export const AppState = Type.Object({
  connector: Type.String(),
  fields: Type.Array(Type.String(), { description: 'The fields that are set; values are never shown.' }),
  revision: Type.Integer(),
  updated_at: when,
  previous_secret_until: Type.Union([when, Type.Null()], { description: 'Until when the secret that was replaced is kept; see overlap_s.' }),
});
export type AppState = Type.Static<typeof AppState>;
