/** How a call of the client becomes an HTTP request and its answer a value or an EvenkeelError. */
import { fetchWithBackoff, type BackoffOptions, type FetchInput, type FetchLike } from './backoff.ts';
import { CircuitBreaker, outcomeOfStatus, type BreakerOptions } from './circuit-breaker.ts';
import { errorFromAnswer, EvenkeelError, excerpt, parseJson } from './error.ts';
import { readRetryAfterMs } from './header-wait.ts';

export interface ClientOptions {
  /** Where Evenkeel answers, without /v1: `http://127.0.0.1:4400`. */
  readonly baseUrl: string;
  readonly apiKey: string;
  /** How patient calls are by default; false sends each once. */
  readonly backoff?: BackoffOptions | false;
  /** The circuit breaker per account; false leaves it out. */
  readonly breaker?: BreakerOptions | false;
  readonly fetch?: FetchLike;
}

export interface CallOptions {
  readonly signal?: AbortSignal;
  /** Makes a create or an action safe to repeat, so that backoff may do so. Forwarded to vendors that know such keys. */
  readonly idempotencyKey?: string;
  /** Replaces the client's backoff for this call. */
  readonly backoff?: BackoffOptions | false;
}

export type QueryValue = string | number | boolean | null | undefined | readonly (string | number | boolean)[];
export type Query = Readonly<Record<string, QueryValue>>;

export interface Call extends CallOptions {
  readonly method: string;
  /** Segments below /v1; each is percent-encoded whole. */
  readonly path: readonly string[];
  readonly query?: Query | object | undefined;
  readonly body?: unknown;
  readonly account?: string;
  /** The revision that was seen; 0 for that there was none. Whoever changed it meanwhile makes the call fail with `conflict`, status 412. */
  readonly ifMatch?: number | undefined;
}

/** Knows the server, the key and the way there; the client's rooms are made of its calls. */
export class Transport {
  readonly #root: URL;
  readonly #apiKey: string;
  readonly #backoff: BackoffOptions | false;
  readonly #fetch: FetchLike;
  readonly #breaker: CircuitBreaker | undefined;

  constructor(options: ClientOptions) {
    this.#root = rootOf(options.baseUrl);
    if (!/^[\x21-\x7e]+$/.test(options.apiKey)) throw new TypeError('apiKey is empty or holds characters that no key has. Pass the whole key, without spaces or line ends.');
    this.#apiKey = options.apiKey;
    this.#backoff = options.backoff ?? {};
    this.#fetch = options.fetch ?? ((input, init) => fetch(input, init));
    this.#breaker = options.breaker === false ? undefined : new CircuitBreaker(options.breaker ?? {});
  }

  /** The JSON of a successful answer; null for an empty one. Throws EvenkeelError, or the signal's reason. */
  async call<T>(call: Call): Promise<T> {
    const headers = new Headers({ accept: 'application/json' });
    if (call.body !== undefined) headers.set('content-type', 'application/json');
    if (call.idempotencyKey !== undefined) headers.set('idempotency-key', call.idempotencyKey);
    if (call.ifMatch !== undefined) headers.set('if-match', `"${call.ifMatch}"`);
    const init: RequestInit = { method: call.method, headers };
    if (call.body !== undefined) init.body = JSON.stringify(call.body);
    const response = await this.send(this.address(call.path, call.query), init, call);
    if (!response.ok) throw await errorFromAnswer(response);
    return (await readJson(response)) as T;
  }

  /** The answer as it comes, whatever its status; only the absence of one is an error. */
  async send(url: URL, init: RequestInit, call: Pick<Call, 'account' | 'backoff' | 'signal'>): Promise<Response> {
    const headers = new Headers(init.headers);
    headers.set('authorization', `Bearer ${this.#apiKey}`);
    if (call.account !== undefined) headers.set('evenkeel-account', call.account);
    const backoff = call.backoff ?? this.#backoff;
    const signal = call.signal ?? init.signal ?? undefined;
    const options = { ...(backoff === false ? { maxRetries: 0 } : backoff), ...(signal === undefined ? {} : { signal }), fetch: this.#guarded(call.account) };
    try {
      return await fetchWithBackoff(url, { ...init, headers }, options);
    } catch (error) {
      if (error instanceof EvenkeelError || signal?.aborted || options.signal?.aborted) throw error;
      throw new EvenkeelError(
        `No answer from ${this.#root.origin}: ${reasonOf(error)}. Check that Evenkeel runs there and can be reached.`,
        { code: 'network_error', origin: 'platform', retryable: true },
        { cause: error },
      );
    }
  }

  /** The address of an API path. Segments that would climb out of /v1 are refused. */
  address(path: readonly string[], query: Query | object = {}): URL {
    for (const segment of path) {
      if (segment === '' || segment === '.' || segment === '..') throw new TypeError(`"${segment}" cannot be part of an API path: ${path.join('/')}. Pass the id or name that the API gave.`);
    }
    const url = new URL(`v1/${path.map(encodeURIComponent).join('/')}`, this.#root);
    for (const [name, value] of Object.entries(query as Query)) {
      for (const one of Array.isArray(value) ? (value as readonly (string | number | boolean)[]) : [value as Exclude<QueryValue, readonly unknown[]>]) {
        if (one !== undefined && one !== null) url.searchParams.append(name, String(one));
      }
    }
    return url;
  }

  #guarded(account: string | undefined): FetchLike {
    const breaker = this.#breaker;
    if (breaker === undefined || account === undefined) return this.#fetch;
    return async (input: FetchInput, init?: RequestInit) => {
      const admission = breaker.enter(account);
      if (!admission.ok) throw circuitOpen(account, admission.retryAfterMs);
      try {
        const response = await this.#fetch(input, init);
        admission.settle(outcomeOfStatus(response.status, readRetryAfterMs(response.headers.get('retry-after'), Date.now())));
        return response;
      } catch (error) {
        admission.settle(init?.signal?.aborted ? { kind: 'abandoned' } : { kind: 'failure' });
        throw error;
      }
    };
  }
}

function circuitOpen(account: string, retryAfterMs: number): EvenkeelError {
  const retryAfter = Math.ceil(retryAfterMs / 1000);
  return new EvenkeelError(`Calls for ${account} failed several times in a row, so this one was not sent. Try again in ${retryAfter} s.`, {
    code: 'circuit_open',
    origin: 'upstream',
    retryable: true,
    retryAfter,
  });
}

function rootOf(baseUrl: string): URL {
  let url: URL;
  try {
    url = new URL(baseUrl);
  } catch {
    throw new TypeError(`baseUrl "${baseUrl}" is not an address. Pass something like http://127.0.0.1:4400.`);
  }
  if (url.protocol !== 'http:' && url.protocol !== 'https:') throw new TypeError(`baseUrl "${baseUrl}" is neither http nor https.`);
  url.search = '';
  url.hash = '';
  if (!url.pathname.endsWith('/')) url.pathname += '/';
  return url;
}

async function readJson(response: Response): Promise<unknown> {
  const text = await response.text();
  if (text === '') return null;
  const value = parseJson(text);
  if (value !== undefined) return value;
  throw new EvenkeelError(`The server answered ${response.status} with something that is not JSON: ${excerpt(text)}. Check that the base URL leads to Evenkeel.`, {
    code: 'unexpected_answer',
    origin: 'platform',
    retryable: false,
    status: response.status,
    requestId: response.headers.get('evenkeel-request-id') ?? undefined,
  });
}

/** fetch hides the reason in `cause`. */
function reasonOf(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  if (!(cause instanceof Error)) return String(cause);
  const code = 'code' in cause && typeof cause.code === 'string' ? cause.code : undefined;
  return cause.message === '' ? (code ?? cause.name) : cause.message;
}
