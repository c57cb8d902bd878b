/**
 * Single values on their way between a vendor's form and a unified model's: text, numbers, flags, times, choices.
 * What cannot be brought over is a `MappingFailure` with its place, never a guess and never a silent null.
 */
import { parseHttpDate, parseIsoDate } from '../values/dates.ts';
import { MappingFailure } from './mapping-failure.ts';
import type { ScalarKind, ScalarShape } from './mapping-shape.ts';
import { show } from '../lint/shape.ts';

export type Scalar = string | number | boolean | null;

/** The vendor's value in the model's type; null for nothing (absent, null, an empty text). */
export function toScalar(shape: ScalarShape, value: unknown, path: string): Scalar {
  if (value === undefined || value === null || value === '') return null;
  switch (shape.kind) {
    case 'text':
      return toText(value, path);
    case 'choice': {
      const text = toText(value, path);
      if (shape.values.includes(text)) return text;
      throw new MappingFailure(path, `must be one of ${shape.values.join(', ')}, not ${show(value)}`);
    }
    case 'number':
    case 'integer':
      return toNumber(value, shape.kind, path);
    case 'flag':
      return toFlag(value, path);
    case 'moment':
      return toMoment(value, path);
    case 'day':
      return toDay(value, path);
  }
}

function toText(value: unknown, path: string): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'boolean' || typeof value === 'bigint') return String(value);
  throw new MappingFailure(path, `must be a text, not ${show(value)}`);
}

const numeric = /^\s*[+-]?(\d{1,40}(\.\d{0,40})?|\.\d{1,40})([eE][+-]?\d{1,3})?\s*$/;

function toNumber(value: unknown, kind: ScalarKind, path: string): number {
  const number = typeof value === 'number' ? value : typeof value === 'string' && numeric.test(value) ? Number(value) : Number.NaN;
  if (!Number.isFinite(number)) throw new MappingFailure(path, `must be a number, not ${show(value)}`);
  if (kind === 'integer' && !Number.isSafeInteger(number)) throw new MappingFailure(path, `must be a whole number, not ${show(value)}`);
  return number;
}

const flags: ReadonlyMap<unknown, boolean> = new Map<unknown, boolean>([
  [true, true], ['true', true], [1, true], ['1', true], ['yes', true],
  [false, false], ['false', false], [0, false], ['0', false], ['no', false],
]);

function toFlag(value: unknown, path: string): boolean {
  const flag = flags.get(typeof value === 'string' ? value.toLowerCase() : value);
  if (flag === undefined) throw new MappingFailure(path, `must be true or false, not ${show(value)}`);
  return flag;
}

/** As the model writes it, on a day that every month has: nothing to check further. Most vendors write most times so. */
const plainUtc = /^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d\.\d{3}Z$/;

function toMoment(value: unknown, path: string): string {
  if (typeof value === 'string' && value.length === 24 && plainUtc.test(value)) return value;
  const ms = instantOf(value);
  if (ms === undefined) throw new MappingFailure(path, `must be a time, not ${show(value)}`);
  return new Date(ms).toISOString();
}

/** The calendar day as the vendor wrote it: a zone must not move it. */
function toDay(value: unknown, path: string): string {
  const ms = instantOf(value);
  if (ms === undefined) throw new MappingFailure(path, `must be a date, not ${show(value)}`);
  return typeof value === 'string' && /^\d{4}-\d\d-\d\d/.test(value) ? value.slice(0, 10) : new Date(ms).toISOString().slice(0, 10);
}

const farthestMs = 8.64e15;

/** Milliseconds since the epoch of any form vendors write; numbers below 10^11 are seconds. */
export function instantOf(value: unknown): number | undefined {
  if (typeof value === 'number' || (typeof value === 'string' && /^-?\d{5,16}(\.\d{1,9})?$/.test(value))) {
    const number = Number(value);
    const ms = Math.round(Math.abs(number) < 1e11 ? number * 1000 : number);
    return Number.isFinite(ms) && Math.abs(ms) <= farthestMs ? ms : undefined;
  }
  if (typeof value !== 'string' || value.length > 64) return undefined;
  const text = value.trim();
  return parseIsoDate(text) ?? parseHttpDate(text);
}

export type TimeForm = 'iso' | 'date' | 'epoch_s' | 'epoch_ms';

/** A time of the model in the vendor's form. `value` has passed `checkScalar`. */
export function writeTime(value: string, form: TimeForm): string | number {
  const ms = instantOf(value) ?? 0;
  if (form === 'epoch_ms') return ms;
  if (form === 'epoch_s') return Math.floor(ms / 1000);
  return form === 'date' ? toDay(value, '') : new Date(ms).toISOString();
}

/** What is wrong with a caller's value for a field; undefined when it is right. Callers are held to the model's types. */
export function faultOfScalar(shape: ScalarShape, value: unknown): string | undefined {
  switch (shape.kind) {
    case 'text':
      return typeof value === 'string' ? undefined : `must be a text, not ${show(value)}`;
    case 'choice':
      return typeof value === 'string' && shape.values.includes(value) ? undefined : `must be one of ${shape.values.join(', ')}, not ${show(value)}`;
    case 'number':
      return typeof value === 'number' && Number.isFinite(value) ? undefined : `must be a number, not ${show(value)}`;
    case 'integer':
      return Number.isSafeInteger(value) ? undefined : `must be a whole number, not ${show(value)}`;
    case 'flag':
      return typeof value === 'boolean' ? undefined : `must be true or false, not ${show(value)}`;
    case 'moment':
      return typeof value === 'string' && parseIsoDate(value) !== undefined ? undefined : `must be a time such as "2026-11-23T13:50:30Z", not ${show(value)}`;
    case 'day':
      return typeof value === 'string' && /^\d{4}-\d\d-\d\d$/.test(value) && parseIsoDate(value) !== undefined ? undefined : `must be a date such as "2026-11-23", not ${show(value)}`;
  }
}
