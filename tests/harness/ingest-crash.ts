/**
 * The crash test of ingest: events come in while the server and PostgreSQL are killed at random, from a sender that
 * repeats as vendors do. In the end every event was acknowledged, is worked on, and has had its effect exactly once.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { Agent, request as httpRequest } from 'node:http';
import { randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createPool } from '@evenkeel/server/database/pool.ts';
import { freePort } from './evenkeel.ts';
import { startOwnPostgres } from './own-postgres.ts';
import { plantAddress, sign, signatureHeader, vendorEvent, webhookManifest, type PlantedAddress } from './webhook-vendor.ts';

export interface CrashPlan {
  readonly seconds: number;
  readonly eventsPerSecond: number;
  /** One after another while events come in: what is killed, and how long after the one before. */
  readonly kills: readonly { readonly what: 'server' | 'postgres'; readonly afterMs: number }[];
  readonly note: (text: string) => void;
}

export interface CrashReport {
  readonly events: number;
  /** Requests sent, repetitions included. */
  readonly requests: number;
  /** How often each status was answered; 0 for connections that broke. */
  readonly statuses: Readonly<Record<number, number>>;
  readonly kills: number;
  /** Acknowledged events that are not processed in the end: has to be 0. */
  readonly lost: number;
  /** Events with more than one effect: has to be 0. */
  readonly doubled: number;
  /** Events acknowledged that the sender sent again anyhow, as a vendor does whose connection broke. */
  readonly duplicates: number;
  /** From the last acknowledgement to the last event worked on. */
  readonly drainMs: number;
}

const perRequest = 2;
const senders = 64;

export async function crashIngest(plan: CrashPlan): Promise<CrashReport> {
  const postgres = await startOwnPostgres();
  const [port, masterKey, key] = [await freePort(), randomBytes(32).toString('base64'), randomBytes(24).toString('hex')];
  const server = new ServerProcess({ PORT: String(port), DATABASE_URL: postgres.url, EVENKEEL_MASTER_KEY: masterKey, EVENKEEL_ADMIN_KEY: key, EVENKEEL_DATA_DIR: tmpdir(), EVENKEEL_LOG_LEVEL: 'fatal' });
  const pool = createPool(postgres.url, { max: 2, onError: () => undefined });
  try {
    await server.start(port);
    const put = await fetch(`http://127.0.0.1:${port}/v1/connectors/inbox-crm`, { method: 'PUT', headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' }, body: JSON.stringify(webhookManifest()) });
    if (!put.ok) throw new Error(await put.text());
    const address = await plantAddress(pool, masterKey);
    const sender = new Sender(port, address);
    const sending = sender.send(plan.seconds, plan.eventsPerSecond);
    let kills = 0;
    for (const { what, afterMs } of plan.kills) {
      await sleep(afterMs);
      kills += 1;
      plan.note(`kill ${kills}: ${what}, ${sender.acknowledged.size} events acknowledged`);
      if (what === 'server') {
        await server.kill();
        await server.start(port);
      } else {
        await postgres.kill();
        await sleep(500);
        await postgres.start();
      }
    }
    await sending;
    const acknowledgedAt = performance.now();
    await drained(pool);
    const drainMs = performance.now() - acknowledgedAt;
    return { ...(await judge(pool, address, sender)), kills, drainMs };
  } finally {
    await server.kill();
    await pool.end();
    await postgres.remove();
  }
}

/** Production's own program. */
export class ServerProcess {
  readonly #environment: Record<string, string>;
  readonly #errors: 'inherit' | 'ignore';
  #child: ChildProcess | undefined;

  /** `errors`: what becomes of its standard error, of which a process that dies may write a lot. */
  constructor(environment: Record<string, string>, errors: 'inherit' | 'ignore' = 'inherit') {
    this.#environment = environment;
    this.#errors = errors;
  }

  async start(port: number): Promise<void> {
    const child = spawn(process.execPath, [join(import.meta.dirname, '../../packages/server/src/main.ts')], { env: { PATH: process.env['PATH'], EVENKEEL_API_PROCESSES: '1', ...this.#environment }, stdio: ['ignore', 'ignore', this.#errors] });
    this.#child = child;
    for (const until = Date.now() + 60_000; Date.now() < until; await sleep(50)) {
      if (child.exitCode !== null || child.signalCode !== null) return this.start(port);
      const answer = await fetch(`http://127.0.0.1:${port}/healthz`).catch(() => undefined);
      if (answer?.ok === true) return;
    }
    throw new Error('the server did not start within a minute');
  }

  /** It has died, of whatever. */
  get dead(): boolean {
    return this.#child === undefined || this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  async kill(): Promise<void> {
    const child = this.#child;
    if (child === undefined || this.dead) return;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  }
}

/** Sends on schedule and repeats until each request is answered with 2xx; some are sent once more although they were. */
class Sender {
  readonly acknowledged = new Set<string>();
  readonly statuses: Record<number, number> = {};
  requests = 0;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: senders });
  readonly #port: number;
  readonly #address: PlantedAddress;

  constructor(port: number, address: PlantedAddress) {
    this.#port = port;
    this.#address = address;
  }

  async send(seconds: number, eventsPerSecond: number): Promise<void> {
    const open = new Set<Promise<void>>();
    const total = Math.round((seconds * eventsPerSecond) / perRequest);
    const begun = performance.now();
    for (let index = 0; index < total; index += 1) {
      const dueMs = begun + (index / total) * seconds * 1000;
      const waitMs = dueMs - performance.now();
      if (waitMs > 0) await sleep(waitMs);
      const one = this.#deliver(index).finally(() => open.delete(one));
      open.add(one);
    }
    await Promise.all(open);
    this.#agent.destroy();
  }

  async #deliver(index: number): Promise<void> {
    const ids = Array.from({ length: perRequest }, (_, at) => `event-${index}-${at}`);
    const body = JSON.stringify({ events: ids.map((id) => vendorEvent({ id, contact: { id, name: 'Ada' } })) });
    for (let attempt = 0; ; attempt += 1) {
      const status = await this.#post(body);
      if (status >= 200 && status < 300) break;
      await sleep(Math.min(250 * 2 ** Math.min(attempt, 3), 2_000) * (0.5 + Math.random()));
    }
    for (const id of ids) this.acknowledged.add(id);
    if (index % 10 === 0) await this.#post(body);
  }

  #post(body: string): Promise<number> {
    this.requests += 1;
    return new Promise<number>((resolve) => {
      const sending = httpRequest({ port: this.#port, host: '127.0.0.1', path: this.#address.path, method: 'POST', agent: this.#agent, timeout: 5_000, headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body), [signatureHeader]: sign(this.#address.secret, body) } }, (response) => {
        response.resume();
        response.once('end', () => resolve(response.statusCode ?? 0));
        response.once('error', () => resolve(0));
      });
      sending.once('timeout', () => sending.destroy());
      sending.once('error', () => resolve(0));
      sending.end(body);
    }).then((status) => {
      this.statuses[status] = (this.statuses[status] ?? 0) + 1;
      return status;
    });
  }
}

type Database = ReturnType<typeof createPool>;

async function drained(pool: Database): Promise<void> {
  for (const until = Date.now() + 120_000; ; await sleep(50)) {
    const { rows } = await pool.query<{ left: number }>('select (select count(*) from inbound_queue) + (select count(*) from inbound_work) as left');
    if (rows[0]?.left === 0) return;
    if (Date.now() > until) throw new Error(`${rows[0]?.left} are not worked on two minutes after the last was acknowledged`);
  }
}

async function judge(pool: Database, address: PlantedAddress, sender: Sender): Promise<Omit<CrashReport, 'kills' | 'drainMs'>> {
  const effects = await pool.query<{ id: string; n: number }>(`select payload ->> 'record_id' as id, count(*) as n from events where account_id = $1 and type = 'crm.contact.updated' group by 1`, [address.accountId]);
  const processed = await pool.query<{ id: string }>(`select vendor_event_id as id from inbound_events where account_id = $1 and state = 'processed'`, [address.accountId]);
  const duplicates = await pool.query<{ n: number }>('select coalesce(sum(duplicates), 0)::bigint as n from inbound_event_keys');
  const byId = new Map(effects.rows.map(({ id, n }) => [id, n]));
  const done = new Set(processed.rows.map(({ id }) => id));
  return {
    events: sender.acknowledged.size,
    requests: sender.requests,
    statuses: sender.statuses,
    lost: [...sender.acknowledged].filter((id) => byId.get(id) === undefined || !done.has(id)).length,
    doubled: [...byId.values()].filter((n) => n > 1).length,
    duplicates: duplicates.rows[0]?.n ?? 0,
  };
}
