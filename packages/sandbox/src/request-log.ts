/** A bounded log of what reached the vendors, with counts that are never dropped: tests count token requests here. */
import type { RouteKind } from './route.ts';

export interface LoggedRequest {
  readonly at: number;
  readonly vendor: string;
  readonly kind: RouteKind | 'unknown';
  readonly method: string;
  readonly host: string;
  /** With the query string. */
  readonly path: string;
  readonly status: number | null;
  readonly account: string | null;
  /** Only of token requests. */
  readonly grant_type: string | null;
  readonly faults: readonly string[];
  readonly ms: number;
}
export interface RequestCounts {
  total: number;
  api: number;
  token: number;
  authorize: number;
  unknown: number;
  refresh: number;
  status: Record<string, number>;
}
export interface RequestLog {
  add(entry: LoggedRequest): void;
  read(filter: { vendor?: string; kind?: string; limit: number }): { counts: RequestCounts; requests: LoggedRequest[] };
  clear(): void;
}

const capacity = 5000;
const zero = (): RequestCounts => ({ total: 0, api: 0, token: 0, authorize: 0, unknown: 0, refresh: 0, status: {} });

export function createRequestLog(): RequestLog {
  let entries: LoggedRequest[] = [];
  const counts = new Map<string, RequestCounts>();
  function count(name: string, entry: LoggedRequest): void {
    const counted = counts.get(name) ?? zero();
    counts.set(name, counted);
    counted.total += 1;
    counted[entry.kind] += 1;
    if (entry.grant_type === 'refresh_token') counted.refresh += 1;
    const status = entry.status === null ? 'none' : String(entry.status);
    counted.status[status] = (counted.status[status] ?? 0) + 1;
  }
  return {
    add(entry) {
      entries.push(entry);
      if (entries.length > capacity * 2) entries = entries.slice(-capacity);
      count('', entry);
      count(entry.vendor, entry);
    },
    read({ vendor, kind, limit }) {
      const chosen = entries.filter((entry) => (vendor === undefined || entry.vendor === vendor) && (kind === undefined || entry.kind === kind));
      return { counts: counts.get(vendor ?? '') ?? zero(), requests: chosen.slice(-Math.min(limit, capacity)) };
    },
    clear() {
      entries = [];
      counts.clear();
    },
  };
}
