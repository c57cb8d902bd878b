/**
 * The sandbox: simulated vendors on one loopback port, the vendor's real host as first path segment, state in memory.
 * `POST /_sandbox/reset` brings it back to the seeded start.
 */
import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createClock, type Clock } from './clock.ts';
import { control, type ControlDeps } from './control.ts';
import { createFaultTable } from './faults.ts';
import type { Json } from './json.ts';
import { openMemory, type MemoryFile } from './memory.ts';
import { serve, type PipelineDeps } from './pipeline.ts';
import { createRandom } from './random.ts';
import { createLimitTable } from './rate-limiter.ts';
import { createRequestLog } from './request-log.ts';
import type { Vendor, World } from './vendor.ts';
import { vendorMakers } from './vendors.ts';
import { createWebhookSender, targetAllowed, type WebhookSender } from './webhook-sender.ts';

export interface SandboxOptions {
  /** 0 picks a free one. */
  readonly port: number;
  /** Same seed, same data; default "evenkeel". */
  readonly seed?: string;
  /** Epoch milliseconds; default real time. */
  readonly now?: () => number;
  /** Waits before a webhook is sent again; default 200 ms, 1 s, 3 s. */
  readonly webhookRetryDelaysMs?: readonly number[];
  /** Keeps grants and tokens over restarts; default: nothing outlives the sandbox. */
  readonly memoryFile?: string;
}
export interface Sandbox {
  /** "http://127.0.0.1:<port>": a vendor's address is `${url}/${host}${path}`. */
  readonly url: string;
  readonly port: number;
  /** Moves the virtual clock, as POST /_sandbox/clock does. */
  advance(ms: number): void;
  /** Resolves when no webhook is under way any more. */
  webhooksIdle(): Promise<void>;
  close(): Promise<void>;
}

/** RFC 8252 section 7.3: the port of a loopback redirect is free. Others are registered at /_sandbox/redirects. */
function loopbackCallback(uri: string): boolean {
  const parsed = URL.parse(uri);
  return parsed !== null && parsed.protocol === 'http:' && ['127.0.0.1', 'localhost', '[::1]'].includes(parsed.hostname) && parsed.pathname === '/oauth/callback';
}

/** A map that makes what it is asked for. */
function making<T>(make: () => T): { of(name: string): T; clear(): void } {
  const made = new Map<string, T>();
  return {
    of(name) {
      const known = made.get(name);
      if (known !== undefined) return known;
      const fresh = make();
      made.set(name, fresh);
      return fresh;
    },
    clear: () => made.clear(),
  };
}

interface Stage {
  readonly pipeline: PipelineDeps;
  readonly clock: Clock;
  readonly webhooks: WebhookSender;
  readonly memory: MemoryFile;
}

/** Everything but the socket. */
function setStage(options: SandboxOptions): Stage {
  const seed = options.seed ?? 'evenkeel';
  const clock = createClock(options.now);
  const faults = createFaultTable(createRandom(`${seed}/faults`));
  const log = createRequestLog();
  const redirects = new Set<string>();
  const settings = making(() => new Map<string, Json>());
  const limits = making(() => createLimitTable(() => clock.now()));
  const memory = openMemory(options.memoryFile);
  const webhooks = createWebhookSender({ now: () => clock.now(), loses: (vendor, account) => faults.losesWebhook(vendor, account), retryDelaysMs: options.webhookRetryDelaysMs ?? [200, 1000, 3000] });
  let vendors = new Map<string, Vendor>();
  const worldOf = (id: string): World => ({
    clock,
    random: (label) => createRandom(`${seed}/${id}/${label}`),
    limits: limits.of(id),
    changed(change) {
      const vendor = vendors.get(id);
      if (vendor !== undefined) webhooks.changed(vendor, change);
    },
    subscribe(registration) {
      const vendor = vendors.get(id);
      if (vendor === undefined || !targetAllowed(registration.target_url)) return { ok: false };
      return { ok: true, registration: webhooks.register(vendor, registration) };
    },
    subscriptions: () => webhooks.list(id),
    unsubscribe: (registration) => webhooks.remove(id, registration),
    changeSubscription: (registration, change) => webhooks.change(id, registration, change) > 0,
    setting: (name) => settings.of(id).get(name),
    memory: (name) => memory.of(`${id}/${name}`),
    redirectAllowed: (uri) => loopbackCallback(uri) || redirects.has(uri),
  });
  const build = (): void => {
    vendors = new Map(Object.entries(vendorMakers).map(([id, make]) => [id, make(worldOf(id))]));
  };
  const reset = (): void => {
    for (const part of [log, webhooks, redirects, settings, limits]) part.clear();
    faults.clearAll();
    memory.forget();
    clock.reset();
    build();
  };
  build();
  const deps: ControlDeps = { clock, faults, log, webhooks, vendor: (id) => vendors.get(id), vendorIds: () => [...vendors.keys()], limits: (id) => limits.of(id), settings: (id) => settings.of(id), redirects, reset };
  const pipeline: PipelineDeps = { clock, faults, log, random: createRandom(`${seed}/latency`), vendors: () => [...vendors.values()], control: (call) => control(deps, call) };
  return { pipeline, clock, webhooks, memory };
}

/** Starts listening on 127.0.0.1. Rejects when the port is taken. */
export async function startSandbox(options: SandboxOptions): Promise<Sandbox> {
  const { pipeline, clock, webhooks, memory } = setStage(options);
  const server = createServer({ keepAliveTimeout: 30_000 }, (request, response) => {
    serve(pipeline, request, response).catch(() => response.destroy());
  });
  server.listen(options.port, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    advance: (ms) => clock.advance(ms),
    webhooksIdle: () => webhooks.idle(),
    async close() {
      await webhooks.close();
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
      await memory.close();
    },
  };
}
