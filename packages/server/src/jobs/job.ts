/**
 * A job: a name, what makes it run, and its act. Jobs are kept by graphile-worker in the same database, so that one is
 * queued in the very transaction that makes it necessary. Credentials are never in a payload.
 */
import type { Queryable } from '../database/pool.ts';

export interface Job<Input = unknown> {
  readonly name: string;
  /** Cron expression in UTC for a job that runs by the clock. */
  readonly cron?: string;
  /** Longest run; the signal aborts it. */
  readonly timeoutMs: number;
  /** Throws on a payload of the wrong shape: a bug of ours. */
  readonly parse: (payload: unknown) => Input;
  readonly run: (input: Input, signal: AbortSignal) => Promise<void>;
}

/** Queues a job, in the transaction that `database` stands in. `key`: at most one of them waits at a time. */
export async function queueJob(
  database: Queryable,
  name: string,
  payload: object,
  options: { key?: string; runAt?: Date; maxAttempts?: number; queue?: string } = {},
): Promise<void> {
  await database.query(
    `select graphile_worker.add_job($1, $2::json, queue_name => $3, run_at => $4, max_attempts => $5, job_key => $6)`,
    [name, JSON.stringify(payload), options.queue ?? null, options.runAt ?? null, options.maxAttempts ?? 25, options.key ?? null],
  );
}
