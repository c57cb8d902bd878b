/**
 * What one sealed minute adds to an objective: events, bad ones with whose they are, and whether the minute itself was
 * bad. All integers, so that sums over any window are exact and independent of the order in which facts arrive.
 */
import type { Indicator } from '@evenkeel/contract/playbook/objectives.ts';
import type { ObjectiveDefinition } from './definition.ts';
import { whole } from './share.ts';

/** Sums of a scope in one minute; the columns are those of `minute_counts`. Calls exclude what Evenkeel did not carry. */
export interface ScopeMinute {
  readonly calls: CallCounts;
  readonly deliveries: DeliveryCounts;
}

export interface CallCounts {
  readonly total: number;
  readonly aborted: number;
  readonly platform5xx: number;
  readonly upstream5xx: number;
  /** Answered without a 5xx in 500 ms or more in total; with an own share of 500 ms or more. */
  readonly slow: number;
  readonly overheadSlow: number;
  /** The percentile of the overhead in microseconds; null when nothing was measured. */
  readonly overheadUs: (percentile: number) => number | null;
}

export interface DeliveryCounts {
  readonly total: number;
  readonly aborted: number;
  readonly platform: number;
  readonly upstream: number;
  /** Failed, whoever is at fault. */
  readonly failed: number;
  /** Delivered more than 60 s after the event was accepted. */
  readonly late: number;
}

/** Everything adds up over minutes. */
export interface Tally {
  readonly events: number;
  readonly bad: number;
  /** Of the bad ones: Evenkeel's failures, the vendor's or receiver's, and what succeeded too late. */
  readonly platform: number;
  readonly upstream: number;
  readonly slow: number;
  /** 1 when the minute is bad. */
  readonly badMinutes: number;
  /** 1 when it is bad although it was not measured well enough to be called good. */
  readonly blindMinutes: number;
}

export const noTally: Tally = { events: 0, bad: 0, platform: 0, upstream: 0, slow: 0, badMinutes: 0, blindMinutes: 0 };
export const tallyColumns = ['events', 'bad', 'platform', 'upstream', 'slow', 'badMinutes', 'blindMinutes'] as const satisfies readonly (keyof Tally)[];

export function subtract(a: Tally, b: Tally): Tally {
  return {
    events: a.events - b.events,
    bad: a.bad - b.bad,
    platform: a.platform - b.platform,
    upstream: a.upstream - b.upstream,
    slow: a.slow - b.slow,
    badMinutes: a.badMinutes - b.badMinutes,
    blindMinutes: a.blindMinutes - b.blindMinutes,
  };
}

/** Seconds of a minute that have to be covered, without loss, for it to count as measured. */
const measuredSeconds = 30;

/** A minute that is not measured is never called good. */
export const isMeasured = (coveredSeconds: number, lostSeconds: number): boolean => coveredSeconds - lostSeconds >= measuredSeconds;

/** What is counted alike has the same key: objectives that differ in target, window or scopes share their sums. */
export function countingKey({ indicator, method, sliceBadAbove }: ObjectiveDefinition): string {
  const parts = [indicator.measure, 'upstream' in indicator ? indicator.upstream : '', indicator.measure === 'overhead_latency' ? `${indicator.percentile}<=${indicator.threshold_ms}` : ''];
  return [...parts, method === 'time_slices' ? `>${sliceBadAbove}` : ''].filter((part) => part !== '').join(' ');
}

/**
 * Of one minute in one scope. A minute is bad by its counts, else good when it was measured (also without traffic: nobody
 * called in vain), else unmeasured, which is in no sum. `measured`: whether the installation was covered well enough.
 */
export function tallyMinute(definition: Pick<ObjectiveDefinition, 'indicator' | 'method' | 'sliceBadAbove'>, minute: ScopeMinute, measured: boolean): Tally {
  const counted = countEvents(definition.indicator, minute);
  const isBad = definition.method === 'time_slices' && isBadMinute(definition, counted, minute);
  return { ...counted, badMinutes: isBad ? 1 : 0, blindMinutes: isBad && !measured ? 1 : 0 };
}

type Counted = Omit<Tally, 'badMinutes' | 'blindMinutes'>;

function countEvents(indicator: Indicator, { calls, deliveries }: ScopeMinute): Counted {
  // A call that was hung up on got no answer to judge.
  const answered = calls.total - calls.aborted;
  switch (indicator.measure) {
    case 'availability': {
      const upstream = indicator.upstream === 'included' ? calls.upstream5xx : 0;
      return { events: answered - calls.upstream5xx + upstream, bad: calls.platform5xx + upstream, platform: calls.platform5xx, upstream, slow: 0 };
    }
    case 'fast_answers': {
      const included = indicator.upstream === 'included';
      const upstream = included ? calls.upstream5xx : 0;
      const slow = included ? calls.slow : calls.overheadSlow;
      return { events: answered - calls.upstream5xx + upstream, bad: calls.platform5xx + upstream + slow, platform: calls.platform5xx, upstream, slow };
    }
    case 'overhead_latency':
      return { events: answered, bad: 0, platform: 0, upstream: 0, slow: 0 };
    case 'freshness':
      return {
        events: deliveries.total - deliveries.aborted,
        bad: deliveries.failed + deliveries.late,
        platform: deliveries.platform,
        upstream: deliveries.failed - deliveries.platform,
        slow: deliveries.late,
      };
  }
}

function isBadMinute({ indicator, sliceBadAbove }: Pick<ObjectiveDefinition, 'indicator' | 'sliceBadAbove'>, { events, bad }: Counted, { calls }: ScopeMinute): boolean {
  if (indicator.measure === 'overhead_latency') return (calls.overheadUs(indicator.percentile) ?? 0) > indicator.threshold_ms * 1000;
  return BigInt(bad) * whole > sliceBadAbove * BigInt(events);
}
