/** OAuth 1.0 signatures (RFC 5849 §3), HMAC-SHA1 and HMAC-SHA256, carried in the Authorization header. */
import { base64, percentEncode, toBytes } from '../values/bytes.ts';
import type { CryptoPort } from './crypto-port.ts';

export interface OAuth1Credentials {
  readonly consumerKey: string;
  readonly consumerSecret: string;
  readonly token: string;
  readonly tokenSecret: string;
  readonly realm?: string;
  readonly method: 'HMAC-SHA1' | 'HMAC-SHA256';
}
export interface SignedRequest {
  readonly method: string;
  readonly url: string;
  /** The body, only when it is `application/x-www-form-urlencoded`. */
  readonly form?: string | undefined;
}

/** The value of the Authorization header for one request; `nonce` must not repeat with the same timestamp. */
export function oauth1Authorization(request: SignedRequest, credentials: OAuth1Credentials, env: { readonly timestampS: number; readonly nonce: string; readonly crypto: CryptoPort }): string {
  const protocol: [string, string][] = [
    ['oauth_consumer_key', credentials.consumerKey],
    ['oauth_token', credentials.token],
    ['oauth_signature_method', credentials.method],
    ['oauth_timestamp', String(env.timestampS)],
    ['oauth_nonce', env.nonce],
    ['oauth_version', '1.0'],
  ];
  const base = signatureBase(request, protocol);
  const key = `${percentEncode(credentials.consumerSecret)}&${percentEncode(credentials.tokenSecret)}`;
  const algorithm = credentials.method === 'HMAC-SHA1' ? 'sha1' : 'sha256';
  const signature = base64(env.crypto.hmac(algorithm, toBytes(key), toBytes(base)));
  const realm = credentials.realm === undefined ? [] : [`realm="${credentials.realm.replaceAll(/["\\]/g, '')}"`];
  const fields = [...protocol, ['oauth_signature', signature] as const].map(([name, value]) => `${name}="${percentEncode(value)}"`);
  return `OAuth ${[...realm, ...fields].join(', ')}`;
}

/** RFC 5849 §3.4.1: method, address without query, and all parameters sorted by their encoded form. */
export function signatureBase(request: SignedRequest, protocol: readonly (readonly [string, string])[]): string {
  const { address, query } = splitUrl(request.url);
  const pairs = [...decodePairs(query), ...decodePairs(request.form ?? ''), ...protocol].map(([name, value]) => [percentEncode(name), percentEncode(value)] as const);
  const sorted = pairs.toSorted(([aName, aValue], [bName, bValue]) => compare(aName, bName) || compare(aValue, bValue));
  const parameters = sorted.map(([name, value]) => `${name}=${value}`).join('&');
  return [request.method.toUpperCase(), percentEncode(address), percentEncode(parameters)].join('&');
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** §3.4.1.2: scheme and host in lower case, the default port left out. */
function splitUrl(url: string): { address: string; query: string } {
  const [beforeHash = ''] = url.split('#', 1);
  const mark = beforeHash.indexOf('?');
  const full = mark === -1 ? beforeHash : beforeHash.slice(0, mark);
  const match = /^(https?):\/\/([^/]*)(.*)$/i.exec(full);
  const scheme = (match?.[1] ?? '').toLowerCase();
  const host = (match?.[2] ?? '').toLowerCase().replace(scheme === 'https' ? /:443$/ : /:80$/, '');
  const path = match?.[3] ?? '';
  return { address: `${scheme}://${host}${path === '' ? '/' : path}`, query: mark === -1 ? '' : beforeHash.slice(mark + 1) };
}

/** `application/x-www-form-urlencoded` decoded (§3.4.1.3.1). */
function decodePairs(encoded: string): [string, string][] {
  return encoded
    .split('&')
    .filter((pair) => pair !== '')
    .map((pair) => {
      const equals = pair.indexOf('=');
      return equals === -1 ? [decode(pair), ''] : [decode(pair.slice(0, equals)), decode(pair.slice(equals + 1))];
    });
}

function decode(text: string): string {
  const spaced = text.replaceAll('+', ' ');
  try {
    return decodeURIComponent(spaced);
  } catch {
    return spaced;
  }
}
