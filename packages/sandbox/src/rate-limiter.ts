/** Fixed-window counters by key. Limits are those of the vendor, and can be changed at runtime for tests. */
export interface Limit {
  readonly limit: number;
  readonly windowMs: number;
}
export interface Quota {
  readonly allowed: boolean;
  readonly limit: number;
  readonly used: number;
  readonly remaining: number;
  readonly windowMs: number;
  /** Epoch ms at which the window ends. */
  readonly resetAt: number;
}
export interface Limiter {
  /** Counts `cost` against the key's window when it fits. */
  take(key: string, cost?: number): Quota;
  /** Reads without counting. */
  peek(key: string): Quota;
}
export interface LimiterSource {
  limiter(name: string, limit: Limit): Limiter;
}

export interface LimitTable extends LimiterSource {
  /** Overrides limits by name until cleared. */
  override(name: string, limit: Limit): void;
  clear(): void;
  names(): Record<string, Limit>;
}

export function createLimitTable(now: () => number): LimitTable {
  const declared = new Map<string, Limit>();
  const overrides = new Map<string, Limit>();
  const windows = new Map<string, { start: number; used: number }>();

  function open(name: string, key: string): { limit: Limit; window: { start: number; used: number } } {
    const limit = overrides.get(name) ?? declared.get(name) ?? { limit: Number.MAX_SAFE_INTEGER, windowMs: 1000 };
    const start = Math.floor(now() / limit.windowMs) * limit.windowMs;
    const id = `${name}\n${key}`;
    let window = windows.get(id);
    if (window === undefined || window.start !== start) {
      window = { start, used: 0 };
      windows.set(id, window);
    }
    return { limit, window };
  }
  function quota(allowed: boolean, limit: Limit, window: { start: number; used: number }): Quota {
    return {
      allowed,
      limit: limit.limit,
      used: window.used,
      remaining: Math.max(0, limit.limit - window.used),
      windowMs: limit.windowMs,
      resetAt: window.start + limit.windowMs,
    };
  }
  return {
    limiter(name, limit) {
      declared.set(name, limit);
      return {
        take(key, cost = 1) {
          const opened = open(name, key);
          const allowed = opened.window.used + cost <= opened.limit.limit;
          if (allowed) opened.window.used += cost;
          return quota(allowed, opened.limit, opened.window);
        },
        peek(key) {
          const opened = open(name, key);
          return quota(opened.window.used < opened.limit.limit, opened.limit, opened.window);
        },
      };
    },
    override(name, limit) {
      overrides.set(name, limit);
    },
    clear() {
      overrides.clear();
      windows.clear();
    },
    names: () => Object.fromEntries([...declared].map(([name, limit]) => [name, overrides.get(name) ?? limit])),
  };
}
