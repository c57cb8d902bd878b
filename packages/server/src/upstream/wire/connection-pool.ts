/**
 * The connections to one origin: reused newest first, capped, closed when idle for long. Calls beyond the cap wait in
 * order; one that gives up while waiting is skipped, and was never sent.
 */
import type { buildConnector } from 'undici';
import { Connection, type Carried } from './connection.ts';

/** A call that may give up before it is carried. */
export interface Waiting extends Carried {
  readonly over: boolean;
  /** Set when all connections are taken. */
  queued: boolean;
}

export interface PoolOptions {
  readonly origin: string;
  readonly dial: buildConnector.connector;
  readonly connections: number;
  readonly keepAliveMs: number;
  /** The last connection closed and nobody waits. */
  readonly onEmpty: () => void;
}

export class ConnectionPool {
  readonly #options: PoolOptions;
  readonly #target: buildConnector.Options;
  readonly #all = new Set<Connection>();
  readonly #idle: Connection[] = [];
  readonly #waiting: Waiting[] = [];
  #dialling = 0;
  #sweeper: NodeJS.Timeout | null = null;
  #closing = false;

  constructor(options: PoolOptions) {
    this.#options = options;
    const { protocol, hostname, host, port } = new URL(options.origin);
    this.#target = { protocol, hostname, host, port };
  }

  get empty(): boolean {
    return this.#all.size === 0 && this.#dialling === 0 && this.#waiting.length === 0;
  }

  send(call: Waiting): void {
    for (let connection = this.#idle.pop(); connection !== undefined; connection = this.#idle.pop()) {
      if (!connection.usable) continue;
      connection.setIdle(false);
      connection.carry(call);
      return;
    }
    this.#waiting.push(call);
    if (this.#all.size + this.#dialling < this.#options.connections) this.#dial();
    else call.queued = true;
  }

  /** Closes idle connections; those that carry calls close when these end. */
  close(): void {
    this.#closing = true;
    if (this.#sweeper !== null) clearInterval(this.#sweeper);
    for (const connection of this.#idle.splice(0)) connection.close();
  }

  #dial(): void {
    this.#dialling += 1;
    this.#options.dial(this.#target, (error, socket) => {
      this.#dialling -= 1;
      if (error !== null || socket === null) {
        this.#failedToDial(error);
        return;
      }
      const connection = new Connection(socket, (freed, reusable) => this.#freed(freed, reusable));
      this.#all.add(connection);
      this.#freed(connection, true);
    });
  }

  /** One dial was made for one waiting call; it fails, the others have their own. */
  #failedToDial(error: unknown): void {
    this.#next()?.failed(error);
    this.#dialForWaiting();
    this.#signalEmpty();
  }

  #freed(connection: Connection, reusable: boolean): void {
    if (!reusable) {
      if (!this.#all.delete(connection)) return;
      const at = this.#idle.indexOf(connection);
      if (at !== -1) this.#idle.splice(at, 1);
      this.#dialForWaiting();
      this.#signalEmpty();
      return;
    }
    const next = this.#next();
    if (next !== undefined) connection.carry(next);
    else if (this.#closing) connection.close();
    else this.#park(connection);
  }

  #park(connection: Connection): void {
    connection.idleSince = performance.now();
    connection.setIdle(true);
    this.#idle.push(connection);
    if (this.#sweeper !== null) return;
    this.#sweeper = setInterval(() => this.#sweep(), 500);
    this.#sweeper.unref();
  }

  #sweep(): void {
    const now = performance.now();
    for (const connection of [...this.#idle]) {
      // A second before the vendor would: a request must not meet a connection that is being closed.
      const limit = Math.min(this.#options.keepAliveMs, (connection.keepAliveMs ?? Infinity) - 1000);
      if (now - connection.idleSince >= limit) connection.close();
    }
    if (this.#idle.length === 0 && this.#sweeper !== null) {
      clearInterval(this.#sweeper);
      this.#sweeper = null;
    }
  }

  #next(): Waiting | undefined {
    for (let call = this.#waiting.shift(); call !== undefined; call = this.#waiting.shift()) if (!call.over) return call;
    return undefined;
  }

  #dialForWaiting(): void {
    while (this.#waiting.length > this.#dialling && this.#all.size + this.#dialling < this.#options.connections) this.#dial();
  }

  #signalEmpty(): void {
    if (this.empty) this.#options.onEmpty();
  }
}
