/** Polling by `updated_after`: from when to read, which records are events, and where to go on. */
import type { Poll } from '@evenkeel/contract/manifest/webhooks.ts';
import type { Change } from './unify.ts';

type UpdatedAfter = Extract<Poll, { by: 'updated_after' }>;

/** What is stored of one poll: the newest `updated_at` read so far; null before the first. */
export interface PollState {
  readonly newestMs: number | null;
}

/** The filter `updated_after`. The first poll begins now: what was before is a backfill's. */
export function pollSince(poll: UpdatedAfter, state: PollState, nowMs: number): number {
  return Math.max(0, (state.newestMs ?? nowMs) - (poll.overlap_s ?? 60) * 1000);
}

export interface PolledEvent {
  /** The same for the same state of the same record, so that what the overlap reads again is a duplicate. */
  readonly id: string;
  readonly type: string;
  readonly change: Change;
  readonly timeMs: number | null;
  readonly orderKey: string;
  readonly record: Record<string, unknown>;
}

/** A unified record → its event. A record whose two times agree within a second was created and not yet changed. */
export function polledEvent(poll: Pick<UpdatedAfter, 'model' | 'id'>, record: Record<string, unknown>): PolledEvent {
  const [created, updated] = [record['created_at'], record['updated_at']].map((at) => (typeof at === 'string' ? Date.parse(at) : Number.NaN)) as [number, number];
  const change: Change = Math.abs(updated - created) < 1000 ? 'created' : 'updated';
  const id = String(record['id']);
  const timeMs = Number.isNaN(updated) ? null : updated;
  return { id: `poll:${poll.model}:${id}:${timeMs ?? '-'}`, type: `poll.${poll.id}`, change, timeMs, orderKey: `${poll.model}:${id}`, record };
}

/** After a whole round: never backwards, never beyond now, since a vendor's clock may run ahead. */
export function pollAfter(state: PollState, records: readonly { readonly timeMs: number | null }[], nowMs: number): PollState {
  const times = records.flatMap(({ timeMs }) => (timeMs === null ? [] : [Math.min(timeMs, nowMs)]));
  return { newestMs: Math.max(state.newestMs ?? nowMs, ...times) };
}
