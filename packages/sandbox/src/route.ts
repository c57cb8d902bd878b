/** Routes of a vendor: "GET api /crm/v3/objects/:object" names the method, the host's role and the path. */
import type { Call, Reply } from './exchange.ts';

/** What a request is for: faults and counts treat token requests and consent pages apart from API calls. */
export type RouteKind = 'api' | 'token' | 'authorize';
export type Handler = (call: Call) => Reply | Promise<Reply>;
export interface Route {
  readonly method: string;
  readonly role: string;
  readonly pattern: RegExp;
  readonly names: readonly string[];
  readonly kind: RouteKind;
  readonly handle: Handler;
}

/** `:name` matches one segment, a final `*name` the rest of the path. */
export function route(line: string, handle: Handler, kind: RouteKind = 'api'): Route {
  const [method, role, path] = line.split(' ');
  if (method === undefined || role === undefined || path === undefined) throw new Error(`Route "${line}" needs "METHOD role /path".`);
  const names: string[] = [];
  const source = path.replace(/[.$()+^?]/g, '\\$&').replace(/([:*])([a-z_]+)/gi, (_all, sign: string, name: string) => {
    names.push(name);
    return sign === ':' ? '([^/]+)' : '(.*)';
  });
  return { method, role, pattern: new RegExp(`^${source}/?$`), names, kind, handle };
}

export type RouteMatch = { found: true; route: Route; params: Record<string, string> } | { found: false; otherMethods: string[] };

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

/** The first route that fits; else the methods that the path would allow. */
export function matchRoute(routes: readonly Route[], method: string, role: string, path: string): RouteMatch {
  const otherMethods: string[] = [];
  for (const candidate of routes) {
    if (candidate.role !== role) continue;
    const match = candidate.pattern.exec(path);
    if (match === null) continue;
    if (candidate.method !== method) {
      otherMethods.push(candidate.method);
      continue;
    }
    const params: Record<string, string> = {};
    candidate.names.forEach((name, index) => {
      params[name] = decode(match[index + 1] ?? '');
    });
    return { found: true, route: candidate, params };
  }
  return { found: false, otherMethods };
}
