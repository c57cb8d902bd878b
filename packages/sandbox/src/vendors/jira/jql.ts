/** The part of JQL that programs use: comparisons joined by AND and OR, lists, IS EMPTY, one ORDER BY. */
import { asArray, asObject, asText, type JsonObject } from '../../json.ts';

export type Query = { ok: true; matches(issue: JsonObject): boolean; order(one: JsonObject, other: JsonObject): number } | { ok: false; message: string };
type Test = (issue: JsonObject) => boolean;

const fieldsOf = (issue: JsonObject): JsonObject => asObject(issue['fields']) ?? {};
const names = (value: unknown, ...members: string[]): string[] => {
  const object = asObject(value);
  return object === null ? [] : members.map((member) => asText(object[member])).filter((text) => text !== '');
};
const readers: Readonly<Record<string, (fields: JsonObject, issue: JsonObject) => string[]>> = {
  project: (fields) => names(fields['project'], 'id', 'key', 'name'),
  status: (fields) => names(fields['status'], 'id', 'name'),
  statuscategory: (fields) => names(asObject(fields['status'])?.['statusCategory'], 'key', 'name', 'id'),
  priority: (fields) => names(fields['priority'], 'id', 'name'),
  issuetype: (fields) => names(fields['issuetype'], 'id', 'name'),
  assignee: (fields) => names(fields['assignee'], 'accountId'),
  reporter: (fields) => names(fields['reporter'], 'accountId'),
  creator: (fields) => names(fields['creator'], 'accountId'),
  labels: (fields) => asArray(fields['labels']).map(asText),
  parent: (fields) => names(fields['parent'], 'id', 'key'),
  key: (_fields, issue) => [asText(issue['key']), asText(issue['id'])],
  id: (_fields, issue) => [asText(issue['key']), asText(issue['id'])],
  created: (fields) => [asText(fields['created'])],
  updated: (fields) => [asText(fields['updated'])],
  duedate: (fields) => [asText(fields['duedate'])].filter((text) => text !== ''),
  due: (fields) => [asText(fields['duedate'])].filter((text) => text !== ''),
};
const times = new Set(['created', 'updated', 'duedate', 'due']);

export function parseJql(text: string): Query {
  const tokens = text.match(/"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|[()=,]|!=|>=|<=|[<>]|[^\s()=,<>!"']+/g) ?? [];
  let at = 0;
  const peek = (): string => (tokens[at] ?? '').toUpperCase();
  const take = (): string => (tokens[at++] ?? '').replace(/^["']|["']$/g, '').replace(/\\(.)/g, '$1');
  const fail = (): never => {
    throw new SyntaxError(`Error in the JQL Query: Expecting either a value, list or function but got '${tokens[at] ?? 'end'}'.`);
  };
  const either = (): Test => {
    const tests = [all()];
    for (; peek() === 'OR'; tests.push(all())) at += 1;
    return (issue) => tests.some((test) => test(issue));
  };
  const all = (): Test => {
    const tests = [single()];
    for (; peek() === 'AND'; tests.push(single())) at += 1;
    return (issue) => tests.every((test) => test(issue));
  };
  const single = (): Test => {
    if (peek() === '(') {
      at += 1;
      const inner = either();
      if (tokens[at++] !== ')') fail();
      return inner;
    }
    return comparison();
  };
  const comparison = (): Test => {
    const field = take().toLowerCase();
    const read = readers[field] ?? fail();
    const operator = (tokens[at++] ?? '').toUpperCase();
    if (operator === 'IS') {
      const not = peek() === 'NOT';
      if (not) at += 1;
      if (!['EMPTY', 'NULL'].includes(take().toUpperCase())) fail();
      return (issue) => (read(fieldsOf(issue), issue).length === 0) !== not;
    }
    const values = operator === 'IN' ? list() : [at < tokens.length ? take() : fail()];
    if (!['=', '!=', 'IN', '>', '>=', '<', '<='].includes(operator)) fail();
    return (issue) => compare(read(fieldsOf(issue), issue), operator, values, times.has(field));
  };
  const list = (): string[] => {
    if (tokens[at++] !== '(') fail();
    const values = [take()];
    for (; tokens[at] === ','; values.push(take())) at += 1;
    if (tokens[at++] !== ')') fail();
    return values;
  };
  try {
    if (tokens.length === 0 || peek() === 'ORDER') return { ok: false, message: 'Unbounded JQL queries are not allowed here. Please add a search restriction to your query.' };
    const matches = either();
    const order = readOrder(tokens.slice(at));
    return order === undefined ? fail() : { ok: true, matches, order };
  } catch (error) {
    if (error instanceof SyntaxError) return { ok: false, message: error.message };
    throw error;
  }
}

function readOrder(tokens: readonly string[]): ((one: JsonObject, other: JsonObject) => number) | undefined {
  if (tokens.length === 0) return (one, other) => Number(other['id']) - Number(one['id']);
  const [order = '', by = '', field = '', direction = 'ASC'] = tokens;
  const read = readers[field.toLowerCase()];
  if (order.toUpperCase() !== 'ORDER' || by.toUpperCase() !== 'BY' || read === undefined) return undefined;
  const sign = direction.toUpperCase() === 'DESC' ? -1 : 1;
  const valueOf = (issue: JsonObject): string => read(fieldsOf(issue), issue)[0] ?? '\uffff';
  return (one, other) => sign * (valueOf(one) < valueOf(other) ? -1 : valueOf(one) > valueOf(other) ? 1 : Number(one['id']) - Number(other['id']));
}

const instant = (text: string): number => (/^-?\d+$/.test(text) ? Number(text) : Date.parse(text.replace(/\+0000$/, 'Z')));

function compare(actual: readonly string[], operator: string, values: readonly string[], isTime: boolean): boolean {
  if (operator === '=' || operator === 'IN') return actual.some((one) => values.some((value) => value.toLowerCase() === one.toLowerCase()));
  if (operator === '!=') return actual.length > 0 && !actual.includes(values[0] ?? '');
  if (!isTime || actual[0] === undefined) return false;
  const [left, right] = [instant(actual[0]), instant(values[0] ?? '')];
  return operator === '>' ? left > right : operator === '>=' ? left >= right : operator === '<' ? left < right : left <= right;
}
