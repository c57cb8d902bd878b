/** AWS Signature Version 4 in the Authorization header. Specification: "Create a signed AWS API request" of the IAM guide. */
import { hex, percentEncode, toBytes } from '../values/bytes.ts';
import type { CryptoPort } from './crypto-port.ts';

export interface SigV4Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string | undefined;
  readonly region: string;
  readonly service: string;
}
export interface UnsignedRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array | null;
}

/**
 * The headers to add: `x-amz-date`, `x-amz-security-token` with a session token, `x-amz-content-sha256` for services
 * that want it (s3), and `authorization`. Signs the host and all given headers but those that proxies change.
 */
export function sigV4Headers(request: UnsignedRequest, credentials: SigV4Credentials, env: { readonly nowMs: number; readonly crypto: CryptoPort }): Record<string, string> {
  const { host, path, query } = splitUrl(request.url);
  const dateTime = new Date(env.nowMs).toISOString().replaceAll(/[-:]|\.\d{3}/g, '');
  const payloadHash = hex(env.crypto.hash('sha256', typeof request.body === 'string' ? toBytes(request.body) : (request.body ?? new Uint8Array())));
  const added: Record<string, string> = {
    'x-amz-date': dateTime,
    ...(credentials.sessionToken === undefined ? {} : { 'x-amz-security-token': credentials.sessionToken }),
    ...(credentials.service === 's3' ? { 'x-amz-content-sha256': payloadHash } : {}),
  };
  const headers = signedHeaders({ ...request.headers, ...added, host });
  const names = headers.map(([name]) => name).join(';');
  const canonical = [
    request.method.toUpperCase(),
    canonicalPath(path, credentials.service),
    canonicalQuery(query),
    ...headers.map(([name, value]) => `${name}:${value}`),
    '',
    names,
    payloadHash,
  ].join('\n');
  const scope = `${dateTime.slice(0, 8)}/${credentials.region}/${credentials.service}/aws4_request`;
  const toSign = ['AWS4-HMAC-SHA256', dateTime, scope, hex(env.crypto.hash('sha256', toBytes(canonical)))].join('\n');
  const signature = hex(env.crypto.hmac('sha256', signingKey(credentials, dateTime.slice(0, 8), env.crypto), toBytes(toSign)));
  return { ...added, authorization: `AWS4-HMAC-SHA256 Credential=${credentials.accessKeyId}/${scope}, SignedHeaders=${names}, Signature=${signature}` };
}

function signingKey({ secretAccessKey, region, service }: SigV4Credentials, date: string, crypto: CryptoPort): Uint8Array {
  let key: Uint8Array = toBytes(`AWS4${secretAccessKey}`);
  for (const part of [date, region, service, 'aws4_request']) key = crypto.hmac('sha256', key, toBytes(part));
  return key;
}

const unsigned: ReadonlySet<string> = new Set(['authorization', 'connection', 'user-agent', 'expect', 'x-amzn-trace-id', 'content-length', 'transfer-encoding', 'accept-encoding']);

function signedHeaders(headers: Readonly<Record<string, string>>): [string, string][] {
  return Object.entries(headers)
    .map(([name, value]): [string, string] => [name.toLowerCase(), value.trim().replaceAll(/ +/g, ' ')])
    .filter(([name]) => !unsigned.has(name))
    .toSorted(([a], [b]) => (a < b ? -1 : 1));
}

/** Each segment of the path as sent is encoded once more, and dots are resolved, for every service but S3. */
function canonicalPath(path: string, service: string): string {
  if (service === 's3') return path;
  const kept: string[] = [];
  const segments = path.split('/').filter((segment) => segment !== '' && segment !== '.');
  for (const segment of segments) {
    if (segment === '..') kept.pop();
    else kept.push(percentEncode(segment));
  }
  const trailing = kept.length > 0 && path.endsWith('/') ? '/' : '';
  return `/${kept.join('/')}${trailing}`;
}

function canonicalQuery(query: string): string {
  const pairs = query
    .split('&')
    .filter((pair) => pair !== '')
    .map((pair) => {
      const equals = pair.indexOf('=');
      const [name, value] = equals === -1 ? [pair, ''] : [pair.slice(0, equals), pair.slice(equals + 1)];
      return [recode(name), recode(value)] as const;
    });
  return pairs
    .toSorted(([aName, aValue], [bName, bValue]) => (aName < bName ? -1 : aName > bName ? 1 : aValue < bValue ? -1 : aValue > bValue ? 1 : 0))
    .map(([name, value]) => `${name}=${value}`)
    .join('&');
}

function recode(text: string): string {
  try {
    return percentEncode(decodeURIComponent(text));
  } catch {
    return percentEncode(text);
  }
}

function splitUrl(url: string): { host: string; path: string; query: string } {
  const match = /^(https?):\/\/([^/?#]*)([^?#]*)(?:\?([^#]*))?/i.exec(url);
  const host = (match?.[2] ?? '').toLowerCase().replace(match?.[1]?.toLowerCase() === 'https' ? /:443$/ : /:80$/, '');
  return { host, path: match?.[3] === undefined || match[3] === '' ? '/' : match[3], query: match?.[4] ?? '' };
}
