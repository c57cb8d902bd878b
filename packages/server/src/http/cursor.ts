/** Cursors of Evenkeel's own lists: the key of the last row, opaque to the caller. */
import { Refusal } from './problem.ts';

export const encodeCursor = (key: string | number): string => Buffer.from(JSON.stringify([1, key])).toString('base64url');

/** Refuses with invalid_request what was not made here. */
export function decodeCursor(cursor: string | undefined, type: 'string'): string | null;
export function decodeCursor(cursor: string | undefined, type: 'number'): number | null;
export function decodeCursor(cursor: string | undefined, type: 'string' | 'number'): string | number | null {
  if (cursor === undefined) return null;
  try {
    const parsed: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'));
    if (Array.isArray(parsed) && parsed[0] === 1 && isKey(parsed[1], type)) return parsed[1];
  } catch {
    // Falls through to the refusal.
  }
  throw new Refusal('invalid_request', 'The cursor was not made by this list. Start again without one.');
}

/** What a row can have been keyed by: anyone can make a cursor, and the database refuses what is no bigint or holds U+0000. */
function isKey(key: unknown, type: 'string' | 'number'): key is string | number {
  return type === 'number' ? Number.isSafeInteger(key) : typeof key === 'string' && !key.includes('\0');
}

/** Cuts the one row read beyond the page and makes the cursor from the last row kept. */
export function pageOf<Row, Item>(rows: readonly Row[], limit: number, keyOf: (row: Row) => string | number, itemOf: (row: Row) => Item) {
  const kept = rows.slice(0, limit);
  const last = kept.at(-1);
  return { results: kept.map(itemOf), next_cursor: rows.length > limit && last !== undefined ? encodeCursor(keyOf(last)) : null };
}
