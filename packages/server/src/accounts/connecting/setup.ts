/**
 * What stands between credentials and an active account: obtaining tokens, the validation call, post-install steps. It
 * runs under a lease on the account, each step's outcome is stored before the next, and whatever a crash leaves undone
 * is found by `resume` and continued on any node. A step cut off between its request and its record runs twice.
 */
import { transaction } from '../../database/pool.ts';
import type { AccountRow } from '../account-store.ts';
import { deleteCredential } from '../credential-store.ts';
import { reopenSessions } from './connect-session-store.ts';
import { runSetup, type SetupFailure, type SetupParts } from './setup-run.ts';
import { worksOrWaits } from './taking-credentials.ts';
import { moveAccount } from '../transitions.ts';
import { evidenceOf } from '../vendor.ts';

const leaseMs = 120_000;
/** Waits before a step that failed transiently is tried again; then the failure counts. */
const patienceMs = [500, 2_000, 8_000];

export class Setup {
  readonly #parts: SetupParts;
  readonly #running = new Map<string, Promise<void>>();
  readonly #timers = new Map<string, NodeJS.Timeout>();
  #closed = false;

  constructor(parts: SetupParts) {
    this.#parts = parts;
  }

  /** Runs what an account owes, here and now, unless another node does. Resolves when this attempt is over; never rejects. */
  run(accountId: string): Promise<void> {
    const present = this.#running.get(accountId);
    if (present !== undefined) return present;
    if (this.#closed) return Promise.resolve();
    clearTimeout(this.#timers.get(accountId));
    this.#timers.delete(accountId);
    const run = this.#attempt(accountId)
      .catch((error: unknown) => this.#parts.log.error({ err: error, accountId }, 'accounts: set-up failed inside and will be resumed'))
      .finally(() => this.#running.delete(accountId));
    this.#running.set(accountId, run);
    return run;
  }

  /** Continues what is due and nobody works on: after a crash, or when a node that meant to try again is gone. */
  async resume(atMost = 50): Promise<number> {
    const { rows } = await this.#parts.pool.query<{ id: string }>(
      `select id from accounts
       where setup_due_at <= clock_timestamp() and deleted_at is null and (setup_until is null or setup_until < clock_timestamp())
       order by setup_due_at
       limit $1`,
      [atMost],
    );
    const due = rows.map(({ id }) => id).filter((id) => !this.#running.has(id));
    await Promise.all(due.map((id) => this.run(id)));
    return due.length;
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const timer of this.#timers.values()) clearTimeout(timer);
    await Promise.all(this.#running.values());
  }

  async #attempt(accountId: string): Promise<void> {
    const account = await this.#claim(accountId);
    if (account === undefined) return;
    const outcome = await runSetup(this.#parts, account);
    switch (outcome.kind) {
      case 'passed':
        await transaction(this.#parts.pool, async (client) => {
          if (!(await releaseLease(client, account))) return;
          await moveAccount(client, account.id, { type: 'setup_passed', called: outcome.called }, { actor: 'system:setup', evidence: { attempts: account.setup_attempts + 1 } });
        });
        break;
      case 'failed':
        await this.#settleFailure(account, outcome.failure);
        break;
      case 'unfinished':
        await this.#tryLater(account, outcome.againMs, 0);
        break;
      case 'overtaken':
        break;
    }
    this.#parts.changed(accountId);
  }

  async #claim(accountId: string): Promise<AccountRow | undefined> {
    const { rows } = await this.#parts.pool.query<AccountRow>(
      `update accounts
       set setup_owner = $2, setup_until = clock_timestamp() + $3 * interval '1 millisecond', setup_fence = setup_fence + 1
       where id = $1 and setup_due_at <= clock_timestamp() and deleted_at is null and (setup_until is null or setup_until < clock_timestamp())
       returning *`,
      [accountId, this.#parts.owner, leaseMs],
    );
    return rows[0];
  }

  async #settleFailure(account: AccountRow, failed: SetupFailure): Promise<void> {
    const waitMs = patienceMs[account.setup_attempts];
    if (failed.failure.kind === 'transient' && waitMs !== undefined) {
      await this.#tryLater(account, Math.max(waitMs, Math.min(failed.failure.retryAfterS ?? 0, 60) * 1000), account.setup_attempts + 1);
      return;
    }
    const { message } = failed.failure;
    await transaction(this.#parts.pool, async (client) => {
      if (!(await releaseLease(client, account))) return;
      const candidateFell = failed.candidate && worksOrWaits(account);
      if (candidateFell) await deleteCredential(client, account.id, 'candidate');
      const note = { actor: 'system:setup', evidence: evidenceOf(failed.failure), message };
      const { decision } = await moveAccount(client, account.id, { type: failed.event }, note);
      if (decision.kind === 'unchanged' && !worksOrWaits(account)) await client.query('update accounts set message = $2, updated_at = now() where id = $1', [account.id, message]);
      if (failed.event !== 'post_install_failed') await reopenSessions(client, account.id, message);
    });
  }

  async #tryLater(account: AccountRow, waitMs: number, attempts: number): Promise<void> {
    const { rowCount } = await this.#parts.pool.query(
      `update accounts
       set setup_due_at = clock_timestamp() + $3 * interval '1 millisecond', setup_attempts = $4, setup_owner = null, setup_until = null
       where id = $1 and setup_fence = $2`,
      [account.id, account.setup_fence, waitMs, attempts],
    );
    if (rowCount !== 1 || this.#closed) return;
    // A comfort only: should this process end, another resumes by the due time.
    this.#timers.set(account.id, setTimeout(() => void this.run(account.id), waitMs + 20));
  }
}

/** Nothing is owed any more; false when the lease was lost to somebody else, or new credentials came meanwhile. */
async function releaseLease(client: { query(text: string, values: unknown[]): Promise<{ rowCount: number | null }> }, account: AccountRow): Promise<boolean> {
  const { rowCount } = await client.query(
    `update accounts set setup_due_at = null, setup_attempts = 0, setup_owner = null, setup_until = null
     where id = $1 and setup_fence = $2`,
    [account.id, account.setup_fence],
  );
  return rowCount === 1;
}
