/**
 * Pulls and backfills: pages of a unified list become stored requests, which go the way of every webhook. A page and the
 * place to go on from are one transaction, so that a process that dies repeats at most what is told apart as repeated.
 */
import type { Backfill, Poll } from '@evenkeel/contract/manifest/webhooks.ts';
import { compilePath } from '@evenkeel/core/connectors/values/path.ts';
import { momentOf } from '@evenkeel/core/connectors/values/scope.ts';
import { compileMap, compileTemplate } from '@evenkeel/core/connectors/values/value.ts';
import { pollAfter, polledEvent, pollSince } from '@evenkeel/core/inbound/poll.ts';
import type { OpenAccount } from '../../accounts/open-account.ts';
import { jsonText } from '../../database/json-text.ts';
import { transaction, type Pool } from '../../database/pool.ts';
import type { InsideAnswer } from '../../gateway/inside-call.ts';
import { newId } from '../../identifier.ts';
import { failureOf } from '../processing/fetch-record.ts';
import type { FeedPage, UnifiedPage } from '../processing/read-events.ts';
import { insertRequests, laneOf, type NewRequest } from '../request-store.ts';
import { backoffMs } from './subscription-task.ts';
import { advanceTask, type Progress, type Task, type TaskEnd } from './task-store.ts';

export interface ListParts {
  readonly pool: Pool;
  readonly now: () => number;
  readonly leaseS: number;
  /** A unified list of the account; rate limits and outages are answers. */
  list(account: OpenAccount, model: string, query: Readonly<Record<string, string>>): Promise<InsideAnswer>;
  /** A resource of the account's connector, by one of its methods. */
  call(account: OpenAccount, resource: string, method: string, query: Readonly<Record<string, unknown>>): Promise<InsideAnswer>;
  /** Requests are stored. */
  readonly stored: () => void;
}

interface Page {
  readonly records: readonly Record<string, unknown>[];
  readonly next: string | null;
}

/** Then others have their turn; the task goes on at once. */
const pagesATurn = 20;
const pageSize = 100;
const defaultIntervalS = 300;

/** `overtaken`: somebody else has the task by now, who goes on from what was stored. */
export async function readBackfill(parts: ListParts, opened: OpenAccount, backfill: Backfill, task: Task): Promise<TaskEnd | 'overtaken'> {
  let { progress } = task;
  for (let count = 0; count < pagesATurn; count += 1) {
    const answer = await parts.list(opened, backfill.model, { ...backfill.filters, limit: String(pageSize), ...(progress.cursor === undefined ? {} : { cursor: progress.cursor }) });
    const page = pageOf(answer);
    if (page === undefined) return failed(task, progress, answer, parts.now());
    progress = page.next === null ? {} : { cursor: page.next };
    if (!(await store(parts, opened, task, 'backfill', { poll: backfill.id, model: backfill.model, change: 'created', records: page.records }, progress))) return 'overtaken';
    if (page.next === null) return { state: 'done', dueAtMs: null, progress, error: null };
  }
  return { state: 'active', dueAtMs: parts.now(), progress, error: null };
}

/** A whole round: what a vendor's paging shows twice is a duplicate, and the newest time counts when all was read. */
export async function readPull(parts: ListParts, opened: OpenAccount, poll: Extract<Poll, { by: 'updated_after' }>, task: Task): Promise<TaskEnd | 'overtaken'> {
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
    if (page === undefined) return failed(task, task.progress, answer, parts.now());
    times.push(...page.records.map((record) => ({ timeMs: polledEvent(poll, record).timeMs })));
    if (page.records.length > 0 && !(await store(parts, opened, task, 'pull', { poll: poll.id, model: poll.model, records: page.records }, task.progress))) return 'overtaken';
    cursor = page.next;
  } while (cursor !== null);
  const { newestMs } = pollAfter(state, times, startedAtMs);
  return { state: 'active', dueAtMs: parts.now() + intervalMs, progress: { newest: newestMs ?? startedAtMs }, error: null };
}

/** Goes on in a feed from where it stopped, until a page brings nothing new. */
export async function readFeed(parts: ListParts, opened: OpenAccount, poll: Extract<Poll, { by: 'cursor' }>, task: Task): Promise<TaskEnd | 'overtaken'> {
  let { progress } = task;
  const [query, start, next] = [compileMap(poll.query), poll.start === undefined ? undefined : compileTemplate(poll.start), compilePath(poll.next)];
  for (let count = 0; count < pagesATurn; count += 1) {
    const scope = { ...opened.scope, now: momentOf(parts.now()) };
    const cursor = progress.feed ?? start?.(scope);
    const asked = Object.fromEntries(await Promise.all(query.map(async ([name, read]) => [name, await read({ ...scope, poll: { cursor } })] as const)));
    const answer = await parts.call(opened, poll.resource, poll.method ?? 'list', asked);
    const page = pageOf(answer);
    if (page === undefined) return failed(task, progress, answer, parts.now());
    const last = page.records.at(-1);
    const reached: unknown = last === undefined ? undefined : next(last);
    if (last !== undefined) {
      progress = reached === undefined || reached === null ? progress : { feed: reached };
      if (!(await store(parts, opened, task, 'pull', { feed: poll.id, records: page.records }, progress))) return 'overtaken';
    }
    if (last === undefined || reached === undefined || reached === cursor) return { state: 'active', dueAtMs: parts.now() + (poll.interval_s ?? defaultIntervalS) * 1000, progress, error: null };
  }
  return { state: 'active', dueAtMs: parts.now(), progress, error: null };
}

function pageOf({ status, body }: InsideAnswer): Page | undefined {
  if (status < 200 || status >= 300 || typeof body !== 'object' || body === null) return undefined;
  const { results, next_cursor: next } = body as { results?: unknown; next_cursor?: unknown };
  return Array.isArray(results) ? { records: results as Record<string, unknown>[], next: typeof next === 'string' ? next : null } : undefined;
}

function failed(task: Task, progress: Progress, answer: InsideAnswer, nowMs: number): TaskEnd {
  const failure = failureOf(answer);
  const waitS = failure.kind === 'retry' && failure.delayMs !== null ? failure.delayMs / 1000 : null;
  return { state: 'failing', dueAtMs: nowMs + backoffMs(task.failures, waitS), progress, error: failure.reason };
}

async function store(parts: ListParts, opened: OpenAccount, task: Task, source: NewRequest['source'], page: UnifiedPage | FeedPage, progress: Progress): Promise<boolean> {
  const receivedAtMs = parts.now();
  const request: NewRequest = {
    id: newId('ibr', receivedAtMs), receivedAtMs, source, lane: laneOf(opened.id), connectorId: opened.connectorId, connectorVersion: opened.connectorVersion, addressId: null,
    accountId: opened.id, tenantId: opened.tenantId, method: 'GET', query: '', headers: '', body: Buffer.from(jsonText(page)), verification: JSON.stringify({ rule: source, scheme: 'own call' }),
  };
  const kept = await transaction(parts.pool, async (client) => {
    if (!(await advanceTask(client, task, { progress, pages: 1, records: page.records.length, leaseS: parts.leaseS }))) return false;
    if (page.records.length > 0) await insertRequests(client, [request]);
    return true;
  });
  if (kept) parts.stored();
  return kept;
}
