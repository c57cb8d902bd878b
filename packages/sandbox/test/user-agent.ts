/**
 * What a person and a client do at the simulated vendors, for tests: press Approve or Deny on a
 * consent page, and call a vendor's real address through the sandbox.
 */
import type { Json } from '../src/json.ts';
import { parseJson } from '../src/json.ts';

/** The sandbox's address of a vendor's real one: https://host/path → <sandbox>/host/path. */
export const mapped = (sandboxUrl: string, realUrl: string): string => `${sandboxUrl}/${realUrl.replace(/^https:\/\//, '')}`;

/**
 * Presses a button on the consent page at `pageUrl` (a sandbox address) and returns where the vendor redirects to.
 * `account` is the vendor's account id, the first one by default. Throws when the page refuses.
 */
export async function decideConsent(pageUrl: string, decision: 'approve' | 'deny' = 'approve', account?: string): Promise<URL> {
  const form = new URLSearchParams({ decision, ...(account === undefined ? {} : { account }) });
  const answer = await fetch(pageUrl, { method: 'POST', body: form, redirect: 'manual' });
  const location = answer.headers.get('location');
  if (location === null) throw new Error(`The consent page answered ${answer.status} without a redirect: ${(await answer.text()).replace(/<[^>]*>/g, ' ').slice(-200)}`);
  return new URL(location);
}

export interface WireRequest {
  readonly method?: string;
  readonly bearer?: string;
  /** "name:password". */
  readonly basic?: string;
  readonly json?: unknown;
  readonly form?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
}
export interface WireAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** Undefined when the body is not JSON. */
  readonly body: Json | undefined;
}

/** Sends one request to a vendor's real address through the sandbox. */
export async function wire(sandboxUrl: string, realUrl: string, request: WireRequest = {}): Promise<WireAnswer> {
  const headers = new Headers(request.headers);
  if (request.bearer !== undefined) headers.set('authorization', `Bearer ${request.bearer}`);
  if (request.basic !== undefined) headers.set('authorization', `Basic ${Buffer.from(request.basic).toString('base64')}`);
  if (request.json !== undefined && !headers.has('content-type')) headers.set('content-type', 'application/json');
  const body = request.json !== undefined ? JSON.stringify(request.json) : request.form === undefined ? null : new URLSearchParams(request.form);
  const answer = await fetch(mapped(sandboxUrl, realUrl), { method: request.method ?? (body === null ? 'GET' : 'POST'), headers, body, redirect: 'manual' });
  const text = await answer.text();
  return { status: answer.status, headers: answer.headers, text, body: parseJson(text) };
}

/** The value under a dotted path such as "results.0.id"; undefined when there is none. */
export function at(value: unknown, path: string): unknown {
  return path.split('.').reduce<unknown>((inner, name) => (typeof inner === 'object' && inner !== null ? (inner as Record<string, unknown>)[name] : undefined), value);
}
