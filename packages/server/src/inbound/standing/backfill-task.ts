/**
 * Backfills: what was at the vendor before the account was connected, page by page. A page and the place to go on from
 * are one transaction, so that a process that dies repeats at most what is told apart as repeated. The same function
 * reads while an account is set up and later on its own.
 */
import type { Backfill } from '@evenkeel/contract/manifest/webhooks.ts';
import { afterFailedPage } from '@evenkeel/core/inbound/failed-page.ts';
import type { InsideAnswer } from '../../gateway/inside-call.ts';
import { backoffMs } from './backoff.ts';
import { pageFailureOf, pageOf, pageSize, storePage, type PageFailure, type PageParts, type Reader } from './page.ts';
import type { Progress, Task, TaskEnd } from './task-store.ts';

export interface BackfillParts extends PageParts {
  /** A unified list of the account; rate limits and outages are answers. */
  list(reader: Reader, model: string, query: Readonly<Record<string, string>>): Promise<InsideAnswer>;
}

/** How much is read before others have their turn; the task goes on at once. */
export interface Turn {
  readonly pages: number;
  readonly ms: number;
}
export const wholeTurn: Turn = { pages: 20, ms: 45_000 };
export const firstPage: Turn = { pages: 1, ms: wholeTurn.ms };

/** `overtaken`: somebody else has the task by now, who goes on from what was stored. */
export async function readBackfill(parts: BackfillParts, reader: Reader, backfill: Backfill, task: Task, turn: Turn): Promise<TaskEnd | 'overtaken'> {
  const untilMs = parts.now() + turn.ms;
  let { progress } = task;
  let read = 0;
  do {
    const answer = await parts.list(reader, backfill.model, { ...backfill.filters, limit: String(pageSize), ...(progress.cursor === undefined ? {} : { cursor: progress.cursor }) });
    const page = pageOf(answer);
    if (page === undefined) return failed({ ...task, failures: read === 0 ? task.failures : 0 }, backfill, progress, pageFailureOf(answer), parts.now());
    const { cursor: _, ...kept } = progress;
    progress = page.next === null ? kept : { ...kept, cursor: page.next };
    if (!(await storePage(parts, reader, task, 'backfill', { poll: backfill.id, model: backfill.model, change: 'created', records: page.records }, progress))) return 'overtaken';
    read += 1;
    if (page.next === null) return { state: 'done', dueAtMs: null, progress, error: null };
  } while (read < turn.pages && parts.now() < untilMs && !parts.ending());
  return { state: 'active', dueAtMs: parts.now(), progress, error: null };
}

function failed(task: Pick<Task, 'failures'>, { model }: Backfill, progress: Progress, failure: PageFailure, nowMs: number): TaskEnd {
  const { restarts = 0, cursor } = progress;
  const common = { failures: task.failures + 1, failure };
  switch (afterFailedPage(failure, { failures: task.failures, restarts, hasCursor: cursor !== undefined })) {
    case 'try_again':
      return { ...common, state: 'failing', dueAtMs: nowMs + backoffMs(task.failures, failure.retryAfterS), progress, error: failure.reason };
    case 'start_over':
      return { ...common, failures: 0, state: 'failing', dueAtMs: nowMs, progress: { restarts: restarts + 1 }, startedOver: true, error: `The vendor does not go on from where it had come to, so ${model} is read from the start again. ${failure.reason}` };
    case 'give_up':
      return { ...common, state: 'failed', dueAtMs: null, progress, error: `Given up: ${failure.reason}` };
  }
}
