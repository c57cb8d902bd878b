/** Figures that several categories show. */
import type { Percentiles } from '@evenkeel/contract/api/monitoring.ts';
import type { Sketch } from '@evenkeel/core/telemetry/sketch.ts';
import type { Queryable } from '../../database/pool.ts';
import type { Windows } from './span.ts';

/** What a category is asked with. */
export interface Asked {
  readonly database: Queryable;
  readonly windows: Windows;
  readonly tenantId: string | null;
  readonly connectorId: string | null;
  readonly limit: number;
}

/** Null when there is nothing to divide by. */
export const ratioOf = (part: number, whole: number): number | null => (whole > 0 ? part / whole : null);

export function percentiles(sketch: Sketch | undefined): Percentiles {
  const at = (q: number): number | null => {
    const us = sketch?.quantile(q) ?? null;
    return us === null ? null : us / 1000;
  };
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99) };
}
