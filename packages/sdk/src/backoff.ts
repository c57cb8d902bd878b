/**
 * `fetchWithBackoff`: fetch that waits and tries again, as long as that is safe, bounded and asked for. Evenkeel never
 * retries a 429 inside, so this is where a caller's patience lives. It works with any HTTP API.
 * Full jitter: M. Brooker, "Exponential Backoff and Jitter" (AWS, 2015). Idempotent methods: RFC 9110, 9.2.2.
 */
import { EvenkeelError } from './error.ts';
import { readHeaderWaitMs } from './header-wait.ts';

export type FetchInput = string | URL | Request;
export type FetchLike = (input: FetchInput, init?: RequestInit) => Promise<Response>;

export interface BackoffOptions {
  /** Attempts after the first; default 5, 0 turns retries off. */
  readonly maxRetries?: number;
  /** The longest single wait in ms, whatever a header asks for; default 60 000. */
  readonly maxWaitMs?: number;
  /** All attempts and waits together in ms; default 300 000. A wait that would end later is not begun. */
  readonly maxTotalMs?: number;
  /** Without a header the n-th wait is drawn evenly from 0 … baseDelayMs · 2^n; default 500. */
  readonly baseDelayMs?: number;
  /** Spread added on top of a wait that a header names; default 1 000. */
  readonly jitterMs?: number;
  /** Ends the request or the wait at once; `init.signal` does the same. */
  readonly signal?: AbortSignal;
  readonly fetch?: FetchLike;
  readonly now?: () => number;
  readonly random?: () => number;
  readonly sleep?: (ms: number, signal: AbortSignal | undefined) => Promise<void>;
  /** Told before each wait. Return false to stop here and hand out what there is. */
  readonly onRetry?: (retry: Retry) => boolean | void;
}

/** What led to a wait: an answer or, when none came, an error. */
export interface Retry {
  /** 1 for the first repetition. */
  readonly attempt: number;
  readonly waitMs: number;
  readonly response?: Response;
  readonly error?: unknown;
}

const retriedStatuses = new Set([429, 502, 503, 504]);
const idempotentMethods = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE']);

type Outcome = { readonly response: Response } | { readonly error: unknown };

/**
 * Sends a request until it is answered with something other than 429, 502, 503 or 504, or until retries, time or
 * safety end. Only idempotent methods and requests with an `Idempotency-Key` are sent again, and never one with a
 * stream as its body. Resolves to the last answer, its body unread, whatever its status. Throws the last network
 * error when no answer came, the signal's reason when aborted, and a `TimeoutError` when one attempt outlives
 * `maxTotalMs`.
 */
export async function fetchWithBackoff(input: FetchInput, init: RequestInit = {}, options: BackoffOptions = {}): Promise<Response> {
  const now = options.now ?? Date.now;
  const sleep = options.sleep ?? sleepUntilAborted;
  const maxRetries = isRepeatable(input, init) ? (options.maxRetries ?? 5) : 0;
  const deadlineMs = now() + (options.maxTotalMs ?? 300_000);
  const signal = joinSignals(options.signal, init.signal, input instanceof Request ? input.signal : undefined);

  for (let attempt = 0; ; attempt += 1) {
    signal?.throwIfAborted();
    const outcome = await attemptOnce(input, init, options.fetch ?? fetch, signal, deadlineMs - now());
    if (attempt >= maxRetries || !asksForRetry(outcome, signal)) return unwrap(outcome);
    const waitMs = chooseWaitMs(outcome, attempt, now(), options);
    if (now() + waitMs > deadlineMs) return unwrap(outcome);
    if (options.onRetry?.({ attempt: attempt + 1, waitMs, ...outcome }) === false) return unwrap(outcome);
    if ('response' in outcome) await discard(outcome.response);
    await sleep(waitMs, signal);
  }
}

function unwrap(outcome: Outcome): Response {
  if ('error' in outcome) throw outcome.error;
  return outcome.response;
}

function asksForRetry(outcome: Outcome, signal: AbortSignal | undefined): boolean {
  if ('response' in outcome) return retriedStatuses.has(outcome.response.status);
  // An EvenkeelError comes from a refusal on this side, such as an open circuit breaker; a deadline has no time left.
  return !signal?.aborted && !(outcome.error instanceof EvenkeelError) && !isTimeout(outcome.error);
}

function chooseWaitMs(outcome: Outcome, attempt: number, nowMs: number, options: BackoffOptions): number {
  const random = options.random ?? Math.random;
  const maxWaitMs = options.maxWaitMs ?? 60_000;
  const headerMs = 'response' in outcome ? readHeaderWaitMs(outcome.response, nowMs) : null;
  if (headerMs === null) return Math.min(maxWaitMs, (options.baseDelayMs ?? 500) * 2 ** attempt) * random();
  const jitterMs = Math.min(options.jitterMs ?? 1000, maxWaitMs) * random();
  // Never sooner than asked; when the cap forbids waiting that long, spread the callers below the cap instead.
  return headerMs <= maxWaitMs ? Math.min(headerMs + jitterMs, maxWaitMs) : maxWaitMs - jitterMs;
}

/** Whether sending it again cannot do harm and is possible: the method or key allows it, and the body can be read twice. */
function isRepeatable(input: FetchInput, init: RequestInit): boolean {
  const request = input instanceof Request ? input : undefined;
  const method = (init.method ?? request?.method ?? 'GET').toUpperCase();
  const headers = new Headers(init.headers ?? request?.headers);
  if (!idempotentMethods.has(method) && !headers.get('idempotency-key')) return false;
  if (!isAddress(input)) return false;
  if (init.body !== undefined && init.body !== null) return isReplayable(init.body);
  // A Request carries its body as a stream; some browsers do not show it, so the method has to vouch for its absence.
  if (request === undefined || request.body === null) return true;
  return request.body === undefined && (method === 'GET' || method === 'HEAD');
}

function isReplayable(body: NonNullable<RequestInit['body']>): boolean {
  return (
    typeof body === 'string' ||
    body instanceof ArrayBuffer ||
    ArrayBuffer.isView(body) ||
    body instanceof URLSearchParams ||
    body instanceof Blob ||
    body instanceof FormData
  );
}

/** fetch reports an unusable address as a network error; sending it again would not help. */
function isAddress(input: FetchInput): boolean {
  if (typeof input !== 'string' || 'location' in globalThis) return true;
  try {
    new URL(input);
    return true;
  } catch {
    return false;
  }
}

async function attemptOnce(input: FetchInput, init: RequestInit, send: FetchLike, signal: AbortSignal | undefined, remainingMs: number): Promise<Outcome> {
  const deadline = new AbortController();
  const timer = setTimeout(() => deadline.abort(new DOMException('No answer within maxTotalMs.', 'TimeoutError')), Math.max(0, Math.min(remainingMs, 2 ** 31 - 1)));
  try {
    return { response: await send(input, { ...init, signal: joinSignals(signal, deadline.signal) ?? null }) };
  } catch (error) {
    return { error: signal?.aborted ? signal.reason : deadline.signal.aborted ? deadline.signal.reason : error };
  } finally {
    clearTimeout(timer); // The deadline covers the wait for an answer; its body may stream for longer.
  }
}

/** One signal that aborts with the first of several; `AbortSignal.any` where the runtime has it (it leaves no listeners behind). */
function joinSignals(...candidates: (AbortSignal | null | undefined)[]): AbortSignal | undefined {
  const signals = candidates.filter((candidate) => candidate !== null && candidate !== undefined);
  if (signals.length < 2) return signals[0];
  if (typeof AbortSignal.any === 'function') return AbortSignal.any(signals);
  const joined = new AbortController();
  for (const signal of signals) {
    if (signal.aborted) joined.abort(signal.reason);
    else signal.addEventListener('abort', () => joined.abort(signal.reason), { once: true });
  }
  return joined.signal;
}

function isTimeout(error: unknown): boolean {
  return error instanceof DOMException && error.name === 'TimeoutError';
}

/** Frees the connection of an answer nobody will read. */
async function discard(response: Response): Promise<void> {
  try {
    await response.body?.cancel();
  } catch {
    // The connection broke while it was being given up: nothing is left to free.
  }
}

/** Resolves after `ms`, or throws the signal's reason as soon as it aborts. */
function sleepUntilAborted(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason as Error);
    const onAbort = () => {
      clearTimeout(timer);
      reject(signal?.reason as Error);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    }, ms);
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}
