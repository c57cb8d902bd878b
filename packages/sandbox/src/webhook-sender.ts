/**
 * Sends the vendors' signed webhooks to registered loopback targets, a few tries each as vendors do, in the order of
 * the changes. Every attempt is kept, so that a test can tell what was sent, lost or refused.
 */
import { setTimeout as wait } from 'node:timers/promises';
import { secretHex } from './random.ts';
import type { Change, NewWebhookRegistration, Vendor, WebhookMessage, WebhookRegistration } from './vendor.ts';

export interface WebhookAttempt {
  readonly registration: string;
  readonly vendor: string;
  readonly at: number;
  readonly attempt: number;
  /** null: no answer; "lost": a fault swallowed it. */
  readonly result: number | null | 'lost';
}
export interface WebhookSender {
  register(vendor: Vendor, registration: NewWebhookRegistration): WebhookRegistration;
  /** Those that have not expired. */
  list(vendor: string): WebhookRegistration[];
  /** Of all registrations of a vendor, or of one; how many were meant. */
  change(vendor: string, id: string | undefined, change: Partial<Pick<WebhookRegistration, 'enabled' | 'expiresAt'>>): number;
  remove(vendor: string, id?: string): void;
  attempts(vendor: string): WebhookAttempt[];
  changed(vendor: Vendor, change: Change): void;
  clear(): void;
  /** Resolves when nothing is under way any more. */
  idle(): Promise<void>;
  close(): Promise<void>;
}
export interface WebhookSenderOptions {
  now(): number;
  loses(vendor: string, account: string): boolean;
  /** Waits before the second, third, … try. */
  readonly retryDelaysMs: readonly number[];
}

/** Only loopback: a sandbox never reaches out. */
export function targetAllowed(url: string): boolean {
  const parsed = URL.parse(url);
  return parsed !== null && parsed.protocol === 'http:' && ['127.0.0.1', 'localhost', '[::1]'].includes(parsed.hostname);
}

export function createWebhookSender(options: WebhookSenderOptions): WebhookSender {
  const registrations = new Map<string, WebhookRegistration[]>();
  let attempts: WebhookAttempt[] = [];
  const underWay = new Set<Promise<void>>();
  const queues = new Map<string, Promise<void>>();
  let stop = new AbortController();

  const live = (vendor: string): WebhookRegistration[] => (registrations.get(vendor) ?? []).filter(({ expiresAt }) => expiresAt === null || expiresAt > options.now());
  const record = (vendor: string, registration: string, attempt: number, result: WebhookAttempt['result']): void => {
    attempts.push({ vendor, registration, at: options.now(), attempt, result });
    if (attempts.length > 4000) attempts = attempts.slice(-2000);
  };

  async function send(vendor: string, registration: WebhookRegistration, message: WebhookMessage, signal: AbortSignal): Promise<void> {
    for (let attempt = 1; attempt <= options.retryDelaysMs.length + 1 && !signal.aborted; attempt += 1) {
      if (attempt > 1) await wait(options.retryDelaysMs[attempt - 2] ?? 0, undefined, { signal }).catch(() => undefined);
      const headers = attempt === 1 ? message.headers : { ...message.headers, ...message.retryHeaders?.(attempt - 1) };
      const answer = await fetch(registration.target_url, { method: 'POST', headers, body: message.body, redirect: 'manual', signal: AbortSignal.any([signal, AbortSignal.timeout(10_000)]) }).catch(() => null);
      await answer?.arrayBuffer().catch(() => null);
      record(vendor, registration.id, attempt, answer?.status ?? null);
      if (answer?.ok === true) return;
    }
  }
  function enqueue(vendor: string, registration: WebhookRegistration, message: WebhookMessage): void {
    const { signal } = stop;
    const before = queues.get(registration.id) ?? Promise.resolve();
    const task = before.then(() => send(vendor, registration, message, signal));
    queues.set(registration.id, task);
    underWay.add(task);
    void task.finally(() => underWay.delete(task));
  }
  const idle = async (): Promise<void> => {
    while (underWay.size > 0) await Promise.all(underWay);
  };
  const clear = (): void => {
    stop.abort();
    stop = new AbortController();
    registrations.clear();
    queues.clear();
    attempts = [];
  };
  return {
    register(vendor, registration) {
      const made: WebhookRegistration = { id: secretHex(16), enabled: true, expiresAt: null, ...registration };
      registrations.set(vendor.id, [...(registrations.get(vendor.id) ?? []), made]);
      for (const message of vendor.greeting?.(made) ?? []) enqueue(vendor.id, made, message);
      return made;
    },
    list: live,
    change(vendor, id, change) {
      const meant = live(vendor).filter((known) => id === undefined || known.id === id);
      registrations.set(vendor, live(vendor).map((known) => (meant.includes(known) ? { ...known, ...change } : known)));
      return meant.length;
    },
    remove(vendor, id) {
      registrations.set(vendor, id === undefined ? [] : (registrations.get(vendor) ?? []).filter((known) => known.id !== id));
    },
    attempts: (vendor) => attempts.filter((attempt) => attempt.vendor === vendor),
    changed(vendor, change) {
      for (const registration of live(vendor.id)) {
        if (!registration.enabled) continue;
        if (registration.account !== null && registration.account !== change.account) continue;
        for (const message of vendor.webhooks(change, registration)) {
          if (options.loses(vendor.id, change.account)) record(vendor.id, registration.id, 0, 'lost');
          else enqueue(vendor.id, registration, message);
        }
      }
    },
    clear,
    idle,
    async close() {
      clear();
      await idle();
    },
  };
}
