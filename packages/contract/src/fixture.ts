/**
 * A recorded fixture of a connector, `connectors/<id>/fixtures/<name>.json`: a call of the API, the exchanges with the
 * vendor it has to lead to, and the answer it has to give. Replayed without a network by `evenkeel connectors test`.
 */
import Type from 'typebox';
import { Strict } from './manifest/value.ts';

const Named = Type.Record(Type.String(), Type.Unknown());
const Headers = Type.Record(Type.String(), Type.String());

export const FixtureCall = Strict({
  surface: Type.Union([Type.Literal('proxy'), Type.Literal('unified'), Type.Literal('passthrough'), Type.Literal('validation'), Type.Literal('connect')], {
    description: 'unified goes through the mapping of the model named by resource; connect obtains a grant, validates it and runs the post-install steps; validation makes the one call that proves a credential.',
  }),
  method: Type.Optional(Type.String({ description: 'list, get, create, update, delete or the name of an action; for passthrough an HTTP method.' })),
  resource: Type.Optional(Type.String({ description: 'Of the manifest; for unified a model, such as crm.contacts.' })),
  id: Type.Optional(Type.String()),
  path: Type.Optional(Type.String({ description: 'Of a passthrough call, still percent-encoded, with its query.' })),
  query: Type.Optional(Named),
  headers: Type.Optional(Headers),
  body: Type.Optional(Type.Unknown()),
  pages: Type.Optional(Type.Integer({ minimum: 1, maximum: 20, description: 'A list is called this often, each time with the cursor before; the answer is that of the last page.' })),
  callback: Type.Optional(Type.Record(Type.String(), Type.String(), { description: 'Of connect: the query of the OAuth callback. Without it the grant comes from what is stored (refresh, key, login).' })),
  redirect_uri: Type.Optional(Type.String()),
  code_verifier: Type.Optional(Type.String()),
});
export type FixtureCall = Type.Static<typeof FixtureCall>;

export const FixtureExchange = Strict({
  request: Strict({
    method: Type.String(),
    url: Type.String({ description: 'The real address; its query may stand here or under query.' }),
    query: Type.Optional(Type.Record(Type.String(), Type.Union([Type.String(), Type.Array(Type.String())]), { description: 'Decoded; all parameters, in any order.' })),
    headers: Type.Optional(Headers),
    body: Type.Optional(Type.Unknown({ description: 'JSON as data, a form as an object or a text, anything else as text; absent means no body.' })),
  }),
  response: Strict({
    status: Type.Integer({ minimum: 100, maximum: 599 }),
    headers: Type.Optional(Headers),
    body: Type.Optional(Type.Unknown({ description: 'Sent as JSON.' })),
    text: Type.Optional(Type.String({ description: 'Sent as it is.' })),
  }),
});
export type FixtureExchange = Type.Static<typeof FixtureExchange>;

export const Fixture = Strict(
  {
    $schema: Type.Optional(Type.String()),
    name: Type.String({ minLength: 1 }),
    description: Type.Optional(Type.String()),
    call: FixtureCall,
    account: Type.Optional(
      Strict({
        scheme: Type.Optional(Type.String({ description: 'Default: the first of the manifest.' })),
        config: Type.Optional(Named),
        captured: Type.Optional(Named),
        secret: Type.Optional(Named),
        token: Type.Optional(Named),
        app: Type.Optional(Named),
        key: Type.Optional(Named),
      }),
    ),
    now: Type.Optional(Type.String({ description: 'ISO 8601; default 2026-01-01T00:00:00Z.' })),
    exchanges: Type.Array(FixtureExchange),
    answer: Strict({
      status: Type.Integer(),
      headers: Type.Optional(Headers),
      body: Type.Optional(Type.Unknown({ description: 'Of a success the whole body; of a problem the members that matter. "*" stands for anything but null.' })),
      text: Type.Optional(Type.String()),
    }),
  },
  { $id: 'https://evenkeel.dev/schemas/fixture.v1.json', title: 'Evenkeel connector fixture' },
);
export type Fixture = Type.Static<typeof Fixture>;
