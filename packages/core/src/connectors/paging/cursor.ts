/**
 * The one cursor callers see, whatever a vendor pages by: base64url of versioned JSON, bound to the account and the
 * operation it was made for. It carries no secret and is not signed: everything read back from it is checked like any other input.
 */
import { base64url, fromBase64, toText } from '../values/bytes.ts';

export interface CursorState {
  /** Records handed out before this page. */
  readonly count: number;
  /** The vendor's cursor, or the state of an expression. */
  readonly cursor?: unknown;
  /** Page number, offset or first record of a range. */
  readonly position?: number;
  /** Page size the position was counted with. */
  readonly limit?: number;
  /** Address of the page, for vendors that hand out addresses. */
  readonly url?: string;
  /** Fingerprints of the vendor's cursors so far, newest last. */
  readonly seen?: string;
  /** Fingerprint of the page before. */
  readonly page?: string;
}

export type CursorReading = { readonly ok: true; readonly state: CursorState } | { readonly ok: false; readonly message: string };

const version = 1;
const maxLength = 16_384;

export function writeCursor(operation: string, state: CursorState): string {
  return base64url(JSON.stringify({ v: version, o: fingerprint(operation), ...pack(state) }));
}

/** Never throws: garbage, another operation's cursor and a tampered one come back as a message for the caller. */
export function readCursor(operation: string, cursor: string): CursorReading {
  const data = cursor.length > maxLength ? undefined : decode(cursor);
  if (data === undefined) return { ok: false, message: 'The cursor is not one this API gave out. Pass next_cursor of the page before unchanged, or none to begin.' };
  if (data['v'] !== version) return { ok: false, message: 'The cursor is of another version of this API. Begin again without a cursor.' };
  if (data['o'] !== fingerprint(operation)) return { ok: false, message: 'The cursor belongs to another account, resource or connector, or to other filters or sorting. Use it where it was given out.' };
  const state = unpack(data);
  return state === undefined ? { ok: false, message: 'The cursor was changed on its way. Pass next_cursor of the page before unchanged, or none to begin.' } : { ok: true, state };
}

function decode(cursor: string): Record<string, unknown> | undefined {
  if (!/^[\w-]+$/.test(cursor)) return undefined;
  const bytes = fromBase64(cursor);
  if (bytes === undefined) return undefined;
  try {
    const data: unknown = JSON.parse(toText(bytes));
    return typeof data === 'object' && data !== null && !Array.isArray(data) ? (data as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

function pack(state: CursorState): object {
  return { n: state.count, c: state.cursor, p: state.position, l: state.limit, u: state.url, s: state.seen, g: state.page };
}

function unpack(data: Record<string, unknown>): CursorState | undefined {
  const { n: count, c: cursor, p: position, l: limit, u: url, s: seen, g: page } = data;
  if (!isCount(count)) return undefined;
  if (position !== undefined && !isCount(position)) return undefined;
  if (limit !== undefined && (!isCount(limit) || limit === 0)) return undefined;
  if (!isOptionalText(url) || !isOptionalText(seen) || !isOptionalText(page)) return undefined;
  return {
    count,
    ...(cursor === undefined ? {} : { cursor }),
    ...(position === undefined ? {} : { position }),
    ...(limit === undefined ? {} : { limit }),
    ...(url === undefined ? {} : { url }),
    ...(seen === undefined ? {} : { seen }),
    ...(page === undefined ? {} : { page }),
  };
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isOptionalText(value: unknown): value is string | undefined {
  return value === undefined || typeof value === 'string';
}

/** Ten characters that tell texts apart (two 32-bit FNV-1a hashes); not for security. */
export function fingerprint(text: string): string {
  let a = 0x811c9dc5;
  let b = 0x1000193 ^ text.length;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    a = Math.imul(a ^ code, 0x01000193);
    b = Math.imul(b ^ (code + at), 0x85ebca6b) ^ (b >>> 13);
  }
  return ((a >>> 0).toString(36).padStart(7, '0') + (b >>> 0).toString(36).padStart(7, '0')).slice(2, 12);
}
