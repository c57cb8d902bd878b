/** The part of SOQL that integrations use: SELECT … FROM … WHERE (AND, OR, NOT, IN, LIKE) ORDER BY, LIMIT, OFFSET. */
import { asText, type Json, type JsonObject } from '../../json.ts';

export type Test = (record: JsonObject) => boolean;
export interface Query {
  readonly fields: readonly string[];
  readonly count: boolean;
  readonly from: string;
  readonly where: Test;
  readonly whereFields: readonly string[];
  readonly order: readonly { field: string; descending: boolean }[];
  readonly limit: number | null;
  readonly offset: number;
}
export type Parsed = { ok: true; query: Query } | { ok: false; message: string };

const tokenPattern = /\s+|'((?:[^'\\]|\\.)*)'|([A-Za-z_][\w.]*(?:\((?:[A-Za-z]*)\))?)|(-?\d[\w:.+-]*)|(<=|>=|!=|<>|[=<>(),])/gy;
interface Token {
  readonly kind: 'text' | 'word' | 'literal' | 'sign';
  readonly value: string;
}

function tokenize(source: string): Token[] | null {
  const tokens: Token[] = [];
  tokenPattern.lastIndex = 0;
  while (tokenPattern.lastIndex < source.length) {
    const match = tokenPattern.exec(source);
    if (match === null) return null;
    const [, quoted, word, literal, sign] = match;
    if (quoted !== undefined) tokens.push({ kind: 'text', value: quoted.replace(/\\(.)/g, '$1') });
    else if (word !== undefined) tokens.push({ kind: 'word', value: word });
    else if (literal !== undefined) tokens.push({ kind: 'literal', value: literal });
    else if (sign !== undefined) tokens.push({ kind: 'sign', value: sign });
  }
  return tokens;
}

class Unparsable extends Error {}

/** A cursor over the tokens; `Unparsable` never leaves this file. */
function reader(tokens: readonly Token[]) {
  let at = 0;
  const peek = (): Token | undefined => tokens[at];
  const isWord = (word: string): boolean => peek()?.kind === 'word' && peek()?.value.toUpperCase() === word;
  const isSign = (sign: string): boolean => peek()?.kind === 'sign' && peek()?.value === sign;
  const next = (): Token => {
    const token = tokens[at];
    if (token === undefined) throw new Unparsable("unexpected token: '<EOF>'");
    at += 1;
    return token;
  };
  return {
    peek, next, isWord, isSign,
    takeWord: (word: string): boolean => isWord(word) && (next(), true),
    takeSign: (sign: string): boolean => isSign(sign) && (next(), true),
    name(): string {
      const token = next();
      if (token.kind !== 'word') throw new Unparsable(`unexpected token: '${token.value}'`);
      return token.value;
    },
  };
}
type Reader = ReturnType<typeof reader>;

function comparable(value: Json | undefined): string | number | boolean | null {
  if (value === undefined || value === null) return null;
  if (typeof value !== 'string') return typeof value === 'number' || typeof value === 'boolean' ? value : JSON.stringify(value);
  const time = /^\d{4}-\d\d-\d\d(T|$)/.test(value) ? Date.parse(value.replace('+0000', 'Z')) : Number.NaN;
  return Number.isNaN(time) ? value.toLowerCase() : time;
}
function literal(token: Token): Json {
  if (token.kind === 'text') return token.value;
  if (token.kind === 'word') return { null: null, true: true, false: false }[token.value.toLowerCase()] ?? (token.value.toLowerCase() === 'null' ? null : token.value);
  return /^-?\d+(\.\d+)?$/.test(token.value) ? Number(token.value) : token.value;
}
function likeTest(pattern: string): RegExp {
  const source = pattern.replace(/[.*+?^${}()|[\]\\]/g, '\\$&').replaceAll('%', '.*').replaceAll('_', '.');
  return new RegExp(`^${source}$`, 'is');
}

function comparison(read: Reader, seen: string[]): Test {
  const field = read.name();
  seen.push(field);
  const negated = read.takeWord('NOT');
  if (read.takeWord('IN')) {
    if (!read.takeSign('(')) throw new Unparsable("expecting a left parenthesis, found '" + (read.peek()?.value ?? '<EOF>') + "'");
    const values: (string | number | boolean | null)[] = [];
    do values.push(comparable(literal(read.next())));
    while (read.takeSign(','));
    if (!read.takeSign(')')) throw new Unparsable('expecting a right parenthesis');
    return (record) => values.includes(comparable(record[field])) !== negated;
  }
  if (read.takeWord('LIKE')) {
    const test = likeTest(read.next().value);
    return (record) => test.test(asText(record[field]));
  }
  const sign = read.next();
  if (sign.kind !== 'sign') throw new Unparsable(`unexpected token: '${sign.value}'`);
  const wanted = comparable(literal(read.next()));
  return (record) => {
    const value = comparable(record[field]);
    if (sign.value === '=') return value === wanted;
    if (sign.value === '!=' || sign.value === '<>') return value !== wanted;
    if (value === null || wanted === null) return false;
    return sign.value === '<' ? value < wanted : sign.value === '<=' ? value <= wanted : sign.value === '>' ? value > wanted : value >= wanted;
  };
}

function condition(read: Reader, seen: string[]): Test {
  const term = (): Test => {
    if (read.takeWord('NOT')) {
      const inner = term();
      return (record) => !inner(record);
    }
    if (!read.takeSign('(')) return comparison(read, seen);
    const inner = condition(read, seen);
    if (!read.takeSign(')')) throw new Unparsable('expecting a right parenthesis');
    return inner;
  };
  let left = term();
  while (read.isWord('AND') || read.isWord('OR')) {
    const both = read.next().value.toUpperCase() === 'AND';
    const before = left;
    const right = term();
    left = both ? (record) => before(record) && right(record) : (record) => before(record) || right(record);
  }
  return left;
}

function wholeNumber(read: Reader): number {
  const token = read.next();
  if (!/^\d+$/.test(token.value)) throw new Unparsable(`unexpected token: '${token.value}'`);
  return Number(token.value);
}

function parse(read: Reader): Query {
  if (!read.takeWord('SELECT')) throw new Unparsable(`unexpected token: '${read.peek()?.value ?? '<EOF>'}'`);
  const fields: string[] = [];
  do fields.push(read.name());
  while (read.takeSign(','));
  if (!read.takeWord('FROM')) throw new Unparsable(`unexpected token: '${read.peek()?.value ?? '<EOF>'}'`);
  const from = read.name();
  const whereFields: string[] = [];
  const where: Test = read.takeWord('WHERE') ? condition(read, whereFields) : () => true;
  const order: { field: string; descending: boolean }[] = [];
  if (read.takeWord('ORDER')) {
    if (!read.takeWord('BY')) throw new Unparsable('expecting BY');
    do {
      const field = read.name();
      const descending = read.takeWord('DESC');
      if (!descending) read.takeWord('ASC');
      if (read.takeWord('NULLS')) read.next();
      order.push({ field, descending });
    } while (read.takeSign(','));
  }
  const limit = read.takeWord('LIMIT') ? wholeNumber(read) : null;
  const offset = read.takeWord('OFFSET') ? wholeNumber(read) : 0;
  const rest = read.peek();
  if (rest !== undefined) throw new Unparsable(`unexpected token: '${rest.value}'`);
  return { fields, count: fields.length === 1 && fields[0]?.toUpperCase() === 'COUNT()', from, where, whereFields, order, limit, offset };
}

export function parseSoql(source: string): Parsed {
  const tokens = tokenize(source);
  if (tokens === null) return { ok: false, message: 'unexpected character in query' };
  try {
    return { ok: true, query: parse(reader(tokens)) };
  } catch (error) {
    if (error instanceof Unparsable) return { ok: false, message: error.message };
    throw error;
  }
}

/** Filters, sorts and cuts; fields are picked by the caller. */
export function runQuery(query: Query, records: readonly JsonObject[]): JsonObject[] {
  const found = records.filter(query.where).toSorted((a, b) => {
    for (const { field, descending } of query.order) {
      const [left, right] = [comparable(a[field]), comparable(b[field])];
      if (left === right) continue;
      const before = left === null || (right !== null && left < right);
      return before === descending ? 1 : -1;
    }
    return 0;
  });
  return found.slice(query.offset, query.limit === null ? undefined : query.offset + query.limit);
}
