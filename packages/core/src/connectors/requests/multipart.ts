/** `multipart/form-data` (RFC 7578). The boundary follows from the content, so equal parts give equal bytes. */
import { concat, toBytes } from '../values/bytes.ts';
import { callerFailure } from './request-failure.ts';

export interface Part {
  readonly name: string;
  readonly content: string | Uint8Array;
  readonly filename: string | undefined;
  readonly contentType: string | undefined;
}

/** The body and its content type. */
export function writeMultipart(parts: readonly Part[]): { contentType: string; body: Uint8Array } {
  const contents = parts.map(({ content }) => (typeof content === 'string' ? toBytes(content) : content));
  const boundary = boundaryFor(contents);
  const pieces: Uint8Array[] = [];
  parts.forEach((part, index) => {
    pieces.push(toBytes(`--${boundary}\r\n${partHead(part)}\r\n`), contents[index] ?? new Uint8Array(), toBytes('\r\n'));
  });
  pieces.push(toBytes(`--${boundary}--\r\n`));
  return { contentType: `multipart/form-data; boundary=${boundary}`, body: concat(pieces) };
}

function partHead({ name, filename, contentType }: Part): string {
  const file = filename === undefined ? '' : `; filename="${quoted(filename)}"`;
  const type = contentType === undefined ? '' : `content-type: ${legalType(contentType)}\r\n`;
  return `content-disposition: form-data; name="${quoted(name)}"${file}\r\n${type}`;
}

/** As browsers write them: quotes and line breaks percent-encoded (HTML, multipart form data). */
function quoted(text: string): string {
  return text.replaceAll('"', '%22').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
}

function legalType(contentType: string): string {
  if (!/^[\x20-\x7e]{1,200}$/.test(contentType)) throw callerFailure('The content type of a part holds an illegal character.');
  return contentType;
}

/** FNV-1a over the content, until no part holds the boundary. */
function boundaryFor(contents: readonly Uint8Array[]): string {
  for (let salt = 0; ; salt++) {
    let hash = 0x811c9dc5 ^ salt;
    for (const content of contents) for (const byte of content) hash = Math.imul(hash ^ byte, 0x01000193);
    const boundary = `part-${(hash >>> 0).toString(16).padStart(8, '0')}-${salt.toString(36)}`;
    if (!contents.some((content) => includesBytes(content, toBytes(boundary)))) return boundary;
  }
}

function includesBytes(content: Uint8Array, searched: Uint8Array): boolean {
  const first = searched[0] ?? 0;
  for (let at = content.indexOf(first); at !== -1; at = content.indexOf(first, at + 1)) {
    if (searched.every((byte, index) => content[at + index] === byte)) return true;
  }
  return false;
}
