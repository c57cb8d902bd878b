/**
 * The requests and answers of OAuth as build/process pairs, in the names of RFC 6749 (authorization code, client
 * credentials, refresh), RFC 7636 (PKCE) and RFC 7523 (JWT bearer). Build makes a request out of data, process only
 * reads and judges an answer; nobody here sends. Revocation and introspection are plain requests of the manifest.
 */
import type { AuthScheme, AuthSchemeOf, Refresh } from '@evenkeel/contract/manifest/auth.ts';
import type { Value } from '@evenkeel/contract/manifest/value.ts';
import { base64, base64url, percentEncode, toBytes } from '../connectors/values/bytes.ts';
import type { CryptoPort } from '../connectors/requests/crypto-port.ts';
import type { OutgoingRequest } from '../connectors/connector.ts';
import type { Scope } from '../connectors/values/scope.ts';
import { toTextOrAbsent } from '../connectors/values/template.ts';
import { compileMap, compileTemplate } from '../connectors/values/value.ts';
import { buildAddress, withQuery } from './token-address.ts';

type ValueMap = Readonly<Record<string, Value>>;
export type CodeScheme = AuthSchemeOf<'oauth2_code'>;
/** A scheme that has a token endpoint, or the token grant of one. */
export type TokenEndpoint = Pick<CodeScheme, 'token_url' | 'client_auth' | 'token_params' | 'token_headers' | 'token_format'> & { readonly refresh?: Refresh };

const tokenTimeoutMs = 20_000;

/**
 * The address of the vendor's consent page (RFC 6749 §4.1.1) with `state` and, unless the manifest says none, the S256
 * challenge of `codeVerifier`. Parameters of the manifest win over the standard ones; null removes one.
 */
export async function buildAuthorizationRequest(
  scheme: CodeScheme,
  scope: Scope,
  request: { redirectUri: string; state: string; codeVerifier: string; crypto: Pick<CryptoPort, 'hash'> },
): Promise<string> {
  const scopes = scheme.scopes ?? [];
  const standard: [string, unknown][] = [
    ['response_type', 'code'],
    ['client_id', clientId(scope)],
    ['redirect_uri', request.redirectUri],
    ...(scopes.length === 0 ? [] : [['scope', scopes.join(scheme.scope_separator ?? ' ')] as [string, unknown]]),
    ['state', request.state],
    ...(scheme.pkce === 'none'
      ? []
      : [
          ['code_challenge', base64url(request.crypto.hash('sha256', toBytes(request.codeVerifier)))] as [string, unknown],
          ['code_challenge_method', 'S256'] as [string, unknown],
        ]),
  ];
  const withRedirect = { ...scope, connect: { ...asObject(scope.connect), redirect_uri: request.redirectUri } };
  return withQuery(buildAddress(scheme.authorize_url, withRedirect), await merged(standard, scheme.authorize_params, withRedirect));
}

export type AuthorizationResponse =
  | { readonly ok: true; readonly code: string }
  | { readonly ok: false; readonly error: string; readonly message: string };

/** RFC 6749 §4.1.2: the query of the callback. `error` is the vendor's code, or `missing_code` when there is neither. */
export function processAuthorizationResponse(query: Readonly<Record<string, string>>): AuthorizationResponse {
  const read = (name: string): string | undefined => (Object.hasOwn(query, name) && query[name] !== '' ? query[name] : undefined);
  const error = read('error');
  if (error !== undefined) {
    const description = read('error_description');
    const said = error === 'access_denied' ? 'Access was declined at the vendor.' : `The vendor answered ${error.slice(0, 100)}.`;
    return { ok: false, error: error.slice(0, 100), message: description === undefined ? said : `${said} ${description.slice(0, 500)}` };
  }
  const code = read('code');
  return code === undefined ? { ok: false, error: 'missing_code', message: 'The vendor came back without a code.' } : { ok: true, code };
}

export type TokenGrant =
  | { readonly type: 'authorization_code'; readonly code: string; readonly redirectUri: string; readonly codeVerifier: string }
  | { readonly type: 'refresh_token'; readonly refreshToken: string }
  | { readonly type: 'client_credentials' }
  | { readonly type: 'jwt_bearer'; readonly assertion: string };

/** A request to the token endpoint for one grant (RFC 6749 §4.1.3, §4.4.2, §6; RFC 7523 §2.1). */
export async function buildTokenRequest(scheme: AuthScheme, endpoint: TokenEndpoint, grant: TokenGrant, scope: Scope): Promise<OutgoingRequest> {
  const renewing = grant.type === 'refresh_token';
  const extra = renewing ? endpoint.refresh?.params : endpoint.token_params;
  const headers = renewing ? (endpoint.refresh?.headers ?? endpoint.token_headers) : endpoint.token_headers;
  const address = renewing ? (endpoint.refresh?.url ?? endpoint.token_url) : endpoint.token_url;
  const client = clientOf(scheme, scope);
  const authentication = endpoint.client_auth ?? (grant.type === 'jwt_bearer' ? undefined : 'body');
  const parameters = await merged([...grantParameters(scheme, grant), ...clientParameters(authentication, client)], extra, scope);
  const json = endpoint.token_format === 'json';
  return {
    method: 'POST',
    url: buildAddress(address, scope),
    headers: {
      accept: 'application/json',
      'content-type': json ? 'application/json' : 'application/x-www-form-urlencoded',
      ...(authentication === 'header' ? { authorization: basic(client) } : {}),
      ...(await headerValues(headers, scope)),
    },
    body: json ? JSON.stringify(Object.fromEntries(parameters)) : parameters.map(([name, value]) => `${formEncode(name)}=${formEncode(value)}`).join('&'),
    timeoutMs: tokenTimeoutMs,
  };
}

function grantParameters(scheme: AuthScheme, grant: TokenGrant): [string, unknown][] {
  switch (grant.type) {
    case 'authorization_code':
      return [
        ['grant_type', 'authorization_code'],
        ['code', grant.code],
        ['redirect_uri', grant.redirectUri],
        ...(scheme.type === 'oauth2_code' && scheme.pkce === 'none' ? [] : [['code_verifier', grant.codeVerifier] as [string, unknown]]),
      ];
    case 'refresh_token':
      return [
        ['grant_type', 'refresh_token'],
        ['refresh_token', grant.refreshToken],
      ];
    case 'client_credentials': {
      const scopes = scheme.type === 'oauth2_client_credentials' ? (scheme.scopes ?? []) : [];
      const separator = scheme.type === 'oauth2_client_credentials' ? (scheme.scope_separator ?? ' ') : ' ';
      return [['grant_type', 'client_credentials'], ...(scopes.length === 0 ? [] : [['scope', scopes.join(separator)] as [string, unknown]])];
    }
    case 'jwt_bearer':
      return [
        ['grant_type', 'urn:ietf:params:oauth:grant-type:jwt-bearer'],
        ['assertion', grant.assertion],
      ];
  }
}

interface Client {
  readonly id: string;
  readonly secret: string;
}

function clientOf(scheme: AuthScheme, scope: Scope): Client {
  const own = scheme.type === 'oauth2_client_credentials' ? scheme : undefined;
  const read = (template: string): string => toTextOrAbsent(compileTemplate(template)(scope)) ?? '';
  return { id: read(own?.client_id ?? '{{app.client_id}}'), secret: read(own?.client_secret ?? '{{app.client_secret}}') };
}

/** The app's client id; a missing one is a fault of the installation, told as such. */
function clientId(scope: Scope): string {
  const id = asObject(scope.app)['client_id'];
  if (typeof id !== 'string' || id === '') throw new TypeError('No OAuth client is set for this connector: store client_id and client_secret with PUT /v1/connectors/{id}/app.');
  return id;
}

function clientParameters(authentication: CodeScheme['client_auth'], client: Client): [string, unknown][] {
  if (authentication === 'body') return [['client_id', client.id], ...(client.secret === '' ? [] : [['client_secret', client.secret] as [string, unknown]])];
  return authentication === 'none' ? [['client_id', client.id]] : [];
}

/** RFC 6749 §2.3.1: id and secret are form-encoded before they are joined. */
const basic = ({ id, secret }: Client): string => `Basic ${base64(`${formEncode(id)}:${formEncode(secret)}`)}`;
const formEncode = (text: string): string => percentEncode(text).replaceAll('%20', '+');

/** Standard parameters with the manifest's over them, in order; what is null or absent is left out. */
async function merged(standard: readonly (readonly [string, unknown])[], extra: ValueMap | undefined, scope: Scope): Promise<[string, string][]> {
  const all = new Map<string, unknown>(standard);
  for (const [name, value] of compileMap(extra)) {
    const given = await value(scope);
    if (given !== undefined) all.set(name, given);
  }
  return Array.from(all, ([name, value]) => [name, toTextOrAbsent(value)] as const).filter((pair): pair is [string, string] => pair[1] !== undefined);
}

async function headerValues(map: ValueMap | undefined, scope: Scope): Promise<Record<string, string>> {
  const headers: Record<string, string> = {};
  for (const [name, value] of compileMap(map)) {
    const text = toTextOrAbsent(await value(scope));
    if (text === undefined) continue;
    if (/[^\t\x20-\x7e\x80-\xff]/.test(text)) throw new TypeError(`The header ${name} of the token request holds a character that headers cannot.`);
    headers[name.toLowerCase()] = text;
  }
  return headers;
}

function asObject(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}
