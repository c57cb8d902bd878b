/** Polling by `updated_after`: from when to read, which records are events, and where to go on. */
import type { Poll } from '@evenkeel/contract/manifest/webhooks.ts';
import type { Change } from './unify.ts';

type UpdatedAfter = Extract<Poll, { by: 'updated_after' }>;

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
