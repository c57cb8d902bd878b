/** What the faults do to an exchange: before the vendor answers, to its answer, and to the connection. */
import { setTimeout as wait } from 'node:timers/promises';
import type { ActiveFault, FaultKind } from './faults.ts';
import type { Call, Reply } from './exchange.ts';
import { asObject, type Json, type JsonObject } from './json.ts';
import type { Random } from './random.ts';
import type { RouteKind } from './route.ts';
import type { Identity, Vendor } from './vendor.ts';

const numberIn = (params: JsonObject, name: string, fallback: number): number => {
  const value = params[name];
  return typeof value === 'number' ? value : fallback;
};

/** Latency: params.ms plus or minus params.jitter. Ends early when the caller hangs up. */
export async function delay(faults: readonly ActiveFault[], random: Random, signal: AbortSignal): Promise<void> {
  const fault = faults.find((candidate) => candidate.kind === 'latency');
  if (fault === undefined) return;
  const jitter = numberIn(fault.params, 'jitter', 0);
  const ms = Math.max(0, numberIn(fault.params, 'ms', 1000) + jitter * (random.next() * 2 - 1));
  await wait(ms, undefined, { signal }).catch(() => undefined);
}

/** The vendor's own failure where a fault asks for one; null lets the request through. */
export function replacement(vendor: Vendor, call: Call, kind: RouteKind, identity: Identity | null, faults: readonly ActiveFault[], now: number): Reply | null {
  const find = (wanted: FaultKind): ActiveFault | undefined => faults.find((candidate) => candidate.kind === wanted);
  const outage = find('outage') ?? find('refresh_outage');
  if (outage !== undefined) return vendor.failure(kind === 'token' ? 'token_outage' : 'outage', call, outage.params);
  const storm = find('rate_limit_storm');
  if (storm !== undefined) return vendor.failure('rate_limited', call, storm.params);
  const early = find('early_expiry');
  if (early !== undefined && identity !== null && identity.issuedAt !== null && now - identity.issuedAt >= numberIn(early.params, 'after_ms', 0)) return vendor.failure('expired', call, early.params);
  const scope = find('missing_scope');
  return scope === undefined ? null : vendor.failure('missing_scope', call, scope.params);
}

/** Applies `change` at each place that a path such as "results[].properties.email" names. */
function alter(value: Json, path: readonly string[], change: (holder: JsonObject, name: string) => void): Json {
  const [head, ...rest] = path;
  if (head === undefined) return value;
  if (head === '[]') return Array.isArray(value) ? value.map((entry) => alter(entry, rest, change)) : value;
  const source = asObject(value);
  if (source === null || !Object.hasOwn(source, head)) return value;
  const copy: JsonObject = { ...source };
  if (rest.length === 0) change(copy, head);
  else copy[head] = alter(copy[head] ?? null, rest, change);
  return copy;
}

function retyped(value: Json, to: Json | undefined): Json {
  if (to === 'number') return Number.isFinite(Number(value)) ? Number(value) : 0;
  if (to === 'object') return { value };
  if (to === 'array') return [value];
  if (to === 'null') return null;
  if (to === 'boolean') return Boolean(value);
  if (to === 'string') return typeof value === 'string' ? value : JSON.stringify(value);
  return typeof value === 'string' ? { value } : JSON.stringify(value);
}

const steps = (path: string): string[] => path.replaceAll('[]', '.[]').split('.').filter(Boolean);

/** drop_field {path} and retype_field {path, to?} over the answer's JSON. */
export function reshape(reply: Reply, faults: readonly ActiveFault[]): Reply {
  let body = reply.json;
  if (body === undefined) return reply;
  for (const fault of faults) {
    const path = typeof fault.params['path'] === 'string' ? steps(fault.params['path']) : [];
    if (fault.kind === 'drop_field')
      body = alter(body, path, (holder, name) => {
        delete holder[name];
      });
    if (fault.kind === 'retype_field')
      body = alter(body, path, (holder, name) => {
        holder[name] = retyped(holder[name] ?? null, fault.params['to']);
      });
  }
  return { ...reply, json: body };
}

export interface WireBody {
  readonly bytes: Buffer;
  /** Declares the full length but sends less, then closes. */
  readonly cutAt: number | null;
}

/** The bytes as sent: garbage_body replaces them (params.text), truncated_body stops in the middle. */
export function wireBody(reply: Reply, faults: readonly ActiveFault[]): WireBody {
  const written = reply.json !== undefined ? JSON.stringify(reply.json) : (reply.text ?? '');
  const garbage = faults.find((fault) => fault.kind === 'garbage_body');
  const fallback = '<html><body><h1>502</h1>\u0000\ufffd{"results":[{"id":';
  const bytes = Buffer.from(garbage === undefined ? written : typeof garbage.params['text'] === 'string' ? garbage.params['text'] : fallback, 'utf8');
  const truncated = faults.some((fault) => fault.kind === 'truncated_body');
  return { bytes, cutAt: truncated ? Math.floor(bytes.length / 2) : null };
}
