/**
 * The only way out to vendors: connections are reused, capped for each origin, guarded against private networks, bounded
 * in time and size, and cancellable. It sends once; whether to send again is never decided here.
 */
import { Readable } from 'node:stream';
import { createAddressGuard } from './address-guard.ts';
import { createDialer, type Resolve } from './dialer.ts';
import { Exchange, type ExchangeLimits, type UpstreamReply } from './exchange.ts';
import { UpstreamError } from './failure.ts';
import { createHostMap, type HostMap } from './host-map.ts';
import { maxRedirects, nextHop } from './redirect.ts';
import { createAddressResolver, type ResolveAddress, type Target } from './target.ts';
import { ConnectionPool } from './wire/connection-pool.ts';
import { writeHead } from './wire/request-head.ts';

export type { UpstreamReply };

/** An OutgoingRequest of core, or one whose body is still arriving. Header names in lower case. */
export interface UpstreamRequest {
  method: string;
  url: string;
  headers: Record<string, string>;
  body: string | Uint8Array | Readable | null;
  /** To the headers of a streamed answer, to the end of a buffered one, redirects included; 0 takes the default. A streamed body may take longer, as long as it moves. */
  timeoutMs: number;
}

export interface SendOptions {
  signal?: AbortSignal;
  /** Cheaper than a signal: filled with a function that cancels the call, in any phase. */
  cancellation?: Cancellation;
  /** Of an answer read whole; default that of the client. Streams are not limited. */
  maxBodyBytes?: number;
  streamTimeoutMs?: number;
  /** Origins that may see the request's headers when a read is redirected; default its own origin only. */
  origins?: () => readonly string[];
  redirects?: 'reads' | 'none';
}

export interface Cancellation {
  cancel?: () => void;
}

export interface UpstreamClient {
  /** Resolves when status and headers are there. Throws UpstreamError. Never sends a request twice. */
  send(request: UpstreamRequest, options?: SendOptions): Promise<UpstreamReply>;
  /** Closes idle connections; those that carry calls close when these end. */
  close(): Promise<void>;
}

export interface UpstreamClientOptions {
  hostMap?: HostMap;
  /** CIDR ranges that may be called although not public. */
  allowPrivate?: readonly string[];
  resolve?: Resolve;
  /** Default 128. Further calls wait, within their own deadline. */
  connectionsPerOrigin?: number;
  connectTimeoutMs?: number;
  defaultTimeoutMs?: number;
  /** Longest silence inside a body; default 30 s. */
  bodyIdleTimeoutMs?: number;
  streamTimeoutMs?: number;
  maxBodyBytes?: number;
}

const defaults = {
  connectionsPerOrigin: 128,
  connectTimeoutMs: 5_000,
  defaultTimeoutMs: 30_000,
  bodyIdleTimeoutMs: 30_000,
  streamTimeoutMs: 15 * 60_000,
  maxBodyBytes: 16 * 1024 * 1024,
  /** Idle connections are closed before common vendors close them. */
  keepAliveMs: 4_000,
};

/** Throws when the allow-list cannot be read. Environment proxies are not used: the guard would see the proxy only. */
export function createUpstreamClient(options: UpstreamClientOptions = {}): UpstreamClient {
  const settings = { ...defaults, ...options };
  const guard = createAddressGuard(options.allowPrivate);
  const dial = { connectTimeoutMs: settings.connectTimeoutMs, ...(options.resolve === undefined ? {} : { resolve: options.resolve }) };
  return new Client({
    guarded: createDialer({ guard, ...dial }),
    mapped: createDialer({ guard: null, ...dial }),
    address: createAddressResolver(options.hostMap ?? createHostMap()),
    settings,
  });
}

type Dialer = ReturnType<typeof createDialer>;

interface Parts {
  guarded: Dialer;
  mapped: Dialer;
  address: ResolveAddress;
  settings: typeof defaults;
}

class Client implements UpstreamClient {
  readonly #parts: Parts;
  readonly #pools = new Map<string, ConnectionPool>();

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  send(request: UpstreamRequest, options: SendOptions = {}): Promise<UpstreamReply> {
    const mayFollow = options.redirects !== 'none' && (request.method === 'GET' || request.method === 'HEAD');
    return this.#dispatch(request, options, mayFollow ? (reply) => this.#follow(reply, request, options) : null);
  }

  async close(): Promise<void> {
    for (const pool of this.#pools.values()) pool.close();
  }

  async #follow(first: UpstreamReply, request: UpstreamRequest, options: SendOptions): Promise<UpstreamReply> {
    let reply = first;
    const origins = options.origins?.() ?? [new URL(request.url).origin];
    // One call, one clock: what the hops before took counts in its time and against its deadline.
    const startedAt = performance.now() - first.elapsedMs;
    let current = request;
    for (let hop = 0; ; hop += 1) {
      const location = reply.headers['location'];
      const next = nextHop(current, { status: reply.status, location: typeof location === 'string' ? location : undefined }, origins);
      if (next === null) return reply;
      reply.discard();
      current = { ...current, ...next };
      reply = await (hop === maxRedirects ? tooManyHops(request) : this.#dispatch(current, options, null, startedAt)).catch((error: unknown) => {
        if (error instanceof UpstreamError) {
          error.redirected = true;
          error.elapsedMs = performance.now() - startedAt;
        }
        throw error;
      });
    }
  }

  /** `redirected` takes over an answer that leads elsewhere. */
  #dispatch(request: UpstreamRequest, options: SendOptions, redirected: ((reply: UpstreamReply) => Promise<UpstreamReply>) | null, startedAt = performance.now()): Promise<UpstreamReply> {
    const { settings } = this.#parts;
    let target: Target;
    let head: string;
    try {
      const address = this.#parts.address(request.url);
      target = address.target;
      head = writeHead(request.method, address.path, target.hostHeader, request.headers, lengthOf(request));
    } catch (error) {
      return Promise.reject(error as UpstreamError);
    }
    const limits: ExchangeLimits = {
      timeoutMs: request.timeoutMs > 0 ? request.timeoutMs : settings.defaultTimeoutMs,
      streamTimeoutMs: options.streamTimeoutMs ?? settings.streamTimeoutMs,
      idleTimeoutMs: settings.bodyIdleTimeoutMs,
      maxBodyBytes: options.maxBodyBytes ?? settings.maxBodyBytes,
    };
    const exchange = new Exchange({ method: request.method, url: request.url, host: target.host, head, body: request.body, streamLength: streamLengthOf(request), redirected, startedAt }, limits);
    if (options.cancellation !== undefined) options.cancellation.cancel = () => exchange.abort(givenUp(target.host));
    if (options.signal !== undefined && !listen(exchange, options.signal, target.host)) return exchange.reply;
    this.#pool(target).send(exchange);
    return exchange.reply;
  }

  #pool(target: Target): ConnectionPool {
    const key = target.guarded ? target.dialOrigin : `mapped ${target.dialOrigin}`;
    const present = this.#pools.get(key);
    if (present !== undefined) return present;
    const { settings, guarded, mapped } = this.#parts;
    const pool = new ConnectionPool({
      origin: target.dialOrigin,
      dial: target.guarded ? guarded : mapped,
      connections: settings.connectionsPerOrigin,
      keepAliveMs: settings.keepAliveMs,
      onEmpty: () => {
        if (this.#pools.get(key) === pool) this.#pools.delete(key);
      },
    });
    this.#pools.set(key, pool);
    return pool;
  }
}

async function tooManyHops({ url }: UpstreamRequest): Promise<never> {
  throw new UpstreamError('invalid', 'headers', `${new URL(url).host} redirected more than ${maxRedirects} times.`, 'EREDIRECTS');
}

/** A method without a body by definition announces none; others announce an empty one (RFC 9110 section 8.6). */
function lengthOf({ method, body, headers }: UpstreamRequest): number | 'chunked' | null {
  if (body === null) return method === 'POST' || method === 'PUT' || method === 'PATCH' ? 0 : null;
  if (typeof body === 'string') return Buffer.byteLength(body);
  if (body instanceof Readable) return streamLengthOf({ body, headers }) ?? 'chunked';
  return body.length;
}

/** What the sender of a stream announced; null when it comes in chunks. */
function streamLengthOf({ body, headers }: Pick<UpstreamRequest, 'body' | 'headers'>): number | null {
  const stated = headers['content-length'];
  return body instanceof Readable && stated !== undefined && /^\d{1,15}$/.test(stated) ? Number(stated) : null;
}

/** False when the signal was aborted before; nothing is sent then. */
function listen(exchange: Exchange, signal: AbortSignal, host: string): boolean {
  const abort = (): void => exchange.abort(givenUp(host));
  if (signal.aborted) {
    abort();
    return false;
  }
  signal.addEventListener('abort', abort, { once: true });
  exchange.onSettled = () => signal.removeEventListener('abort', abort);
  return true;
}

function givenUp(host: string): UpstreamError {
  return new UpstreamError('aborted', 'request', `The call to ${host} was given up by its caller.`, 'EABORTED');
}
