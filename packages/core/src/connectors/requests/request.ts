/**
 * Requests of a manifest compiled once and built per call. Building is synchronous unless an expression takes part: a
 * plain GET costs a few microseconds. What cannot be built is a problem that says whose value is at fault.
 */
import type { Http } from '@evenkeel/contract/manifest/manifest.ts';
import type { Request } from '@evenkeel/contract/manifest/request.ts';
import type { Value } from '@evenkeel/contract/manifest/value.ts';
import { compileAbsolute, compilePathTemplate, ownAddress, type CompiledAddress } from './address.ts';
import type { BuildResult, CompiledRequest, OutgoingRequest } from '../connector.ts';
import { ExpressionFailure } from '../expressions/expression.ts';
import { setHeader } from './header-fields.ts';
import { addWritten, pairsOf, writeQuery, type Pair, type PairStyle } from './query-string.ts';
import { compileBody, type CompiledBody } from './request-body.ts';
import { platformFailure, RequestFailure } from './request-failure.ts';
import type { Scope } from '../values/scope.ts';
import { compileMap, type CompiledValue } from '../values/value.ts';

export type { BuildResult, CompiledRequest, OutgoingRequest } from '../connector.ts';

/** What an operation adds to its request. */
export interface RequestExtras {
  /** Paging's own parameters, over those of the request. */
  readonly query?: { readonly [name: string]: Value };
  readonly headers?: { readonly [name: string]: Value };
  /** Send on the caller's query parameters that the manifest neither names nor reads. */
  readonly forwardQuery?: boolean;
}

/** What a manifest says for all its requests; `origins` are those that may receive credentials. */
export interface RequestContext {
  readonly http: Http;
  readonly baseUrl: CompiledAddress;
  origins(scope: Scope): string[];
}

const defaultTimeoutMs = 30_000;

/** `url`, when given, replaces the request's own address and query: the next page's address out of a vendor's answer. */
export function buildRequest(compiled: CompiledRequest, scope: Scope, url?: string): BuildResult | Promise<BuildResult> {
  return compiled.build(scope, url);
}

/** Throws a TypeError for what the linter reports. */
export function compileRequest(source: Request, context: RequestContext, extras: RequestExtras = {}): CompiledRequest {
  const { http } = context;
  const query = merge(http.query, source.query, extras.query);
  const headers = compileMap(merge(lowerCase({ accept: 'application/json', ...lowerCase(http.headers) }), lowerCase(source.headers), lowerCase(extras.headers)));
  const { fixed, varying } = splitHeaders(headers);
  const body = source.body === undefined ? undefined : compileBody(source.body);
  const queryStyle: PairStyle = { arrays: source.query_arrays ?? http.query_arrays ?? 'repeat', nesting: 'brackets' };
  const plan: Plan = {
    method: source.method,
    timeoutMs: source.timeout_ms ?? http.timeout_ms ?? defaultTimeoutMs,
    address: compileAddress(source, context),
    nextAddress: (scope, url) => ownAddress(url, context.baseUrl(scope), context.origins(scope)),
    query: compileQuery(compileMap(query), queryStyle),
    fixedHeaders: fixed,
    headers: varying,
    body,
    forwarded: extras.forwardQuery === true ? forwardable(source, extras, Object.keys(query)) : undefined,
    queryStyle,
  };
  const values = [...plan.query.flatMap((part) => (typeof part === 'string' ? [] : [part.value])), ...plan.headers.map(([, value]) => value), ...(body?.values ?? [])];
  const asynchronous = values.some((value) => value.asynchronous);
  return {
    method: plan.method,
    timeoutMs: plan.timeoutMs,
    build: (scope, url) => (asynchronous ? buildLater(plan, values, scope, url) : buildNow(plan, values, scope, url)),
  };
}

type NamedValues = readonly (readonly [string, CompiledValue])[];

interface NamedValue {
  readonly name: string;
  readonly value: CompiledValue;
}

interface Plan {
  readonly method: string;
  readonly timeoutMs: number;
  readonly address: CompiledAddress;
  nextAddress(scope: Scope, url: string): string;
  /** In order; what is the same for every call is written already. */
  readonly query: readonly (string | NamedValue)[];
  readonly fixedHeaders: Readonly<Record<string, string>>;
  readonly headers: NamedValues;
  readonly body: CompiledBody | undefined;
  /** Names of the caller's query that are not sent on; undefined when none is sent on. */
  readonly forwarded: ReadonlySet<string> | undefined;
  readonly queryStyle: PairStyle;
}

function buildNow(plan: Plan, values: readonly CompiledValue[], scope: Scope, url: string | undefined): BuildResult {
  try {
    return { ok: true, request: assemble(plan, values.map((value) => value(scope)), scope, url) };
  } catch (thrown) {
    return refused(thrown);
  }
}

async function buildLater(plan: Plan, values: readonly CompiledValue[], scope: Scope, url: string | undefined): Promise<BuildResult> {
  try {
    return { ok: true, request: assemble(plan, await Promise.all(values.map((value) => value(scope))), scope, url) };
  } catch (thrown) {
    return refused(thrown);
  }
}

function refused(thrown: unknown): BuildResult {
  if (thrown instanceof RequestFailure) return { ok: false, problem: thrown.problem };
  if (thrown instanceof ExpressionFailure) return { ok: false, problem: platformFailure(`The request could not be built: ${thrown.message}`).problem };
  throw thrown;
}

function assemble(plan: Plan, values: readonly unknown[], scope: Scope, url: string | undefined): OutgoingRequest {
  let at = 0;
  let query = '';
  for (const part of plan.query) query = joined(query, typeof part === 'string' ? part : writeQuery(pairsOf(part.name, values[at++], plan.queryStyle)));
  if (plan.forwarded !== undefined) query = joined(query, writeQuery(forwardedPairs(plan.forwarded, plan.queryStyle, scope)));
  const headers: Record<string, string> = { ...plan.fixedHeaders };
  for (const [name] of plan.headers) setHeader(headers, name, values[at++]);
  const written = plan.body?.write(values.slice(at));
  if (written?.contentType !== undefined && headers['content-type'] === undefined) setHeader(headers, 'content-type', written.contentType);
  return {
    method: plan.method,
    url: url === undefined ? addWritten(plan.address(scope), query) : plan.nextAddress(scope, url),
    headers,
    body: written?.body ?? null,
    timeoutMs: plan.timeoutMs,
  };
}

const joined = (query: string, more: string): string => (query === '' || more === '' ? query + more : `${query}&${more}`);

function compileQuery(values: NamedValues, style: PairStyle): (string | NamedValue)[] {
  const parts: (string | NamedValue)[] = [];
  for (const [name, value] of values) {
    const written = value.constant ? orUndefined(() => writeQuery(pairsOf(name, value({}), style))) : undefined;
    const last = parts.at(-1);
    if (written === undefined) parts.push({ name, value });
    else if (typeof last === 'string') parts[parts.length - 1] = joined(last, written);
    else parts.push(written);
  }
  return parts;
}

function splitHeaders(values: NamedValues): { fixed: Record<string, string>; varying: NamedValues } {
  const fixed: Record<string, string> = {};
  const varying = values.filter(([name, value]) => !value.constant || orUndefined(() => (setHeader(fixed, name, value({})), true)) === undefined);
  return { fixed, varying };
}

/** What cannot be written is refused when it is built, as the same value out of a scope would be. */
function orUndefined<T>(write: () => T): T | undefined {
  try {
    return write();
  } catch (thrown) {
    if (thrown instanceof RequestFailure) return undefined;
    throw thrown;
  }
}

function compileAddress(source: Request, context: RequestContext): CompiledAddress {
  if (source.url !== undefined) {
    const build = compileAbsolute(source.url);
    return (scope) => ownAddress(build(scope), undefined, context.origins(scope));
  }
  const path = compilePathTemplate(source.path ?? '');
  return (scope) => context.baseUrl(scope) + path(scope);
}

/** Names the manifest sends itself, and names it reads out of the caller's query to send under another name. */
function forwardable(source: Request, extras: RequestExtras, query: readonly string[]): Set<string> {
  const read = JSON.stringify([source, extras]).matchAll(/input\.query\.([A-Za-z0-9_-]+)/g);
  return new Set([...query, ...Array.from(read, (match) => match[1] ?? '')]);
}

function forwardedPairs(held: ReadonlySet<string>, style: PairStyle, scope: Scope): Pair[] {
  const { query } = (scope.input ?? {}) as { readonly query?: unknown };
  const pairs: Pair[] = [];
  if (typeof query !== 'object' || query === null) return pairs;
  for (const [name, value] of Object.entries(query)) if (!held.has(name)) pairs.push(...pairsOf(name, value, style));
  return pairs;
}

function merge(...maps: readonly ({ readonly [name: string]: Value } | undefined)[]): { [name: string]: Value } {
  return Object.assign({}, ...maps) as { [name: string]: Value };
}

function lowerCase(map: { readonly [name: string]: Value } | undefined): { [name: string]: Value } {
  return Object.fromEntries(Object.entries(map ?? {}).map(([name, value]) => [name.toLowerCase(), value]));
}
