/**
 * Values of a manifest: JSON in which strings may hold placeholders, and expressions where a
 * placeholder is not enough. What a placeholder may name (the scope) is listed at `ScopeRoot`.
 */
import Type from 'typebox';

/** The roots a placeholder or an expression may read; which of them are filled depends on the moment. */
export const scopeRoots = [
  'config', // non-secret connect fields of the account, by field name
  'captured', // non-secret values captured at connect, refresh or post-install, by name
  'secret', // secret connect fields and secret captures of the account
  'token', // { access_token, refresh_token, token_type, scope, expires_at (ISO) , id_token }
  'app', // the installation's app for this connector: { client_id, client_secret, … app_fields }
  'input', // the call: { id, body, query: {…}, params: {…} (path of a nested resource) }
  'page', // paging state: { limit, cursor, number, offset, from, to, state }
  'callback', // query parameters of the OAuth callback
  'response', // the answer being read: { status, headers: {…lower-case}, body }
  'claims', // claims of a JWT of the token response (id_token, else access_token), not verified
  'key', // derived from secret.private_key: { fingerprint: "SHA256:…" base64 of the SPKI DER }
  'now', // { epoch_s, epoch_ms, iso } at the time of building
  'connect', // { redirect_uri, session_id } while connecting
  'request', // a webhook as it came: { method, url (as registered, with its query), path, query: {…}, headers: {…lower-case, those that came once}, body (parsed) }
  'item', // of a webhook: the member of a list that a rule or an event is about
  'parent', // the member around it, where lists stand in lists
  'signature', // the other fields of a signature header with pairs, or the header of a JWT
  'computed', // the HMACs that a handshake asks for, by name
  'webhook', // of a subscription: { url }, the address the vendor is to send to
  'poll', // of a poll: { cursor }
] as const;
export type ScopeRoot = (typeof scopeRoots)[number];

/** What a string or value of the manifest is written in, for the linter; not part of the published schema. */
export type Holds = 'value' | 'template' | 'path' | 'path-or-expression' | 'expression' | 'regex' | 'matchers' | 'body-matchers';
export const holdsKey = 'x-holds';
export const holds = (what: Holds) => ({ [holdsKey]: what }) as const;

/**
 * JSON with placeholders. A string that is exactly one placeholder, `"{{input.body.name}}"`, yields the
 * value with its type; any other string is interpolated. In an object an absent value drops its key.
 * Filters: `{{config.account_id|replace:-:_|upper}}`. `{"$expr": "<JSONata>"}` is an expression over the scope;
 * `{"$literal": …}` yields its content untouched.
 */
export type Value = string | number | boolean | null | Value[] | { [key: string]: Value };
export const Value = Type.Unsafe<Value>({
  ...holds('value'),
  description:
    'JSON with placeholders: "{{config.subdomain}}". A string that is exactly one placeholder keeps the type; an absent value drops its key. {"$expr": "…"} evaluates JSONata over the scope, {"$literal": …} is taken as it is.',
});

/** A string with placeholders that must yield a string. */
export const Template = Type.String({ ...holds('template'), description: 'A string with placeholders, e.g. "https://{{config.subdomain}}.example.com".' });

/** A plain path into a scope or a body (`paging.next.after`, `items[0].id`, `` for the whole), or an expression. */
export type Path = string | { $expr: string };
export const Path = Type.Unsafe<Path>({
  ...holds('path-or-expression'),
  description: 'A plain path such as "paging.next.after" ("" is the whole), or {"$expr": "<JSONata>"}.',
  anyOf: [
    { type: 'string' },
    { type: 'object', properties: { $expr: { type: 'string', minLength: 1 } }, required: ['$expr'], additionalProperties: false },
  ],
});

export const ValueMap = Type.Unsafe<{ [key: string]: Value }>({ type: 'object', ...holds('value'), description: 'Names to values with placeholders.' });

/** A plain path, without the alternative of an expression. */
export const PlainPath = (description?: string) => Type.String({ ...holds('path'), ...(description === undefined ? {} : { description }) });
/** JSONata; the description says what it reads. */
export const Expression = (description: string) => Type.String({ ...holds('expression'), minLength: 1, description });
/** An ECMAScript regular expression that cannot take exponential time. */
export const Regex = (description: string) => Type.String({ ...holds('regex'), description });

/** An object schema without additional properties: a manifest has no silent misspellings. */
export function Strict<T extends Type.TProperties>(properties: T, options: Type.TObjectOptions = {}) {
  return Type.Object(properties, { additionalProperties: false, ...options });
}

/** A union told apart by one literal property, so that a validator can report the faults of the one branch meant. */
export function Tagged<T extends Type.TSchema[]>(tag: string, branches: [...T], description?: string) {
  return Type.Unsafe<Type.Static<T[number]>>({
    type: 'object',
    discriminator: { propertyName: tag },
    required: [tag],
    oneOf: branches,
    ...(description === undefined ? {} : { description }),
  });
}

export const ConnectField = Strict(
  {
    name: Type.String({ pattern: '^[a-z][a-z0-9_]*$', description: 'Key under config (or secret, when secret is true).' }),
    label: Type.String({ minLength: 1 }),
    type: Type.Optional(Type.Union([Type.Literal('text'), Type.Literal('password'), Type.Literal('select'), Type.Literal('textarea')])),
    secret: Type.Optional(Type.Boolean({ description: 'Sealed with the credential, never shown again.' })),
    required: Type.Optional(Type.Boolean({ description: 'Default true.' })),
    pattern: Type.Optional(Regex('ECMAScript regular expression, matched against the whole value.')),
    help: Type.Optional(Type.String()),
    placeholder: Type.Optional(Type.String()),
    default: Type.Optional(Type.String()),
    options: Type.Optional(Type.Array(Strict({ value: Type.String(), label: Type.String() }), { minItems: 1 })),
  },
  { description: 'One field of the connect form or of the app settings.' },
);
export type ConnectField = Type.Static<typeof ConnectField>;
