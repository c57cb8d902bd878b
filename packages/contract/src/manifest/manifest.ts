/** The connector manifest, format 1: everything the engine knows about a vendor. */
import Type from 'typebox';
import { AuthScheme, Step } from './auth.ts';
import { Mapping } from './mapping.ts';
import { Request, requestProperties, ArrayStyle } from './request.ts';
import { Condition, ErrorRule, Pagination, RateLimit, Response, Capture } from './response.ts';
import { Webhooks } from './webhooks.ts';
import { ConnectField, Path, PlainPath, Strict, Template, ValueMap, Value } from './value.ts';

export const Operation = Strict(
  {
    ...requestProperties,
    description: Type.Optional(Type.String()),
    response: Type.Optional(Response),
    pagination: Type.Optional(Pagination),
    errors: Type.Optional(Type.Array(ErrorRule)),
    scopes: Type.Optional(Type.Array(Type.String(), { description: 'Scopes the vendor wants for this operation.' })),
    forward_query: Type.Optional(Type.Boolean({ description: 'Pass the caller\'s other query parameters to the vendor; default true for list and get, false elsewhere.' })),
    idempotent: Type.Optional(Type.Boolean({ description: 'Safe to send again; default by method.' })),
  },
  { description: 'One operation of a resource: a request and how its answer is read.' },
);
export type Operation = Type.Static<typeof Operation>;

export const Resource = Strict({
  description: Type.Optional(Type.String()),
  category: Type.Optional(Type.String()),
  id: Type.Optional(PlainPath('Plain path of a record\'s id, default "id".')),
  list: Type.Optional(Operation),
  get: Type.Optional(Operation),
  create: Type.Optional(Operation),
  update: Type.Optional(Operation),
  delete: Type.Optional(Operation),
  actions: Type.Optional(Type.Record(Type.String({ pattern: '^[a-z][a-z0-9_-]*$' }), Operation, { additionalProperties: false })),
});
export type Resource = Type.Static<typeof Resource>;

export const Http = Strict({
  base_url: Template,
  origins: Type.Optional(Type.Array(Template, { description: 'Further origins that may receive credentials, e.g. a file host.' })),
  headers: Type.Optional(ValueMap),
  query: Type.Optional(ValueMap),
  query_arrays: Type.Optional(ArrayStyle),
  timeout_ms: Type.Optional(Type.Integer({ minimum: 100, maximum: 300_000, description: 'From sending a request to the end of its answer, or to the headers of one that streams. While a body streams out it is the longest standstill, and begins anew when all is sent. Default 30 s.' })),
});
export type Http = Type.Static<typeof Http>;

export const Manifest = Strict(
  {
    $schema: Type.Optional(Type.String()),
    manifest: Type.Literal(1),
    id: Type.String({ pattern: '^[a-z][a-z0-9-]{0,62}$' }),
    name: Type.String({ minLength: 1, maxLength: 80 }),
    description: Type.Optional(Type.String()),
    docs_url: Type.Optional(Type.String()),
    categories: Type.Array(Type.String({ pattern: '^[a-z][a-z0-9_]*$' })),
    app_fields: Type.Optional(Type.Array(ConnectField, { description: 'Settings of the installation\'s app beside client_id and client_secret.' })),
    auth: Type.Array(AuthScheme, { minItems: 1, description: 'The first is the default; a connect session may name another.' }),
    http: Http,
    errors: Type.Optional(Type.Array(ErrorRule)),
    error_message: Type.Optional(Type.Array(Path, { description: 'Paths tried in order for the vendor\'s message.' })),
    request_id: Type.Optional(Strict({ header: Type.Optional(Type.String()), body: Type.Optional(Path) })),
    rate_limits: Type.Optional(Type.Array(RateLimit)),
    granted_scopes: Type.Optional(Strict({ header: Type.Optional(Type.String()), separator: Type.Optional(Type.String()) })),
    pagination: Type.Optional(Pagination),
    resources: Type.Record(Type.String({ pattern: '^[a-z][a-z0-9_-]*$' }), Resource, { additionalProperties: false }),
    validation: Type.Optional(
      Strict(
        { request: Request, success: Type.Optional(Condition), capture: Type.Optional(Capture), message: Type.Optional(Path) },
        { description: 'One cheap call that proves a credential; run at connect and before a 401 is believed.' },
      ),
    ),
    account: Type.Optional(
      Strict({ external_id: Type.Optional(Value), label: Type.Optional(Value) }, { description: 'The vendor\'s id and a readable name of the connected account, from captures.' }),
    ),
    post_install: Type.Optional(Type.Array(Step)),
    webhooks: Type.Optional(Webhooks),
    mappings: Type.Optional(
      Type.Record(Type.String({ pattern: '^[a-z]+\\.[a-z_]+$' }), Mapping, { additionalProperties: false, description: 'Unified model to its mapping. On disk each stands in its own file: mappings/<category>.<resource>.json.' }),
    ),
  },
  { $id: 'https://evenkeel.dev/schemas/manifest.v1.json', title: 'Evenkeel connector manifest, format 1' },
);
export type Manifest = Type.Static<typeof Manifest>;
export type MethodName = 'list' | 'get' | 'create' | 'update' | 'delete';
