/**
 * A vendor's answer → the API's answer. One path for every surface: parse, read the quotas, judge, then shape: a list
 * with `results` and `next_cursor`, a record, nothing, or for passthrough the vendor's own bytes.
 */
import type { OutgoingRequest } from '../connectors/connector.ts';
import { judge } from '../connectors/answers/judge.ts';
import { nextPage } from '../connectors/paging/next-page.ts';
import { rateLimitHeaders } from '../connectors/answers/rate-limit-headers.ts';
import type { RateLimitState } from '../connectors/answers/rate-limit.ts';
import { boundBody, redact, secretsOf } from '../connectors/answers/redaction.ts';
import { readAnswer, readRecord, readRecords, type AnswerReading, type RecordReading } from '../connectors/answers/response.ts';
import { whenThere, type Eventually } from '../connectors/values/eventually.ts';
import type { Scope } from '../connectors/values/scope.ts';
import type { UpstreamAnswer } from '../connectors/answers/upstream-answer.ts';
import { scopeList, type JudgeContext, type UpstreamFault, type Verdict } from '../connectors/answers/verdict.ts';
import type { Evidence } from './attribution.ts';
import type { BuiltCall, ResolvedCall } from './call.ts';
import { failureOf, type CallFailure } from './failure.ts';
import { toCaller } from './headers.ts';

/** The vendor's answer with its whole body, content codings undone; headers as one lower-case map. */
export interface VendorReply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly bytes: Uint8Array;
  /** The address that answered, when it is not that of the request. */
  readonly url?: string;
}

export type AnswerBody =
  | { readonly kind: 'json'; readonly value: unknown }
  /** To be sent as they are. */
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array; readonly contentType: string | undefined }
  | { readonly kind: 'none' };

export type CallAnswer =
  | { readonly ok: true; readonly status: number; readonly headers: Record<string, string>; readonly body: AnswerBody; readonly limits: readonly RateLimitState[] }
  /** `fault` is there when the vendor itself answered with the failure. */
  | { readonly ok: false; readonly failure: CallFailure; readonly headers: Record<string, string>; readonly fault: UpstreamFault | undefined; readonly limits: readonly RateLimitState[] };

/**
 * One answer on its way: what was asked and how, and what judging and shaping want to know of it. What is rarely wanted
 * (the texts that must not leave, the grant's scopes) is found when it is asked for; a plain success never asks.
 */
class Exchange implements JudgeContext {
  readonly call: ResolvedCall;
  readonly built: BuiltCall;
  readonly sent: OutgoingRequest;
  readonly nowMs: number;
  limits: readonly RateLimitState[] = [];
  bodyUnread = false;
  #secrets: readonly string[] | undefined;

  constructor(call: ResolvedCall, built: BuiltCall, sent: OutgoingRequest, nowMs: number) {
    this.call = call;
    this.built = built;
    this.sent = sent;
    this.nowMs = nowMs;
  }

  get surface(): 'proxy' | 'passthrough' {
    return this.call.incoming.surface;
  }

  get vendor(): string {
    return this.call.connector.manifest.name;
  }

  get secrets(): readonly string[] {
    return (this.#secrets ??= secretsOf(this.built.scope, this.sent.headers));
  }

  get grantedScopes(): readonly string[] | undefined {
    return grantedScopesOf(this.built.scope);
  }
}

/** `sent` is the authorised request: what it carried is never repeated in an error. Never throws on what a vendor sends. */
export function answerCall(call: ResolvedCall, built: BuiltCall, sent: OutgoingRequest, reply: VendorReply, nowMs: number): Eventually<CallAnswer> {
  const exchange = new Exchange(call, built, sent, nowMs);
  const parsed = readReply(call, reply);
  return whenThere(call.reading.limits.read(parsed.answer, nowMs), (limits) => {
    exchange.limits = limits;
    if (!parsed.ok) {
      return failed(failureOf({ kind: 'body', vendor: exchange.vendor, failure: parsed.failure, detail: parsed.detail }, upstreamOf(exchange, parsed.answer)), limits);
    }
    exchange.bodyUnread = parsed.kind === 'binary';
    return whenThere(judge(call.reading.judgement, parsed.answer, exchange), (verdict) => judged(exchange, reply, parsed, verdict));
  });
}

function judged(exchange: Exchange, reply: VendorReply, parsed: Parsed, verdict: Verdict): Eventually<CallAnswer> {
  if (!verdict.ok) return refused(exchange, parsed.answer, verdict.error, reply.url);
  const shaping = exchange.surface === 'passthrough' ? asReceived(reply) : shape(exchange, reply, parsed);
  return shaping instanceof Promise ? shaping.then((shaped) => answered(exchange, reply, shaped)) : answered(exchange, reply, shaping);
}

function answered(exchange: Exchange, reply: VendorReply, shaped: Shaped): CallAnswer {
  const { limits } = exchange;
  if ('kind' in shaped) return failed(failureOf(shaped), limits);
  const headers = toCaller(exchange.surface, reply.headers, true, exchange);
  return { ok: true, status: shaped.status, body: shaped.body, headers: Object.assign(headers, rateLimitHeaders(limits)), limits };
}

/**
 * The head of an answer whose body goes to the caller as a stream (see `canStream`). `headers` include the content
 * type and, since the bytes are as received, their coding.
 */
export async function answerHead(call: ResolvedCall, built: BuiltCall, sent: OutgoingRequest, head: Omit<VendorReply, 'bytes'>, nowMs: number): Promise<CallAnswer> {
  const exchange = new Exchange(call, built, sent, nowMs);
  exchange.bodyUnread = true;
  const answer: UpstreamAnswer = { status: head.status, headers: head.headers, body: undefined };
  const limits = (exchange.limits = await call.reading.limits.read(answer, nowMs));
  const verdict = await judge(call.reading.judgement, answer, exchange);
  if (!verdict.ok) return refused(exchange, answer, verdict.error, head.url);
  const headers = toCaller(exchange.surface, head.headers, false, exchange);
  for (const name of ['content-type', 'content-encoding']) {
    const value = head.headers[name];
    if (value !== undefined) headers[name] = value;
  }
  return { ok: true, status: head.status, headers: Object.assign(headers, rateLimitHeaders(limits)), body: { kind: 'none' }, limits };
}

function failed(failure: CallFailure, limits: readonly RateLimitState[]): CallAnswer {
  return { ok: false, failure, headers: rateLimitHeaders(limits), fault: undefined, limits };
}

function refused(exchange: Exchange, answer: UpstreamAnswer, fault: UpstreamFault, url: string | undefined): CallAnswer {
  const { limits, vendor } = exchange;
  const stranger = fault.credentialRefused || answer.status === 401 || answer.status === 403 ? strangerAt(exchange, url) : undefined;
  if (stranger !== undefined) return failed(failureOf({ kind: 'stranger', vendor, host: stranger, status: answer.status }, upstreamOf(exchange, answer, fault.upstreamRequestId)), limits);
  const failure = failureOf({ kind: 'verdict', vendor, fault }, upstreamOf(exchange, answer, fault.upstreamRequestId));
  const headers = rateLimitHeaders(limits, { limited: fault.code === 'rate_limited', retryAfterS: fault.retryAfterS });
  return { ok: false, failure, headers, fault, limits };
}

/** The host that a redirect led to, when it is none that gets the credential: what it refuses says nothing of the account. */
function strangerAt({ built, sent }: Exchange, url: string | undefined): string | undefined {
  if (url === undefined || url === sent.url) return undefined;
  const { origin, host } = new URL(url);
  return origin === new URL(sent.url).origin || built.origins().includes(origin) ? undefined : host;
}

/** A passthrough answer that cannot be read is still handed on as it came. */
function readReply(call: ResolvedCall, reply: VendorReply): AnswerReading {
  const parsed = readAnswer(call.reading.response.format, reply);
  return parsed.ok || call.incoming.surface === 'proxy' ? parsed : { ok: true, answer: parsed.answer, kind: 'binary', exact: true };
}

type Parsed = Extract<AnswerReading, { ok: true }>;
type Shaped = { readonly status: number; readonly body: AnswerBody } | Evidence;

/** The scopes of the account's grant; undefined when the vendor never said. */
export function grantedScopesOf(scope: Scope): readonly string[] | undefined {
  const granted = typeof scope.token === 'object' && scope.token !== null && 'scope' in scope.token ? scopeList(scope.token.scope) : [];
  return granted.length === 0 ? undefined : granted;
}

function shape(exchange: Exchange, reply: VendorReply, parsed: Parsed): Eventually<Shaped> {
  const { operation, reading } = exchange.call;
  if (reply.status === 304) return { status: 304, body: { kind: 'none' } };
  if (reading.list) return shapeList(exchange, reply, parsed);
  const name = operation?.name;
  const status = reply.status === 202 ? 202 : name === 'create' ? 201 : 200;
  if (parsed.kind === 'empty') {
    if (name === 'get' && reply.status !== 204) return { kind: 'body', vendor: exchange.vendor, failure: 'truncated', detail: 'it is empty' };
    const nothing: Shaped = { status: status === 202 ? 202 : 204, body: { kind: 'none' } };
    if (!reading.response.fromHead) return nothing;
    return whenThere(readRecord(reading.response, parsed.answer, { byId: false }), (told) => (told.ok && told.record !== undefined && told.record !== null ? { status, body: { kind: 'json', value: told.record } } : nothing));
  }
  if (parsed.kind === 'binary') return { status, body: { kind: 'bytes', bytes: reply.bytes, contentType: reply.headers['content-type'] } };
  return whenThere(readRecord(reading.response, parsed.answer, { byId: name === 'get' }), (read) => shapeRecord(exchange, reply, parsed, status, read));
}

function shapeRecord(exchange: Exchange, reply: VendorReply, parsed: Parsed, status: number, read: RecordReading): Shaped {
  const { reading } = exchange.call;
  if (!read.ok) return { kind: 'record', vendor: exchange.vendor, failure: read };
  if (read.record === undefined) return { status: 204, body: { kind: 'none' } };
  if (reading.response.whole && parsed.kind === 'text') return { status, body: { kind: 'bytes', bytes: reply.bytes, contentType: reply.headers['content-type'] } };
  // An untouched record goes out as the bytes it came in: nothing is written anew.
  if (reading.response.whole && parsed.kind === 'json' && parsed.exact) return { status, body: { kind: 'bytes', bytes: reply.bytes, contentType: 'application/json; charset=utf-8' } };
  return { status, body: { kind: 'json', value: read.record } };
}

async function shapeList(exchange: Exchange, reply: VendorReply, parsed: Parsed): Promise<Shaped> {
  const { call, built, sent, vendor } = exchange;
  const none = { ok: true as const, records: [], source: [] };
  const read = reply.status === 204 ? none : await readRecords(call.reading.response, parsed.answer, parsed.kind);
  if (!read.ok) return { kind: 'record', vendor, failure: read };
  if (built.page === undefined) return { status: 200, body: { kind: 'json', value: { results: read.records, next_cursor: null } } };
  const next = await nextPage(call.reading.pagination, built.page, parsed.answer, read.source, {
    operation: call.reading.operation,
    get origins() {
      return built.origins();
    },
    requestUrl: reply.url ?? sent.url,
    get secrets() {
      return exchange.secrets;
    },
    input: built.scope.input,
  });
  if (!next.ok) return { kind: 'page', vendor, reason: next.reason, message: next.message };
  return { status: 200, body: { kind: 'json', value: { results: read.records, next_cursor: next.cursor } } };
}

function asReceived(reply: VendorReply): { status: number; body: AnswerBody } {
  const body: AnswerBody = reply.bytes.length === 0 ? { kind: 'none' } : { kind: 'bytes', bytes: reply.bytes, contentType: reply.headers['content-type'] };
  return { status: reply.status, body };
}

function upstreamOf(exchange: Exchange, answer: UpstreamAnswer, requestId?: string): NonNullable<CallFailure['upstream']> {
  const { secrets } = exchange;
  const body = boundBody(answer.body, secrets);
  return { status: answer.status, ...(body === undefined ? {} : { body }), ...(requestId === undefined ? {} : { request_id: redact(requestId, secrets) }) };
}
