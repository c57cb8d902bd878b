/** Text and bytes: UTF-8, base64 and hex, over what every JavaScript runtime has. */

declare const TextEncoder: new () => { encode(text: string): Uint8Array<ArrayBuffer> };
declare const TextDecoder: new (label: 'utf-8', options: { fatal: boolean }) => { decode(bytes: Uint8Array): string };

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: false });

/** UTF-8; a lone surrogate becomes U+FFFD. */
export function toBytes(text: string): Uint8Array<ArrayBuffer> {
  return encoder.encode(text);
}

/** UTF-8; malformed bytes become U+FFFD. */
export function toText(bytes: Uint8Array): string {
  return decoder.decode(bytes);
}

export function base64(data: string | Uint8Array): string {
  return (typeof data === 'string' ? toBytes(data) : data).toBase64();
}

/** RFC 4648 §5 without padding, as JOSE and PKCE want it. */
export function base64url(data: string | Uint8Array): string {
  return (typeof data === 'string' ? toBytes(data) : data).toBase64({ alphabet: 'base64url', omitPadding: true });
}

/** Either alphabet, with or without padding; `undefined` when it is neither. */
export function fromBase64(text: string): Uint8Array<ArrayBuffer> | undefined {
  try {
    return Uint8Array.fromBase64(text.replaceAll('-', '+').replaceAll('_', '/'));
  } catch {
    return undefined;
  }
}

export function hex(bytes: Uint8Array): string {
  return bytes.toHex();
}

export function concat(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const joined = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

/** RFC 3986 percent-encoding: everything but unreserved characters; a lone surrogate becomes U+FFFD. */
export function percentEncode(text: string): string {
  return encodeURIComponent(text.toWellFormed()).replace(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);
}
