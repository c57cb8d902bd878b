/** JSON values as types, and readers that never throw: what a vendor does with a body it did not expect is its own affair. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type JsonObject = { [key: string]: Json };

/** The value as an object, or null when it is anything else. */
export function asObject(value: unknown): JsonObject | null {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : null;
}

/** The value as an array, empty when it is anything else. */
export function asArray(value: unknown): Json[] {
  return Array.isArray(value) ? (value as Json[]) : [];
}

/** Strings as they are, numbers and booleans written out, everything else empty. */
export function asText(value: unknown): string {
  if (typeof value === 'string') return value;
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : '';
}

/** undefined for text that is not JSON. */
export function parseJson(text: string): Json | undefined {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
}

/** The whole number written in `text`, else the fallback, clamped to [min, max]. */
export function readInteger(text: string | null | undefined, fallback: number, min: number, max: number): number {
  const value = text === null || text === undefined || !/^-?\d+$/.test(text) ? fallback : Number(text);
  return Math.min(max, Math.max(min, value));
}
