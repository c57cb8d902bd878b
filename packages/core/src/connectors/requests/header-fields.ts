/** Header fields on their way out: lower-case names, values without characters that would end or split a header (RFC 9110 §5). */
import { callerFailure } from './request-failure.ts';

const token = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
/** Tab, printable ASCII and obs-text. */
const legalValue = /^[\t\x20-\x7e\x80-\xff]*$/;

/** Headers a manifest or a caller must not set: they describe the connection or the framing, which the client writes. */
export const reservedHeaders: ReadonlySet<string> = new Set(['host', 'content-length', 'transfer-encoding', 'connection', 'keep-alive', 'upgrade', 'te', 'trailer', 'proxy-connection', 'expect']);

export function isHeaderName(name: string): boolean {
  return token.test(name) && name !== '__proto__';
}

/** The text of a header's value; undefined when there is none. Throws a RequestFailure for what a header cannot hold. */
export function headerText(name: string, value: unknown): string | undefined {
  if (value === undefined || value === null) return undefined;
  if (Array.isArray(value)) {
    const texts = value.map((member) => headerText(name, member)).filter((text) => text !== undefined);
    return texts.length === 0 ? undefined : texts.join(', ');
  }
  if (typeof value === 'object') throw callerFailure(`The header ${name} cannot hold an object.`);
  const text = (typeof value === 'string' ? value : typeof value === 'number' || typeof value === 'boolean' ? String(value) : '').trim();
  if (!legalValue.test(text)) throw callerFailure(`The header ${name} would hold a line break or another illegal character.`);
  return text;
}

/** Sets one header; throws a RequestFailure for an illegal name or value. */
export function setHeader(headers: Record<string, string>, name: string, value: unknown): void {
  const text = headerText(name, value);
  if (text === undefined) return;
  if (!isHeaderName(name)) throw callerFailure(`${JSON.stringify(name.slice(0, 80))} is not a header name.`);
  headers[name.toLowerCase()] = text;
}
