/**
 * Faults switched at runtime: which requests a fault applies to, and how often. What a fault then does stands in
 * fault-effects.ts. A fault without selectors applies to every request of its vendor that its kind concerns.
 */
import type { Call } from './exchange.ts';
import { asArray, asObject, type Json, type JsonObject } from './json.ts';
import type { Random } from './random.ts';
import type { RouteKind } from './route.ts';
import type { Identity } from './vendor.ts';

export const faultKinds = [
  'outage', 'latency', 'rate_limit_storm', 'revoke_tokens', 'early_expiry', 'lost_webhooks', 'drop_field', 'retype_field',
  'garbage_body', 'truncated_body', 'hang', 'connection_reset', 'refresh_outage', 'missing_scope',
] as const;
export type FaultKind = (typeof faultKinds)[number];

export interface Fault {
  readonly kind: FaultKind;
  /** A prefix of the path after the host, or "/…/" as a regular expression over host and path. */
  readonly path?: string;
  readonly account?: string;
  readonly token?: string;
  /** Share of the matching requests that are hit, 0 to 1. */
  readonly rate?: number;
  /** Ends after this many hits. */
  readonly times?: number;
  readonly params: JsonObject;
}
export interface ActiveFault extends Fault {
  hits: number;
}
export type FaultReading = { ok: true; faults: Fault[] } | { ok: false; message: string };

const isKind = (value: unknown): value is FaultKind => faultKinds.some((kind) => kind === value);
const known = new Set(['kind', 'path', 'account', 'token', 'rate', 'times', 'params', 'hits']);

const expressionIn = (path: string): string | undefined => /^\/(.*)\/$/.exec(path)?.[1];
function pathReads(path: string): boolean {
  try {
    return new RegExp(expressionIn(path) ?? '') instanceof RegExp;
  } catch {
    return false;
  }
}

function readFault(value: Json, at: number): Fault | string {
  const source = asObject(value);
  if (source === null || !isKind(source['kind'])) return `faults[${at}].kind must be one of ${faultKinds.join(', ')}.`;
  const stranger = Object.keys(source).find((name) => !known.has(name));
  if (stranger !== undefined) return `faults[${at}].${stranger} is not a field of a fault; use ${[...known].join(', ')}.`;
  const { path, account, token, rate, times, params } = source;
  if (rate !== undefined && (typeof rate !== 'number' || rate < 0 || rate > 1)) return `faults[${at}].rate must be between 0 and 1.`;
  if (times !== undefined && (typeof times !== 'number' || !Number.isInteger(times) || times < 1)) return `faults[${at}].times must be a whole number above 0.`;
  if (path !== undefined && (typeof path !== 'string' || !pathReads(path))) return `faults[${at}].path must be a prefix, or a regular expression between slashes.`;
  if (params !== undefined && asObject(params) === null) return `faults[${at}].params must be an object.`;
  return {
    kind: source['kind'],
    ...(path === undefined ? {} : { path }),
    ...(typeof account === 'string' || typeof account === 'number' ? { account: String(account) } : {}),
    ...(typeof token === 'string' ? { token } : {}),
    ...(rate === undefined ? {} : { rate }),
    ...(times === undefined ? {} : { times }),
    params: asObject(params ?? {}) ?? {},
  };
}

/** Accepts a list, or one fault alone. */
export function readFaults(body: Json | undefined): FaultReading {
  const list = Array.isArray(body) ? body : asObject(body) === null ? null : [body as Json];
  if (list === null) return { ok: false, message: 'Send a JSON list of faults, e.g. [{"kind":"outage","params":{"status":503}}].' };
  const faults: Fault[] = [];
  for (const [at, value] of asArray(list).entries()) {
    const fault = readFault(value, at);
    if (typeof fault === 'string') return { ok: false, message: fault };
    faults.push(fault);
  }
  return { ok: true, faults };
}

function pathFits(path: string | undefined, call: Call): boolean {
  if (path === undefined) return true;
  const expression = expressionIn(path);
  // "/v1/" is a prefix that happens to look like an expression; both readings are tried.
  return call.path.startsWith(path) || (expression !== undefined && new RegExp(expression).test(`${call.host}${call.path}`));
}

/** Token endpoints are spared by what concerns API calls only; nothing touches the consent page but outages. */
function kindFits(kind: FaultKind, route: RouteKind): boolean {
  if (kind === 'refresh_outage') return route === 'token';
  if (kind === 'lost_webhooks' || kind === 'revoke_tokens') return false;
  if (kind === 'early_expiry' || kind === 'missing_scope' || kind === 'drop_field' || kind === 'retype_field') return route === 'api';
  return route !== 'authorize';
}

function whoFits(fault: Fault, identity: { account: string | null; token: string | null } | null): boolean {
  if (fault.account !== undefined && fault.account !== identity?.account) return false;
  return fault.token === undefined || fault.token === identity?.token;
}

export interface FaultTable {
  put(vendor: string, faults: readonly Fault[]): void;
  get(vendor: string): ActiveFault[];
  clear(vendor: string): void;
  clearAll(): void;
  /** Faults that hit this request, counted; each kind at most once. */
  hit(vendor: string, call: Call, kind: RouteKind, identity: Identity | null): ActiveFault[];
  /** Whether a webhook of this account is to be lost. */
  losesWebhook(vendor: string, account: string): boolean;
}

export function createFaultTable(random: Random): FaultTable {
  const table = new Map<string, ActiveFault[]>();
  const strikes = (fault: ActiveFault): boolean => {
    if (fault.times !== undefined && fault.hits >= fault.times) return false;
    if (fault.rate !== undefined && !random.chance(fault.rate)) return false;
    fault.hits += 1;
    return true;
  };
  return {
    put: (vendor, faults) => void table.set(vendor, faults.map((fault) => ({ ...fault, hits: 0 }))),
    get: (vendor) => table.get(vendor) ?? [],
    clear: (vendor) => void table.delete(vendor),
    clearAll: () => table.clear(),
    hit(vendor, call, kind, identity) {
      const struck = new Map<FaultKind, ActiveFault>();
      for (const fault of table.get(vendor) ?? []) {
        if (struck.has(fault.kind) || !kindFits(fault.kind, kind) || !pathFits(fault.path, call) || !whoFits(fault, identity)) continue;
        if (strikes(fault)) struck.set(fault.kind, fault);
      }
      return [...struck.values()];
    },
    losesWebhook(vendor, account) {
      const lost = (table.get(vendor) ?? []).find((fault) => fault.kind === 'lost_webhooks' && (fault.account ?? account) === account);
      return lost !== undefined && strikes(lost);
    },
  };
}
