/**
 * Templates: text with placeholders `{{root.path|filter:argument|…}}`. A source may also be a quoted text, `{{'{{'}}`,
 * and an argument may be quoted where it holds `:`, `|` or `}`. A text that is exactly one placeholder yields the value
 * with its type; otherwise the parts are joined, and the whole is absent when one part is absent or null.
 */
import type { Scope } from './scope.ts';
import { filters, isFilter, type FilterName } from './filters.ts';
import { parsePath, readerOf, type PathSegment } from './path.ts';

/** A filter met a value it cannot take. */
export class TemplateFailure extends Error {
  override readonly name = 'TemplateFailure';
}

export interface Placeholder {
  readonly source: { readonly path: readonly PathSegment[] } | { readonly text: string };
  readonly filters: readonly { readonly name: FilterName; readonly arguments: readonly string[] }[];
  /** As written, for messages. */
  readonly written: string;
}
export type TemplatePart = string | Placeholder;
export type ParsedTemplate = { readonly ok: true; readonly parts: readonly TemplatePart[] } | { readonly ok: false; readonly message: string; readonly filter?: string };

// Each of these is tried at one place only and cannot split a text in two ways: a manifest may hold megabytes of braces.
const placeholder = /\{\{((?:'[^']*'|"[^"]*"|[^}'"]|\}(?!\}))*)\}\}/y;
const token = /(?:\s*'([^']*)'\s*|\s*"([^"]*)"\s*|([^|:'"]*))([|:]|$)/y;
/** Nearly every placeholder: a few names and dots. */
const plainPath = /^[A-Za-z_$][\w$]*(?:\.[A-Za-z_$][\w$]*){0,15}$/;
/** A path may hold quotes inside brackets, so it is read up to the first bar outside them. */
const pathToken = /\s*((?:\["(?:[^"\\]|\\.)*"\]|[^|"'\s])+)\s*(\||$)/y;

/** Never throws. */
export function parseTemplate(text: string): ParsedTemplate {
  const parts: TemplatePart[] = [];
  let at = 0;
  for (let open = text.indexOf('{{'); open !== -1; open = text.indexOf('{{', at)) {
    placeholder.lastIndex = open;
    const match = placeholder.exec(text);
    if (match === null) return unclosed(text.slice(open));
    if (open > at) parts.push(text.slice(at, open));
    const parsed = parsePlaceholder(match[1] ?? '');
    if ('message' in parsed) return { ok: false, ...parsed };
    parts.push(parsed);
    at = placeholder.lastIndex;
  }
  if (at < text.length) parts.push(text.slice(at));
  return { ok: true, parts };
}

function unclosed(text: string): ParsedTemplate {
  return { ok: false, message: `The placeholder ${JSON.stringify(text.slice(0, 60))} is not closed or not readable; write {{root.name}}, or {{'{{'}} for the braces themselves.` };
}

function parsePlaceholder(inner: string): Placeholder | { message: string; filter?: string } {
  if (plainPath.test(inner)) return { source: { path: inner.split('.') }, filters: [], written: inner };
  const written = inner.trim();
  const literal = /^\s*(?:'([^']*)'|"([^"]*)")\s*(\||$)/.exec(inner);
  if (literal !== null) {
    const chain = parseFilters(inner, literal[3] === '|' ? literal[0].length : undefined, written);
    return 'message' in chain ? chain : { source: { text: literal[1] ?? literal[2] ?? '' }, filters: chain.filters, written };
  }
  pathToken.lastIndex = 0;
  const match = pathToken.exec(inner);
  if (match === null) return { message: `The placeholder {{${written.slice(0, 60)}}} names nothing readable; write {{root.name}} or {{root.name|filter}}.` };
  const parsed = parsePath(match[1] ?? '');
  if (!parsed.ok) return { message: parsed.message };
  const chain = parseFilters(inner, match[2] === '|' ? pathToken.lastIndex : undefined, written);
  return 'message' in chain ? chain : { source: { path: parsed.segments }, filters: chain.filters, written };
}

/** `start` is behind the first bar; undefined where there is none. */
function parseFilters(inner: string, start: number | undefined, written: string): { filters: Placeholder['filters'] } | { message: string; filter?: string } {
  const chain: { name: FilterName; arguments: string[] }[] = [];
  const endsInBar = { message: `The placeholder {{${written.slice(0, 60)}}} ends in a bar without a filter.` };
  if (start === inner.length) return endsInBar;
  let at = start ?? inner.length;
  while (at < inner.length) {
    const words: string[] = [];
    let separator = ':';
    while (separator === ':') {
      token.lastIndex = at;
      const match = token.exec(inner);
      if (match === null) return { message: `The filters of {{${written.slice(0, 60)}}} cannot be read at character ${at + 1}; quote arguments that hold ':', '|' or quotes.` };
      words.push(match[1] ?? match[2] ?? match[3]?.trim() ?? '');
      separator = match[4] ?? '';
      at = token.lastIndex;
    }
    const [name = '', ...given] = words;
    if (!isFilter(name)) return { message: `There is no filter "${name.slice(0, 40)}" (in {{${written.slice(0, 60)}}}).`, filter: name };
    const [least, most] = filters[name].arguments;
    if (given.length < least || given.length > most) {
      return { message: `The filter ${name} takes ${least === most ? least : `${least} to ${most}`} argument(s), not ${given.length}: ${filters[name].form}.` };
    }
    chain.push({ name, arguments: given });
    if (separator === '|' && at >= inner.length) return endsInBar;
  }
  return { filters: chain };
}

/** Throws a TypeError for a text that `parseTemplate` refuses: the linter reports those first. */
export function compileTemplate(text: string): (scope: Scope) => unknown {
  const parsed = parseTemplate(text);
  if (!parsed.ok) throw new TypeError(parsed.message);
  return compileParts(parsed.parts);
}

/** The closure of parsed parts. */
export function compileParts(parts: readonly TemplatePart[]): (scope: Scope) => unknown {
  const [only] = parts;
  if (only === undefined) return () => '';
  if (parts.length === 1) return typeof only === 'string' ? () => only : compilePlaceholder(only);
  const readers = parts.map((part) => (typeof part === 'string' ? part : compilePlaceholder(part)));
  return (scope) => {
    let joined = '';
    for (const reader of readers) {
      const text = typeof reader === 'string' ? reader : toTextOrAbsent(reader(scope));
      if (text === undefined) return undefined;
      joined += text;
    }
    return joined;
  };
}

/** The reader of one placeholder, filters applied. */
export function compilePlaceholder(part: Placeholder): (scope: Scope) => unknown {
  const { source } = part;
  const read: (scope: Scope) => unknown = 'text' in source ? () => source.text : readerOf(source.path);
  if (part.filters.length === 0) return read;
  const chain = part.filters.map(({ name, arguments: given }) => filters[name].make(...given));
  return (scope) => {
    let value = read(scope);
    for (const filter of chain) value = filter(value);
    return value;
  };
}

/** Text as it stands in an interpolation: numbers and booleans in JavaScript's form, objects as JSON, absent and null as absent. */
export function toTextOrAbsent(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'object') return JSON.stringify(value);
  if (typeof value === 'number' || typeof value === 'boolean' || typeof value === 'bigint') return String(value);
  return undefined;
}
