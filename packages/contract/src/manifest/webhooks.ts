/**
 * Inbound webhooks as data: how a vendor's request is proven, answered, cut into events and given a meaning, and how
 * the vendor is brought to send it. Everything up to the acknowledgement is read without expressions: it is
 * synchronous, so that ingest does nothing but verify, insert and answer. `docs/guides/webhooks.md` tells how to write one.
 */
import Type from 'typebox';
import { Step } from './auth.ts';
import { Request } from './request.ts';
import { Capture, Condition, Matcher } from './response.ts';
import { holds, Path, PlainPath, Strict, Tagged, Template, Value, ValueMap } from './value.ts';

const words = <const Words extends readonly string[]>(list: Words, description?: string) =>
  Type.Unsafe<Words[number]>(Type.Union(list.map((word) => Type.Literal(word)), description === undefined ? {} : { description }));

export const HashName = words(['sha1', 'sha256', 'sha512']);
export const ByteEncoding = words(['hex', 'base64', 'base64url']);

/** What of a request a rule or a handshake looks at; all stated parts hold together. A header that came twice matches nothing. */
export const RequestCondition = Strict({
  method: Type.Optional(Type.Array(Type.String({ pattern: '^[A-Z]+$' }), { minItems: 1 })),
  headers: Type.Optional(Type.Unsafe<Record<string, Matcher>>({ type: 'object', ...holds('matchers'), additionalProperties: Matcher, description: 'Header name → matcher.' })),
  query: Type.Optional(Type.Unsafe<Record<string, Matcher>>({ type: 'object', ...holds('matchers'), additionalProperties: Matcher, description: 'Query parameter → matcher.' })),
  body: Type.Optional(Type.Unsafe<Record<string, Matcher>>({ type: 'object', ...holds('body-matchers'), additionalProperties: Matcher, description: 'Plain path in the parsed body → matcher.' })),
});
export type RequestCondition = Type.Static<typeof RequestCondition>;

/** A secret as bytes. Absent or empty, nothing is proven by it. */
export const KeyText = Strict({
  value: Template,
  strip_prefix: Type.Optional(Type.String({ description: 'Taken off the front where it stands there, such as "whsec_".' })),
  decode: Type.Optional(words(['utf8', 'base64', 'hex'], 'How the text becomes bytes; default utf8.')),
});
export type KeyText = Type.Static<typeof KeyText>;

/** A piece of what is signed: a template, or bytes that no template can hold. */
export const Part = Type.Unsafe<Part>({
  anyOf: [
    Template,
    Tagged('part', [
      Strict({ part: Type.Literal('body') }, { description: 'The raw bytes of the body.' }),
      Strict({ part: Type.Literal('body_hash'), alg: HashName, encoding: ByteEncoding }, { description: 'A digest of the raw body, as text.' }),
      Strict({ part: Type.Literal('text_hash'), alg: HashName, encoding: ByteEncoding, text: Template }, { description: 'A digest of a text, as text.' }),
      Strict({ part: Type.Literal('body_crc32') }, { description: 'The CRC-32 of the raw body as a decimal number.' }),
      Strict(
        { part: Type.Literal('url'), decode: Type.Array(Type.String({ minLength: 1, maxLength: 1, pattern: '^[!-$&-~]$' }), { minItems: 1 }) },
        { description: 'The registered address with its query as received, percent escapes of these characters (ASCII, not "%") decoded and every other escape as it is.' },
      ),
      Strict({ part: Type.Literal('form_pairs') }, { description: 'Names and values of a form body, decoded, sorted by name, joined without separators; nothing for another body.' }),
      Strict(
        { part: Type.Literal('named_headers'), names: Template, separator: Type.String(), between: Type.String() },
        { description: 'The headers that a comma-separated list names, "name" + separator + value each, in that order; `between` stands between them.' },
      ),
    ]),
  ],
});
export type Part =
  | string
  | { part: 'body' }
  | { part: 'body_hash'; alg: HashName; encoding: ByteEncoding }
  | { part: 'text_hash'; alg: HashName; encoding: ByteEncoding; text: string }
  | { part: 'body_crc32' }
  | { part: 'url'; decode: string[] }
  | { part: 'form_pairs' }
  | { part: 'named_headers'; names: string; separator: string; between: string };
export type HashName = Type.Static<typeof HashName>;
export type ByteEncoding = Type.Static<typeof ByteEncoding>;

export const SignatureSource = Strict({
  header: Type.Optional(Type.String()),
  query: Type.Optional(Type.String()),
  value: Type.Optional(Template),
  separator: Type.Optional(Type.String({ minLength: 1, description: 'Cuts the text into several signatures or fields.' })),
  pair: Type.Optional(
    Strict({ separator: Type.String({ minLength: 1 }), field: Type.String({ minLength: 1 }) }, { description: 'Each piece is field + separator + value; the signatures are those of this field, the others are {{signature.<field>}}.' }),
  ),
  prefix: Type.Optional(Type.String({ description: 'Must stand before the signature and is taken off, such as "sha256=".' })),
  encoding: ByteEncoding,
  duplicates: Type.Optional(words(['refuse', 'each'], 'A header that came more than once: refused (default), or each is tried.')),
}, { description: 'Where the signature stands: one of header, query, value.' });
export type SignatureSource = Type.Static<typeof SignatureSource>;

const EventTime = { value: Template, unit: words(['s', 'ms', 'iso', 'auto'], 'auto tells seconds from milliseconds by size.') };

export const SignedTime = Strict({
  ...EventTime,
  past_s: Type.Integer({ minimum: 1, description: 'Older is refused.' }),
  future_s: Type.Optional(Type.Integer({ minimum: 0, description: 'Further ahead is refused; default past_s.' })),
});
export type SignedTime = Type.Static<typeof SignedTime>;

/** Both sides must be there, not empty and equal. */
export const Equality = Strict({ left: Part, right: Part });
export type Equality = Type.Static<typeof Equality>;

export const PublicKey = Tagged('from', [
  Strict({ from: Type.Literal('value'), value: Template, format: words(['pem', 'spki_base64', 'raw_hex', 'raw_base64'], 'raw: the 32 bytes of an Ed25519 key.'), strip_prefix: Type.Optional(Type.String()) }),
  Strict({
    from: Type.Literal('jwks'),
    url: Template,
    max_age_s: Type.Optional(Type.Integer({ minimum: 60, description: 'Default one day; an unknown key id asks again, at most once a minute.' })),
  }, { description: 'A JSON Web Key Set; the key is picked by {{signature.kid}}.' }),
  Strict({
    from: Type.Literal('jwk'),
    request: Request,
    path: Type.Optional(PlainPath('Plain path of the key in the answer.')),
    max_age_s: Type.Optional(Type.Integer({ minimum: 60 })),
  }, { description: 'One key asked for by its id, {{signature.kid}}.' }),
  Strict({
    from: Type.Literal('certificate'),
    url: Template,
    hosts: Type.Array(Type.String({ pattern: '^\\.?[a-z0-9.-]+$' }), { minItems: 1, description: '"api.vendor.com", or ".vendor.com" for any name under it. Anything else is never asked.' }),
    max_age_s: Type.Optional(Type.Integer({ minimum: 60 })),
  }, { description: 'An X.509 certificate in PEM at an address that the request names.' }),
], 'Where a public key comes from.');
export type PublicKey = Type.Static<typeof PublicKey>;

const common = {
  id: Type.String({ pattern: '^[a-z][a-z0-9_]*$', description: 'Shown as what proved a request.' }),
  when: Type.Optional(RequestCondition),
  opt_in: Type.Optional(PlainPath('A value such as "app.old_signatures" that has to be "on": a weaker rule counts only where somebody has decided so.')),
  each: Type.Optional(PlainPath('Plain path of a list in the body: every member must pass by itself as {{item}}; no list or an empty one fails.')),
  timestamp: Type.Optional(SignedTime),
  bind: Type.Optional(Type.Array(Equality, { minItems: 1 })),
};
const signed = { ...common, message: Type.Array(Part, { minItems: 1 }), signature: SignatureSource };

export const VerifyRule = Tagged('scheme', [
  Strict({ scheme: Type.Literal('hmac'), alg: HashName, key: KeyText, ...signed }, { description: 'RFC 2104.' }),
  Strict({ scheme: Type.Literal('digest'), alg: HashName, ...signed }, { description: 'A plain hash over a message that holds the secret.' }),
  Strict({ scheme: Type.Literal('equals'), value: Template, key: KeyText, ...common }, { description: 'A shared secret sent as it is.' }),
  Strict({ scheme: Type.Literal('basic'), username: Template, password: Template, ...common }, { description: 'RFC 7617.' }),
  Strict({ scheme: Type.Literal('public_key'), alg: words(['ed25519', 'ecdsa_p256_sha256', 'rsa_sha256'], 'ECDSA signatures are DER.'), key: PublicKey, ...signed }),
  Strict({
    scheme: Type.Literal('jwt'),
    token: Template,
    algs: Type.Array(words(['ES256', 'RS256', 'PS256', 'HS256']), { minItems: 1 }),
    key: Type.Optional(PublicKey),
    secret: Type.Optional(KeyText),
    issuer: Type.Optional(Type.Array(Template, { minItems: 1 })),
    audience: Type.Optional(Type.Array(Template, { minItems: 1 })),
    max_age_s: Type.Optional(Type.Integer({ minimum: 1, description: 'iat may not be older; exp and nbf are always held.' })),
    ...common,
  }, { description: 'RFC 7519; the claims are {{claims.<name>}}.' }),
  Strict({ scheme: Type.Literal('none'), ...common, bind: Type.Array(Equality, { minItems: 1 }) }, { description: 'Nothing is signed; what is told apart by equality alone.' }),
], 'One way to prove a request.');
export type VerifyRule = Type.Static<typeof VerifyRule>;

/** `Value`s of a reply hold placeholders only. */
export const Reply = Strict({
  status: Type.Optional(Type.Integer({ minimum: 200, maximum: 299, description: 'Default 200.' })),
  content_type: Type.Optional(Type.String()),
  headers: Type.Optional(ValueMap),
  json: Type.Optional(Value),
  text: Type.Optional(Template),
});
export type Reply = Type.Static<typeof Reply>;

export const Computed = Strict({ alg: HashName, key: KeyText, message: Type.Array(Part, { minItems: 1 }), encoding: ByteEncoding, prefix: Type.Optional(Type.String()) }, { description: 'An HMAC for a reply.' });

export const Handshake = Strict({
  id: Type.String({ pattern: '^[a-z][a-z0-9_]*$' }),
  when: RequestCondition,
  verified: Type.Optional(Type.Boolean({ description: 'Whether the request has to be proven first; default true.' })),
  unless_set: Type.Optional(PlainPath('A value such as "secret.hook_secret" that must not exist yet: what an unproven request may set, it may set once.')),
  compute: Type.Optional(Type.Record(Type.String({ pattern: '^[a-z][a-z0-9_]*$' }), Computed, { additionalProperties: false, description: 'HMACs, as {{computed.<name>}}.' })),
  capture: Type.Optional(Capture),
  reply: Reply,
}, { description: 'A request that is answered and goes no further: a challenge, a ping.' });
export type Handshake = Type.Static<typeof Handshake>;

export const EventRules = Strict({
  split: Type.Optional(Type.Array(PlainPath(), { minItems: 1, maxItems: 3, description: 'Lists in lists: the first path is read in the body, each further one in the member before. {{item}} is the innermost member, {{parent}} the one around it. "" is the body itself.' })),
  id: Type.Optional(Type.Array(Template, { minItems: 1, description: 'The first that has a value; a hash when none has.' })),
  id_signed: Type.Optional(Type.Boolean({ description: 'Whether the signature covers the id; default true, false for an id in a header that is not signed.' })),
  hash: Type.Optional(Type.Array(Template, { minItems: 1, description: 'What identifies an event without an id; default its whole content.' })),
  type: Type.Array(Template, { minItems: 1, description: 'The first that has a value.' }),
  time: Type.Optional(Strict(EventTime, { description: 'When it happened, by the vendor.' })),
  account: Type.Optional(
    Type.Array(Strict({ value: Template, field: Type.String({ pattern: '^(external_id|(captured|config)\\.[A-Za-z_][A-Za-z0-9_]*)$' }) }), { minItems: 1, description: 'How an event of an app finds its account: the first whose value is some account\'s field.' }),
  ),
  order_key: Type.Optional(Type.Array(Template, { minItems: 1, description: 'Events of one account with the same key are processed in the order in which they came.' })),
});
export type EventRules = Type.Static<typeof EventRules>;

export const EventShape = Strict({ when: RequestCondition, event: EventRules }, { description: 'A further form of a request, told by what is in it.' });
export type EventShape = Type.Static<typeof EventShape>;

export const changes = ['created', 'updated', 'deleted'] as const;

export const UnifiedEventRule = Strict({
  types: Type.Array(Type.String({ minLength: 1 }), { minItems: 1, description: 'Event types as the rule `event.type` makes them.' }),
  when: Type.Optional(Type.Unsafe<Record<string, Matcher>>({ type: 'object', ...holds('body-matchers'), additionalProperties: Matcher, description: 'Plain path in the event ("item.…", "parent.…", "request.body.…") → matcher.' })),
  model: Type.String({ pattern: '^[a-z]+\\.[a-z_]+$' }),
  change: words(changes),
  record: Tagged('from', [
    Strict({ from: Type.Literal('payload'), path: Path }, { description: 'The event carries the whole record, as the mapping reads it. The path begins with item, parent or request.' }),
    Strict({ from: Type.Literal('fetch'), id: Template }, { description: 'The event is thin: the record is read by the mapping\'s get.' }),
    Strict({ from: Type.Literal('id'), id: Template }, { description: 'Only the id is told, of what was deleted.' }),
  ]),
  changed: Type.Optional(Path),
}, { description: 'What an event means. All rules of its type apply.' });
export type UnifiedEventRule = Type.Static<typeof UnifiedEventRule>;

/** Requests here may use {{webhook.url}}, and what `secret` made. */
export const Subscription = Strict({
  id: Type.String({ pattern: '^[a-z][a-z0-9_]*$' }),
  when: Type.Optional(Type.String({ ...holds('expression'), minLength: 1, description: 'JSONata over the account\'s scope; false: this account has no such subscription.' })),
  secret: Type.Optional(
    Strict({
      name: Type.String({ pattern: '^[a-z][a-z0-9_]*$' }),
      bytes: Type.Optional(Type.Integer({ minimum: 16, maximum: 64 })),
      encoding: Type.Optional(ByteEncoding),
      prefix: Type.Optional(Type.String()),
    }, { description: 'A secret made here before registering, {{secret.<name>}}; default 32 bytes in hex.' }),
  ),
  register: Type.Array(Step, { minItems: 1 }),
  check: Type.Optional(
    Strict({
      request: Request,
      find: Type.Optional(
        Strict({ in: PlainPath('Plain path of a list in the answer.'), id: PlainPath('Plain path of a member\'s id.'), equals: Template }, { description: 'Of a list of all subscriptions the one that is meant; the conditions then see it as the body. Not in the list: it does not exist.' }),
      ),
      exists: Type.Optional(Condition),
      enabled: Type.Optional(Condition),
      every_s: Type.Optional(Type.Integer({ minimum: 60, description: 'Default one hour.' })),
    }, { description: 'Whether it still exists (default: a 2xx) and still sends (default: it exists). 404 and 410 mean that it does not.' }),
  ),
  enable: Type.Optional(Type.Array(Step, { minItems: 1, description: 'Wakes one that the vendor disabled; without it, it is removed and registered anew.' })),
  expiry: Type.Optional(
    Strict({ value: Type.Optional(Template), unit: Type.Optional(EventTime.unit), lifetime_s: Type.Optional(Type.Integer({ minimum: 60 })) }, { description: 'When it ends: a value such as "{{captured.webhook_expires}}", or a lifetime from registration or renewal.' }),
  ),
  renew: Type.Optional(Strict({ before_s: Type.Integer({ minimum: 60 }), steps: Type.Array(Step, { minItems: 1 }) })),
  remove: Type.Optional(Type.Array(Step, { minItems: 1 })),
}, { description: 'A subscription at the vendor, made and kept by requests.' });
export type Subscription = Type.Static<typeof Subscription>;

export const Poll = Tagged('by', [
  Strict({
    by: Type.Literal('updated_after'),
    id: Type.String({ pattern: '^[a-z][a-z0-9_]*$' }),
    model: Type.String({ pattern: '^[a-z]+\\.[a-z_]+$' }),
    interval_s: Type.Optional(Type.Integer({ minimum: 10, description: 'Default five minutes.' })),
    overlap_s: Type.Optional(Type.Integer({ minimum: 0, description: 'Read again from this long before the newest seen, for vendors whose lists lag behind; default 60. What was seen is told apart by record and time.' })),
  }, { description: 'Lists a unified model by its filter updated_after. Deletions are not seen.' }),
  Strict({
    by: Type.Literal('cursor'),
    id: Type.String({ pattern: '^[a-z][a-z0-9_]*$' }),
    resource: Type.String(),
    method: Type.Optional(Type.String({ description: 'list (default) or an action.' })),
    query: Type.Optional(ValueMap),
    start: Type.Optional(Template),
    next: PlainPath('Plain path of the next cursor in the last record of a page.'),
    interval_s: Type.Optional(Type.Integer({ minimum: 10 })),
  }, { description: 'Reads a feed from where it stopped, {{poll.cursor}}; each record is an event, read by `event` and `events` as {{item}}.' }),
], 'A pull transport, through the same pipeline.');
export type Poll = Type.Static<typeof Poll>;

export const Backfill = Strict({
  id: Type.String({ pattern: '^[a-z][a-z0-9_]*$' }),
  model: Type.String({ pattern: '^[a-z]+\\.[a-z_]+$' }),
  filters: Type.Optional(Type.Record(Type.String(), Type.String(), { description: 'Filters of the unified list, as text.' })),
  before_active: Type.Optional(words(['nothing', 'first_page', 'all'], 'How much of it belongs to setting an account up, so that what cannot be read makes it post_install_error; default first_page. The rest goes on beside the active account.')),
}, { description: 'After connecting, every record of the model becomes an event <model>.created.' });
export type Backfill = Type.Static<typeof Backfill>;

export const Webhooks = Strict({
  scope: words(['account', 'app'], 'Whose secret proves a request, and what the token in the address names: one account, or the installation\'s app, whose events then find their account.'),
  docs_url: Type.Optional(Type.String()),
  setup: Type.Optional(Type.String({ description: 'What a person has to do at the vendor, where no request can.' })),
  body: Type.Optional(words(['json', 'form', 'xml', 'raw'], 'How the body is read; default json. raw: not at all.')),
  form_json: Type.Optional(Type.String({ description: 'A form field that holds the whole body as JSON, where the content type says form.' })),
  max_body_bytes: Type.Optional(Type.Integer({ minimum: 1024, maximum: 26_214_400 })),
  redelivery_s: Type.Optional(Type.Integer({ minimum: 60, description: 'How long the vendor sends an event again; duplicates are known for at least that long.' })),
  verify: Type.Optional(Strict({ any_of: Type.Array(VerifyRule, { minItems: 1 }) }, { description: 'A request is proven when one rule whose `when` holds accepts it. Left out where there are no requests, only polls.' })),
  handshake: Type.Optional(Type.Array(Handshake)),
  ack: Type.Optional(Strict({ ...Reply.properties, bad_signature_status: Type.Optional(Type.Integer({ minimum: 400, maximum: 499, description: 'Default 401.' })) })),
  event: Type.Optional(EventRules),
  shapes: Type.Optional(Type.Array(EventShape, { minItems: 1, description: 'Where a vendor sends more than one form: the first that matches is read by its own rules, whatever matches none by "event".' })),
  events: Type.Optional(Type.Array(UnifiedEventRule)),
  subscriptions: Type.Optional(Type.Array(Subscription)),
  poll: Type.Optional(Type.Array(Poll)),
  backfill: Type.Optional(Type.Array(Backfill)),
}, { description: 'What the vendor sends on its own, or what is read from it in its place.' });
export type Webhooks = Type.Static<typeof Webhooks>;
