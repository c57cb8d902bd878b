/** Runs the table of jobs on graphile-worker; the second of the two last catches for errors (the first is HTTP). */
import { Logger, parseCronItems, run, type Runner } from 'graphile-worker';
import type { Pool } from '../database/pool.ts';
import type { Log } from '../log.ts';
import type { Job } from './job.ts';

/** A job with its payload type folded away, as the table holds it. */
export type AnyJob = Omit<Job, 'parse' | 'run'> & { readonly execute: (payload: unknown, signal: AbortSignal) => Promise<void> };

export const job = <Input>({ parse, run: act, ...rest }: Job<Input>): AnyJob => ({ ...rest, execute: (payload, signal) => act(parse(payload), signal) });

export interface RunningJobs {
  /** Lets the jobs under way end. */
  stop(): Promise<void>;
  /** Rejects when the workers have ended by themselves. */
  check(): Promise<void>;
}

export async function startJobs(pool: Pool, jobs: readonly AnyJob[], log: Log, concurrency = 8): Promise<RunningJobs> {
  const runner: Runner = await run({
    pgPool: pool,
    concurrency,
    noHandleSignals: true,
    pollInterval: 1_000,
    logger: new Logger(() => (level, message) => {
      if (level === 'error' || level === 'warning') log.warn({ message }, 'jobs: the worker complains');
    }),
    taskList: Object.fromEntries(jobs.map((one) => [one.name, (payload: unknown) => perform(one, payload, log)])),
    parsedCronItems: parseCronItems(jobs.flatMap(({ name, cron }) => (cron === undefined ? [] : [{ task: name, match: cron, identifier: name }]))),
  });
  let ended: string | undefined;
  runner.promise.then(
    () => (ended = 'the workers have stopped'),
    (error: unknown) => {
      ended = `the workers failed: ${error instanceof Error ? error.message : String(error)}`;
      log.error({ err: error }, 'jobs: the workers ended by themselves');
    },
  );
  return {
    stop: () => runner.stop(),
    check: () => (ended === undefined ? Promise.resolve() : Promise.reject(new Error(ended))),
  };
}

async function perform(one: AnyJob, payload: unknown, log: Log): Promise<void> {
  try {
    await one.execute(payload, AbortSignal.timeout(one.timeoutMs));
  } catch (error) {
    log.warn({ err: error, job: one.name }, 'jobs: a run failed and will be repeated');
    throw error;
  }
}
