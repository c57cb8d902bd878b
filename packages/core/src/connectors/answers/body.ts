/**
 * Bytes of a vendor's answer → data. The stated format decides, or with "auto" the content type and, where that says
 * nothing useful, the first character. Every way a body can be unreadable has its own reason.
 */
import type { Response } from '@evenkeel/contract/manifest/response.ts';
import { parseJson } from './json-reading.ts';
import { parseXml } from './xml-reading.ts';

export type BodyFormat = NonNullable<Response['format']>;
export type BodyKind = 'json' | 'xml' | 'form' | 'text' | 'binary' | 'empty';
export type BodyFailure = 'truncated' | 'malformed' | 'mislabelled' | 'too_large' | 'too_deep' | 'encoding';

export type ParsedBody =
  | {
      readonly ok: true;
      readonly kind: BodyKind;
      /** JSON data, XML as data, the fields of a form, a text, the bytes, or undefined. */
      readonly body: unknown;
      /** False when a number of the text has no exact double and is held as a string of its digits. */
      readonly exact: boolean;
    }
  | { readonly ok: false; readonly reason: BodyFailure; readonly detail: string; readonly text: string };

export const bodyLimits = { bytes: 32 * 1024 * 1024, depth: 128 } as const;

/** Never throws. `contentType` is the header as received, or undefined. */
export function parseBody(format: BodyFormat, contentType: string | undefined, bytes: Uint8Array, limits: { bytes: number; depth: number } = bodyLimits): ParsedBody {
  if (bytes.length === 0) return { ok: true, kind: 'empty', body: undefined, exact: true };
  if (format === 'binary') return binary(bytes);
  if (bytes.length > limits.bytes) return failure('too_large', `it has ${bytes.length} bytes; at most ${limits.bytes} are read`, '');
  const type = mediaType(contentType);
  const declared = kindOf(type.essence);
  const decoded = decode(bytes, type.charset);
  if (format === 'auto' && declared === 'binary') return binary(bytes);
  if (decoded === undefined) {
    if (format === 'auto' && declared === 'unknown') return binary(bytes);
    return failure('encoding', `its bytes are no valid ${type.charset ?? 'UTF-8'}`, '');
  }
  if (format === 'text') return text(decoded);
  if (format === 'json' || (format === 'auto' && declared === 'json')) return json(decoded, limits.depth);
  if (format === 'xml' || (format === 'auto' && declared === 'xml')) return xml(decoded);
  return declared === 'form' ? form(decoded) : sniff(decoded, limits.depth);
}

/** Types that are JSON in truth are often sent as text; what does not parse stays a text. */
function sniff(decoded: string, depth: number): ParsedBody {
  const first = firstCharacter(decoded);
  if (first === '{' || first === '[') {
    const parsed = json(decoded, depth);
    if (parsed.ok || parsed.reason === 'too_deep') return parsed;
  }
  return text(decoded);
}

function json(decoded: string, depth: number): ParsedBody {
  const parsed = parseJson(decoded, depth);
  if (parsed.ok) return { ok: true, kind: parsed.value === undefined ? 'empty' : 'json', body: parsed.value, exact: parsed.exact };
  if (firstCharacter(decoded) === '<') return failure('mislabelled', 'it is announced as JSON and is markup, as an error page of a proxy would be', decoded);
  return failure(parsed.reason, parsed.detail, decoded);
}

function xml(decoded: string): ParsedBody {
  const first = firstCharacter(decoded);
  if (first === '') return { ok: true, kind: 'empty', body: undefined, exact: true };
  if (first !== '<') return failure('mislabelled', 'it is announced as XML and does not begin like it', decoded);
  const parsed = parseXml(decoded);
  if (parsed.ok) return { ok: true, kind: 'xml', body: parsed.value, exact: true };
  return failure(parsed.truncated ? 'truncated' : 'malformed', parsed.detail, decoded);
}

function form(decoded: string): ParsedBody {
  return { ok: true, kind: 'form', body: Object.fromEntries(new URLSearchParams(decoded)), exact: true };
}

const text = (decoded: string): ParsedBody => ({ ok: true, kind: 'text', body: decoded, exact: true });
const binary = (bytes: Uint8Array): ParsedBody => ({ ok: true, kind: 'binary', body: bytes, exact: true });
const failure = (reason: BodyFailure, detail: string, whole: string): ParsedBody => ({ ok: false, reason, detail, text: whole.slice(0, 2000) });

const utf8 = new TextDecoder('utf-8', { fatal: true });

function decode(bytes: Uint8Array, charset: string | undefined): string | undefined {
  try {
    return charset === undefined || charset === 'utf-8' ? utf8.decode(bytes) : new TextDecoder(charset, { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

export interface MediaType {
  readonly essence: string;
  readonly charset: string | undefined;
}

const untyped: MediaType = { essence: '', charset: undefined };
/** Vendors use few, each on every answer. Bounded, since a vendor chooses them. */
const knownTypes = new Map<string, MediaType>();

/** The essence and charset of a content type (RFC 9110 section 8.3), in lower case. */
export function mediaType(contentType: string | undefined): MediaType {
  if (contentType === undefined) return untyped;
  const known = knownTypes.get(contentType);
  if (known !== undefined) return known;
  const type = readMediaType(contentType);
  if (knownTypes.size < 1_000 && contentType.length < 100) knownTypes.set(contentType, type);
  return type;
}

function readMediaType(contentType: string): MediaType {
  const end = contentType.indexOf(';');
  const essence = (end === -1 ? contentType : contentType.slice(0, end)).trim().toLowerCase();
  const charset = end === -1 ? undefined : /;\s*charset\s*=\s*"?([\w.:-]+)/i.exec(contentType)?.[1]?.toLowerCase();
  return { essence, charset };
}

/** What a media type announces; "unknown" is text-like or absent and worth a look at the body. */
export function kindOf(essence: string): 'json' | 'xml' | 'form' | 'binary' | 'unknown' {
  if (essence === 'application/json' || essence === 'text/json' || essence.endsWith('+json')) return 'json';
  if (essence === 'application/xml' || essence === 'text/xml') return 'xml';
  if (essence.endsWith('+xml') && !essence.startsWith('image/') && essence !== 'application/xhtml+xml') return 'xml';
  if (essence === 'application/x-www-form-urlencoded') return 'form';
  if (essence === '' || essence.startsWith('text/') || essence === 'application/javascript' || essence === 'application/xhtml+xml') return 'unknown';
  return 'binary';
}

function firstCharacter(decoded: string): string {
  return /\S/.exec(decoded)?.[0] ?? '';
}
