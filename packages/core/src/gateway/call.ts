/**
 * A call of the API → the operation it means → the request to the vendor. Every refusal says what would have been
 * possible. Nothing is sent here; the credential is attached afterwards (`authorize`), for each attempt anew.
 */
import { ownQueryParameters } from '@evenkeel/contract/api/proxy.ts';
import type { BuildResult, CompiledOperation, Connector, OutgoingRequest } from '../connectors/connector.ts';
import { nearest } from '../connectors/lint/fault.ts';
import { startPage, type Page } from '../connectors/paging/pagination.ts';
import { readingOf, type Reading } from '../connectors/answers/reading.ts';
import { whenThere, type Eventually } from '../connectors/values/eventually.ts';
import { momentOf, type Scope } from '../connectors/values/scope.ts';
import { failureOf, type CallFailure } from './failure.ts';
import { toVendor } from './headers.ts';
import { buildPassthrough } from './passthrough.ts';

/** Of `/proxy/{resource}[/{id}[/{action}]]`. `query` is decoded; repeated names are arrays. `id` is decoded too. */
export interface ProxyCall {
  readonly surface: 'proxy';
  /** The unified model whose call this one serves. */
  readonly unified?: string;
  /** What was asked of the model: list, get, create, update or delete. */
  readonly unifiedMethod?: string;
  /** The caller asked for some fields of it only. */
  readonly narrowed?: boolean;
  /** What a cursor of this list is bound to beside account and operation: filters and sorting of the unified call. */
  readonly cursorScope?: string;
  readonly httpMethod: string;
  readonly resource: string;
  readonly id?: string | undefined;
  readonly action?: string | undefined;
  readonly query: Readonly<Record<string, unknown>>;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

/** Of `/passthrough/{path…}`: path and query exactly as they stood in the request line, still encoded. */
export interface PassthroughCall {
  readonly surface: 'passthrough';
  readonly httpMethod: string;
  readonly path: string;
  readonly query: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Null when the shell streams it. */
  readonly body: Uint8Array | null;
}
export type IncomingCall = ProxyCall | PassthroughCall;

export interface ResolvedCall {
  readonly connector: Connector;
  readonly incoming: IncomingCall;
  /** Undefined for passthrough. */
  readonly operation: CompiledOperation | undefined;
  readonly reading: Reading;
  /** The endpoint for counting: `contacts.list`, `deals.actions.merge`, `passthrough`. */
  readonly endpoint: string;
  /** What was asked of paging; of lists only. */
  readonly asked: { readonly limit?: number; readonly cursor?: string };
}
export interface BuiltCall {
  readonly request: OutgoingRequest;
  /** The account's scope with `input`, `page` and `now` of this call. */
  readonly scope: Scope;
  readonly page: Page | undefined;
  /** Those that may receive the account's credentials. */
  readonly origins: () => readonly string[];
}
export type Resolution = { readonly ok: true; readonly call: ResolvedCall } | { readonly ok: false; readonly failure: CallFailure };
export type Building = { readonly ok: true; readonly built: BuiltCall } | { readonly ok: false; readonly failure: CallFailure };

const maxIdLength = 2_000;
/** Query parameters of a proxied call that are ours and never the vendor's. */
const ours: ReadonlySet<string> = new Set(ownQueryParameters);

/** Which operation a call means. Pure and synchronous; of the account only its id counts, since cursors are bound to it. */
export function resolveCall(connector: Connector, incoming: IncomingCall, accountId = ''): Resolution {
  if (incoming.surface === 'passthrough') {
    return { ok: true, call: { connector, incoming, operation: undefined, reading: readingOf(connector), endpoint: 'passthrough', asked: {} } };
  }
  const name = nameOf(incoming);
  const operation = name === undefined ? undefined : connector.operation(incoming.resource, name);
  if (operation === undefined) return refused('unsupported_operation', 'unsupported', describeUnsupported(connector, incoming));
  const badId = incoming.id === undefined ? undefined : faultOfId(incoming.id);
  if (badId !== undefined) return refused('invalid_request', 'id', badId);
  const asked = name === 'list' ? readAsked(incoming.query) : {};
  if (typeof asked === 'string') return refused('invalid_request', 'paging', asked);
  const endpoint = `${incoming.resource}.${typeof operation.name === 'string' ? operation.name : `actions.${operation.name.action}`}`;
  const reading = readingOf(connector, operation);
  const bound = reading.list ? { ...reading, operation: `${reading.operation}\n${accountId}\n${incoming.cursorScope ?? ''}` } : reading;
  return { ok: true, call: { connector, incoming, operation, reading: bound, endpoint, asked } };
}

/** The request of a call for an account. `scope` is the account's; `nowMs` becomes `now`. */
export function buildCall(call: ResolvedCall, scope: Scope, nowMs: number): Eventually<Building> {
  const { connector, incoming, operation, reading } = call;
  const now = momentOf(nowMs);
  if (incoming.surface === 'passthrough') {
    const full: Scope = { ...scope, now };
    return whenThere(buildPassthrough(connector, incoming, full), (result) => finish(connector, incoming, result, full, undefined));
  }
  const unpaged: Scope = { ...scope, now, input: inputOf(incoming) };
  const started = reading.list ? startPage(reading.pagination, call.asked, pageContext(call, unpaged)) : undefined;
  if (started?.ok === false) return refused('invalid_request', 'paging', started.message);
  const page = started?.page;
  const full: Scope = page === undefined ? unpaged : { ...unpaged, page: page.root };
  const building = operation?.build(full, page?.url) ?? { ok: false as const, problem: { code: 'internal' as const, origin: 'platform' as const, message: 'The call has no operation.' } };
  return building instanceof Promise ? building.then((result) => finish(connector, incoming, result, full, page)) : finish(connector, incoming, building, full, page);
}

function finish(connector: Connector, incoming: IncomingCall, result: BuildResult, scope: Scope, page: Page | undefined): Building {
  if (!result.ok) return { ok: false, failure: failureOf({ kind: 'build', problem: result.problem }) };
  return { ok: true, built: { request: withCallerHeaders(result.request, incoming), scope, page, origins: () => connector.origins(scope) } };
}

function pageContext(call: ResolvedCall, scope: Scope): { readonly operation: string; readonly origins: readonly string[] } {
  return {
    operation: call.reading.operation,
    get origins() {
      return call.connector.origins(scope);
    },
  };
}

function nameOf(call: ProxyCall): 'list' | 'get' | 'create' | 'update' | 'delete' | { action: string } | undefined {
  if (call.action !== undefined) return call.httpMethod === 'POST' && call.id !== undefined ? { action: call.action } : undefined;
  const byId = call.id !== undefined;
  switch (call.httpMethod) {
    case 'GET':
    case 'HEAD':
      return byId ? 'get' : 'list';
    case 'POST':
      return byId ? undefined : 'create';
    case 'PATCH':
    case 'PUT':
      return byId ? 'update' : undefined;
    case 'DELETE':
      return byId ? 'delete' : undefined;
    default:
      return undefined;
  }
}

const methods = ['list', 'get', 'create', 'update', 'delete'] as const;

function describeUnsupported(connector: Connector, call: ProxyCall): string {
  const { name, resources } = connector.manifest;
  const resource = Object.hasOwn(resources, call.resource) ? resources[call.resource] : undefined;
  if (resource === undefined) {
    const meant = nearest(call.resource, Object.keys(resources));
    const hint = meant === undefined ? '' : ` Did you mean "${meant}"?`;
    return `${name} has no resource ${JSON.stringify(call.resource.slice(0, 80))}.${hint} It has: ${Object.keys(resources).join(', ')}. Anything else is reached by passthrough.`;
  }
  const offered = [...methods.filter((method) => resource[method] !== undefined), ...Object.keys(resource.actions ?? {}).map((action) => `action ${action}`)];
  const asked = call.action === undefined ? `${call.httpMethod} ${call.id === undefined ? 'without' : 'with'} an id` : `the action ${JSON.stringify(call.action.slice(0, 80))} by ${call.httpMethod}`;
  return `${name} does not offer ${asked} on ${call.resource}. It offers: ${offered.join(', ')}.`;
}

/** Ids may hold slashes and any text; what would change the address is refused before the manifest is asked. */
function faultOfId(id: string): string | undefined {
  if (id === '' || id.length > maxIdLength) return `An id has 1 to ${maxIdLength} characters.`;
  if (id === '.' || id === '..') return 'The id is "." or "..", which no address can carry.';
  if (!id.isWellFormed() || /\p{Cc}/u.test(id)) return 'The id holds a control character or half a character.';
  return undefined;
}

function readAsked(query: ProxyCall['query']): { limit?: number; cursor?: string } | string {
  const { limit, cursor } = query;
  if (Array.isArray(limit) || Array.isArray(cursor)) return 'limit and cursor are given once each.';
  const asked: { limit?: number; cursor?: string } = {};
  if (limit !== undefined && limit !== '') {
    const number = typeof limit === 'string' && /^\d{1,9}$/.test(limit) ? Number(limit) : typeof limit === 'number' ? limit : 0;
    if (!Number.isSafeInteger(number) || number < 1) return 'limit is a whole number from 1; larger ones than the vendor allows are lowered to its most.';
    asked.limit = number;
  }
  if (typeof cursor === 'string' && cursor !== '') asked.cursor = cursor;
  return asked;
}

function inputOf(call: ProxyCall): object {
  const query: Record<string, unknown> = {};
  for (const name of Object.keys(call.query)) if (!ours.has(name) && name !== '__proto__') query[name] = call.query[name];
  const input: { query: object; params: object; id?: string; body?: unknown } = { query, params: {} };
  if (call.id !== undefined) input.id = call.id;
  if (call.body !== undefined) input.body = call.body;
  return input;
}

/** The manifest's own headers win over the caller's. */
function withCallerHeaders(request: OutgoingRequest, incoming: IncomingCall): OutgoingRequest {
  const { method, url, body, timeoutMs } = request;
  return { method, url, headers: Object.assign(toVendor(incoming.surface, incoming.headers), request.headers), body, timeoutMs };
}

function refused(code: 'invalid_request' | 'unsupported_operation', reason: string, detail: string): { ok: false; failure: CallFailure } {
  return { ok: false, failure: failureOf({ kind: 'call', code, reason, detail }) };
}
