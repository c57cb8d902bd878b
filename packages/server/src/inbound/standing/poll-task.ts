/** Polls, in the place of webhooks or beside them: a unified list by its changes, or a feed from where it stopped. */
import type { Poll } from '@evenkeel/contract/manifest/webhooks.ts';
import { compilePath } from '@evenkeel/core/connectors/values/path.ts';
import { momentOf } from '@evenkeel/core/connectors/values/scope.ts';
import { compileMap, compileTemplate } from '@evenkeel/core/connectors/values/value.ts';
import { afterFailedPage } from '@evenkeel/core/inbound/failed-page.ts';
import { pollAfter, polledEvent, pollSince } from '@evenkeel/core/inbound/poll.ts';
import type { OpenAccount } from '../../accounts/open-account.ts';
import type { InsideAnswer } from '../../gateway/inside-call.ts';
import type { BackfillParts } from './backfill-task.ts';
import { backoffMs } from './backoff.ts';
import { pageFailureOf, pageOf, pageSize, storePage, type Page, type PageFailure } from './page.ts';
import type { Progress, Task, TaskEnd } from './task-store.ts';

export interface PollParts extends BackfillParts {
  /** A resource of the account's connector, by one of its methods. */
  call(account: OpenAccount, resource: string, method: string, query: Readonly<Record<string, unknown>>): Promise<InsideAnswer>;
}

/** Then others have their turn; the task goes on at once. */
const pagesATurn = 20;
const defaultIntervalS = 300;

/** A whole round: what a vendor's paging shows twice is a duplicate, and the newest time counts when all was read. */
export async function readPull(parts: PollParts, opened: OpenAccount, poll: Extract<Poll, { by: 'updated_after' }>, task: Task): Promise<TaskEnd | 'overtaken'> {
  const startedAtMs = parts.now();
  const intervalMs = (poll.interval_s ?? defaultIntervalS) * 1000;
  const state = { newestMs: task.progress.newest ?? null };
  // The first round only marks the time from which changes count: what was before is a backfill's.
  if (state.newestMs === null) return { state: 'active', dueAtMs: startedAtMs + intervalMs, progress: { newest: startedAtMs }, error: null };
  const since = new Date(pollSince(poll, state, startedAtMs)).toISOString();
  const times: { timeMs: number | null }[] = [];
  let cursor: string | null = null;
  do {
    const answer: InsideAnswer = await parts.list(opened, poll.model, { updated_after: since, limit: String(pageSize), ...(cursor === null ? {} : { cursor }) });
    const page: Page | undefined = pageOf(answer);
    // The next round begins from the same time again, without this round's cursor.
    if (page === undefined) return failed(task, task.progress, pageFailureOf(answer), parts.now());
    times.push(...page.records.map((record) => ({ timeMs: polledEvent(poll, record).timeMs })));
    if (page.records.length > 0 && !(await storePage(parts, opened, task, 'pull', { poll: poll.id, model: poll.model, records: page.records }, task.progress))) return 'overtaken';
    cursor = page.next;
    if (cursor !== null && parts.ending()) return { state: 'active', dueAtMs: parts.now(), progress: task.progress, error: null };
  } while (cursor !== null);
  const { newestMs } = pollAfter(state, times, startedAtMs);
  return { state: 'active', dueAtMs: parts.now() + intervalMs, progress: { newest: newestMs ?? startedAtMs }, error: null };
}

/** Goes on in a feed from where it stopped, until a page brings nothing new. */
export async function readFeed(parts: PollParts, opened: OpenAccount, poll: Extract<Poll, { by: 'cursor' }>, task: Task): Promise<TaskEnd | 'overtaken'> {
  let { progress } = task;
  let read = 0;
  const [query, start, next] = [compileMap(poll.query), poll.start === undefined ? undefined : compileTemplate(poll.start), compilePath(poll.next)];
  for (let count = 0; count < pagesATurn && !parts.ending(); count += 1) {
    const scope = { ...opened.scope, now: momentOf(parts.now()) };
    const cursor = progress.feed ?? start?.(scope);
    const asked = Object.fromEntries(await Promise.all(query.map(async ([name, value]) => [name, await value({ ...scope, poll: { cursor } })] as const)));
    const answer = await parts.call(opened, poll.resource, poll.method ?? 'list', asked);
    const page = pageOf(answer);
    if (page === undefined) return feedFailed({ ...task, failures: read === 0 ? task.failures : 0 }, progress, pageFailureOf(answer), parts.now());
    const last = page.records.at(-1);
    const reached: unknown = last === undefined ? undefined : next(last);
    if (last !== undefined) {
      progress = reached === undefined || reached === null ? progress : { feed: reached };
      if (!(await storePage(parts, opened, task, 'pull', { feed: poll.id, records: page.records }, progress))) return 'overtaken';
      read += 1;
    }
    if (last === undefined || reached === undefined || reached === cursor) return { state: 'active', dueAtMs: parts.now() + (poll.interval_s ?? defaultIntervalS) * 1000, progress, error: null };
  }
  return { state: 'active', dueAtMs: parts.now(), progress, error: null };
}

/** A poll stands for ever: what refuses it today may be put right tomorrow. */
function failed(task: Pick<Task, 'failures'>, progress: Progress, failure: PageFailure, nowMs: number): TaskEnd {
  return { state: 'failing', dueAtMs: nowMs + backoffMs(task.failures, failure.retryAfterS), progress, failures: task.failures + 1, failure, error: failure.reason };
}

/** A place in the feed that the vendor has forgotten would be refused for ever. */
function feedFailed(task: Pick<Task, 'failures'>, progress: Progress, failure: PageFailure, nowMs: number): TaskEnd {
  const { restarts = 0 } = progress;
  const act = afterFailedPage(failure, { failures: task.failures, restarts, hasCursor: progress.feed !== undefined });
  if (act !== 'start_over') return failed(task, progress, failure, nowMs);
  return { state: 'failing', dueAtMs: nowMs, progress: { restarts: restarts + 1 }, failures: 0, failure, recreated: 1, error: `The vendor does not know the place any more from which the feed was to go on: it is read from its start again, and what the vendor no longer keeps is missing. ${failure.reason}` };
}
