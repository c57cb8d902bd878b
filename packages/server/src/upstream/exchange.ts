/**
 * One request and its answer on the wire. Collects the body or hands it on chunk by chunk with back-pressure, holds the
 * deadline, and measures from dispatch to the last byte. Data that comes before anybody asked for it waits in memory up
 * to a bound, then the connection is paused.
 */
import { Readable, type Writable } from 'node:stream';
import { decodeBody } from './decoding.ts';
import { toUpstreamError, UpstreamError, type UpstreamPhase } from './failure.ts';
import type { Control } from './wire/connection.ts';
import type { Waiting } from './wire/connection-pool.ts';

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
  /** Writes the body as received to `sink`, and ends it; resolves when all is handed over. Throws UpstreamError; `aborted` when the sink closed first. */
  pipeTo(sink: Writable): Promise<void>;
  /** Gives the answer up; a large rest is not downloaded. */
  discard(): void;
}

export interface ExchangeLimits {
  /**
   * From dispatch to the end of a buffered answer, or to the headers of a streamed one. Of a streamed request the longest
   * standstill while its body is on its way, and then from its last byte on.
   */
  timeoutMs: number;
  /** From dispatch to the end of a streamed request or answer. */
  streamTimeoutMs: number;
  /** Longest silence of the vendor inside a streamed answer. */
  idleTimeoutMs: number;
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

/** The request as it goes on the wire. */
export interface Outgoing {
  readonly method: string;
  readonly url: string;
  readonly host: string;
  readonly head: string;
  readonly body: string | Uint8Array | Readable | null;
  readonly streamLength: number | null;
  /** When the call began, by performance.now(): earlier than this request where a redirect led here. */
  readonly startedAt: number;
  /** Takes over an answer that leads elsewhere (3xx); null hands every answer out as it came. */
  readonly redirected: ((reply: UpstreamReply) => Promise<UpstreamReply>) | null;
}

export class Exchange implements Waiting, UpstreamReply {
  status = 0;
  headers: UpstreamHeaders = {};
  receivedBytes = 0;
  readonly method: string;
  readonly url: string;
  readonly head: string;
  readonly streamLength: number | null;
  /** Set when the call has to wait for a connection because all are taken. */
  queued = false;
  /** Settles with this exchange as soon as status and headers are there. */
  readonly reply: Promise<UpstreamReply>;
  readonly #host: string;
  readonly #limits: ExchangeLimits;
  readonly #redirected: Outgoing['redirected'];
  readonly #startedAt: number;
  #endedAt = 0;
  #phase: UpstreamPhase = 'connect';
  #control: Control | null = null;
  #outgoingBody: Outgoing['body'];
  /** Of a streamed request or answer: when bytes moved last. */
  #lastMoveAt = 0;
  /** While a streamed body goes out: who has to act before more of it can. */
  #sendingWaitsFor: 'caller' | 'vendor' | null = null;
  #paused = false;
  #timer: NodeJS.Timeout | null;
  #chunks: Buffer[] = [];
  #failure: UpstreamError | null = null;
  #sink: Sink | null = null;
  #body: Readable | null = null;
  #streamed = false;
  /** Called once when the exchange is over, however it ended. */
  onSettled: (() => void) | null = null;
  #resolve!: (reply: UpstreamReply | Promise<UpstreamReply>) => void;
  #reject!: (error: UpstreamError) => void;

  constructor(outgoing: Outgoing, limits: ExchangeLimits) {
    this.method = outgoing.method;
    this.url = outgoing.url;
    this.head = outgoing.head;
    this.streamLength = outgoing.streamLength;
    this.#outgoingBody = outgoing.body;
    this.#host = outgoing.host;
    this.#limits = limits;
    this.#redirected = outgoing.redirected;
    this.#startedAt = outgoing.startedAt;
    this.reply = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.#timer = setTimeout(expire, limits.timeoutMs - this.elapsedMs, this);
  }

  get elapsedMs(): number {
    return (this.#endedAt === 0 ? performance.now() : this.#endedAt) - this.#startedAt;
  }

  get whole(): Uint8Array | null {
    return this.#endedAt === 0 || this.#failure !== null || this.receivedBytes > this.#limits.maxBodyBytes ? null : this.#joined();
  }

  get over(): boolean {
    return this.#endedAt !== 0;
  }

  /** The body of the request; let go once it was handed over. */
  get outgoingBody(): Outgoing['body'] {
    return this.#outgoingBody;
  }

  /** Gives up at once, whatever the phase; a request still waiting for a connection is never sent. */
  abort(error: UpstreamError): void {
    if (this.over) return;
    const control = this.#control;
    this.#fail(error);
    control?.abort();
  }

  expire(): void {
    const elapsed = this.elapsedMs;
    const sending = this.#sendingWaitsFor !== null && this.status === 0;
    const patience = this.#streamed ? this.#limits.idleTimeoutMs : sending ? this.#limits.timeoutMs : 0;
    const standstill = this.#paused ? 0 : performance.now() - this.#lastMoveAt;
    if (standstill < patience && elapsed < this.#limits.streamTimeoutMs) {
      this.#timer = setTimeout(expire, Math.max(10, Math.min(patience - standstill, this.#limits.streamTimeoutMs - elapsed)), this);
      return;
    }
    if (sending && this.#sendingWaitsFor === 'caller') {
      this.abort(new UpstreamError('timeout', 'request', `The body of the request to ${this.#host} stopped arriving.`, 'EDEADLINE'));
      return;
    }
    const what = this.#phase === 'body' ? 'finish its answer' : 'answer';
    this.abort(new UpstreamError('timeout', this.#phase, `${this.#host} took longer than ${Math.round(elapsed)} ms to ${what}.`, 'EDEADLINE'));
  }

  started(control: Control): void {
    this.#control = control;
    this.#phase = 'headers';
    if (this.#outgoingBody instanceof Readable) this.sending('caller');
  }

  sending(waitsFor: 'caller' | 'vendor'): void {
    this.#sendingWaitsFor = waitsFor;
    this.#lastMoveAt = performance.now();
  }

  sentWhole(): void {
    this.#sendingWaitsFor = null;
    if (this.over || this.status !== 0) return;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = setTimeout(expire, this.#limits.timeoutMs, this);
  }

  answered(status: number, headers: UpstreamHeaders): void {
    this.#phase = 'body';
    this.status = status;
    this.headers = headers;
    this.#resolve(this.#redirected !== null && status >= 300 && status <= 399 ? this.#redirected(this) : this);
  }

  data(chunk: Buffer): void {
    this.receivedBytes += chunk.length;
    if (this.#sink !== null) {
      if (this.#streamed) this.#lastMoveAt = performance.now();
      if (!this.#sink.data(chunk)) this.#pause();
      return;
    }
    this.#chunks.push(chunk);
    if (this.receivedBytes > maxWaitingBytes) this.#pause();
  }

  ended(): void {
    if (this.over) return;
    this.#settle();
    this.#sink?.end();
  }

  failed(error: unknown): void {
    this.#fail(toUpstreamError(error, this.#phase, this.#host));
  }

  async bytes(): Promise<Uint8Array> {
    if (!this.over) {
      const done = Promise.withResolvers<void>();
      this.#sink = { data: (chunk) => this.#collect(chunk), end: done.resolve, fail: done.reject };
      this.#resume();
      await done.promise;
    }
    if (this.#failure !== null) throw this.#failure;
    if (this.receivedBytes > this.#limits.maxBodyBytes) throw this.#tooLarge();
    const joined = this.#joined();
    const encoding = this.headers['content-encoding'];
    if (encoding === undefined || joined.length === 0) return joined;
    return decodeBody(String(encoding), joined, this.#limits.maxBodyBytes);
  }

  get body(): Readable {
    if (this.#body !== null) return this.#body;
    const stream = new Readable({
      read: () => this.#resume(),
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
    const drained = (): void => this.#resume();
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
      this.#lastMoveAt = performance.now();
      this.#timer = setTimeout(expire, Math.max(1, Math.min(this.#limits.idleTimeoutMs, this.#limits.streamTimeoutMs - this.elapsedMs)), this);
      if (flowing) this.#resume();
      else this.#pause();
    }
  }

  #collect(chunk: Buffer): boolean {
    if (this.receivedBytes > this.#limits.maxBodyBytes) this.abort(this.#tooLarge());
    else this.#chunks.push(chunk);
    return true;
  }

  #tooLarge(): UpstreamError {
    return new UpstreamError('too_large', 'body', `The answer of ${this.#host} exceeds ${this.#limits.maxBodyBytes} bytes.`, 'ETOOLARGE');
  }

  #pause(): void {
    this.#paused = true;
    this.#control?.pause();
  }

  #resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#lastMoveAt = performance.now();
    this.#control?.resume();
  }

  #joined(): Buffer {
    const only = this.#chunks[0];
    if (this.#chunks.length > 1 || only === undefined) this.#chunks = [Buffer.concat(this.#chunks)];
    return this.#chunks[0] as Buffer;
  }

  #fail(error: UpstreamError): void {
    if (this.over) return;
    this.#failure = error;
    this.#settle();
    error.elapsedMs = this.elapsedMs;
    if (this.queued && this.#phase === 'connect') error.waitedMs = error.elapsedMs;
    if (this.status === 0) this.#reject(error);
    this.#sink?.fail(error);
  }

  #settle(): void {
    this.#endedAt = performance.now();
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    // A connection left paused would never read its next answer.
    if (this.#paused) this.#control?.resume();
    this.#control = null;
    this.onSettled?.();
  }
}

function expire(exchange: Exchange): void {
  exchange.expire();
}
