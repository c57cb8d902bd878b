/** One authentication scheme compiled: its templates, its steps and what it attaches to a request by default. */
import type { Apply, AuthScheme, Step } from '@evenkeel/contract/manifest/auth.ts';
import type { Request } from '@evenkeel/contract/manifest/request.ts';
import type { Capture } from '@evenkeel/contract/manifest/response.ts';
import type { Value } from '@evenkeel/contract/manifest/value.ts';
import type { CompiledApply, CompiledCapture, CompiledRequest, CompiledScheme, CompiledStep } from './connector.ts';
import { compileMap, compileReader, compileValue, type CompiledValue } from './values/value.ts';

type RequestCompiler = (source: Request) => CompiledRequest;

/** Schemes whose access token goes where RFC 6750 puts it unless the manifest says otherwise. */
const bearer: Apply = { headers: { authorization: 'Bearer {{token.access_token}}' } };
const bearerTypes: ReadonlySet<AuthScheme['type']> = new Set(['oauth2_code', 'oauth2_client_credentials', 'jwt_bearer']);

export function compileScheme(source: AuthScheme, request: RequestCompiler): CompiledScheme {
  const texts = compiledTexts(source);
  const optional = (found: Request | undefined): CompiledRequest | undefined => (found === undefined ? undefined : request(found));
  const endpoint = source.type === 'jwt_bearer' ? source.grant : source;
  const expiry = 'expiry' in endpoint ? endpoint.expiry : undefined;
  return {
    id: source.id,
    type: source.type,
    source,
    apply: compileApply(source.apply ?? (bearerTypes.has(source.type) ? bearer : {})),
    text: (name) => texts.get(name),
    login: 'login' in source ? source.login.map((step) => compileStep(step, request, false)) : [],
    exchange: 'exchange' in endpoint ? (endpoint.exchange ?? []).map((step) => compileStep(step, request, true)) : [],
    revoke: optional('revoke' in source ? source.revoke : undefined),
    introspection: optional(expiry?.from === 'introspection' ? expiry.request : undefined),
    grantRequest: optional('request' in endpoint ? endpoint.request : undefined),
    callback: compileCapture('callback' in source ? source.callback : undefined),
    capture: compileCapture('capture' in endpoint ? endpoint.capture : undefined),
  };
}

function compileApply(apply: Apply): CompiledApply {
  const [headers, query, cookies] = [compileMap(apply.headers), compileMap(apply.query), compileMap(apply.cookies)];
  return { headers, query, cookies, plain: query.length === 0 && cookies.length === 0 && headers.every(([, value]) => !value.asynchronous) };
}

/** Strings that are names and settings, not templates. */
const notTemplates: ReadonlySet<string> = new Set(['type', 'id', 'label', 'scope_separator', 'pkce', 'client_auth', 'token_format', 'signature_method']);

function compiledTexts(source: AuthScheme): Map<string, CompiledValue> {
  const grant = source.type === 'jwt_bearer' && source.grant.type === 'token' ? source.grant : {};
  const texts = new Map<string, CompiledValue>();
  for (const [name, value] of Object.entries({ ...grant, ...source }) as [string, unknown][]) {
    if (name === 'username' || name === 'password' || (typeof value === 'string' && !notTemplates.has(name))) texts.set(name, compileValue(value as Value));
  }
  return texts;
}

export function compileStep(source: Step, request: RequestCompiler, authenticated: boolean): CompiledStep {
  return {
    id: source.id,
    source,
    when: source.when === undefined ? undefined : compileReader({ $expr: source.when }),
    request: request(source.request),
    authenticated: source.authenticated ?? authenticated,
    success: source.success,
    capture: compileCapture(source.capture),
  };
}

export function compileCapture(capture: Capture | undefined): CompiledCapture {
  return {
    captured: capture?.captured === undefined ? undefined : compileValue(capture.captured),
    secret: capture?.secret === undefined ? undefined : compileValue(capture.secret),
  };
}
