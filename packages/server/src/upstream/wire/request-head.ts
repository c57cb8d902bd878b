/** The head of a request as text, with everything refused that could end a line or a field early. */
import { UpstreamError } from '../failure.ts';

const token = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const target = /^\/[\x21-\x7e]*$/;
/** Visible characters, space, tab and obs-text (RFC 9110 section 5.5); beyond latin1 nothing can be sent. */
const fieldValue = /^[\t\x20-\x7e\x80-\xff]*$/;
/** What this side decides itself. */
const own = new Set(['host', 'connection', 'content-length', 'transfer-encoding', 'keep-alive', 'upgrade', 'expect', 'te', 'trailer', 'proxy-connection']);

const userAgent = 'user-agent: Evenkeel\r\n';

/** `length`: of the body in bytes, 'chunked' when it is not known, null for none. Throws UpstreamError `invalid`. */
export function writeHead(method: string, path: string, host: string, headers: Readonly<Record<string, string>>, length: number | 'chunked' | null): string {
  if (!token.test(method)) throw refused('its method is none');
  if (!target.test(path)) throw refused('its path holds characters that must be percent-encoded');
  let head = `${method} ${path} HTTP/1.1\r\nhost: ${host}\r\nconnection: keep-alive\r\n`;
  for (const name in headers) {
    const value = headers[name];
    if (value === undefined || !isSent(name)) continue;
    if (!fieldValue.test(value)) throw refused(`the header ${name} holds characters no header can carry`);
    head += `${name}: ${value}\r\n`;
  }
  // Vendors and their firewalls turn away who does not say what he is.
  if (headers['user-agent'] === undefined) head += userAgent;
  if (length === 'chunked') head += 'transfer-encoding: chunked\r\n';
  else if (length !== null) head += `content-length: ${length}\r\n`;
  return `${head}\r\n`;
}

/** Few names are used, each in every request: judged once. Bounded, since callers of passthrough choose them. */
const known = new Map<string, boolean>();

/** Throws UpstreamError for what is no name. */
function isSent(name: string): boolean {
  const judged = known.get(name);
  if (judged !== undefined) return judged;
  if (!token.test(name)) throw refused('a header name is none');
  const sent = !own.has(name.toLowerCase());
  if (known.size < 2_000 && name.length < 100) known.set(name, sent);
  return sent;
}

function refused(why: string): UpstreamError {
  return new UpstreamError('invalid', 'request', `The request cannot be sent: ${why}.`, 'EINVALIDREQUEST');
}
