/** Reading the record of a thin event by the unified get, and what each failure of it means for the event. */
import type { Problem } from '@evenkeel/contract/errors.ts';
import type { InsideAnswer } from '../../gateway/inside-call.ts';
import type { Fetched, Outcome } from './meaning.ts';

/** Longest wait that a vendor's word is taken for. */
const longestWaitMs = 3_600_000;
const withoutWordMs = 10_000;

export function readFetched(answer: InsideAnswer): Fetched {
  const { status, body } = answer;
  if (status >= 200 && status < 300) {
    return typeof body === 'object' && body !== null ? { kind: 'record', record: body as Record<string, unknown> } : { kind: 'dead', reason: 'The vendor answered without the record.' };
  }
  if (status === 404) return { kind: 'gone' };
  return failureOf(answer);
}

/** What a refused or failed call means for the work that made it: to be tried again, when, or not. */
export function failureOf({ status, headers, body }: InsideAnswer): Extract<Outcome, { kind: 'dead' | 'retry' }> {
  const problem = (typeof body === 'object' && body !== null ? body : {}) as Partial<Problem>;
  const reason = `${problem.code ?? `status ${status}`}: ${problem.detail ?? 'the call failed'}`;
  const stated = problem.retry_after ?? Number(headers['retry-after'] ?? Number.NaN);
  const waitMs = Number.isFinite(stated) ? Math.min(stated * 1000, longestWaitMs) : null;
  if (problem.code === 'rate_limited' || status === 429) return { kind: 'retry', reason, delayMs: waitMs ?? withoutWordMs, counted: false, wholeAccount: true };
  const passing = problem.retryable === true || problem.code === 'account_not_ready' || problem.code === 'reauth_required' || status >= 500;
  if (!passing || problem.code === 'mapping_failed') return { kind: 'dead', reason };
  return { kind: 'retry', reason, delayMs: waitMs, counted: true, wholeAccount: false };
}
