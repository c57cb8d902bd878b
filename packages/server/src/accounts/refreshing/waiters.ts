/** Waiting for news of an account: woken by its announcement, or by a short timer for when an announcement is lost. */

export interface Waiter {
  readonly promise: Promise<void>;
  cancel(): void;
}

export class Waiters {
  readonly #waiting = new Map<string, Set<() => void>>();

  next(accountId: string, atMostMs: number): Waiter {
    const wakers = this.#waiting.get(accountId) ?? new Set();
    this.#waiting.set(accountId, wakers);
    let finish = (): void => undefined;
    const promise = new Promise<void>((resolve) => {
      const timer = setTimeout(() => finish(), atMostMs);
      finish = () => {
        clearTimeout(timer);
        wakers.delete(finish);
        if (wakers.size === 0 && this.#waiting.get(accountId) === wakers) this.#waiting.delete(accountId);
        resolve();
      };
      wakers.add(finish);
    });
    return { promise, cancel: () => finish() };
  }

  wake(accountId: string): void {
    const wakers = this.#waiting.get(accountId);
    if (wakers !== undefined) for (const finish of wakers) finish();
  }
}
