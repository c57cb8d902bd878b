/**
 * Attaches an account's credential to a request: what the scheme's `apply` says, Basic, and the schemes that sign.
 * It is done anew for every attempt, after the request is complete, and it changes nothing but headers and query.
 */
import { oauth1Authorization } from './oauth1.ts';
import { base64 } from '../values/bytes.ts';
import type { CompiledScheme } from '../connector.ts';
import type { CryptoPort } from './crypto-port.ts';
import { headerText, setHeader } from './header-fields.ts';
import { addQuery, pairsOf, type Pair, type PairStyle } from './query-string.ts';
import type { OutgoingRequest } from './request.ts';
import { platformFailure } from './request-failure.ts';
import type { Scope } from '../values/scope.ts';
import type { Eventually } from '../values/eventually.ts';
import { sigV4Headers } from './sigv4.ts';
import { toTextOrAbsent } from '../values/template.ts';

export interface AuthorizeEnv {
  readonly nowMs: number;
  /** Unguessable and never used before: OAuth 1.0 sends it. */
  readonly nonce: string;
  readonly crypto: CryptoPort;
}

const queryStyle: PairStyle = { arrays: 'repeat', nesting: 'brackets' };

/**
 * The request with its credential. Throws or rejects with a RequestFailure when the account lacks a value the scheme needs, so
 * that no request ever leaves half authorised.
 */
export function authorize(scheme: CompiledScheme, scope: Scope, request: OutgoingRequest, env: AuthorizeEnv): Eventually<OutgoingRequest> {
  if (!scheme.apply.plain || signing.has(scheme.type)) return authorizeLater(scheme, scope, request, env);
  const headers: Record<string, string> = {};
  for (const name in request.headers) headers[name] = request.headers[name] as string;
  for (const [name, value] of scheme.apply.headers) setHeader(headers, name, value(scope));
  const applied: OutgoingRequest = { method: request.method, url: request.url, headers, body: request.body, timeoutMs: request.timeoutMs };
  requireCredential(scheme, applied, []);
  return applied;
}

const signing: ReadonlySet<CompiledScheme['type']> = new Set(['basic', 'oauth1', 'aws_sigv4']);

async function authorizeLater(scheme: CompiledScheme, scope: Scope, request: OutgoingRequest, env: AuthorizeEnv): Promise<OutgoingRequest> {
  const headers = { ...request.headers };
  for (const [name, value] of scheme.apply.headers) setHeader(headers, name, value.asynchronous ? await value(scope) : value(scope));
  if (scheme.apply.cookies.length > 0) await applyCookies(scheme, scope, headers);
  const pairs: Pair[] = [];
  for (const [name, value] of scheme.apply.query) pairs.push(...pairsOf(name, await value(scope), queryStyle));
  const applied: OutgoingRequest = { ...request, headers, url: addQuery(withoutParameters(request.url, pairs), pairs) };
  requireCredential(scheme, applied, pairs);
  switch (scheme.source.type) {
    case 'basic':
      return withHeader(applied, 'authorization', basic(await text(scheme, scope, 'username'), await text(scheme, scope, 'password')));
    case 'oauth1':
      return withHeader(applied, 'authorization', await signOAuth1(scheme, scheme.source.signature_method, scope, applied, env));
    case 'aws_sigv4':
      return { ...applied, headers: { ...applied.headers, ...(await signAws(scheme, scope, applied, env)) } };
    default:
      return applied;
  }
}

/** RFC 7617 with UTF-8; a user name cannot hold a colon. */
export function basic(username: string, password: string): string {
  if (username.includes(':')) throw platformFailure('A user name with a colon cannot be sent by Basic authentication (RFC 7617).');
  return `Basic ${base64(`${username}:${password}`)}`;
}

async function applyCookies(scheme: CompiledScheme, scope: Scope, headers: Record<string, string>): Promise<void> {
  const cookies: string[] = headers['cookie'] === undefined ? [] : [headers['cookie']];
  for (const [name, value] of scheme.apply.cookies) {
    const content = headerText('cookie', await value(scope));
    if (content === undefined) continue;
    if (/[;,\s"\\]/.test(content)) throw platformFailure(`The cookie ${name} would hold a character that ends a cookie.`);
    cookies.push(`${name}=${content}`);
  }
  if (cookies.length > 0) headers['cookie'] = cookies.join('; ');
}

/** A next-page address may carry the credential of the call before it. */
function withoutParameters(url: string, pairs: readonly Pair[]): string {
  const mark = url.indexOf('?');
  if (mark === -1 || pairs.length === 0) return url;
  const names = new Set(pairs.map(([name]) => name));
  const kept = url.slice(mark + 1).split('&').filter((pair) => !names.has(decodeName(pair)));
  return url.slice(0, mark) + (kept.length === 0 ? '' : `?${kept.join('&')}`);
}

function decodeName(pair: string): string {
  const name = pair.split('=', 1)[0] ?? '';
  try {
    return decodeURIComponent(name.replaceAll('+', ' '));
  } catch {
    return name;
  }
}

function requireCredential(scheme: CompiledScheme, applied: OutgoingRequest, pairs: readonly Pair[]): void {
  const { apply } = scheme;
  if (apply.headers.length + apply.query.length + apply.cookies.length === 0) return;
  if (pairs.length > 0 || applied.headers['cookie'] !== undefined) return;
  if (apply.headers.some(([name]) => applied.headers[name.toLowerCase()] !== undefined)) return;
  throw platformFailure(`The account has no credential that the scheme "${scheme.id}" could attach; connect it again.`);
}

function withHeader(request: OutgoingRequest, name: string, value: string): OutgoingRequest {
  const headers = { ...request.headers };
  setHeader(headers, name, value);
  return { ...request, headers };
}

async function text(scheme: CompiledScheme, scope: Scope, name: string): Promise<string> {
  const found = toTextOrAbsent(await scheme.text(name)?.(scope));
  if (found === undefined) throw platformFailure(`The account has no value for ${name} of the scheme "${scheme.id}"; connect it again.`);
  return found;
}

async function signOAuth1(scheme: CompiledScheme, method: 'HMAC-SHA1' | 'HMAC-SHA256', scope: Scope, request: OutgoingRequest, env: AuthorizeEnv): Promise<string> {
  const realm = toTextOrAbsent(await scheme.text('realm')?.(scope));
  const credentials = {
    consumerKey: await text(scheme, scope, 'consumer_key'),
    consumerSecret: await text(scheme, scope, 'consumer_secret'),
    token: await text(scheme, scope, 'token'),
    tokenSecret: await text(scheme, scope, 'token_secret'),
    method,
    ...(realm === undefined ? {} : { realm }),
  };
  const isForm = request.headers['content-type']?.startsWith('application/x-www-form-urlencoded') === true;
  const form = isForm && typeof request.body === 'string' ? request.body : undefined;
  return oauth1Authorization({ method: request.method, url: request.url, form }, credentials, { timestampS: Math.floor(env.nowMs / 1000), nonce: env.nonce, crypto: env.crypto });
}

async function signAws(scheme: CompiledScheme, scope: Scope, request: OutgoingRequest, env: AuthorizeEnv): Promise<Record<string, string>> {
  const credentials = {
    accessKeyId: await text(scheme, scope, 'access_key_id'),
    secretAccessKey: await text(scheme, scope, 'secret_access_key'),
    sessionToken: toTextOrAbsent(await scheme.text('session_token')?.(scope)),
    region: await text(scheme, scope, 'region'),
    service: await text(scheme, scope, 'service'),
  };
  return sigV4Headers(request, credentials, env);
}
