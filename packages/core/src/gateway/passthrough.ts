/**
 * Any request to the vendor under the account's base address. The caller chooses method, path and query; the address
 * can neither leave the base nor be given credentials of its own.
 */
import type { Request } from '@evenkeel/contract/manifest/request.ts';
import type { BuildResult, Connector, OutgoingRequest } from '../connectors/connector.ts';
import type { Scope } from '../connectors/values/scope.ts';

/** Gives the address, and what the manifest sends with every request. */
const frame: Request = { method: 'GET' };
/** CONNECT asks for a tunnel; TRACE would hand the credential back in the answer. */
const refusedMethods: ReadonlySet<string> = new Set(['CONNECT', 'TRACE']);

interface PassthroughRequest {
  readonly httpMethod: string;
  readonly path: string;
  readonly query: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array | null;
}

/** Headers and query that the manifest sends with every request go along; of equal query names both are sent. */
export async function buildPassthrough(connector: Connector, call: PassthroughRequest, scope: Scope): Promise<BuildResult> {
  if (refusedMethods.has(call.httpMethod)) return refused(`The method ${call.httpMethod} is not passed on.`);
  const unclean = faultOfPath(call.path) ?? (/[^\x21-\x7e]|#/.test(call.query) ? 'The query holds characters that must be percent-encoded.' : undefined);
  if (unclean !== undefined) return refused(unclean);
  const base = await connector.request(frame).build(scope);
  if (!base.ok) return base;
  const url = join(base.request.url, call.path, call.query);
  if (url === undefined) return refused('The path leads out of the address of the account.');
  return { ok: true, request: { ...base.request, method: call.httpMethod, url, headers: contentHeaders(base.request, call), body: call.body } };
}

function faultOfPath(path: string): string | undefined {
  if (path.length > 8_000) return 'The path has more than 8000 characters.';
  if (/[^\x21-\x7e]|[\\#?]/.test(path)) return 'The path holds characters that must be percent-encoded.';
  if (/%(?![0-9a-f]{2})/i.test(path)) return 'The path holds a percent sign that encodes nothing; write %25.';
  if (path.split('/').some((segment) => /^(?:\.|%2e){1,2}$/i.test(segment))) return 'The path holds "." or ".." as a segment, which would lead to another address.';
  return undefined;
}

function join(baseUrl: string, path: string, query: string): string | undefined {
  const base = new URL(baseUrl);
  const root = base.pathname.endsWith('/') ? base.pathname.slice(0, -1) : base.pathname;
  const search = [base.search.slice(1), query].filter((part) => part !== '').join('&');
  const url = URL.parse(`${base.origin}${root}/${path.replace(/^\/+/, '')}${search === '' ? '' : `?${search}`}`);
  return url !== null && url.origin === base.origin && (url.pathname === root || url.pathname.startsWith(`${root}/`)) ? url.href : undefined;
}

/** What the body is and what is wanted back is the caller's to say. */
function contentHeaders(request: OutgoingRequest, call: PassthroughRequest): Record<string, string> {
  const headers = { ...request.headers };
  for (const name of ['accept', 'content-type']) if (call.headers[name] !== undefined) delete headers[name];
  return headers;
}

function refused(message: string): BuildResult {
  return { ok: false, problem: { code: 'invalid_request', origin: 'caller', message } };
}
