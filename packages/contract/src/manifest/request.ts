/** How a request to a vendor is described: method, address, query, headers and body as data. */
import Type from 'typebox';
import { holds, Strict, Tagged, Template, Value, ValueMap } from './value.ts';

export const Method = Type.Union([
  Type.Literal('GET'),
  Type.Literal('POST'),
  Type.Literal('PUT'),
  Type.Literal('PATCH'),
  Type.Literal('DELETE'),
  Type.Literal('HEAD'),
  Type.Literal('OPTIONS'),
]);

/** How an array in a query or a form is written: a=1&a=2 · a[]=1 · a[0]=1 · a=1,2 · a=1 2 · a=1|2 */
export const ArrayStyle = Type.Union([
  Type.Literal('repeat'),
  Type.Literal('brackets'),
  Type.Literal('indices'),
  Type.Literal('comma'),
  Type.Literal('space'),
  Type.Literal('pipe'),
]);
export type ArrayStyle = Type.Static<typeof ArrayStyle>;

export const Body = Tagged('type', [
  Strict({ type: Type.Literal('json'), value: Value, content_type: Type.Optional(Type.String()) }),
  Strict({
    type: Type.Literal('form'),
    value: Value,
    nesting: Type.Optional(Type.Union([Type.Literal('flat'), Type.Literal('brackets'), Type.Literal('dots')])),
    arrays: Type.Optional(ArrayStyle),
  }),
  Strict({
    type: Type.Literal('multipart'),
    parts: Type.Array(
      Strict({
        name: Type.String(),
        value: Value,
        filename: Type.Optional(Template),
        content_type: Type.Optional(Template),
        encoding: Type.Optional(Type.Union([Type.Literal('text'), Type.Literal('base64'), Type.Literal('json')])),
      }),
    ),
  }),
  Strict({ type: Type.Literal('xml'), root: Type.String(), attributes: Type.Optional(ValueMap), value: Value }),
  Strict({ type: Type.Literal('raw'), content_type: Type.String(), value: Template }),
  Strict({ type: Type.Literal('binary'), content_type: Template, value: Value }, { description: 'value yields base64 text.' }),
  Strict({
    type: Type.Literal('graphql'),
    query: Type.String({ description: 'The GraphQL document, taken as it is: variables carry all values.' }),
    variables: Type.Optional(Value),
    operation_name: Type.Optional(Type.String()),
  }),
]);
export type Body = Type.Static<typeof Body>;

const requestProperties = {
  method: Method,
  path: Type.Optional(Type.String({ ...holds('template'), description: 'Joined to http.base_url; placeholders are percent-encoded as one segment each.' })),
  url: Type.Optional(Type.String({ ...holds('template'), description: 'An absolute address instead of path; its origin must be one of the connector\'s.' })),
  query: Type.Optional(ValueMap),
  query_arrays: Type.Optional(ArrayStyle),
  headers: Type.Optional(ValueMap),
  body: Type.Optional(Body),
  timeout_ms: Type.Optional(Type.Integer({ minimum: 100, maximum: 300_000, description: 'From sending a request to the end of its answer, or to the headers of one that streams. While a body streams out it is the longest standstill, and begins anew when all is sent. Default 30 s.' })),
};

export const Request = Strict(requestProperties);
export type Request = Type.Static<typeof Request>;

/** For schemas that are a request and more. */
export { requestProperties };
