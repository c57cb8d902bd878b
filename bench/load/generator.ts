/**
 * A light HTTP load generator over node:net keep-alive connections, run as its own process:
 * `node generator.ts '{"port","request","connections","durationMs","rate"?}'`, result as one JSON line.
 * Without `rate` each connection sends its next request when the answer is whole (closed loop: throughput). With `rate`
 * requests start on schedule whatever the answers do (open loop: latency counts from the scheduled start, so that a
 * stall is seen by every request it delays, also one of this program itself: `sentLateP99Ms` tells how much that is).
 * With `settleMs` what starts in that time is no part of the result: connections are made then, and this program is cold.
 */
import { readFileSync } from 'node:fs';
import net from 'node:net';
import { quantile } from './measurement.ts';

export interface LoadPlan {
  port: number;
  /** The whole request as sent, head and body. */
  request: string;
  /** Requests to be sent one after another in place of `request`: each preceded by its length in 4 bytes, most significant first. */
  requestsFile?: string;
  connections: number;
  durationMs: number;
  /** Requests a second; closed loop without. */
  rate?: number;
  /** Ends after this many answers instead of after the duration. */
  count?: number;
  /** Comes before the duration; its calls are told apart. Default 0. */
  settleMs?: number;
}

export interface LoadResult {
  rps: number;
  answered: number;
  notOk: number;
  failed: number;
  p50Ms: number;
  p99Ms: number;
  maxMs: number;
  /** Of the calls of the time to settle; NaN without one. */
  settlingP99Ms: number;
  /** Open loop: from when a request was due to when it was sent, for want of this program's own time or of a free connection. */
  sentLateP99Ms: number;
}

const headEnd = Buffer.from('\r\n\r\n');
const lastChunk = Buffer.from('0\r\n\r\n');

class Connection {
  readonly #socket: net.Socket;
  readonly #next: () => Buffer;
  readonly #onAnswer: (connection: Connection, ok: boolean) => void;
  #pending: Buffer | null = null;
  startedAt = 0;
  /** A call is under way: what arrives or ends without one is a server's idle time-out, no failed call. */
  busy = false;

  constructor(port: number, next: () => Buffer, onAnswer: (connection: Connection, ok: boolean) => void, onFailure: (connection: Connection) => void) {
    this.#next = next;
    this.#onAnswer = onAnswer;
    this.#socket = net.connect({ port, host: '127.0.0.1', noDelay: true });
    this.#socket.on('data', (chunk: Buffer) => this.#data(chunk));
    this.#socket.on('error', () => undefined);
    this.#socket.on('close', () => onFailure(this));
  }

  send(at: number): void {
    this.startedAt = at;
    this.busy = true;
    this.#socket.write(this.#next());
  }

  end(): void {
    this.#socket.removeAllListeners('close');
    this.#socket.destroy();
  }

  #data(chunk: Buffer): void {
    if (!this.busy) return;
    const data = this.#pending === null ? chunk : Buffer.concat([this.#pending, chunk]);
    const end = data.indexOf(headEnd);
    if (end !== -1 && isWhole(data, end)) {
      this.#pending = null;
      this.busy = false;
      // "HTTP/1.1 2"
      this.#onAnswer(this, data[9] === 0x32);
    } else this.#pending = data;
  }
}

/** Numbers kept outside of the garbage collector's heap: a list of a hundred thousand is moved, and calls wait, each time it grows. */
class Samples {
  #values = new Float64Array(1 << 20);
  length = 0;

  push(value: number): void {
    if (this.length === this.#values.length) {
      const larger = new Float64Array(this.#values.length * 2);
      larger.set(this.#values);
      this.#values = larger;
    }
    this.#values[this.length] = value;
    this.length += 1;
  }

  /** Ascending. */
  sorted(): number[] {
    return [...this.#values.subarray(0, this.length).toSorted()];
  }
}

function isWhole(data: Buffer, headLength: number): boolean {
  const head = data.toString('latin1', 0, headLength + 2);
  const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
  if (length !== undefined) return data.length >= headLength + 4 + Number(length);
  return data.subarray(-lastChunk.length).equals(lastChunk);
}

export async function generate(plan: LoadPlan): Promise<LoadResult> {
  const next = plan.requestsFile === undefined ? always(Buffer.from(plan.request, 'latin1')) : inTurn(readFileSync(plan.requestsFile));
  const { settleMs = 0 } = plan;
  const latencies = new Samples();
  const settling = new Samples();
  const lateness = new Samples();
  const idle: Connection[] = [];
  const late: number[] = [];
  let notOk = 0;
  let failed = 0;
  let running = true;
  const done = Promise.withResolvers<void>();
  const begun = performance.now();
  const answered = (connection: Connection, ok: boolean): void => {
    const now = performance.now();
    (connection.startedAt - begun < settleMs ? settling : latencies).push(now - connection.startedAt);
    if (!ok) notOk += 1;
    if (plan.count !== undefined && latencies.length >= plan.count) done.resolve();
    if (!running) return;
    if (plan.rate === undefined) connection.send(now);
    else {
      const due = late.shift();
      if (due === undefined) idle.push(connection);
      else send(connection, due);
    }
  };
  const send = (connection: Connection, due: number): void => {
    if (due - begun >= settleMs) lateness.push(performance.now() - due);
    connection.send(due);
  };
  const lost = (connection: Connection): void => {
    const unused = idle.indexOf(connection);
    if (unused !== -1) idle.splice(unused, 1);
    if (!connection.busy) return;
    failed += 1;
    if (failed >= plan.connections) done.resolve();
  };
  const connections = Array.from({ length: plan.connections }, () => new Connection(plan.port, next, answered, lost));
  if (plan.rate === undefined) for (const connection of connections) connection.send(performance.now());
  else {
    idle.push(...connections);
    schedule(plan.rate, begun, () => running, (due) => {
      const connection = idle.pop();
      if (connection === undefined) late.push(due);
      else send(connection, due);
    });
  }
  const timer = plan.count === undefined ? setTimeout(done.resolve, settleMs + plan.durationMs) : null;
  await done.promise;
  running = false;
  if (timer !== null) clearTimeout(timer);
  const seconds = (performance.now() - begun - settleMs) / 1000;
  for (const connection of connections) connection.end();
  const sorted = latencies.sorted();
  return {
    rps: latencies.length / seconds,
    answered: latencies.length,
    notOk,
    failed,
    p50Ms: quantile(sorted, 0.5),
    p99Ms: quantile(sorted, 0.99),
    maxMs: sorted.at(-1) ?? Number.NaN,
    settlingP99Ms: quantile(settling.sorted(), 0.99),
    sentLateP99Ms: quantile(lateness.sorted(), 0.99),
  };
}

const always = (request: Buffer) => (): Buffer => request;

/** From the front again when all have been sent. */
function inTurn(file: Buffer): () => Buffer {
  let at = 0;
  return () => {
    if (at >= file.length) at = 0;
    const length = file.readUInt32BE(at);
    const request = file.subarray(at + 4, at + 4 + length);
    at += 4 + length;
    return request;
  };
}

/** Starts what is due, checking once a turn of the event loop's timers (about a millisecond). */
function schedule(rate: number, begun: number, goesOn: () => boolean, start: (due: number) => void): void {
  let started = 0;
  const timer = setInterval(() => {
    if (!goesOn()) {
      clearInterval(timer);
      return;
    }
    // The first is due at once: counting it from there and starting it one interval later would add that to every latency.
    const due = Math.floor(((performance.now() - begun) / 1000) * rate) + 1;
    for (; started < due; started += 1) start(begun + (started / rate) * 1000);
  }, 1);
}

if (import.meta.main) console.log(JSON.stringify(await generate(JSON.parse(process.argv[2] ?? '{}') as LoadPlan)));
