/**
 * What connecting and refreshing need of a vendor: the tools core's drivers ask for, bound to one connector and scheme,
 * and the performing of their requests. Messages that come back are free of the account's secrets.
 */
import { createHash, createPublicKey, randomBytes } from 'node:crypto';
import { drive, type Driver, type StepReply, type StepRequest } from '@evenkeel/core/accounts/driver.ts';
import type { GrantTools } from '@evenkeel/core/accounts/connect-steps.ts';
import type { GrantFailure } from '@evenkeel/core/accounts/token.ts';
import { authorize } from '@evenkeel/core/connectors/requests/authorize.ts';
import type { CompiledScheme, Connector } from '@evenkeel/core/connectors/connector.ts';
import type { CryptoPort } from '@evenkeel/core/connectors/requests/crypto-port.ts';
import { compileJudgement, judge, type Judgement } from '@evenkeel/core/connectors/answers/judge.ts';
import { cleanMessage, secretsOf } from '@evenkeel/core/connectors/answers/redaction.ts';
import { ExpressionFailure } from '@evenkeel/core/connectors/expressions/expression.ts';
import { RequestFailure } from '@evenkeel/core/connectors/requests/request-failure.ts';
import { readAnswer } from '@evenkeel/core/connectors/answers/response.ts';
import { momentOf, type Scope } from '@evenkeel/core/connectors/values/scope.ts';
import { TemplateFailure } from '@evenkeel/core/connectors/values/template.ts';
import { headerMap } from '@evenkeel/core/connectors/answers/upstream-answer.ts';
import type { Log } from '../log.ts';
import type { UpstreamClient } from '../upstream/client.ts';
import { UpstreamError } from '../upstream/failure.ts';
import type { AccountRow, JsonObject } from './account-store.ts';
import type { Credential } from './credential-store.ts';

/** Where connectors and the installation's apps come from; the registry gives it. */
export interface ConnectorSource {
  /**
   * The version in effect for an account, or for new ones; with the tenant as its calls see it, overrides and all.
   * `fault`: why the overrides do not fit it. In memory: asked on every call.
   */
  get(id: string, accountId?: string, tenantId?: string): { readonly connector: Connector; readonly version: number; readonly fault?: string } | undefined;
  /** client_id, client_secret and the app fields; empty when none are stored. */
  app(id: string): Promise<Readonly<Record<string, string>>>;
}

/** An answer of a vendor while connecting is small; more is not read. */
const maxAnswerBytes = 2 * 1024 * 1024;

export interface Vendor {
  tools(connector: Connector, scheme: CompiledScheme, secrets: readonly string[]): GrantTools;
  /** Drives to the outcome over the network. `secrets` are blotted out of a failure's message. */
  run<Outcome extends { ok: true } | { ok: false; failure: GrantFailure }>(driver: Driver<Outcome>, secrets: readonly string[], signal?: AbortSignal): Promise<Outcome>;
  readonly crypto: CryptoPort;
}

export function createVendor(parts: { upstream: UpstreamClient; crypto: CryptoPort; now: () => number; log: Log }): Vendor {
  const { upstream, crypto, now, log } = parts;
  const judgements = new WeakMap<Connector, Judgement>();
  const judgementOf = (connector: Connector): Judgement => {
    const known = judgements.get(connector) ?? compileJudgement(connector.manifest, undefined, '');
    judgements.set(connector, known);
    return known;
  };
  return {
    crypto,
    tools: (connector, scheme, secrets) => ({
      crypto,
      nowMs: now(),
      async build(request, scope) {
        const built = await connector.request(request).build(scope);
        return built.ok ? built : { ok: false, message: built.problem.message };
      },
      formerSecretTried: () => log.error({ connector: connector.manifest.id, alert: 'client_secret_refused' }, 'accounts: the vendor refuses the new client secret of this app; the previous one is tried until its overlap ends. Check the secret at the vendor.'),
      attach: async (request, scope) => authorize(scheme, scope, request, { nowMs: now(), nonce: randomBytes(16).toString('hex'), crypto }),
      async judge(answer) {
        const verdict = await judge(judgementOf(connector), answer, { nowMs: now(), surface: 'connect', limits: [], secrets });
        return verdict.ok ? verdict : { ok: false, code: verdict.error.code, message: verdict.error.message, retryAfterS: verdict.error.retryAfterS ?? null };
      },
    }),
    async run(driver, secrets, signal) {
      const sent: string[] = [];
      const outcome = await drive(driver, (step) => {
        sent.push(...secretsOf({}, step.request.headers));
        return perform(upstream, step, signal);
      });
      if (outcome.ok) return outcome;
      const message = cleanMessage(outcome.failure.message, [...secrets, ...sent]);
      return { ...outcome, failure: { ...outcome.failure, message: message === '' ? 'The vendor refused without a message.' : message } };
    },
  };
}

async function perform(upstream: UpstreamClient, { request }: StepRequest, signal: AbortSignal | undefined): Promise<StepReply> {
  try {
    const reply = await upstream.send({ ...request, headers: { accept: 'application/json', ...request.headers } }, { maxBodyBytes: maxAnswerBytes, ...(signal === undefined ? {} : { signal }) });
    const { status } = reply;
    const bytes = await reply.bytes();
    const reading = readAnswer('auto', { status, headers: headerMap(reply.headers), bytes });
    return { ok: true, answer: reading.answer };
  } catch (error) {
    if (error instanceof UpstreamError) return { ok: false, message: error.message, unsent: error.phase === 'request' || error.phase === 'connect', refused: error.kind === 'blocked' };
    throw error;
  }
}

/** The scope of an account: what placeholders of its connector may read. */
export function scopeOf(
  account: Pick<AccountRow, 'config' | 'captured'>,
  credential: Pick<Credential, 'token' | 'secret'>,
  app: Readonly<Record<string, string>>,
  nowMs: number,
): Scope {
  const key = keyRoot(credential.secret);
  return { config: account.config, captured: account.captured, secret: credential.secret, token: credential.token, app, now: momentOf(nowMs), ...(key === undefined ? {} : { key }) };
}

/** The fingerprint some vendors want of a key pair: SHA-256 of the public key's SPKI DER, base64. */
function keyRoot(secret: JsonObject): { fingerprint: string } | undefined {
  const pem = secret['private_key'];
  if (typeof pem !== 'string') return undefined;
  try {
    const der = createPublicKey(pem).export({ type: 'spki', format: 'der' });
    return { fingerprint: `SHA256:${createHash('sha256').update(der).digest('base64')}` };
  } catch {
    return undefined;
  }
}

/** What a failure leaves as evidence beside a transition. */
export function evidenceOf(failure: GrantFailure): JsonObject {
  const { step, status, vendorCode, kind, message } = failure;
  return { step, kind, message, ...(status === null ? {} : { upstream_status: status }), ...(vendorCode === null ? {} : { vendor_code: vendorCode }) };
}

/** Whether a throw says that a manifest cannot be evaluated on what there is: an absent value, a failing expression. */
export function isManifestFault(error: unknown): error is Error {
  return error instanceof TypeError || error instanceof ExpressionFailure || error instanceof TemplateFailure || error instanceof RequestFailure;
}

/** Everything of an account that must not be shown, for redaction. */
export const secretsIn = (scope: Scope): string[] => secretsOf(scope);
