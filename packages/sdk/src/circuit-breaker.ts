/**
 * A circuit breaker per account: after several failures in a row of the platform or the vendor, calls for that account
 * are refused here for a while, then one probe decides. Pattern: M. Nygard, "Release It!". Refusals and mistakes of
 * the caller (4xx but 429) prove that the way is open and close it.
 */
export interface BreakerOptions {
  /** Failures in a row that open it; default 5. */
  readonly failureThreshold?: number;
  /** How long it stays open in ms when no Retry-After says otherwise, doubled after each failed probe; default 10 000. */
  readonly openMs?: number;
  /** The longest it stays open, Retry-After included; default 300 000. */
  readonly maxOpenMs?: number;
  /** A probe that has not reported after this long is given up and another one let through; default 60 000. */
  readonly probeTimeoutMs?: number;
  /** Accounts with a failure on record at one time, the least recently used one is forgotten first; default 10 000. */
  readonly maxAccounts?: number;
  readonly now?: () => number;
}

export type BreakerState = 'closed' | 'open' | 'half_open';

/** success: answered. failure: the platform or the vendor failed. abandoned: nobody will know, e.g. the caller hung up. */
export type BreakerOutcome =
  | { readonly kind: 'success' }
  | { readonly kind: 'abandoned' }
  | { readonly kind: 'failure'; readonly retryAfterMs?: number | undefined };

export type Admission = { readonly ok: true; readonly settle: (outcome: BreakerOutcome) => void } | { readonly ok: false; readonly retryAfterMs: number };

interface Circuit {
  failures: number;
  /** Openings in a row; each doubles the time of the next. */
  openings: number;
  openUntilMs: number | null;
  probeUntilMs: number | null;
  /** Raised on every change of state: an outcome admitted under an older number says nothing about the present. */
  epoch: number;
}

/** How an HTTP answer counts. 429 counts as a failure: the vendor refuses, however politely. */
export function outcomeOfStatus(status: number, retryAfterMs?: number | null): BreakerOutcome {
  return status >= 500 || status === 429 ? { kind: 'failure', retryAfterMs: retryAfterMs ?? undefined } : { kind: 'success' };
}

/** Holds no timers and nothing about accounts that are well, so it needs no closing. */
export class CircuitBreaker {
  readonly #options: Required<BreakerOptions>;
  readonly #circuits = new Map<string, Circuit>();

  constructor(options: BreakerOptions = {}) {
    this.#options = { failureThreshold: 5, openMs: 10_000, maxOpenMs: 300_000, probeTimeoutMs: 60_000, maxAccounts: 10_000, now: Date.now, ...options };
  }

  /** Asks to make a call. When admitted, `settle` must be told how it went (once; later calls do nothing). */
  enter(account: string): Admission {
    const circuit = this.#circuits.get(account);
    const nowMs = this.#options.now();
    if (circuit !== undefined && circuit.openUntilMs !== null) {
      const blockedUntilMs = Math.max(circuit.openUntilMs, circuit.probeUntilMs ?? 0);
      if (nowMs < blockedUntilMs) return { ok: false, retryAfterMs: blockedUntilMs - nowMs };
      circuit.probeUntilMs = nowMs + this.#options.probeTimeoutMs;
      circuit.epoch += 1;
    }
    const epoch = circuit?.epoch ?? 0;
    let settled = false;
    return {
      ok: true,
      settle: (outcome) => {
        if (settled) return;
        settled = true;
        this.#settle(account, epoch, outcome);
      },
    };
  }

  state(account: string): BreakerState {
    const openUntilMs = this.#circuits.get(account)?.openUntilMs ?? null;
    if (openUntilMs === null) return 'closed';
    return this.#options.now() < openUntilMs ? 'open' : 'half_open';
  }

  #settle(account: string, epoch: number, outcome: BreakerOutcome): void {
    const circuit = this.#circuits.get(account) ?? { failures: 0, openings: 0, openUntilMs: null, probeUntilMs: null, epoch: 0 };
    if (circuit.epoch !== epoch) return;
    if (outcome.kind === 'abandoned') {
      circuit.probeUntilMs = null;
    } else if (outcome.kind === 'success') {
      this.#circuits.delete(account);
    } else {
      circuit.failures += 1;
      if (circuit.openUntilMs !== null || circuit.failures >= this.#options.failureThreshold) this.#open(circuit, outcome.retryAfterMs);
      this.#remember(account, circuit);
    }
  }

  #open(circuit: Circuit, retryAfterMs: number | undefined): void {
    const { openMs, maxOpenMs, now } = this.#options;
    const ownMs = openMs * 2 ** Math.min(circuit.openings, 30);
    circuit.openUntilMs = now() + Math.min(retryAfterMs ?? ownMs, maxOpenMs);
    circuit.openings += 1;
    circuit.probeUntilMs = null;
    circuit.epoch += 1;
  }

  #remember(account: string, circuit: Circuit): void {
    this.#circuits.delete(account);
    this.#circuits.set(account, circuit);
    if (this.#circuits.size <= this.#options.maxAccounts) return;
    const oldest = this.#circuits.keys().next();
    if (!oldest.done) this.#circuits.delete(oldest.value);
  }
}
