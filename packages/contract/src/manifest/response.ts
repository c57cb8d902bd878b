/** How an answer of a vendor is read: errors first, then records, paging and rate limits. */
import Type from 'typebox';
import { ErrorCode } from '../errors.ts';
import { Expression, holds, Path, PlainPath, Regex, Strict, Tagged, Value, ValueMap } from './value.ts';

const scalar = { type: ['string', 'number', 'boolean', 'null'] };
const operator = (name: string, schema: object) => ({ type: 'object', properties: { [name]: schema }, required: [name], additionalProperties: false });
export const Matcher = Type.Unsafe<Matcher>({
  anyOf: [
    scalar,
    operator('in', { type: 'array', items: scalar }),
    operator('not', scalar),
    operator('exists', { type: 'boolean' }),
    operator('contains', { type: 'string' }),
    operator('matches', { type: 'string' }),
    operator('gte', { type: 'number' }),
    operator('lte', { type: 'number' }),
  ],
  description: 'A literal to equal, or one of {in}, {not}, {exists}, {contains}, {matches}, {gte}, {lte}.',
});
export type Matcher =
  | string
  | number
  | boolean
  | null
  | { in: (string | number | boolean | null)[] }
  | { not: string | number | boolean | null }
  | { exists: boolean }
  | { contains: string }
  | { matches: string }
  | { gte: number }
  | { lte: number };

/** All stated conditions hold together; a status is a number or a class such as "4xx". */
export const Condition = Strict({
  status: Type.Optional(Type.Array(Type.Union([Type.Integer(), Type.String({ pattern: '^[1-5]xx$' })]))),
  body: Type.Optional(Type.Unsafe<Record<string, Matcher>>({ type: 'object', ...holds('body-matchers'), additionalProperties: Matcher, description: 'Plain path in the body → matcher.' })),
  headers: Type.Optional(Type.Unsafe<Record<string, Matcher>>({ type: 'object', ...holds('matchers'), additionalProperties: Matcher, description: 'Header name → matcher.' })),
  expr: Type.Optional(Expression('JSONata over {status, headers, body}; true matches.')),
});
export type Condition = Type.Static<typeof Condition>;

/** Where a number of the answer stands. `pattern` has one capture group. */
const sourceProperties = {
  header: Type.Optional(Type.String()),
  body: Type.Optional(Path),
  pattern: Type.Optional(Regex('A regular expression with one capture group, for headers such as "api-usage=18/5000".')),
};
export const NumberSource = Strict(sourceProperties);
export type NumberSource = Type.Static<typeof NumberSource>;

export const TimeUnit = Type.Union([
  Type.Literal('s'),
  Type.Literal('ms'),
  Type.Literal('epoch_s'),
  Type.Literal('epoch_ms'),
  Type.Literal('iso'),
  Type.Literal('http_date'),
  Type.Literal('auto'),
]);
export const TimeSource = Strict({ ...sourceProperties, unit: TimeUnit });
export type TimeSource = Type.Static<typeof TimeSource>;

export const ErrorRule = Strict(
  {
    when: Condition,
    code: ErrorCode,
    message: Type.Optional(Path),
    missing_scopes: Type.Optional(Path),
    retry_after: Type.Optional(TimeSource),
  },
  { description: 'The first rule that matches decides; it may judge an HTTP 200.' },
);
export type ErrorRule = Type.Static<typeof ErrorRule>;

export const RateLimit = Strict(
  {
    name: Type.String({ pattern: '^[a-z][a-z0-9-]*$', description: 'Names the policy in RateLimit and RateLimit-Policy.' }),
    limit: Type.Optional(NumberSource),
    remaining: Type.Optional(NumberSource),
    used: Type.Optional(NumberSource),
    reset: Type.Optional(TimeSource),
    retry_after: Type.Optional(TimeSource),
    window_s: Type.Optional(Type.Integer({ minimum: 1, description: 'Length of the window; also the reset when the vendor names none.' })),
  },
  { description: 'One quota the vendor reports.' },
);
export type RateLimit = Type.Static<typeof RateLimit>;

const paging = {
  limit: Type.Optional(
    Strict({ default: Type.Integer({ minimum: 1 }), max: Type.Integer({ minimum: 1 }) }, { description: 'Page size sent when the caller names none, and its cap.' }),
  ),
  query: Type.Optional(ValueMap),
  headers: Type.Optional(ValueMap),
};
export const Pagination = Tagged('type', [
  Strict({ type: Type.Literal('none') }),
  Strict(
    {
      type: Type.Literal('cursor'),
      next: Type.Optional(Path),
      next_from_last: Type.Optional(PlainPath('Plain path in the last record of the page, for vendors whose cursor is a record id.')),
      more: Type.Optional(Path),
      ...paging,
    },
    { description: 'page.cursor; next is read from the body; more, when stated, must be true to go on.' },
  ),
  Strict({ type: Type.Literal('page'), start: Type.Optional(Type.Integer()), more: Type.Optional(Path), total_pages: Type.Optional(Path), total: Type.Optional(Path), ...paging }),
  Strict({ type: Type.Literal('offset'), start: Type.Optional(Type.Integer()), more: Type.Optional(Path), next: Type.Optional(Path), total: Type.Optional(Path), ...paging }),
  Strict({ type: Type.Literal('link_header'), rel: Type.Optional(Type.String()), ...paging }),
  Strict({ type: Type.Literal('next_url'), next: Path, more: Type.Optional(Path), ...paging }, { description: 'An absolute or relative address in the body.' }),
  Strict(
    { type: Type.Literal('record_range'), total_header: Type.Optional(Type.String()), total_pattern: Type.Optional(Regex('One capture group around the total.')), ...paging },
    { description: 'page.from and page.to, both inclusive and from 0; total from a header such as "Content-Range: items 0-24/319".' },
  ),
  Strict({ type: Type.Literal('relay'), page_info: Path, ...paging }, { description: 'GraphQL pageInfo {hasNextPage, endCursor}; page.cursor.' }),
  Strict({ type: Type.Literal('expression'), next: Expression('JSONata over {response, page, input}.'), ...paging }, { description: 'JSONata over {response, page, input}; its result becomes page.state, null ends.' }),
]);
export type Pagination = Type.Static<typeof Pagination>;

export const Response = Strict({
  format: Type.Optional(
    Type.Union([Type.Literal('auto'), Type.Literal('json'), Type.Literal('xml'), Type.Literal('text'), Type.Literal('binary')], {
      description: 'auto (default) goes by the content type; binary streams through.',
    }),
  ),
  records: Type.Optional(Path),
  /** An expression is asked of an answer without a body too: it can read the id of what was created off a header. */
  record: Type.Optional(Path),
  transform: Type.Optional(Expression('JSONata over one record.')),
});
export type Response = Type.Static<typeof Response>;

export const Capture = Strict({
  captured: Type.Optional(Type.Unsafe<Record<string, Value>>({ type: 'object', ...holds('value'), description: 'Stored with the account, visible.' })),
  secret: Type.Optional(Type.Unsafe<Record<string, Value>>({ type: 'object', ...holds('value'), description: 'Sealed with the credential.' })),
});
export type Capture = Type.Static<typeof Capture>;
