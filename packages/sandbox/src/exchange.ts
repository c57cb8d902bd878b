/** One request to a simulated vendor and the answer to it, as plain values: vendors never touch sockets. */
import { asObject, parseJson, type Json, type JsonObject } from './json.ts';

export interface Call {
  readonly method: string;
  /** The vendor's real host, e.g. "api.hubapi.com". */
  readonly host: string;
  /** Which of the vendor's hosts it is, by the vendor's own naming. */
  readonly role: string;
  /** Named groups of the host pattern, e.g. the subdomain. */
  readonly hostParams: Record<string, string>;
  /** Percent-encoded, from "/". */
  readonly path: string;
  readonly query: URLSearchParams;
  /** Lower-case names. */
  readonly headers: Record<string, string>;
  readonly raw: Buffer;
  /** Decoded path parameters of the matched route. */
  readonly params: Record<string, string>;
}

export interface Reply {
  readonly status: number;
  readonly headers: Record<string, string>;
  /** Exactly one of json and text, or neither for an empty body. */
  readonly json?: Json;
  readonly text?: string;
}

export const json = (status: number, body: Json, headers: Record<string, string> = {}): Reply => ({ status, headers, json: body });
export const text = (status: number, body: string, headers: Record<string, string> = {}): Reply => ({ status, headers, text: body });
export const empty = (status: number, headers: Record<string, string> = {}): Reply => ({ status, headers });

export const withHeaders = (reply: Reply, headers: Record<string, string>): Reply => ({ ...reply, headers: { ...reply.headers, ...headers } });

/** The body as JSON, undefined when it is not. */
export const bodyJson = (call: Call): Json | undefined => parseJson(call.raw.toString('utf8'));

/** The body as a JSON object; null when it is not one. */
export const bodyObject = (call: Call): JsonObject | null => asObject(bodyJson(call));

/** The body's fields whether it came as a form or as JSON: token endpoints take both in the field. */
export function bodyFields(call: Call): URLSearchParams {
  if (!(call.headers['content-type'] ?? '').includes('json')) return new URLSearchParams(call.raw.toString('utf8'));
  const fields = new URLSearchParams();
  for (const [name, value] of Object.entries(bodyObject(call) ?? {})) if (typeof value === 'string') fields.set(name, value);
  return fields;
}

/** The credential after "Bearer" (or "token", "OAuth"), null when there is none. */
export function bearer(call: Call): string | null {
  return /^(?:bearer|token|oauth)\s+(\S+)$/i.exec(call.headers['authorization'] ?? '')?.[1] ?? null;
}

/** Name and password of a Basic header, null when there is none. */
export function basic(call: Call): { name: string; password: string } | null {
  const encoded = /^basic\s+(\S+)$/i.exec(call.headers['authorization'] ?? '')?.[1];
  if (encoded === undefined) return null;
  const decoded = Buffer.from(encoded, 'base64').toString('utf8');
  const colon = decoded.indexOf(':');
  return colon < 0 ? { name: decoded, password: '' } : { name: decoded.slice(0, colon), password: decoded.slice(colon + 1) };
}

/** The vendor's real address of a path on the called host. */
export const realUrl = (call: Call, path: string, host = call.host): string => `https://${host}${path}`;
