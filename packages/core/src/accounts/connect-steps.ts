/**
 * Obtaining a grant, validating it and installing, as drivers: generators that yield the next request and take its
 * answer, so that the server only performs what is asked and nothing here knows a network. A driver returns an outcome
 * and never throws for what a vendor or a manifest does.
 */
import type { AuthScheme, AuthSchemeOf } from '@evenkeel/contract/manifest/auth.ts';
import type { Request } from '@evenkeel/contract/manifest/request.ts';
import type { CryptoPort } from '../connectors/requests/crypto-port.ts';
import type { Scope } from '../connectors/values/scope.ts';
import { carriesOther, isClientRefusal, withPreviousSecret } from './client-secret-overlap.ts';
import type { Driver } from './driver.ts';
import { buildAssertion } from './jwt-assertion.ts';
import { buildTokenRequest, type TokenEndpoint, type TokenGrant } from './oauth.ts';
import { runStep, type StepTools } from './step.ts';
import { judgeRefusal, processTokenResponse, readCaptures, readingScope, withEnd, type Captures, type TokenReading } from './token-response.ts';
import { effectiveExpiry, processIntrospection, readExpiry, type Grant, type GrantFailure, type TokenSet } from './token.ts';

export type GrantOutcome = { readonly ok: true; readonly grant: Grant } | { readonly ok: false; readonly failure: GrantFailure };

/** How the grant comes about: a code of the callback, or anew from what is stored (refresh token, key, login fields). */
export type GrantSource =
  | { readonly type: 'code'; readonly code: string; readonly redirectUri: string; readonly codeVerifier: string }
  | { readonly type: 'stored' };

export interface GrantTools extends StepTools {
  readonly crypto: CryptoPort;
  readonly nowMs: number;
  /**
   * Called with a token that came while more requests follow it (introspection, exchange): stored now, it outlives a
   * failure or a crash among them, which matters where the refresh token before it is dead by then.
   */
  received?(token: TokenSet): Promise<void>;
  /** Called when the vendor refused the app's client secret and the one before it is tried: somebody should know. */
  formerSecretTried?(): void;
}

/** Whether a scheme ever needs a token obtained for it, beyond what its form asks for. */
export function obtainsTokens(scheme: AuthScheme): boolean {
  return scheme.type === 'oauth2_code' || scheme.type === 'oauth2_client_credentials' || scheme.type === 'jwt_bearer' || scheme.type === 'session';
}

/** Whether a stored credential can be renewed without its owner. */
export function isRenewable(scheme: AuthScheme, token: TokenSet): boolean {
  return scheme.type === 'oauth2_code' ? token.refresh_token !== undefined : obtainsTokens(scheme);
}

/** Obtains tokens for any scheme; one without tokens answers an empty grant at once. */
export async function* obtainGrant(scheme: AuthScheme, source: GrantSource, scope: Scope, tools: GrantTools): Driver<GrantOutcome> {
  try {
    switch (scheme.type) {
      case 'oauth2_code':
        return yield* codeGrant(scheme, source, scope, tools);
      case 'oauth2_client_credentials':
        return yield* atTokenEndpoint(scheme, scheme, { type: 'client_credentials' }, scope, tools);
      case 'jwt_bearer':
        return yield* assertionGrant(scheme, scope, tools);
      case 'session':
        return yield* sessionLogin(scheme, scope, tools);
      case 'api_key':
      case 'basic':
      case 'oauth1':
      case 'aws_sigv4':
      case 'none':
        return { ok: true, grant: { token: {}, expiresAtMs: null, captured: {}, secret: {} } };
    }
  } catch (error) {
    return { ok: false, failure: manifestFault('token', error) };
  }
}

async function* codeGrant(scheme: AuthSchemeOf<'oauth2_code'>, source: GrantSource, scope: Scope, tools: GrantTools): Driver<GrantOutcome> {
  if (source.type === 'code') {
    const { code, redirectUri, codeVerifier } = source;
    const fromCallback = await readCaptures(scheme.callback, scope);
    const known = withCaptures(scope, fromCallback);
    const outcome = yield* atTokenEndpoint(scheme, scheme, { type: 'authorization_code', code, redirectUri, codeVerifier }, known, tools);
    if (!outcome.ok) return outcome;
    const { grant } = outcome;
    return { ok: true, grant: { ...grant, captured: { ...fromCallback.captured, ...grant.captured }, secret: { ...fromCallback.secret, ...grant.secret } } };
  }
  const refreshToken = tokenOf(scope).refresh_token;
  if (refreshToken === undefined) {
    return { ok: false, failure: { kind: 'terminal', message: 'The token ended and the vendor gave no refresh token.', step: 'token', status: null, vendorCode: null, retryAfterS: null } };
  }
  return yield* atTokenEndpoint(scheme, scheme, { type: 'refresh_token', refreshToken }, scope, tools);
}

async function* atTokenEndpoint(scheme: AuthScheme, endpoint: TokenEndpoint & TokenReading & Pick<AuthSchemeOf<'oauth2_code'>, 'exchange'>, grant: TokenGrant, scope: Scope, tools: GrantTools): Driver<GrantOutcome> {
  const request = await buildTokenRequest(scheme, endpoint, grant, scope);
  let reply = yield { step: 'token', request };
  if (!reply.ok) return { ok: false, failure: unreachable('token', reply) };
  let outcome = await processTokenResponse(endpoint, scope, reply.answer, tools.nowMs);
  const former = outcome.ok ? undefined : withPreviousSecret(scope, outcome.failure, tools.nowMs);
  if (former !== undefined) {
    const again = await buildTokenRequest(scheme, endpoint, grant, former);
    if (carriesOther(request, again)) {
      tools.formerSecretTried?.();
      reply = yield { step: 'token', request: again };
      if (!reply.ok) return { ok: false, failure: unreachable('token', reply) };
      outcome = await processTokenResponse(endpoint, scope, reply.answer, tools.nowMs);
    }
  }
  if (!outcome.ok) return { ok: false, failure: blameOwnClient(scheme, outcome.failure) };
  return yield* complete(endpoint, withCaptures({ ...scope, token: outcome.token, ...readingScope(reply.answer, outcome.token) }, outcome.captures), outcome, tools);
}

/** Where the client is the account's own, not the installation's app, its refusal is the refusal of the account's credential. */
function blameOwnClient(scheme: AuthScheme, failure: GrantFailure): GrantFailure {
  const own = scheme.type === 'oauth2_client_credentials' && /\{\{\s*secret\./.test(scheme.client_secret ?? '');
  return own && isClientRefusal(failure) ? { ...failure, kind: 'terminal' } : failure;
}

/** What follows a token: its end by introspection where declared, then the exchange steps. */
async function* complete(
  reading: TokenReading & Pick<AuthSchemeOf<'oauth2_code'>, 'exchange'>,
  scope: Scope,
  first: { token: TokenSet; expiresAtMs: number | null; captures: Captures },
  tools: GrantTools,
): Driver<GrantOutcome> {
  let { expiresAtMs } = first;
  if (reading.expiry?.from === 'introspection' || (reading.exchange ?? []).length > 0) await tools.received?.(first.token);
  if (reading.expiry?.from === 'introspection') {
    expiresAtMs = (yield* introspect(reading.expiry, scope, tools)) ?? expiresAtMs;
  }
  expiresAtMs = effectiveExpiry(expiresAtMs, reading.refresh, tools.nowMs);
  const token = withEnd(first.token, expiresAtMs);
  let known: Scope = { ...scope, token };
  let captures = first.captures;
  for (const step of reading.exchange ?? []) {
    const outcome = yield* runStep(step, known, tools);
    if (!outcome.ok) return outcome;
    captures = joined(captures, outcome.captures);
    known = withCaptures(known, outcome.captures);
  }
  return { ok: true, grant: { token, expiresAtMs, ...captures } };
}

/** A failed introspection leaves the end to what the token response said, if anything; the 401 rule holds all the same. */
async function* introspect(source: { from: 'introspection'; request: Request; path?: string; unit?: 's' | 'epoch_s' }, scope: Scope, tools: GrantTools): Driver<number | null> {
  const built = await tools.build(source.request, scope);
  if (!built.ok) return null;
  const reply = yield { step: 'introspection', request: built.request };
  if (!reply.ok || reply.answer.status < 200 || reply.answer.status > 299) return null;
  return processIntrospection(source, reply.answer.body, tools.nowMs);
}

async function* assertionGrant(scheme: AuthSchemeOf<'jwt_bearer'>, scope: Scope, tools: GrantTools): Driver<GrantOutcome> {
  const { jwt, expiresAtMs } = await buildAssertion(scheme, scope, tools);
  const { grant } = scheme;
  if (grant.type === 'direct') {
    return { ok: true, grant: { token: withEnd({ access_token: jwt, token_type: 'Bearer' }, expiresAtMs), expiresAtMs, captured: {}, secret: {} } };
  }
  const known: Scope = { ...scope, token: { ...tokenOf(scope), assertion: jwt } };
  if (grant.type === 'token') return yield* atTokenEndpoint(scheme, grant, { type: 'jwt_bearer', assertion: jwt }, known, tools);
  const built = await tools.build(grant.request, known);
  if (!built.ok) return { ok: false, failure: manifestFault('token', built.message) };
  const reply = yield { step: 'token', request: built.request };
  if (!reply.ok) return { ok: false, failure: unreachable('token', reply) };
  const outcome = await processTokenResponse(grant, known, reply.answer, tools.nowMs);
  if (!outcome.ok) return outcome;
  const { expiry, capture, refresh, response } = grant;
  return yield* complete({ expiry, capture, refresh, response }, withCaptures({ ...known, token: outcome.token }, outcome.captures), outcome, tools);
}

async function* sessionLogin(scheme: AuthSchemeOf<'session'>, scope: Scope, tools: GrantTools): Driver<GrantOutcome> {
  let known: Scope = { ...scope, token: {} };
  let captures: Captures = { captured: {}, secret: {} };
  let body: unknown;
  for (const step of scheme.login) {
    const outcome = yield* runStep({ ...step, authenticated: step.authenticated ?? false }, known, tools);
    if (!outcome.ok) {
      if (outcome.answer === undefined || outcome.failure.kind === 'terminal') return { ok: false, failure: outcome.failure };
      const judged = await judgeRefusal(step.id, { refresh: scheme.refresh }, outcome.answer, tools.nowMs);
      return { ok: false, failure: judged.kind === 'terminal' ? judged : outcome.failure };
    }
    captures = joined(captures, outcome.captures);
    known = withCaptures(known, outcome.captures);
    body = outcome.answer?.body ?? body;
  }
  const stated = readExpiry(scheme.expiry, {}, body, tools.nowMs);
  const expiresAtMs = effectiveExpiry(stated, scheme.refresh, tools.nowMs);
  return { ok: true, grant: { token: withEnd({}, expiresAtMs), expiresAtMs, ...captures } };
}

const tokenOf = (scope: Scope): TokenSet => (typeof scope.token === 'object' && scope.token !== null ? scope.token : {});
const rootOf = (root: unknown): Record<string, unknown> => (typeof root === 'object' && root !== null ? (root as Record<string, unknown>) : {});

/** A scope that also knows what was just captured. */
export function withCaptures(scope: Scope, { captured, secret }: Captures): Scope {
  return { ...scope, captured: { ...rootOf(scope.captured), ...captured }, secret: { ...rootOf(scope.secret), ...secret } };
}

const joined = (first: Captures, second: Captures): Captures => ({ captured: { ...first.captured, ...second.captured }, secret: { ...first.secret, ...second.secret } });

function unreachable(step: string, reply: { readonly message: string; readonly unsent?: boolean }): GrantFailure {
  return { kind: 'transient', message: reply.message, step, status: null, vendorCode: null, retryAfterS: null, answerLost: reply.unsent !== true };
}

/** Requests that cannot be built: an absent value, a key that is no key, an expression that fails. */
function manifestFault(step: string, fault: unknown): GrantFailure {
  const message = typeof fault === 'string' ? fault : fault instanceof Error ? fault.message : 'The request cannot be built.';
  return { kind: 'configuration', message, step, status: null, vendorCode: null, retryAfterS: null };
}
