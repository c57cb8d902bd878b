/** Names and values as `a=1&b=2`: queries and forms, with every way vendors write arrays and nesting. */
import type { ArrayStyle } from '@evenkeel/contract/manifest/request.ts';
import { percentEncode } from '../values/bytes.ts';
import { callerFailure } from './request-failure.ts';

export type Pair = readonly [name: string, value: string];
export type Nesting = 'flat' | 'brackets' | 'dots';
export interface PairStyle {
  readonly arrays: ArrayStyle;
  /** How an object within is written; `flat` refuses one. */
  readonly nesting: Nesting;
}

const maxDepth = 12;
const maxPairs = 10_000;

/** The pairs of one named value; absent and null values have none. Names and values are not encoded yet. */
export function pairsOf(name: string, value: unknown, style: PairStyle): Pair[] {
  const pairs: Pair[] = [];
  collect(name, value, style, pairs, maxDepth);
  return pairs;
}

function collect(name: string, value: unknown, style: PairStyle, pairs: Pair[], depth: number): void {
  if (value === undefined || value === null) return;
  if (depth === 0) throw callerFailure(`The value of "${name.slice(0, 80)}" nests too deeply for a query or form.`);
  if (pairs.length >= maxPairs) throw callerFailure(`A query or form holds at most ${maxPairs} values.`);
  if (Array.isArray(value)) collectArray(name, value, style, pairs, depth);
  else if (typeof value === 'object') {
    if (style.nesting === 'flat') throw callerFailure(`The value of "${name.slice(0, 80)}" is an object, which this query or form has no way to write.`);
    for (const [key, member] of Object.entries(value)) collect(style.nesting === 'dots' ? `${name}.${key}` : `${name}[${key}]`, member, style, pairs, depth - 1);
  } else pairs.push([name, scalar(value)]);
}

const separators = { comma: ',', space: ' ', pipe: '|' } as const;

function collectArray(name: string, values: readonly unknown[], style: PairStyle, pairs: Pair[], depth: number): void {
  switch (style.arrays) {
    case 'repeat':
      for (const value of values) collect(name, value, style, pairs, depth - 1);
      return;
    case 'brackets':
      for (const value of values) collect(`${name}[]`, value, style, pairs, depth - 1);
      return;
    case 'indices':
      values.forEach((value, index) => collect(`${name}[${index}]`, value, style, pairs, depth - 1));
      return;
    case 'comma':
    case 'space':
    case 'pipe': {
      const present = values.filter((value) => value !== undefined && value !== null);
      if (present.some((value) => typeof value === 'object')) throw callerFailure(`The list "${name.slice(0, 80)}" may hold texts and numbers only.`);
      if (present.length > 0) pairs.push([name, present.map(scalar).join(separators[style.arrays])]);
    }
  }
}

function scalar(value: unknown): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'boolean' || typeof value === 'bigint') return String(value);
  throw callerFailure('A query or form may hold texts, numbers and booleans only.');
}

const plain = /^[A-Za-z0-9_.~-]*$/;
const encode = (text: string): string => (plain.test(text) ? text : percentEncode(text));

/** RFC 3986; separators of lists (`,` and `|`… ) are encoded like any other character. */
export function writeQuery(pairs: readonly Pair[]): string {
  let query = '';
  for (const [name, value] of pairs) query += `${query === '' ? '' : '&'}${encode(name)}=${encode(value)}`;
  return query;
}

/** `application/x-www-form-urlencoded` of the URL standard: like a query, but a space is `+`. */
export function writeForm(pairs: readonly Pair[]): string {
  return writeQuery(pairs).replaceAll('%20', '+');
}

/** Adds pairs behind an address that may already have a query. */
export function addQuery(url: string, pairs: readonly Pair[]): string {
  return addWritten(url, writeQuery(pairs));
}

/** Adds what `writeQuery` wrote. */
export function addWritten(url: string, query: string): string {
  return query === '' ? url : `${url}${url.includes('?') ? '&' : '?'}${query}`;
}
