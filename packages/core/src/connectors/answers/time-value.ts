/**
 * The many ways vendors write "when": seconds or milliseconds from now or since the epoch, ISO 8601, HTTP dates.
 * A number above 10^9 is always an instant and a smaller one always a duration, whatever unit was declared: vendors
 * change between the two, and a client that believes a wrong unit waits for decades.
 */
import type { TimeSource } from '@evenkeel/contract/manifest/response.ts';
import { parseHttpDate, parseIsoDate } from '../values/dates.ts';

export type TimeUnit = TimeSource['unit'];

const epochFrom = 1e9;
const epochMsFrom = 1e11;
/** No wait is believed beyond this: the longest quota window in use is a month. */
export const maxWaitS = 31 * 86_400;

/** Seconds from `nowMs`, between 0 and `maxWaitS`, not rounded; undefined for what is no time. */
export function parseTime(value: unknown, unit: TimeUnit, nowMs: number): number | undefined {
  const seconds = secondsFrom(value, unit, nowMs);
  return seconds === undefined || Number.isNaN(seconds) ? undefined : Math.min(maxWaitS, Math.max(0, seconds));
}

function secondsFrom(value: unknown, unit: TimeUnit, nowMs: number): number | undefined {
  const number = numeric(value);
  if (number !== undefined) return secondsOf(number, unit, nowMs);
  if (typeof value !== 'string') return undefined;
  const text = value.trim();
  const instant = parseIsoDate(text) ?? parseHttpDate(text);
  return instant === undefined ? undefined : (instant - nowMs) / 1000;
}

function secondsOf(number: number, unit: TimeUnit, nowMs: number): number {
  if (number >= epochMsFrom) return (number - nowMs) / 1000;
  if (unit === 'ms') return number / 1000;
  if (number > epochFrom) return number - nowMs / 1000;
  return unit === 'epoch_ms' ? number / 1000 : number;
}

function numeric(value: unknown): number | undefined {
  if (typeof value === 'number') return Number.isFinite(value) ? value : undefined;
  if (typeof value !== 'string') return undefined;
  const digits = /^\s*([+-]?\d{1,18}(?:\.\d{1,9})?)\s*(?:$|[,;s]\s*)/.exec(value)?.[1];
  return digits === undefined ? undefined : Number(digits);
}
