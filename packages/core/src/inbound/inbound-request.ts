/**
 * A webhook as it came, and what rules may read of it. Bytes are kept as bytes; the body is parsed only when a rule
 * looks into it, and what cannot be parsed (or is no UTF-8) reads as absent.
 */
import type { RequestCondition, Webhooks } from '@evenkeel/contract/manifest/webhooks.ts';
import { kindOf, mediaType, parseBody } from '../connectors/answers/body.ts';
import { compileMatcher } from '../connectors/answers/condition.ts';
import { compilePath } from '../connectors/values/path.ts';

export interface InboundRequest {
  /** Upper case. */
  readonly method: string;
  /** The public address registered with the vendor, with the query as received. Never made from the Host header. */
  readonly url: string;
  /** Lower-case name → every value in the order received, as `IncomingMessage.headersDistinct` gives them. */
  readonly headers: Readonly<Record<string, readonly string[] | undefined>>;
  readonly body: Uint8Array;
  readonly receivedAtMs: number;
}

/** The root `request` of a scope. A header or parameter that came more than once is not among them. */
export interface RequestRoot {
  readonly method: string;
  readonly url: string;
  /** Path and query of `url`. */
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  readonly headers: Readonly<Record<string, string>>;
  /** Parsed as the manifest says; undefined for `raw` and for what cannot be read. */
  readonly body: unknown;
}

export function requestRoot(rules: Pick<Webhooks, 'body' | 'form_json'>, request: InboundRequest): RequestRoot {
  const { method, url } = request;
  const address = URL.parse(url);
  let parsed: { readonly body: unknown } | undefined;
  return {
    method,
    url,
    path: address === null ? '' : url.slice(url.indexOf('/', url.indexOf('://') + 3)),
    query: once(address === null ? [] : [...address.searchParams].map(([name, value]) => [name, value] as const)),
    headers: once(Object.entries(request.headers).flatMap(([name, values]) => (values ?? []).map((value) => [name, value] as const))),
    get body() {
      parsed ??= { body: bodyOf(rules, request) };
      return parsed.body;
    },
  };
}

/** Names that came once. */
function once(pairs: readonly (readonly [string, string])[]): Record<string, string> {
  const seen = new Set<string>();
  const single: Record<string, string> = {};
  for (const [name, value] of pairs) {
    if (seen.has(name)) delete single[name];
    else if (name !== '__proto__') single[name] = value;
    seen.add(name);
  }
  return single;
}

const limits = { bytes: 25 * 1024 * 1024, depth: 64 };

/** The content type decides where it names JSON, XML or a form; the manifest elsewhere, and for JSON that is called a form. */
function bodyOf(rules: Pick<Webhooks, 'body' | 'form_json'>, request: InboundRequest): unknown {
  const declared = rules.body ?? 'json';
  if (declared === 'raw') return undefined;
  const { essence } = mediaType(request.headers['content-type']?.[0]);
  const kind = kindOf(essence);
  const isForm = kind === 'form' && (declared === 'form' || rules.form_json !== undefined);
  if (isForm) return formOf(request.body, rules.form_json);
  const format = kind === 'json' || kind === 'xml' ? kind : declared;
  if (format === 'form') return formOf(request.body, rules.form_json);
  const parsed = parseBody(format, undefined, request.body, limits);
  return parsed.ok ? parsed.body : undefined;
}

function formOf(bytes: Uint8Array, json: string | undefined): unknown {
  const decoded = parseBody('text', undefined, bytes, limits);
  if (!decoded.ok || typeof decoded.body !== 'string') return undefined;
  const fields = new URLSearchParams(decoded.body);
  if (json !== undefined) {
    const values = fields.getAll(json);
    const parsed = parseBody('json', undefined, new TextEncoder().encode(values[0] ?? ''), limits);
    return values.length === 1 && parsed.ok ? parsed.body : undefined;
  }
  const form: Record<string, string | string[]> = {};
  for (const name of new Set(fields.keys())) {
    const values = fields.getAll(name);
    if (name !== '__proto__') form[name] = values.length === 1 ? (values[0] ?? '') : values;
  }
  return form;
}

/** Throws a TypeError for what the linter refuses. A condition that states nothing holds. */
export function compileRequestCondition(condition: RequestCondition | undefined): (root: RequestRoot) => boolean {
  const tests: ((root: RequestRoot) => boolean)[] = [];
  const { method, headers = {}, query = {}, body = {} } = condition ?? {};
  if (method !== undefined) tests.push((root) => method.includes(root.method));
  for (const [name, matcher] of Object.entries(headers)) {
    const matches = compileMatcher(matcher);
    const lower = name.toLowerCase();
    tests.push((root) => matches(Object.hasOwn(root.headers, lower) ? root.headers[lower] : undefined));
  }
  for (const [name, matcher] of Object.entries(query)) {
    const matches = compileMatcher(matcher);
    tests.push((root) => matches(Object.hasOwn(root.query, name) ? root.query[name] : undefined));
  }
  for (const [path, matcher] of Object.entries(body)) {
    const read = compilePath(path);
    const matches = compileMatcher(matcher);
    tests.push((root) => matches(read(root.body)));
  }
  return (root) => tests.every((test) => test(root));
}
