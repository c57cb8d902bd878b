/** What placeholders and expressions read: one object whose roots are listed, with their shapes, at `scopeRoots`. */
import type { ScopeRoot } from '@evenkeel/contract/manifest/value.ts';

/** Absent roots read as absent values. The engine never writes to a scope. */
export type Scope = { readonly [K in ScopeRoot]?: unknown };

export interface Moment {
  readonly epoch_s: number;
  readonly epoch_ms: number;
  readonly iso: string;
}

/** The root `now` of a scope for an instant in milliseconds since the epoch. */
export function momentOf(nowMs: number): Moment {
  return {
    epoch_s: Math.floor(nowMs / 1000),
    epoch_ms: nowMs,
    // Written for every call and read by few: formatting costs more than the rest of a scope.
    get iso() {
      return new Date(nowMs).toISOString();
    },
  };
}
