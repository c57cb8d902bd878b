/**
 * Reads HTTP/1.1 answers (RFC 9112) off a connection, chunk by chunk, strictly: what is ambiguous about where an answer
 * ends is refused, not guessed, since a wrong guess would give one call the answer of another. Pure: no socket here.
 */
import { UpstreamError } from '../failure.ts';
import { readFraming, type Framing } from './framing.ts';

export interface AnswerSink {
  /** Once an answer, interim ones (1xx) left out. */
  head(status: number, headers: Record<string, string | string[]>): void;
  /** A view into the chunk given to `push`. */
  data(bytes: Buffer): void;
  /** The answer is whole; `reusable` when the connection may carry another. */
  end(reusable: boolean): void;
}

const maxHeadBytes = 64 * 1024;
const maxChunkLine = 1024;
const headEnd = Buffer.from('\r\n\r\n');
const lineEnd = Buffer.from('\r\n');
const statusLine = /^HTTP\/1\.([01]) ([1-9]\d\d)(?: [^\0\r\n]*)?$/;
const headerName = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const strayControl = /\r(?!\n)|(?<!\r)\n|\0/;

type State = 'idle' | 'head' | 'length' | 'close' | 'chunk-size' | 'chunk-data' | 'chunk-end' | 'trailer';

export class ResponseParser {
  readonly #sink: AnswerSink;
  #state: State = 'idle';
  #method = '';
  #pending: Buffer | null = null;
  #left = 0;
  #trailerBytes = 0;
  #reusable = false;
  /** Set when the answer is whole: whether the connection may be reused. */
  #whole: boolean | null = null;

  constructor(sink: AnswerSink) {
    this.#sink = sink;
  }

  /** The next answer belongs to a request of this method. */
  begin(method: string): void {
    this.#state = 'head';
    this.#method = method;
    this.#pending = null;
  }

  /** Throws UpstreamError `invalid`; the connection is then to be closed. */
  push(chunk: Buffer): void {
    let data = chunk;
    if (this.#pending !== null) {
      data = Buffer.concat([this.#pending, chunk]);
      this.#pending = null;
    }
    let at = 0;
    while (at < data.length) {
      const next = this.#step(data, at);
      if (next === -1) {
        this.#pending = at === 0 ? data : data.subarray(at);
        return;
      }
      at = next;
      if (this.#whole !== null) {
        // Bytes behind the answer belong to no call: whoever sent them would be believed by the next.
        const reusable = this.#whole && at === data.length;
        this.#whole = null;
        this.#sink.end(reusable);
        return;
      }
    }
  }

  /** The connection ended. True when that is how the answer ends; false when it is cut short. */
  finish(): boolean {
    if (this.#state !== 'close') return false;
    this.#state = 'idle';
    this.#sink.end(false);
    return true;
  }

  /** The position behind what was read, or -1 when more has to come first. */
  #step(data: Buffer, at: number): number {
    switch (this.#state) {
      case 'idle':
        throw invalid('sent what nobody asked for');
      case 'head':
        return this.#head(data, at);
      case 'length':
      case 'chunk-data': {
        const to = Math.min(data.length, at + this.#left);
        this.#left -= to - at;
        this.#sink.data(at === 0 && to === data.length ? data : data.subarray(at, to));
        if (this.#left === 0) {
          if (this.#state === 'length') this.#complete(this.#reusable);
          else this.#state = 'chunk-end';
        }
        return to;
      }
      case 'close':
        this.#sink.data(at === 0 ? data : data.subarray(at));
        return data.length;
      case 'chunk-size':
        return this.#chunkSize(data, at);
      case 'chunk-end':
        if (data.length - at < 2) return -1;
        if (data[at] !== 13 || data[at + 1] !== 10) throw invalid('broke a chunk of its body');
        this.#state = 'chunk-size';
        return at + 2;
      case 'trailer':
        return this.#trailer(data, at);
    }
  }

  #head(data: Buffer, at: number): number {
    const end = data.indexOf(headEnd, at);
    if ((end === -1 ? data.length : end) - at > maxHeadBytes) throw invalid('sent more headers than are taken');
    if (end === -1) {
      if (data.length - at >= 5 && data.toString('latin1', at, at + 5) !== 'HTTP/') throw invalid('answered with something that is not HTTP');
      return -1;
    }
    const lines = data.toString('latin1', at, end);
    if (strayControl.test(lines)) throw invalid('sent control characters in its headers');
    const [, minor, code] = statusLine.exec(lines.slice(0, lineLength(lines, 0))) ?? [];
    if (minor === undefined || code === undefined) throw invalid('answered with something that is not HTTP');
    const status = Number(code);
    if (status === 101) throw invalid('switched protocols unasked');
    const headers = readHeaders(lines);
    if (status < 200) return end + 4;
    const framing = readFraming(this.#method, status, minor === '1', headers);
    if (framing === null) throw invalid('does not say clearly where its answer ends');
    this.#sink.head(status, headers);
    this.#frame(framing);
    return end + 4;
  }

  #frame(framing: Framing): void {
    this.#reusable = framing.reusable;
    switch (framing.kind) {
      case 'none':
        this.#complete(framing.reusable);
        return;
      case 'length':
        this.#state = 'length';
        this.#left = framing.bytes;
        return;
      case 'chunked':
        this.#state = 'chunk-size';
        return;
      case 'close':
        this.#state = 'close';
    }
  }

  #chunkSize(data: Buffer, at: number): number {
    const end = data.indexOf(lineEnd, at);
    if ((end === -1 ? data.length : end) - at > maxChunkLine) throw invalid('broke a chunk of its body');
    if (end === -1) return -1;
    const size = /^([0-9a-fA-F]{1,13})[\t ]*(?:;[^\0\r\n]*)?$/.exec(data.toString('latin1', at, end))?.[1];
    if (size === undefined) throw invalid('broke a chunk of its body');
    this.#left = Number.parseInt(size, 16);
    this.#trailerBytes = 0;
    this.#state = this.#left === 0 ? 'trailer' : 'chunk-data';
    return end + 2;
  }

  /** Trailers are read past: nothing of ours depends on them. */
  #trailer(data: Buffer, at: number): number {
    const end = data.indexOf(lineEnd, at);
    this.#trailerBytes += (end === -1 ? data.length : end) - at;
    if (this.#trailerBytes > maxHeadBytes) throw invalid('sent more trailers than are taken');
    if (end === -1) return -1;
    if (end === at) this.#complete(this.#reusable);
    return end + 2;
  }

  #complete(reusable: boolean): void {
    this.#state = 'idle';
    this.#whole = reusable;
  }
}

/** Vendors use few names, each on every answer: checked and lowered once. Bounded, since a vendor chooses them. */
const knownNames = new Map<string, string>();

function lowerName(name: string): string {
  const known = knownNames.get(name);
  if (known !== undefined) return known;
  if (!headerName.test(name)) throw invalid('sent a header that is none');
  const lower = name.toLowerCase();
  if (knownNames.size < 2_000 && name.length < 100) knownNames.set(name, lower);
  return lower;
}

function lineLength(text: string, from: number): number {
  const end = text.indexOf('\r\n', from);
  return end === -1 ? text.length : end;
}

function readHeaders(lines: string): Record<string, string | string[]> {
  const headers: Record<string, string | string[]> = {};
  for (let start = lineLength(lines, 0) + 2; start < lines.length; ) {
    const end = lineLength(lines, start);
    const colon = lines.indexOf(':', start);
    const name = colon === -1 || colon > end ? '' : lines.slice(start, colon);
    const lower = lowerName(name);
    const value = lines.slice(colon + 1, end).trim();
    start = end + 2;
    if (lower === '__proto__') continue;
    const present = Object.hasOwn(headers, lower) ? headers[lower] : undefined;
    headers[lower] = present === undefined ? value : typeof present === 'string' ? [present, value] : [...present, value];
  }
  return headers;
}

function invalid(what: string): UpstreamError {
  return new UpstreamError('invalid', 'headers', `The vendor ${what}.`, 'EPROTOCOL');
}
