/** The filters of placeholders, in one table: what is documented, linted and executed is the same row. */
import { base64, base64url, fromBase64, percentEncode, toText } from './bytes.ts';

type Filter = (value: unknown) => unknown;
interface FilterRow {
  readonly form: string;
  readonly meaning: string;
  /** Fewest and most arguments. */
  readonly arguments: readonly [number, number];
  make(...given: string[]): Filter;
}

/** Filters but `default` pass an absent or null value on. */
const present = (act: (value: unknown) => unknown): Filter => (value) => (value === undefined || value === null ? value : act(value));
const onText = (act: (text: string) => unknown): Filter => present((value) => act(asText(value)));
const asText = (value: unknown): string => (typeof value === 'string' ? value : typeof value === 'number' || typeof value === 'boolean' ? String(value) : JSON.stringify(value));
const row = (form: string, meaning: string, least: number, most: number, make: (...given: string[]) => Filter): FilterRow => ({ form, meaning, arguments: [least, most], make });

export const filters = {
  lower: row('lower', 'lower case', 0, 0, () => onText((text) => text.toLowerCase())),
  upper: row('upper', 'upper case', 0, 0, () => onText((text) => text.toUpperCase())),
  trim: row('trim', 'without white space at both ends', 0, 0, () => onText((text) => text.trim())),
  prepend: row('prepend:text', 'text put before', 1, 1, (before = '') => onText((text) => before + text)),
  append: row('append:text', 'text put after', 1, 1, (after = '') => onText((text) => text + after)),
  replace: row('replace:from:to', 'every occurrence of one text by another', 1, 2, (from = '', to = '') => onText((text) => (from === '' ? text : text.replaceAll(from, () => to)))),
  escape: row('escape:characters', 'a backslash before each backslash and each of the characters', 1, 1, (characters = '') =>
    onText((text) => Array.from(text, (character) => (character === '\\' || characters.includes(character) ? `\\${character}` : character)).join(''))),
  slice: row('slice:from:to', 'part of a text or an array; negative counts from the end', 1, 2, (from = '0', to) =>
    present((value) => (Array.isArray(value) ? value : asText(value)).slice(Number(from) || 0, to === undefined ? undefined : Number(to) || 0))),
  split: row('split:separator', 'a text cut into an array', 1, 1, (separator = '') => onText((text) => text.split(separator))),
  join: row('join:separator', 'an array joined to a text', 1, 1, (separator = '') => present((value) => (Array.isArray(value) ? value.map(asText).join(separator) : value))),
  first: row('first', 'the first member of an array, the first character of a text', 0, 0, () => present((value) => (Array.isArray(value) ? value : asText(value))[0])),
  last: row('last', 'the last member of an array, the last character of a text', 0, 0, () => present((value) => (Array.isArray(value) ? (value as unknown[]) : asText(value)).at(-1))),
  length: row('length', 'members of an array, characters of a text', 0, 0, () => present((value) => (Array.isArray(value) ? value : asText(value)).length)),
  number: row('number', 'a number; absent when the text is none', 0, 0, () => present(toNumber)),
  string: row('string', 'a text; objects as JSON', 0, 0, () => onText((text) => text)),
  boolean: row('boolean', 'false for false, 0, "", "false", "0", "no"; true otherwise', 0, 0, () => present((value) => !(value === false || value === 0 || /^(false|0|no|)$/i.test(asText(value))))),
  json: row('json', 'JSON text', 0, 0, () => present((value) => JSON.stringify(value))),
  parse: row('parse', 'JSON text read; absent when it is none', 0, 0, () => onText(fromJson)),
  urlencode: row('urlencode', 'percent-encoded, RFC 3986', 0, 0, () => onText(percentEncode)),
  base64: row('base64', 'base64 of the UTF-8', 0, 0, () => onText(base64)),
  base64url: row('base64url', 'base64url of the UTF-8, no padding', 0, 0, () => onText(base64url)),
  unbase64: row('unbase64', 'the text behind base64 or base64url; absent when it is none', 0, 0, () => onText((text) => fromText(fromBase64(text)))),
  date: row('date:unit', 'a time (ISO text, epoch seconds or milliseconds) as iso, date, s or ms', 1, 1, (unit = 'iso') => present((value) => formatTime(value, unit))),
  default: row('default:value', 'the value where there is none (absent, null or empty)', 1, 1, (fallback = '') => (value) => (value === undefined || value === null || value === '' ? fallback : value)),
  segments: row('segments', 'in a path only: slashes kept, each segment encoded by itself', 0, 0, () => onText((text) => text)),
} as const satisfies Record<string, FilterRow>;

export type FilterName = keyof typeof filters;

export function isFilter(name: string): name is FilterName {
  return Object.hasOwn(filters, name);
}

function toNumber(value: unknown): number | undefined {
  const number = typeof value === 'string' && value.trim() === '' ? Number.NaN : Number(value);
  return Number.isFinite(number) ? number : undefined;
}

function fromJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

function fromText(bytes: Uint8Array | undefined): string | undefined {
  return bytes === undefined ? undefined : toText(bytes);
}

/** Numbers below 10^11 are seconds: as milliseconds they would lie before 1973. */
function formatTime(value: unknown, unit: string): string | number | undefined {
  const number = typeof value === 'number' ? value : /^\d+(\.\d+)?$/.test(asText(value)) ? Number(value) : Number.NaN;
  const epochMs = Number.isNaN(number) ? Date.parse(asText(value)) : Math.abs(number) < 1e11 ? number * 1000 : number;
  if (!Number.isFinite(epochMs) || Math.abs(epochMs) > 8.64e15) return undefined;
  if (unit === 's') return Math.floor(epochMs / 1000);
  if (unit === 'ms') return epochMs;
  const iso = new Date(epochMs).toISOString();
  return unit === 'date' ? iso.slice(0, 10) : iso;
}
