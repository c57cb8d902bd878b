/**
 * A page of a list that could not be read: whether to ask for it again, to read the list from its start, or to stop.
 * A vendor lets cursors expire; asked with one for ever, it would say no for ever.
 */

export interface FailedPage {
  /** It may pass by itself: an outage, a rate limit, an account that is not ready. */
  readonly passing: boolean;
  /** Of the vendor where it answered, of Evenkeel otherwise. */
  readonly status: number;
}
export interface ListState {
  /** In a row, before this one. */
  readonly failures: number;
  /** How often the list was begun anew. */
  readonly restarts: number;
  /** Whether it was asked from a place that an earlier answer had named. */
  readonly hasCursor: boolean;
}
export type FailedPageAct = 'try_again' | 'start_over' | 'give_up';

/** Refusals that do not pass by themselves; some vendors say so of a passing mood. */
const refusalsAtMost = 3;
const restartsAtMost = 3;
const gone = 410;
/** How vendors answer a cursor they do not know any more. */
const cursorRefusals = new Set([400, 404, gone, 422]);

/** What was read before a new start is told apart as repeated. */
export function afterFailedPage({ passing, status }: FailedPage, { failures, restarts, hasCursor }: ListState): FailedPageAct {
  if (passing) return 'try_again';
  const cursorIsOver = hasCursor && (status === gone || (cursorRefusals.has(status) && failures + 1 >= refusalsAtMost));
  if (cursorIsOver && restarts < restartsAtMost) return 'start_over';
  return cursorIsOver || failures + 1 >= refusalsAtMost ? 'give_up' : 'try_again';
}
