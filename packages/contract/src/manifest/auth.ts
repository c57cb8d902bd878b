/**
 * Authentication schemes as data. A scheme says how a credential is obtained, when it ends, how it is renewed and
 * revoked, and how it is attached to a request (`apply`). Specifications: OAuth 2.0 RFC 6749, PKCE RFC 7636,
 * JWT bearer RFC 7523, revocation RFC 7009, introspection RFC 7662, OAuth 1.0 RFC 5849, Basic RFC 7617, AWS SigV4.
 */
import Type from 'typebox';
import { Request } from './request.ts';
import { Capture, Condition } from './response.ts';
import { ConnectField, Expression, Path, PlainPath, Strict, Tagged, Template, Value, ValueMap } from './value.ts';

export const Apply = Strict(
  {
    headers: Type.Optional(ValueMap),
    query: Type.Optional(ValueMap),
    cookies: Type.Optional(ValueMap),
  },
  { description: 'What attaches the credential to each request; rebuilt for every attempt.' },
);
export type Apply = Type.Static<typeof Apply>;

export const ClientAuth = Type.Union([Type.Literal('header'), Type.Literal('body'), Type.Literal('none')], {
  description: 'How the client authenticates at the token endpoint: client_secret_basic, client_secret_post, or public.',
});

export const TokenResponse = Strict(
  {
    root: Type.Optional(PlainPath('Plain path under which the fields stand, e.g. "authed_user".')),
    access_token: Type.Optional(PlainPath('Plain path, default access_token.')),
    refresh_token: Type.Optional(PlainPath('Plain path, default refresh_token.')),
    scope: Type.Optional(PlainPath('Plain path, default scope.')),
    token_type: Type.Optional(PlainPath('Plain path, default token_type.')),
    id_token: Type.Optional(PlainPath('Plain path, default id_token.')),
    success: Type.Optional(Condition),
    message: Type.Optional(Path),
  },
  { description: 'Where a non-standard token response keeps its fields; success, when stated, must hold beside a 2xx.' },
);
export type TokenResponse = Type.Static<typeof TokenResponse>;

export const Expiry = Tagged(
  'from',
  [
    Strict({
      from: Type.Literal('response'),
      path: Type.Optional(PlainPath('Plain path under the root, default expires_in.')),
      unit: Type.Optional(Type.Union([Type.Literal('s'), Type.Literal('ms'), Type.Literal('epoch_s'), Type.Literal('epoch_ms'), Type.Literal('iso')])),
      fallback_s: Type.Optional(Type.Integer({ minimum: 1, description: 'Lifetime assumed when the field is absent.' })),
    }),
    Strict({ from: Type.Literal('jwt'), claim: Type.Optional(Type.String()) }, { description: 'The exp claim of the access token.' }),
    Strict({ from: Type.Literal('introspection'), request: Request, path: Type.Optional(PlainPath('Plain path in the answer, default exp.')), unit: Type.Optional(Type.Union([Type.Literal('s'), Type.Literal('epoch_s')])) }),
    Strict({ from: Type.Literal('assumed'), lifetime_s: Type.Integer({ minimum: 1 }) }),
    Strict({ from: Type.Literal('on_401') }, { description: 'Nothing is known; a 401 leads to a refresh.' }),
    Strict({ from: Type.Literal('never') }),
  ],
  'Where the end of an access token is known from.',
);
export type Expiry = Type.Static<typeof Expiry>;

export const Refresh = Strict({
  url: Type.Optional(Template),
  params: Type.Optional(ValueMap),
  headers: Type.Optional(ValueMap),
  rotation: Type.Optional(
    Type.Union([Type.Literal('none'), Type.Literal('rotates'), Type.Literal('single_use')], {
      description: 'none: the refresh token stays. rotates: a new one may come, the old one works until the new is used. single_use: the old one is dead at once and its reuse revokes the family.',
    }),
  ),
  buffer_s: Type.Optional(Type.Integer({ minimum: 0, description: 'A call refreshes first when fewer seconds remain; default 30.' })),
  lead_s: Type.Optional(Strict({ min: Type.Integer({ minimum: 1 }), max: Type.Integer({ minimum: 1 }) }, { description: 'The scheduler refreshes this long before the end; default 60 to 180.' })),
  idle_lifetime_s: Type.Optional(Type.Integer({ minimum: 1, description: 'An unused refresh token dies after this long and is kept alive in time.' })),
  effective_lifetime_s: Type.Optional(Type.Integer({ minimum: 1, description: 'Shortens the stated lifetime where the vendor is seen to end tokens early.' })),
  terminal: Type.Optional(Type.Array(Condition, { description: 'Answers that mean the grant is gone, beside error=invalid_grant.' })),
  max_concurrent: Type.Optional(Type.Integer({ minimum: 1 })),
});
export type Refresh = Type.Static<typeof Refresh>;

/** A request whose answer is captured; used in sessions, exchanges, post-install. */
export const Step = Strict({
  id: Type.String({ pattern: '^[a-z][a-z0-9_-]*$' }),
  description: Type.Optional(Type.String()),
  when: Type.Optional(Expression('JSONata over the scope; false skips the step.')),
  request: Request,
  authenticated: Type.Optional(Type.Boolean({ description: 'Attach the credential obtained so far; default true (false in a session login).' })),
  success: Type.Optional(Condition),
  capture: Type.Optional(Capture),
});
export type Step = Type.Static<typeof Step>;

const common = {
  id: Type.String({ pattern: '^[a-z][a-z0-9_]*$' }),
  label: Type.Optional(Type.String()),
  fields: Type.Optional(Type.Array(ConnectField)),
  apply: Type.Optional(Apply),
};
const tokenEndpoint = {
  token_url: Template,
  client_auth: Type.Optional(ClientAuth),
  token_params: Type.Optional(ValueMap),
  token_headers: Type.Optional(ValueMap),
  token_format: Type.Optional(Type.Union([Type.Literal('form'), Type.Literal('json')])),
  response: Type.Optional(TokenResponse),
  expiry: Type.Optional(Expiry),
  capture: Type.Optional(Capture),
  refresh: Type.Optional(Refresh),
  exchange: Type.Optional(Type.Array(Step, { description: 'Steps after every grant and refresh: a session or second-audience token bought with the first.' })),
};

export const AuthScheme = Tagged('type', [
  Strict({
    type: Type.Literal('oauth2_code'),
    ...common,
    authorize_url: Template,
    authorize_params: Type.Optional(ValueMap),
    scopes: Type.Optional(Type.Array(Type.String())),
    scope_separator: Type.Optional(Type.String()),
    pkce: Type.Optional(Type.Union([Type.Literal('S256'), Type.Literal('none')])),
    callback: Type.Optional(Capture),
    revoke: Type.Optional(Request),
    ...tokenEndpoint,
  }),
  Strict({
    type: Type.Literal('oauth2_client_credentials'),
    ...common,
    client_id: Type.Optional(Template),
    client_secret: Type.Optional(Template),
    scopes: Type.Optional(Type.Array(Type.String())),
    scope_separator: Type.Optional(Type.String()),
    revoke: Type.Optional(Request),
    ...tokenEndpoint,
  }),
  Strict({
    type: Type.Literal('jwt_bearer'),
    ...common,
    assertion: Strict({
      alg: Type.Union([Type.Literal('RS256'), Type.Literal('ES256'), Type.Literal('PS256'), Type.Literal('HS256')]),
      key: Template,
      header: Type.Optional(ValueMap),
      claims: ValueMap,
      lifetime_s: Type.Integer({ minimum: 1, maximum: 86_400 }),
      backdate_s: Type.Optional(Type.Integer({ minimum: 0 })),
    }),
    grant: Tagged('type', [
      Strict({ type: Type.Literal('direct') }, { description: 'The assertion is itself the access token.' }),
      Strict({ type: Type.Literal('token'), ...tokenEndpoint }, { description: 'RFC 7523: exchanged at a token endpoint; {{token.assertion}}.' }),
      Strict({ type: Type.Literal('request'), request: Request, response: Type.Optional(TokenResponse), expiry: Type.Optional(Expiry), capture: Type.Optional(Capture), refresh: Type.Optional(Refresh) }, { description: 'Exchanged by a plain request that carries {{token.assertion}}.' }),
    ]),
    revoke: Type.Optional(Request),
  }),
  Strict({ type: Type.Literal('api_key'), ...common, apply: Apply }),
  Strict({ type: Type.Literal('basic'), ...common, username: Value, password: Value }),
  Strict({
    type: Type.Literal('oauth1'),
    ...common,
    signature_method: Type.Union([Type.Literal('HMAC-SHA256'), Type.Literal('HMAC-SHA1')]),
    consumer_key: Template,
    consumer_secret: Template,
    token: Template,
    token_secret: Template,
    realm: Type.Optional(Template),
  }),
  Strict({
    type: Type.Literal('aws_sigv4'),
    ...common,
    access_key_id: Template,
    secret_access_key: Template,
    session_token: Type.Optional(Template),
    region: Template,
    service: Template,
  }),
  Strict({
    type: Type.Literal('session'),
    ...common,
    login: Type.Array(Step, { minItems: 1 }),
    expiry: Type.Optional(Expiry),
    refresh: Type.Optional(Refresh),
    revoke: Type.Optional(Request),
    apply: Apply,
  }),
  Strict({ type: Type.Literal('none'), ...common }),
]);
export type AuthScheme = Type.Static<typeof AuthScheme>;
export type AuthSchemeOf<T extends AuthScheme['type']> = Extract<AuthScheme, { type: T }>;
