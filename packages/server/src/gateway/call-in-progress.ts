/**
 * One call through the gateway while it is under way: what is known of it so far, and what its record will be. It is
 * filled step by step, so that a failure at any point is recorded with everything known until then.
 */
import type { ServerResponse } from 'node:http';
import type { CallOutcome } from '@evenkeel/contract/api/calls.ts';
import { modelNamed } from '@evenkeel/contract/unified/models.ts';
import type { OutgoingRequest } from '@evenkeel/core/connectors/connector.ts';
import { secretsOf } from '@evenkeel/core/connectors/answers/redaction.ts';
import type { BuiltCall, IncomingCall, ResolvedCall } from '@evenkeel/core/gateway/call.ts';
import type { CallFailure } from '@evenkeel/core/gateway/failure.ts';
import { createMasker } from '@evenkeel/core/telemetry/masking.ts';
import type { AccountOwner, OpenAccount } from '../accounts/open-account.ts';
import { excerpt, type CallRecord, type CallRecorder, type RawEvidence } from '../telemetry/call-record.ts';
import type { Cancellation, UpstreamReply } from '../upstream/client.ts';
import type { UpstreamError } from '../upstream/failure.ts';

/** What answers a caller that has gone: nginx's convention, kept in records only. */
const callerGoneStatus = 499;

/** As much as is known of whose call it was. */
export type Unopened = AccountOwner | { readonly id: null; readonly tenantId: string; readonly connectorId: null; readonly category: null };

/** Parameters of a proxied call that leave the shape of its records as it is. */
const pagingOnly: ReadonlySet<string> = new Set(['limit', 'cursor', 'account_id']);

export class CallInProgress {
  readonly incoming: IncomingCall;
  readonly requestId: string;
  readonly response: ServerResponse;
  readonly atMs: number;
  /** Made by Evenkeel for itself, and no call of the tenant's. */
  readonly background: boolean;
  /** Cancels whatever is under way at the vendor. */
  readonly cancellation: Cancellation = {};
  callerGone = false;
  attempts = 0;
  /** All attempts together; a running one is not in it yet. */
  upstreamMs = 0;
  opened: OpenAccount | null = null;
  /** Whose call it is that came to no open account: the account's owner, or the tenant of the key alone. */
  unopened: Unopened | null = null;
  resolved: ResolvedCall | null = null;
  built: BuiltCall | null = null;
  sent: OutgoingRequest | null = null;
  sentBytes = 0;
  reply: UpstreamReply | null = null;
  /** The whole body of a buffered answer. */
  received: Uint8Array | null = null;
  failure: CallFailure | null = null;
  transport: UpstreamError | null = null;
  readonly #startedAt = performance.now();

  constructor(incoming: IncomingCall, requestId: string, response: ServerResponse, atMs: number, background = false) {
    this.incoming = incoming;
    this.requestId = requestId;
    this.response = response;
    this.atMs = atMs;
    this.background = background;
    response.once('close', () => {
      if (response.writableFinished) return;
      this.callerGone = true;
      this.cancellation.cancel?.();
    });
  }

  /** Adds the time of the attempt that ended. */
  attemptEnded(elapsedMs: number): void {
    this.upstreamMs += elapsedMs;
  }

  /** To be called once, when the answer is given or nobody is left to take it. */
  recordTo(recorder: CallRecorder, status: number): void {
    const { failure } = this;
    const outcome: CallOutcome = this.callerGone && failure?.origin !== 'platform' ? 'aborted' : failure === null ? 'success' : 'failure';
    const operation = this.resolved?.operation;
    const unified = this.incoming.surface === 'proxy' ? this.incoming.unified : undefined;
    // Also what failed before the account was open is its tenant's: our own failures count against what was promised, and
    // calls to an account that needs its owner are looked for under that account.
    const owner = this.opened ?? this.unopened;
    const record: CallRecord = {
      atMs: this.atMs,
      requestId: this.requestId,
      tenantId: owner?.tenantId ?? null,
      accountId: owner?.id ?? null,
      connectorId: owner?.connectorId ?? null,
      connectorVersion: this.opened?.connectorVersion ?? null,
      surface: this.background ? 'background' : unified === undefined ? this.incoming.surface : 'unified',
      resource: unified ?? (this.incoming.surface === 'proxy' ? this.incoming.resource : null),
      method: operation === undefined ? this.incoming.httpMethod : typeof operation.name === 'string' ? operation.name : operation.name.action,
      ...this.#countedAs(owner),
      status: outcome === 'aborted' ? callerGoneStatus : status,
      outcome,
      origin: outcome === 'aborted' ? 'caller' : (failure?.origin ?? null),
      code: outcome === 'aborted' ? null : (failure?.code ?? null),
      reason: failure?.reason ?? (outcome === 'aborted' ? 'transport:aborted' : null),
      upstreamStatus: this.reply?.status ?? null,
      upstreamMs: this.upstreamMs,
      totalMs: performance.now() - this.#startedAt,
      sent: this.sent,
      requestBytes: this.sentBytes,
      responseBytes: this.reply?.receivedBytes ?? 0,
      traceparent: this.incoming.headers['traceparent'],
    };
    recorder.record(record, () => this.#evidence(), this.#hasWholeShape() ? () => this.received ?? this.reply?.whole ?? null : undefined);
  }

  /** A caller who asks for some fields only gets another shape, which is no change of the vendor's. */
  #hasWholeShape(): boolean {
    const { incoming } = this;
    if (incoming.surface === 'passthrough') return false;
    if (incoming.unified !== undefined) return incoming.narrowed !== true;
    for (const name in incoming.query) if (!pagingOnly.has(name)) return false;
    return true;
  }

  /** Only what the connector or a unified model knows: a caller's own words would make a series each. */
  #countedAs(owner: OpenAccount | Unopened | null): { endpoint: string | null; vendorEndpoint: string | null; category: string | null } {
    const { resolved, opened, incoming } = this;
    const vendorEndpoint = resolved?.endpoint ?? null;
    if (incoming.surface === 'passthrough' || incoming.unified === undefined) {
      return { endpoint: vendorEndpoint, vendorEndpoint, category: resolved?.operation?.resourceSource.category ?? opened?.connector.manifest.categories[0] ?? (owner !== null && 'category' in owner ? owner.category : null) };
    }
    const { unified, unifiedMethod } = incoming;
    if (modelNamed(unified) === undefined) return { endpoint: null, vendorEndpoint, category: null };
    return { endpoint: `${unified}.${unifiedMethod}`, vendorEndpoint, category: unified.slice(0, unified.indexOf('.')) };
  }

  #evidence(): RawEvidence | null {
    const { sent, reply, transport } = this;
    if (sent === null && transport === null) return null;
    return {
      masker: createMasker(secretsOf(this.built?.scope ?? {}, sent?.headers ?? {})),
      request: sent && { method: sent.method, url: sent.url, headers: sent.headers, body: excerpt(sent.body, this.sentBytes) },
      response: reply && { status: reply.status, headers: reply.headers, body: excerpt(this.received ?? reply.whole, reply.receivedBytes) },
      attempts: this.attempts,
      failure: transport && { kind: transport.kind, phase: transport.phase, code: transport.code, message: transport.message },
    };
  }
}
