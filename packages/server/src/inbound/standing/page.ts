/** One page of a list that Evenkeel reads for itself: what was answered, why not, and storing it as a request. */
import type { Problem } from '@evenkeel/contract/errors.ts';
import type { FailedPage } from '@evenkeel/core/inbound/failed-page.ts';
import type { OpenAccount } from '../../accounts/open-account.ts';
import { jsonText } from '../../database/json-text.ts';
import { transaction, type Pool } from '../../database/pool.ts';
import type { InsideAnswer } from '../../gateway/inside-call.ts';
import { newId } from '../../identifier.ts';
import { failureOf } from '../processing/fetch-record.ts';
import type { FeedPage, UnifiedPage } from '../processing/read-events.ts';
import { insertRequests, laneOf, type NewRequest } from '../request-store.ts';
import { advanceTask, type Progress, type Task, type TaskFailure } from './task-store.ts';

/** Whose list it is; while an account is set up it is `settingUp`. */
export type Reader = Pick<OpenAccount, 'id' | 'tenantId' | 'connectorId' | 'connectorVersion'> & { readonly settingUp?: boolean };

export interface PageParts {
  readonly pool: Pool;
  readonly now: () => number;
  readonly leaseS: number;
  /** This process is about to end: a list is not read on. */
  readonly ending: () => boolean;
  /** Requests are stored. */
  readonly stored: () => void;
}

export interface Page {
  readonly records: readonly Record<string, unknown>[];
  readonly next: string | null;
}

export const pageSize = 100;

export function pageOf({ status, body }: InsideAnswer): Page | undefined {
  if (status < 200 || status >= 300 || typeof body !== 'object' || body === null) return undefined;
  const { results, next_cursor: next } = body as { results?: unknown; next_cursor?: unknown };
  return Array.isArray(results) ? { records: results as Record<string, unknown>[], next: typeof next === 'string' ? next : null } : undefined;
}

export interface PageFailure extends FailedPage, Omit<TaskFailure, 'status'> {
  readonly reason: string;
}

/** What was answered instead of a page. */
export function pageFailureOf(answer: InsideAnswer): PageFailure {
  const failure = failureOf(answer);
  const { upstream } = (typeof answer.body === 'object' && answer.body !== null ? answer.body : {}) as Partial<Problem>;
  const passing = failure.kind === 'retry';
  return {
    passing,
    status: upstream?.status ?? answer.status,
    reason: failure.reason,
    kind: passing ? 'transient' : 'rejected',
    vendorCode: null,
    retryAfterS: passing && failure.delayMs !== null ? failure.delayMs / 1000 : null,
  };
}

/** A page and the place to go on from, together; false when somebody else has the task by now. */
export async function storePage(parts: PageParts, reader: Reader, task: Task, source: NewRequest['source'], page: UnifiedPage | FeedPage, progress: Progress): Promise<boolean> {
  const receivedAtMs = parts.now();
  const request: NewRequest = {
    id: newId('ibr', receivedAtMs), receivedAtMs, source, lane: laneOf(reader.id), connectorId: reader.connectorId, connectorVersion: reader.connectorVersion, addressId: null,
    accountId: reader.id, tenantId: reader.tenantId, method: 'GET', query: '', headers: '', body: Buffer.from(jsonText(page)), verification: JSON.stringify({ rule: source, scheme: 'own call' }),
  };
  const kept = await transaction(parts.pool, async (client) => {
    if (!(await advanceTask(client, task, { progress, pages: 1, records: page.records.length, leaseS: parts.leaseS }))) return false;
    if (page.records.length > 0) await insertRequests(client, [request]);
    return true;
  });
  if (kept) parts.stored();
  return kept;
}
