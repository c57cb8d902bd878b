/**
 * Addresses out of templates. Before the path a placeholder may name a host label, or be the whole base; behind it each
 * placeholder is percent-encoded as one segment, so that no value can change the host, climb the path or add parameters.
 */
import { callerFailure, failureOf, platformFailure } from './request-failure.ts';
import { percentEncode } from '../values/bytes.ts';
import type { Scope } from '../values/scope.ts';
import { compilePlaceholder, parseTemplate, type Placeholder, type TemplatePart } from '../values/template.ts';

interface ParsedUrl {
  readonly origin: string;
  readonly href: string;
  readonly protocol: string;
  readonly hostname: string;
  readonly username: string;
  readonly password: string;
}
declare const URL: { parse(url: string, base?: string): ParsedUrl | null };

/** Throws a RequestFailure when a value is missing or illegal. */
export type CompiledAddress = (scope: Scope) => string;

const base = /^https?:\/\/(?:[a-z0-9-]+(?:\.[a-z0-9-]+)*|\[[0-9a-f:.]+\])(?::\d{1,5})?(?:\/[^\s?#\\]*)?$/i;
const hostPart = /^[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?$/i;
const climbs = /(?:^|\/)\.{1,2}(?:\/|\?|$)/;

/** A base such as `https://{{config.subdomain}}.example.com/api` or `{{captured.instance_url}}`; without a slash at its end. */
export function compileBase(template: string): CompiledAddress {
  const build = compileAbsolute(template);
  let checked: string | undefined;
  return (scope) => {
    const url = build(scope);
    if (url === checked) return url;
    if (!base.test(url) || url.includes('..')) throw platformFailure(`The base address ${JSON.stringify(url.slice(0, 120))} is not an http(s) address without query.`);
    checked = url;
    return url;
  };
}

/** A whole address, whose placeholders before the path are raw and those behind it encoded. */
export function compileAbsolute(template: string): CompiledAddress {
  const parts = partsOf(template);
  const [first] = parts;
  const build = typeof first === 'object' ? startingWithBase(first, parts.slice(1)) : startingWithHost(parts);
  return (scope) => withoutTrailingSlash(build(scope));
}

function startingWithBase(first: Placeholder, rest: readonly TemplatePart[]): CompiledAddress {
  const read = textReader(first);
  const path = compileParts(rest);
  return (scope) => {
    const origin = read(scope);
    const url = URL.parse(origin);
    if (url === null || url.username !== '' || url.password !== '') throw failureOf(rootOf(first), `{{${first.written}}} must be an address such as https://host.example, and is not.`);
    if (url.protocol === 'http:' && originOf(origin) === undefined) throw failureOf(rootOf(first), `{{${first.written}}} must begin with https://: credentials are not sent in clear text over a network.`);
    return withoutTrailingSlash(origin) + path(scope);
  };
}

function startingWithHost(parts: readonly TemplatePart[]): CompiledAddress {
  const host: TemplatePart[] = [];
  const path: TemplatePart[] = [];
  for (const part of parts) {
    if (path.length > 0) path.push(part);
    else if (typeof part === 'object') host.push(part);
    else splitAtPath(part, host.length === 0, host, path);
  }
  const readers = host.map((part) => (typeof part === 'string' ? part : hostReader(part)));
  const readPath = compileParts(path);
  return (scope) => {
    let url = '';
    for (const reader of readers) url += typeof reader === 'string' ? reader : reader(scope);
    return url + readPath(scope);
  };
}

function splitAtPath(text: string, atStart: boolean, host: TemplatePart[], path: TemplatePart[]): void {
  const scheme = atStart ? text.indexOf('://') + 3 : 0;
  const slash = text.slice(scheme).search(/[/?]/);
  if (slash === -1) host.push(text);
  else {
    if (scheme + slash > 0) host.push(text.slice(0, scheme + slash));
    path.push(text.slice(scheme + slash));
  }
}

function hostReader(part: Placeholder): (scope: Scope) => string {
  const read = textReader(part);
  return (scope) => {
    const text = read(scope);
    if (text.length > 253 || !hostPart.test(text) || text.includes('..')) throw failureOf(rootOf(part), `{{${part.written}}} stands in a host name and may hold letters, digits, dots and hyphens only.`);
    return text;
  };
}

/** A path template, its placeholders encoded as one segment each. It begins with a slash unless it is empty. */
export function compilePathTemplate(template: string): CompiledAddress {
  const parts = partsOf(template === '' || template.startsWith('/') ? template : `/${template}`);
  return compileParts(parts);
}

function compileParts(parts: readonly TemplatePart[]): CompiledAddress {
  if (parts.every((part) => typeof part === 'string')) {
    const text = parts.join('');
    return () => text;
  }
  const readers = parts.map((part) => (typeof part === 'string' ? part : segmentReader(part)));
  return (scope) => {
    let path = '';
    for (const reader of readers) path += typeof reader === 'string' ? reader : reader(scope);
    if (climbs.test(path)) throw callerFailure('A value in the path is "." or "..", which would lead to another address.');
    return path;
  };
}

function segmentReader(part: Placeholder): (scope: Scope) => string {
  const read = textReader(part);
  if (!part.filters.some(({ name }) => name === 'segments')) return (scope) => encodeSegment(read(scope));
  return (scope) => read(scope).split('/').map(encodeSegment).join('/');
}

const plain = /^[A-Za-z0-9_.~-]*$/;
function encodeSegment(text: string): string {
  return plain.test(text) ? text : percentEncode(text);
}

/** The text of a placeholder that must be there. */
function textReader(part: Placeholder): (scope: Scope) => string {
  const read = compilePlaceholder(part);
  return (scope) => {
    const value = read(scope);
    if (typeof value === 'string' && value !== '') return value;
    if (typeof value === 'number' || typeof value === 'boolean') return String(value);
    const why = value === undefined || value === null || value === '' ? 'is missing' : 'is not a text or a number';
    throw failureOf(rootOf(part), `{{${part.written}}} ${why}, and the address needs it.`);
  };
}

/** Resolves an address of the vendor against one of ours and keeps it only when its origin is allowed. */
export function ownAddress(url: string, relativeTo: string | undefined, origins: readonly string[]): string {
  const parsed = URL.parse(url, relativeTo);
  if (parsed === null) throw platformFailure(`The address ${JSON.stringify(url.slice(0, 120))} cannot be read.`);
  if (parsed.username !== '' || parsed.password !== '') throw platformFailure('An address must not carry a user name or password.');
  if (!origins.includes(parsed.origin)) {
    throw platformFailure(`The address leads to ${parsed.origin}, which is not an origin of this connector; add it to http.origins if it may receive credentials.`);
  }
  return parsed.href;
}

const knownOrigins = new Map<string, string | undefined>();

/** The origin of an address that may receive credentials: https, or http on this machine; undefined for any other. */
export function originOf(url: string): string | undefined {
  // Asked for the same few addresses on every call; parsing one costs as much as building a plain request.
  if (knownOrigins.has(url)) return knownOrigins.get(url);
  const origin = readOrigin(url);
  if (knownOrigins.size >= 10_000) knownOrigins.clear();
  knownOrigins.set(url, origin);
  return origin;
}

function readOrigin(url: string): string | undefined {
  const parsed = URL.parse(url);
  if (parsed === null) return undefined;
  const local = parsed.hostname === '127.0.0.1' || parsed.hostname === 'localhost' || parsed.hostname === '[::1]';
  return parsed.protocol === 'https:' || (parsed.protocol === 'http:' && local) ? parsed.origin : undefined;
}

export function rootOf(part: Placeholder): unknown {
  return 'path' in part.source ? part.source.path[0] : undefined;
}

function partsOf(template: string): readonly TemplatePart[] {
  const parsed = parseTemplate(template);
  if (!parsed.ok) throw new TypeError(parsed.message);
  return parsed.parts;
}

function withoutTrailingSlash(url: string): string {
  return url.endsWith('/') ? url.slice(0, -1) : url;
}
