/**
 * Reading answers of token endpoints (RFC 6749 §5.1 and §5.2) and of vendors that answer otherwise: fields under
 * another root or name, failures with status 200, successes judged by a condition. A refusal is told apart by who can
 * help: the account's owner, the installation, or time.
 */
import type { Refresh, TokenResponse } from '@evenkeel/contract/manifest/auth.ts';
import type { Capture } from '@evenkeel/contract/manifest/response.ts';
import { compileReader } from '../connectors/answers/answer-source.ts';
import { compileCondition } from '../connectors/answers/condition.ts';
import { compilePath } from '../connectors/values/path.ts';
import type { Scope } from '../connectors/values/scope.ts';
import { parseTime } from '../connectors/answers/time-value.ts';
import type { UpstreamAnswer } from '../connectors/answers/upstream-answer.ts';
import { compileMap } from '../connectors/values/value.ts';
import { readClaims, readExpiry, type GrantFailure, type TokenSet } from './token.ts';
import type { Expiry } from '@evenkeel/contract/manifest/auth.ts';

export interface TokenReading {
  readonly response?: TokenResponse | undefined;
  readonly expiry?: Expiry | undefined;
  readonly capture?: Capture | undefined;
  readonly refresh?: Refresh | undefined;
}

export interface Captures {
  readonly captured: Record<string, unknown>;
  readonly secret: Record<string, unknown>;
}

export type TokenOutcome =
  | { readonly ok: true; readonly token: TokenSet; readonly expiresAtMs: number | null; readonly captures: Captures }
  | { readonly ok: false; readonly failure: GrantFailure };

/**
 * Judges the answer to a token request. `scope.token` is the token before it: its refresh token stays when the answer
 * brings none (RFC 6749 §6). Captures see `response`, `claims` and the new `token`.
 */
export async function processTokenResponse(reading: TokenReading, scope: Scope, answer: UpstreamAnswer, nowMs: number): Promise<TokenOutcome> {
  const fields = reading.response ?? {};
  const root = fields.root === undefined ? answer.body : compilePath(fields.root)(answer.body);
  const read = (path: string): string | undefined => textOf(compilePath(path)(root));
  const accessToken = read(fields.access_token ?? 'access_token');
  const succeeded = answer.status >= 200 && answer.status < 300 && (fields.success === undefined || (await compileCondition(fields.success).test(answer)));
  if (!succeeded || accessToken === undefined) return { ok: false, failure: await judgeRefusal('token', reading, answer, nowMs) };
  const token: TokenSet = dropAbsent({
    access_token: accessToken,
    refresh_token: read(fields.refresh_token ?? 'refresh_token') ?? textOf(compilePath('refresh_token')(scope.token)),
    token_type: read(fields.token_type ?? 'token_type'),
    scope: read(fields.scope ?? 'scope') ?? textOf(compilePath('scope')(scope.token)),
    id_token: read(fields.id_token ?? 'id_token'),
  });
  const expiresAtMs = readExpiry(reading.expiry, token, root, nowMs);
  const whole = withEnd(token, expiresAtMs);
  const captures = await readCaptures(reading.capture, { ...scope, token: whole, ...readingScope(answer, whole) });
  return { ok: true, token: whole, expiresAtMs, captures };
}

/** The roots `response` and `claims` of a scope for an answer. */
export function readingScope(answer: UpstreamAnswer, token: TokenSet): Pick<Scope, 'response' | 'claims'> {
  return { response: { status: answer.status, headers: answer.headers, body: answer.body }, claims: readClaims(token.id_token) ?? readClaims(token.access_token) };
}

export function withEnd(token: TokenSet, expiresAtMs: number | null): TokenSet {
  const { expires_at: _before, ...rest } = token;
  return expiresAtMs === null ? rest : { ...rest, expires_at: new Date(expiresAtMs).toISOString() };
}

/** Evaluates what a manifest captures; absent values are left out, so that a capture never erases an earlier one. */
export async function readCaptures(capture: Capture | undefined, scope: Scope): Promise<Captures> {
  const collect = async (map: Capture['captured']): Promise<Record<string, unknown>> => {
    const values: Record<string, unknown> = {};
    for (const [name, value] of compileMap(map)) {
      const given = await value(scope);
      if (given !== undefined && given !== null && name !== '__proto__') values[name] = given;
    }
    return values;
  };
  return { captured: await collect(capture?.captured), secret: await collect(capture?.secret) };
}

/** RFC 6749 §5.2 codes that blame the client, not the grant: no account may suffer for a mistyped app secret. */
const clientFaults = new Set(['invalid_client', 'unauthorized_client', 'unsupported_grant_type', 'invalid_scope', 'invalid_request', 'bad_client_secret', 'incorrect_client_credentials']);

/**
 * What a refusal means. Terminal is what the connector's `refresh.terminal` says, and the error `invalid_grant` outside
 * 5xx; a 5xx or 429 is transient whatever it says beside; other refusals never condemn the grant.
 */
export async function judgeRefusal(step: string, reading: TokenReading, answer: UpstreamAnswer, nowMs: number): Promise<GrantFailure> {
  const code = errorCode(answer.body) ?? errorCode(reading.response?.root === undefined ? undefined : compilePath(reading.response.root)(answer.body));
  const retryAfter = Object.hasOwn(answer.headers, 'retry-after') ? parseTime(answer.headers['retry-after'], 'auto', nowMs) : undefined;
  const kind = await kindOf(reading.refresh, answer, code);
  // A gateway that gave up waiting, or a success without a token: what happened behind it is unknown.
  const answerLost = kind === 'transient' && (answer.status < 300 || answer.status === 502 || answer.status === 504);
  return {
    kind,
    ...(answerLost ? { answerLost } : {}),
    message: await vendorMessage(reading.response, answer, code),
    step,
    status: answer.status,
    vendorCode: code ?? null,
    retryAfterS: retryAfter === undefined ? null : Math.max(0, Math.ceil(retryAfter)),
  };
}

async function kindOf(refresh: Refresh | undefined, answer: UpstreamAnswer, code: string | undefined): Promise<GrantFailure['kind']> {
  for (const condition of refresh?.terminal ?? []) {
    if (await compileCondition(condition).test(answer)) return 'terminal';
  }
  if (answer.status >= 500 || answer.status === 429 || answer.status === 408) return 'transient';
  if (code === 'invalid_grant') return 'terminal';
  if (code !== undefined && clientFaults.has(code)) return 'configuration';
  return code !== undefined || answer.status >= 400 ? 'rejected' : 'transient';
}

function errorCode(body: unknown): string | undefined {
  const error = compilePath('error')(body);
  const code = typeof error === 'string' ? error : textOf(compilePath('error.code')(body));
  // Kept as evidence, where neither half a character nor a control character can be stored.
  return code?.slice(0, 100).toWellFormed().replaceAll(/\p{Cc}/gu, ' ');
}

async function vendorMessage(response: TokenResponse | undefined, answer: UpstreamAnswer, code: string | undefined): Promise<string> {
  const stated = response?.message === undefined ? undefined : await compileReader(response.message)(answer);
  const candidates = [stated, ...['error_description', 'message', 'error.message', 'error.description', 'errors[0].message'].map((path) => compilePath(path)(answer.body))];
  const said = candidates.find((candidate) => typeof candidate === 'string' && candidate.trim() !== '');
  const text = typeof said === 'string' ? said.trim().slice(0, 500) : undefined;
  if (text !== undefined) return code === undefined || text.includes(code) ? text : `${code}: ${text}`;
  if (code !== undefined) return code;
  return answer.status >= 200 && answer.status < 300 ? 'The vendor answered without a token.' : `The vendor answered with status ${answer.status}.`;
}

function textOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value === '' ? undefined : value;
  if (typeof value === 'number') return String(value);
  return Array.isArray(value) && value.every((item) => typeof item === 'string') ? value.join(' ') : undefined;
}

function dropAbsent(fields: { [K in keyof TokenSet]: TokenSet[K] | undefined }): TokenSet {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}
