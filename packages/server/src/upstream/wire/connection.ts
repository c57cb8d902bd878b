/** One connection to a vendor, carrying one call at a time. */
import type { Socket } from 'node:net';
import { Readable } from 'node:stream';
import { UpstreamError } from '../failure.ts';
import { receiveFrom } from './reading.ts';
import { ResponseParser, type AnswerSink } from './response-parser.ts';

/** What a connection carries: one call, told of each step. */
export interface Carried {
  readonly method: string;
  readonly head: string;
  readonly outgoingBody: string | Uint8Array | Readable | null;
  /** Bytes of a streamed body as announced; null when it goes in chunks. */
  readonly streamLength: number | null;
  /** The request goes out now; `control` steers the answer. */
  started(control: Control): void;
  /** A part of a streamed body went out; who has to act before the next can. */
  sending(waitsFor: 'caller' | 'vendor'): void;
  /** A streamed body is out as a whole. */
  sentWhole(): void;
  answered(status: number, headers: Record<string, string | string[]>): void;
  data(bytes: Buffer): void;
  ended(): void;
  failed(error: unknown): void;
}

export interface Control {
  pause(): void;
  resume(): void;
  /** Ends the connection; the call is told nothing more. */
  abort(): void;
}

/** Below this, head and body go out in one write. */
const oneWriteBytes = 32 * 1024;

export class Connection implements AnswerSink, Control {
  idleSince = 0;
  /** Milliseconds the vendor keeps an idle connection, as it says; null when it does not. */
  keepAliveMs: number | null = null;
  readonly #socket: Socket;
  readonly #onFree: (connection: Connection, reusable: boolean) => void;
  readonly #parser = new ResponseParser(this);
  #carried: Carried | null = null;
  #sending = false;

  constructor(socket: Socket, onFree: (connection: Connection, reusable: boolean) => void) {
    this.#socket = socket;
    this.#onFree = onFree;
    receiveFrom(socket, (chunk) => this.#receive(chunk));
    socket.on('end', () => this.#cut(null));
    socket.on('error', (error) => this.#cut(error));
    socket.on('close', () => this.#cut(null));
  }

  get usable(): boolean {
    return !this.#socket.destroyed && this.#socket.writable && this.#carried === null;
  }

  carry(call: Carried): void {
    this.#carried = call;
    this.#parser.begin(call.method);
    call.started(this);
    if (this.#carried !== call) return;
    const { outgoingBody: body, head } = call;
    if (body === null) this.#socket.write(head, 'latin1');
    else if (body instanceof Readable) void this.#sendStream(call, body);
    else this.#sendWhole(head, typeof body === 'string' ? Buffer.from(body) : Buffer.from(body.buffer, body.byteOffset, body.byteLength));
  }

  close(): void {
    this.#socket.destroy();
  }

  /** Keeps the process alive only while a call is under way. */
  setIdle(idle: boolean): void {
    if (idle) this.#socket.unref();
    else this.#socket.ref();
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  abort(): void {
    this.#carried = null;
    this.#socket.destroy();
    this.#onFree(this, false);
  }

  head(status: number, headers: Record<string, string | string[]>): void {
    const keepAlive = headers['keep-alive'];
    if (keepAlive !== undefined) this.keepAliveMs = Number(/timeout=(\d{1,6})/.exec(String(keepAlive))?.[1] ?? Number.NaN) * 1000 || null;
    this.#carried?.answered(status, headers);
  }

  data(bytes: Buffer): void {
    this.#carried?.data(bytes);
  }

  end(reusable: boolean): void {
    const carried = this.#carried;
    if (carried === null) return;
    this.#carried = null;
    // An answer that came before the request was whole leaves the rest of the request in the connection.
    const clean = reusable && !this.#sending && !this.#socket.destroyed;
    if (!clean) this.#socket.destroy();
    carried.ended();
    this.#onFree(this, clean);
  }

  #sendWhole(head: string, body: Buffer): void {
    if (body.length <= oneWriteBytes) {
      this.#socket.write(head + body.toString('latin1'), 'latin1');
      return;
    }
    this.#socket.cork();
    this.#socket.write(head, 'latin1');
    this.#socket.write(body);
    this.#socket.uncork();
  }

  async #sendStream(call: Carried, body: Readable): Promise<void> {
    const socket = this.#socket;
    const { streamLength } = call;
    let sent = 0;
    this.#sending = true;
    try {
      socket.write(call.head, 'latin1');
      for await (const chunk of body as AsyncIterable<Buffer>) {
        if (this.#carried !== call) return;
        sent += chunk.length;
        if (streamLength !== null && sent > streamLength) throw wrongLength();
        if (chunk.length > 0 && !this.#write(chunk, streamLength === null)) {
          call.sending('vendor');
          await writable(socket);
        }
        call.sending('caller');
      }
      if (streamLength !== null && sent !== streamLength) throw wrongLength();
      if (streamLength === null && this.#carried === call) socket.write('0\r\n\r\n', 'latin1');
      this.#sending = false;
      call.sentWhole();
    } catch {
      if (this.#carried === call) this.#cut(new UpstreamError('aborted', 'request', 'The caller ended its request before it was whole.', 'EABORTED'));
    } finally {
      body.destroy();
    }
  }

  #write(chunk: Buffer, inChunks: boolean): boolean {
    const socket = this.#socket;
    if (!inChunks) return socket.write(chunk);
    socket.cork();
    socket.write(`${chunk.length.toString(16)}\r\n`, 'latin1');
    socket.write(chunk);
    const more = socket.write('\r\n', 'latin1');
    socket.uncork();
    return more;
  }

  #receive(chunk: Buffer): void {
    try {
      this.#parser.push(chunk);
    } catch (error) {
      this.#cut(error);
    }
  }

  /** The connection is over, by itself or because what came cannot be understood. */
  #cut(error: unknown): void {
    const carried = this.#carried;
    if (carried !== null && error === null && this.#parser.finish()) return;
    this.#carried = null;
    this.#socket.destroy();
    this.#onFree(this, false);
    carried?.failed(error);
  }
}

function wrongLength(): Error {
  return new Error('The body has another length than announced.');
}

function writable(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      socket.off('drain', done);
      socket.off('close', done);
      resolve();
    };
    socket.once('drain', done);
    socket.once('close', done);
    if (socket.destroyed) done();
  });
}

