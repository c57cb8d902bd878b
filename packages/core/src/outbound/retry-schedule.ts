/**
 * When a delivery is tried again: waits as data, spread at random so that what failed together does not return together,
 * and the receiver's Retry-After (RFC 9110 section 10.2.3) within bounds.
 */
import { parseTime } from '../connectors/answers/time-value.ts';

const [s, m, h] = [1_000, 60_000, 3_600_000];

/** Milliseconds between the attempts: the first is made at once, so there are as many attempts and one more. */
export const defaultRetrySchedule: readonly number[] = [5 * s, 5 * m, 30 * m, 2 * h, 5 * h, 10 * h, 10 * h];

/** Share by which a wait may be shorter or longer. */
const jitter = 0.2;
/** The longest wait a receiver can ask for. */
export const maxRetryAfterMs = 12 * h;

/** Milliseconds to wait after the attempt at `step` failed; undefined when none is left. `random` is in [0, 1). */
export function waitAfter(schedule: readonly number[], step: number, random: number): number | undefined {
  const wait = schedule[step];
  return wait === undefined ? undefined : Math.round(wait * (1 - jitter + 2 * jitter * random));
}

/** Milliseconds a receiver asks for: seconds or a date. Undefined for what is neither; never more than `maxRetryAfterMs`. */
export function readRetryAfter(value: string | undefined, nowMs: number): number | undefined {
  if (value === undefined) return undefined;
  const text = value.trim();
  // RFC 9110 knows whole seconds and dates, nothing else: a number with a sign, a fraction or a unit is garbage.
  if (!/^\d+$/.test(text) && !/^[A-Za-z]{3,9},? /.test(text)) return undefined;
  const seconds = parseTime(text, 's', nowMs);
  return seconds === undefined ? undefined : Math.min(maxRetryAfterMs, Math.round(seconds * 1000));
}
