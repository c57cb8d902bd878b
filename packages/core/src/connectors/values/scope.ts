/** What placeholders and expressions read: one object whose roots are listed, with their shapes, at `scopeRoots`. */
import type { ScopeRoot } from '@evenkeel/contract/manifest/value.ts';

/** Absent roots read as absent values. The engine never writes to a scope. */
export type Scope = { readonly [K in ScopeRoot]?: unknown };

export interface Moment {
  readonly epoch_s: number;
  readonly epoch_ms: number;
  readonly iso: string;
}

let latest: Moment | undefined;

/** The root `now` of a scope for an instant in milliseconds since the epoch. Calls of one millisecond share it. */
export function momentOf(nowMs: number): Moment {
  if (latest?.epoch_ms !== nowMs) latest = Object.freeze({ epoch_s: Math.floor(nowMs / 1000), epoch_ms: nowMs, iso: new Date(nowMs).toISOString() });
  return latest;
}
