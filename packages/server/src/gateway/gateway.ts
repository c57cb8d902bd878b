/**
 * Carries a call from the API to the vendor and back: open the account, resolve and build (core), authorise, send, read
 * the answer (core), answer the caller, record. Sends once; the one exception is the 401 rule: a credential the vendor
 * refuses is renewed once and the call repeated once, if its body can be.
 */
import { randomUUID } from 'node:crypto';
import type { CryptoPort } from '@evenkeel/core/connectors/requests/crypto-port.ts';
import { authorize, type AuthorizeEnv } from '@evenkeel/core/connectors/requests/authorize.ts';
import { canStream } from '@evenkeel/core/connectors/answers/reading.ts';
import { RequestFailure } from '@evenkeel/core/connectors/requests/request-failure.ts';
import { whenThere, type Eventually } from '@evenkeel/core/connectors/values/eventually.ts';
import { headerMap } from '@evenkeel/core/connectors/answers/upstream-answer.ts';
import { answerCall, answerHead, type CallAnswer, type VendorReply } from '@evenkeel/core/gateway/answer.ts';
import { buildCall, resolveCall } from '@evenkeel/core/gateway/call.ts';
import { afterProbe, failureOf, problemOf, type CallFailure } from '@evenkeel/core/gateway/failure.ts';
import type { AccountAccess } from '../accounts/account-access.ts';
import type { AccountCaller, OpenAccount, OpenFailure } from '../accounts/open-account.ts';
import type { Log } from '../log.ts';
import type { CallRecord, CallRecorder } from '../telemetry/call-record.ts';
import type { UpstreamClient, UpstreamReply } from '../upstream/client.ts';
import type { UpstreamHeaders } from '../upstream/exchange.ts';
import { UpstreamError } from '../upstream/failure.ts';
import type { CallerBody } from './caller-body.ts';
import type { CallInProgress, Unopened } from './call-in-progress.ts';
import { beginStream, sendAnswer, sendProblem } from './caller-response.ts';

export interface GatewayParts {
  readonly accounts: AccountAccess;
  readonly upstream: UpstreamClient;
  readonly crypto: CryptoPort;
  readonly recorder: CallRecorder;
  readonly log: Log;
  readonly now: () => number;
}

/** What a call comes to: an answer held whole, one that streams, or a failure. */
export type Result =
  | { readonly kind: 'answer'; readonly answer: Extract<CallAnswer, { ok: true }> }
  | { readonly kind: 'stream'; readonly head: Extract<CallAnswer, { ok: true }>; readonly reply: UpstreamReply }
  | Failed;

interface Failed {
  readonly kind: 'failure';
  readonly failure: CallFailure;
  readonly headers: Readonly<Record<string, string>>;
  /** What the vendor itself answered, when that is the failure. */
  readonly fault?: Extract<CallAnswer, { ok: false }>['fault'];
  readonly connectUrl?: string;
}

/** All there is of a call that was not admitted. `model`: of a unified one. */
export interface Unread {
  readonly surface: CallRecord['surface'];
  readonly model: string | null;
  readonly httpMethod: string;
  readonly requestId: string;
  readonly accountId: string | undefined;
}

/** The body of a passthrough call is taken only when the account and its scheme are known. */
export type TakeBody = (account: OpenAccount) => Promise<CallerBody>;

const none: CallerBody = { kind: 'none' };

export class Gateway {
  readonly #parts: GatewayParts;

  constructor(parts: GatewayParts) {
    this.#parts = parts;
  }

  /** Answers on the call's response and records the call, whatever happens. Never rejects. */
  carry(call: CallInProgress, accountId: string | undefined, caller: AccountCaller, takeBody: TakeBody | null): Promise<void> {
    return this.perform(call, accountId, caller, takeBody).then((result) => this.answer(call, result));
  }

  /** Everything of `carry` but the answer to the caller and the record: for who makes something else of the result. */
  async perform(call: CallInProgress, accountId: string | undefined, caller: AccountCaller, takeBody: TakeBody | null): Promise<Result> {
    try {
      const opening = this.#open(call, accountId, caller);
      const opened = opening instanceof Promise ? await opening : opening;
      if ('kind' in opened) return opened;
      const body = takeBody === null ? none : await takeBody(opened);
      if (body.kind === 'too_large') return failed(failureOf({ kind: 'call', code: 'invalid_request', reason: 'body-too-large', detail: 'The body is larger than this account\'s way of signing requests allows.' }));
      if (body.kind === 'coded') return failed(failureOf({ kind: 'call', code: 'invalid_request', reason: 'transfer-coding', detail: 'The body is in a transfer coding that is not taken. Send it chunked only, or with its length; a compressed body is named by Content-Encoding.' }));
      if (body.kind === 'broken') return this.#transportFailure(call, new UpstreamError('aborted', 'request', 'The caller ended its request before it was whole.', 'EABORTED'));
      const first = await this.#attempt(call, opened, body);
      return first.kind === 'failure' && first.failure.credentialRefused ? await this.#afterRefusal(call, opened, body, first) : first;
    } catch (error) {
      if (call.opened === null) call.unopened ??= this.ownerOf(accountId, caller);
      return this.unexpected(call, error);
    }
  }

  /** Whose call it is, from memory: of one that is not to reach its account. */
  ownerOf(accountId: string | undefined, caller: AccountCaller): Unopened | null {
    const owner = accountId === undefined ? null : this.#parts.accounts.ownerOf(accountId, caller);
    return owner ?? (caller.tenantId === null ? null : { id: null, tenantId: caller.tenantId, connectorId: null, category: null });
  }

  /**
   * Records a call whose key could not be looked up: it failed through us, and before anything of it was known but what is
   * remembered. A key that nobody remembers may be anyone's: such a call counts for the installation alone.
   */
  notAdmitted({ surface, model, httpMethod, requestId, accountId }: Unread, caller: AccountCaller | undefined, { status, tookMs }: { readonly status: number; readonly tookMs: number }): void {
    const owner = caller === undefined ? null : this.ownerOf(accountId, caller);
    const record: CallRecord = {
      atMs: this.#parts.now() - tookMs,
      requestId,
      tenantId: owner?.tenantId ?? null,
      accountId: owner?.id ?? null,
      connectorId: owner?.connectorId ?? null,
      connectorVersion: null,
      surface,
      resource: model,
      method: httpMethod,
      endpoint: null,
      vendorEndpoint: null,
      category: owner?.category ?? null,
      status,
      outcome: 'failure',
      origin: 'platform',
      code: 'internal',
      reason: 'not-admitted',
      upstreamStatus: null,
      upstreamMs: 0,
      totalMs: tookMs,
      sent: null,
      requestBytes: 0,
      responseBytes: 0,
    };
    this.#parts.recorder.record(record, () => null);
  }

  #open(call: CallInProgress, accountId: string | undefined, caller: AccountCaller): Eventually<OpenAccount | Failed> {
    if (accountId === undefined || accountId === '') {
      return failed(failureOf({ kind: 'call', code: 'invalid_request', reason: 'no-account', detail: 'The call names no account. Send its id in the header evenkeel-account or the query parameter account_id.' }));
    }
    return whenThere(this.#parts.accounts.open(accountId, caller), (opening) => {
      if (opening.ok) return (call.opened = opening.opened);
      call.unopened = opening.failure.owner ?? null;
      return notOpened(opening.failure);
    });
  }

  /** The 401 rule: renewed once, sent once more, and then the validation call decides. */
  async #afterRefusal(call: CallInProgress, refused: OpenAccount, body: CallerBody, first: Failed): Promise<Result> {
    const renewal = await this.#parts.accounts.renew(refused);
    if (!renewal.ok) return notOpened(renewal.failure);
    const { opened } = renewal;
    const renewed = opened.credentialVersion !== refused.credentialVersion;
    if (renewed && body.kind === 'streamed') {
      return failed(failureOf({ kind: 'account', code: 'account_not_ready', detail: 'The vendor refused the token, which has been renewed meanwhile. The body was a stream and is gone: send the call again.' }));
    }
    call.opened = opened;
    const second = renewed ? await this.#attempt(call, opened, body) : first;
    if (second.kind !== 'failure' || !second.failure.credentialRefused) return second;
    return this.#believed(opened, second);
  }

  /** The credential was refused and is as new as it can be: the validation call says whether the account is dead. */
  async #believed(opened: OpenAccount, refusal: Failed): Promise<Result> {
    const { failure, fault } = refusal;
    if (fault === undefined) return refusal;
    const probe = await this.#parts.accounts.refused(opened, { rule: fault.rule, status: fault.upstreamStatus, message: fault.message, upstream_request_id: fault.upstreamRequestId ?? null });
    const final = afterProbe(opened.connector.manifest.name, fault, probe, failure.upstream);
    if (probe === 'alive') return failed(final, refusal.headers);
    const reopened = await this.#parts.accounts.open(opened.id, { tenantId: opened.tenantId });
    const connectUrl = reopened.ok ? undefined : reopened.failure.connectUrl;
    return { ...failed(final, refusal.headers), ...(connectUrl === undefined ? {} : { connectUrl }) };
  }

  async #attempt(call: CallInProgress, opened: OpenAccount, body: CallerBody): Promise<Result> {
    const { accounts, now, upstream } = this.#parts;
    const nowMs = now();
    const incoming = call.incoming.surface === 'passthrough' && body.kind === 'held' ? { ...call.incoming, body: body.bytes } : call.incoming;
    const resolution = resolveCall(opened.connector, incoming, opened.id);
    if (!resolution.ok) return failed(resolution.failure);
    const resolved = (call.resolved = resolution.call);
    const toBuild = buildCall(resolved, opened.scope, nowMs);
    const building = toBuild instanceof Promise ? await toBuild : toBuild;
    if (!building.ok) return failed(building.failure);
    const built = (call.built = building.built);
    const toSend = authorize(opened.scheme, built.scope, built.request, new Environment(this.#parts.crypto, nowMs));
    const sent = (call.sent = toSend instanceof Promise ? await toSend : toSend);
    call.sentBytes = sent.body === null ? 0 : typeof sent.body === 'string' ? Buffer.byteLength(sent.body) : sent.body.length;
    if (call.callerGone) throw new UpstreamError('aborted', 'request', 'The caller hung up before the call was sent.', 'EABORTED');

    call.attempts += 1;
    const outgoing = body.kind === 'streamed' ? { ...sent, headers: withLength(sent.headers, body.contentLength), body: body.stream } : sent;
    const reply = (call.reply = await upstream.send(outgoing, { cancellation: call.cancellation, origins: built.origins }));
    const head: VendorHead = { status: reply.status, headers: fieldsOf(reply.headers), url: reply.url };
    if (canStream(resolved.reading, resolved.incoming.surface, { status: reply.status, contentType: head.headers['content-type'] })) {
      const beginning = await answerHead(resolved, built, sent, head, nowMs);
      if (beginning.ok) return { kind: 'stream', head: beginning, reply };
      reply.discard();
      call.attemptEnded(reply.elapsedMs);
      return this.#refusal(opened, beginning);
    }
    const bytes = (call.received = head.headers['content-encoding'] === undefined && reply.whole !== null ? reply.whole : await reply.bytes());
    call.attemptEnded(reply.elapsedMs);
    const answering = answerCall(resolved, built, sent, { ...head, bytes }, nowMs);
    const answer = answering instanceof Promise ? await answering : answering;
    if (!answer.ok) return this.#refusal(opened, answer);
    accounts.succeeded(opened);
    return { kind: 'answer', answer };
  }

  #refusal(opened: OpenAccount, answer: Extract<CallAnswer, { ok: false }>): Failed {
    const { failure, fault, headers } = answer;
    if (failure.missingScopes !== undefined && failure.missingScopes.length > 0) {
      this.#parts.accounts.missingScopes(opened, failure.missingScopes, { rule: failure.reason, status: fault?.upstreamStatus ?? null });
    }
    return { kind: 'failure', failure, headers, fault };
  }

  /** Answers on the call's response and records the call. Never rejects. */
  answer(call: CallInProgress, result: Result): Eventually<void> {
    const { response, requestId } = call;
    const head = (headers: Readonly<Record<string, string>>) => ({ requestId, upstreamMs: call.attempts === 0 ? null : call.upstreamMs, headers });
    switch (result.kind) {
      case 'answer':
        if (!response.destroyed) sendAnswer(response, result.answer.status, head(result.answer.headers), result.answer.body);
        call.recordTo(this.#parts.recorder, result.answer.status);
        return;
      case 'stream':
        return this.#stream(call, result.head, result.reply);
      case 'failure': {
        call.failure = result.failure;
        const problem = { ...problemOf(result.failure, requestId), ...(result.connectUrl === undefined ? {} : { connect_url: result.connectUrl }) };
        if (!response.destroyed && !response.headersSent) sendProblem(response, problem, head(result.headers));
        call.recordTo(this.#parts.recorder, problem.status);
      }
    }
  }

  /** A vendor that fails in the middle leaves the caller with a cut connection: the only honest sign once bytes are out. */
  async #stream(call: CallInProgress, head: Extract<CallAnswer, { ok: true }>, reply: UpstreamReply): Promise<void> {
    const { response, requestId } = call;
    const length = reply.headers['content-length'];
    beginStream(response, head.status, { requestId, upstreamMs: call.upstreamMs + reply.elapsedMs, headers: head.headers }, typeof length === 'string' ? length : undefined);
    try {
      await reply.pipeTo(response);
      if (call.opened !== null) this.#parts.accounts.succeeded(call.opened);
    } catch (error) {
      const failure = error instanceof UpstreamError ? this.#transportFailure(call, error) : this.unexpected(call, error);
      call.failure = failure.failure;
      response.destroy();
    }
    call.attemptEnded(reply.elapsedMs);
    call.recordTo(this.#parts.recorder, head.status);
  }

  /** A call that ends without an answer of its own. */
  record(call: CallInProgress, status: number): void {
    call.recordTo(this.#parts.recorder, status);
  }

  /** What an exception comes to. */
  unexpected(call: CallInProgress, error: unknown): Failed {
    if (error instanceof UpstreamError) {
      call.attemptEnded(error.elapsedMs);
      return this.#transportFailure(call, error);
    }
    if (error instanceof RequestFailure) return failed(failureOf({ kind: 'build', problem: error.problem }));
    this.#parts.log.error({ err: error, requestId: call.requestId }, 'gateway: a call failed inside');
    return failed(failureOf({ kind: 'bug' }));
  }

  #transportFailure(call: CallInProgress, error: UpstreamError): Failed {
    call.transport = error;
    const vendor = call.opened?.connector.manifest.name ?? 'The vendor';
    return failed(failureOf({ kind: 'transport', vendor, failure: error.kind, phase: error.phase, elapsedMs: error.elapsedMs, waitedMs: error.waitedMs, redirected: error.redirected }));
  }
}

export function failed(failure: CallFailure, headers: Readonly<Record<string, string>> = {}): Failed {
  return { kind: 'failure', failure, headers };
}

export function notOpened(failure: OpenFailure): Failed {
  const { code, detail, connectUrl, retryAfterS, origin } = failure;
  const known = failureOf({ kind: 'account', code, detail });
  const made = origin === undefined ? known : { ...known, origin };
  return {
    ...failed(retryAfterS === undefined ? made : { ...made, retryAfterS }),
    ...(connectUrl === undefined ? {} : { connectUrl }),
  };
}

type VendorHead = Omit<VendorReply, 'bytes'>;

/** The fields of an answer as one text each; as they are where no name came twice, which is nearly always. */
function fieldsOf(headers: UpstreamHeaders): Readonly<Record<string, string>> {
  for (const name in headers) if (typeof headers[name] !== 'string') return headerMap(headers);
  return headers as Record<string, string>;
}

function withLength(headers: Record<string, string>, length: string | undefined): Record<string, string> {
  return length === undefined ? headers : { ...headers, 'content-length': length };
}

/** The nonce is made only by the schemes that ask for one. A class: a getter in a literal costs a microsecond a call. */
class Environment implements AuthorizeEnv {
  readonly crypto: CryptoPort;
  readonly nowMs: number;

  constructor(crypto: CryptoPort, nowMs: number) {
    this.crypto = crypto;
    this.nowMs = nowMs;
  }

  get nonce(): string {
    return randomUUID();
  }
}
