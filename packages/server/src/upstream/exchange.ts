/**
 * One request and its answer on the wire. Collects the body or hands it on chunk by chunk with back-pressure, holds the
 * deadline, and measures from dispatch to the last byte. Data that comes before anybody asked for it waits in memory up
 * to a bound, then the connection is paused.
 */
import type { IncomingHttpHeaders } from 'node:http';
import { Readable, type Writable } from 'node:stream';
import type { Dispatcher } from 'undici';
import { decodeBody } from './decoding.ts';
import { toUpstreamError, UpstreamError, type UpstreamPhase } from './failure.ts';

export type UpstreamHeaders = Record<string, string | string[]>;

/** An answer whose status and headers are there. Exactly one of bytes(), pipeTo(), body, discard() is to be used. */
export interface UpstreamReply {
  readonly status: number;
  /** Lower-case names, as received. */
  readonly headers: UpstreamHeaders;
  /** The URL that answered, after redirects. */
  readonly url: string;
  /** The whole body as received when it is here already, else null: small answers need no waiting. */
  readonly whole: Uint8Array | null;
  /** Bytes of body received so far. */
  readonly receivedBytes: number;
  /** Milliseconds from dispatch to the last byte, or until now while the body is still coming. */
  readonly elapsedMs: number;
  /** The body with content codings undone. Throws UpstreamError. Bounded by maxBodyBytes before and after decoding. */
  bytes(): Promise<Uint8Array>;
  /** The body as received, codings left alone, as a stream that fails with UpstreamError. */
  readonly body: Readable;
  /** Writes the body as received to `sink`, and ends it. Throws UpstreamError; `aborted` when the sink closed first. */
  pipeTo(sink: Writable): Promise<void>;
  /** Gives the answer up; a large rest is not downloaded. */
  discard(): void;
}

export interface ExchangeLimits {
  /** From dispatch to the end of a buffered answer, or to the headers of a streamed one. */
  timeoutMs: number;
  /** From dispatch to the end of a streamed answer. */
  streamTimeoutMs: number;
  /** Of an answer read whole; streams are not limited. */
  maxBodyBytes: number;
}

const maxWaitingBytes = 256 * 1024;

/** Where the body goes. `data` answers false to ask for a pause; `end` or `fail` comes exactly once. */
interface Sink {
  data(chunk: Buffer): boolean;
  end(): void;
  fail(error: UpstreamError): void;
}

export class Exchange implements Dispatcher.DispatchHandler, UpstreamReply {
  status = 0;
  headers: UpstreamHeaders = {};
  receivedBytes = 0;
  readonly url: string;
  /** Settles with this exchange as soon as status and headers are there. */
  readonly reply: Promise<UpstreamReply>;
  readonly #host: string;
  readonly #limits: ExchangeLimits;
  readonly #startedAt = performance.now();
  #endedAt = 0;
  #phase: UpstreamPhase = 'connect';
  #controller: Dispatcher.DispatchController | null = null;
  #timer: NodeJS.Timeout | null;
  #chunks: Buffer[] = [];
  #failure: UpstreamError | null = null;
  #sink: Sink | null = null;
  #body: Readable | null = null;
  #streamed = false;
  /** Called once when the exchange is over, however it ended. */
  onSettled: (() => void) | null = null;
  #resolve!: (reply: UpstreamReply) => void;
  #reject!: (error: UpstreamError) => void;

  constructor(url: string, host: string, limits: ExchangeLimits) {
    this.url = url;
    this.#host = host;
    this.#limits = limits;
    this.reply = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.#timer = setTimeout(expire, limits.timeoutMs, this);
  }

  get elapsedMs(): number {
    return (this.#endedAt === 0 ? performance.now() : this.#endedAt) - this.#startedAt;
  }

  get whole(): Uint8Array | null {
    return this.#endedAt === 0 || this.#failure !== null ? null : this.#joined();
  }

  /** Gives up at once, whatever the phase; a request still waiting for a connection is never sent. */
  abort(error: UpstreamError): void {
    if (this.#endedAt !== 0) return;
    this.#fail(error);
    this.#controller?.abort(error);
  }

  expire(): void {
    this.abort(new UpstreamError('timeout', this.#phase, `${this.#host} took longer than ${Math.round(this.elapsedMs)} ms to ${this.#phase === 'body' ? 'finish its answer' : 'answer'}.`, 'EDEADLINE'));
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#failure === null) this.#phase = 'headers';
    else controller.abort(this.#failure);
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number, headers: IncomingHttpHeaders): void {
    if (status < 200) return;
    this.#phase = 'body';
    this.status = status;
    this.headers = headers as UpstreamHeaders;
    this.#resolve(this);
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.receivedBytes += chunk.length;
    if (this.receivedBytes > this.#limits.maxBodyBytes && !this.#streamed) {
      this.abort(new UpstreamError('too_large', 'body', `The answer of ${this.#host} exceeds ${this.#limits.maxBodyBytes} bytes.`, 'ETOOLARGE'));
      return;
    }
    if (this.#sink !== null) {
      if (!this.#sink.data(chunk)) controller.pause();
      return;
    }
    this.#chunks.push(chunk);
    if (this.receivedBytes > maxWaitingBytes) controller.pause();
  }

  onResponseEnd(): void {
    this.#settle();
    this.#sink?.end();
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.#fail(toUpstreamError(error, this.#phase, this.#host));
  }

  async bytes(): Promise<Uint8Array> {
    if (this.#endedAt === 0) {
      const done = Promise.withResolvers<void>();
      this.#sink = { data: (chunk) => this.#chunks.push(chunk) > 0, end: done.resolve, fail: done.reject };
      this.#controller?.resume();
      await done.promise;
    }
    if (this.#failure !== null) throw this.#failure;
    const joined = this.#joined();
    const encoding = this.headers['content-encoding'];
    if (encoding === undefined || joined.length === 0) return joined;
    return decodeBody(String(encoding), joined, this.#limits.maxBodyBytes);
  }

  get body(): Readable {
    if (this.#body !== null) return this.#body;
    const stream = new Readable({
      read: () => this.#controller?.resume(),
      destroy: (error, done) => {
        this.abort(new UpstreamError('aborted', 'body', `The call to ${this.#host} was given up by its caller.`, 'EABORTED'));
        done(error);
      },
    });
    this.#body = stream;
    this.#attach({ data: (chunk) => stream.push(chunk), end: () => stream.push(null), fail: (error) => stream.destroy(error) });
    return stream;
  }

  async pipeTo(sink: Writable): Promise<void> {
    const done = Promise.withResolvers<void>();
    const closed = (): void => this.abort(new UpstreamError('aborted', 'body', `The caller hung up while ${this.#host} was answering.`, 'EABORTED'));
    const drained = (): void => this.#controller?.resume();
    sink.on('drain', drained);
    sink.on('close', closed);
    this.#attach({ data: (chunk) => sink.write(chunk), end: done.resolve, fail: done.reject });
    if (sink.destroyed) closed();
    try {
      await done.promise;
    } finally {
      sink.off('drain', drained);
      sink.off('close', closed);
    }
    sink.end();
  }

  discard(): void {
    const length = Number(this.headers['content-length'] ?? Number.NaN);
    if (length <= maxWaitingBytes) this.#sink = { data: () => true, end: () => undefined, fail: () => undefined };
    else this.abort(new UpstreamError('aborted', 'body', `The rest of the answer of ${this.#host} was not wanted.`, 'EDISCARDED'));
  }

  /** Hands what has arrived to the sink and lets the rest follow, under the longer deadline of streams. */
  #attach(sink: Sink): void {
    this.#sink = sink;
    this.#streamed = true;
    let flowing = true;
    for (const chunk of this.#chunks.splice(0)) flowing = sink.data(chunk) && flowing;
    if (this.#failure !== null) sink.fail(this.#failure);
    else if (this.#endedAt !== 0) sink.end();
    else {
      if (this.#timer !== null) clearTimeout(this.#timer);
      this.#timer = setTimeout(expire, Math.max(1, this.#limits.streamTimeoutMs - this.elapsedMs), this);
      if (flowing) this.#controller?.resume();
      else this.#controller?.pause();
    }
  }

  #joined(): Buffer {
    const only = this.#chunks[0];
    if (this.#chunks.length > 1 || only === undefined) this.#chunks = [Buffer.concat(this.#chunks)];
    return this.#chunks[0] as Buffer;
  }

  #fail(error: UpstreamError): void {
    if (this.#endedAt !== 0) return;
    this.#failure = error;
    this.#settle();
    error.elapsedMs = this.elapsedMs;
    if (this.status === 0) this.#reject(error);
    this.#sink?.fail(error);
  }

  #settle(): void {
    this.#endedAt = performance.now();
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.onSettled?.();
  }
}

function expire(exchange: Exchange): void {
  exchange.expire();
}
