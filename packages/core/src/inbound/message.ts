/** What is signed, put together as bytes: templates and the pieces that no template can hold. */
import type { ByteEncoding, KeyText, Part } from '@evenkeel/contract/manifest/webhooks.ts';
import { mediaType } from '../connectors/answers/body.ts';
import { concat, fromBase64, toBytes } from '../connectors/values/bytes.ts';
import type { Scope } from '../connectors/values/scope.ts';
import { compileTemplate } from '../connectors/values/value.ts';
import type { InboundRequest } from './inbound-request.ts';
import type { VerificationPort } from './verification-port.ts';

/** The moment of a check: what templates read, the bytes, and the cryptography. */
export interface Proving {
  readonly scope: Scope;
  readonly request: InboundRequest;
  readonly crypto: VerificationPort;
}
/** Undefined when a piece is absent: then nothing can be proven. */
export type BytesReader = (proving: Proving) => Uint8Array | undefined;

export function compileMessage(parts: readonly Part[]): BytesReader {
  const readers = parts.map(compilePart);
  const [only] = readers;
  if (only !== undefined && readers.length === 1) return only;
  return (proving) => {
    const pieces: Uint8Array[] = [];
    for (const read of readers) {
      const piece = read(proving);
      if (piece === undefined) return undefined;
      pieces.push(piece);
    }
    return concat(pieces);
  };
}

export function compilePart(part: Part): BytesReader {
  if (typeof part === 'string') {
    const read = compileText(part);
    return ({ scope }) => bytesOf(read(scope));
  }
  switch (part.part) {
    case 'body':
      return ({ request }) => request.body;
    case 'body_hash':
      return ({ request, crypto }) => toBytes(encodeBytes(crypto.hash(part.alg, request.body), part.encoding));
    case 'text_hash': {
      const read = compileText(part.text);
      return ({ scope, crypto }) => {
        const text = bytesOf(read(scope));
        return text === undefined ? undefined : toBytes(encodeBytes(crypto.hash(part.alg, text), part.encoding));
      };
    }
    case 'body_crc32':
      return ({ request, crypto }) => toBytes(String(crypto.crc32(request.body)));
    case 'url': {
      const decode = compileDecoding(part.decode);
      return ({ request }) => toBytes(decode(request.url));
    }
    case 'form_pairs':
      return ({ request }) => toBytes(formPairs(request));
    case 'named_headers': {
      const names = compileText(part.names);
      return ({ scope, request }) => bytesOf(namedHeaders(names(scope), request, part.separator, part.between));
    }
  }
}

/** Decodes the percent escapes of these ASCII characters, and leaves the others. */
function compileDecoding(characters: readonly string[]): (url: string) => string {
  const byEscape = new Map(characters.map((character) => [`%${character.charCodeAt(0).toString(16).padStart(2, '0')}`, character]));
  return (url) => url.replace(/%[0-9a-f]{2}/gi, (escape) => byEscape.get(escape.toLowerCase()) ?? escape);
}

/** A template as text; absent values, objects and null are undefined. */
export function compileText(template: string): (scope: Scope) => string | undefined {
  const read = compileTemplate(template);
  return (scope) => {
    const value = read(scope);
    return typeof value === 'string' ? value : typeof value === 'number' || typeof value === 'boolean' ? String(value) : undefined;
  };
}

const bytesOf = (text: string | undefined): Uint8Array | undefined => (text === undefined ? undefined : toBytes(text));

export function encodeBytes(bytes: Uint8Array, encoding: ByteEncoding): string {
  if (encoding === 'hex') return bytes.toHex();
  return encoding === 'base64' ? bytes.toBase64() : bytes.toBase64({ alphabet: 'base64url', omitPadding: true });
}

/** Undefined for what is not of this encoding. */
export function decodeBytes(text: string, encoding: ByteEncoding): Uint8Array | undefined {
  if (encoding !== 'hex') return fromBase64(text);
  try {
    return Uint8Array.fromHex(text);
  } catch {
    return undefined;
  }
}

/** A key, or undefined when there is none: absent, empty, or not what it is said to be. */
export function compileKey(key: KeyText): (scope: Scope) => Uint8Array | undefined {
  const read = compileText(key.value);
  const { strip_prefix: prefix, decode = 'utf8' } = key;
  return (scope) => {
    const whole = read(scope);
    if (whole === undefined) return undefined;
    const text = prefix !== undefined && whole.startsWith(prefix) ? whole.slice(prefix.length) : whole;
    const bytes = decode === 'utf8' ? toBytes(text) : decodeBytes(text, decode);
    return bytes === undefined || bytes.length === 0 ? undefined : bytes;
  };
}

function formPairs(request: InboundRequest): string {
  if (mediaType(request.headers['content-type']?.[0]).essence !== 'application/x-www-form-urlencoded') return '';
  const fields = new URLSearchParams(new TextDecoder('utf-8').decode(request.body));
  const names = [...new Set(fields.keys())].sort((a, b) => (a < b ? -1 : 1));
  // Equal values of one name count once: the vendor that signs this way signs a set.
  return names.map((name) => [...new Set(fields.getAll(name))].sort((a, b) => (a < b ? -1 : 1)).map((value) => name + value).join('')).join('');
}

function namedHeaders(names: string | undefined, request: InboundRequest, separator: string, between: string): string | undefined {
  if (names === undefined) return undefined;
  const lines: string[] = [];
  for (const written of names.split(',')) {
    const name = written.trim().toLowerCase();
    const values = Object.hasOwn(request.headers, name) ? request.headers[name] : undefined;
    const [value] = values ?? [];
    if (value === undefined || values?.length !== 1) return undefined;
    lines.push(`${name}${separator}${value}`);
  }
  return lines.join(between);
}
