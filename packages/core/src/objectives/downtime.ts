/** From bad minutes to downtime: runs of enough of them in a row, judged whole before the month's end cuts them, less what is excluded. */
import type { ExclusionClause } from '@evenkeel/contract/playbook/agreements.ts';
import { intersect, lengthOf, type MinuteRange } from './calendar.ts';

/** A minute that was bad by its counts, or not measured. */
export interface BadMinute {
  readonly minute: number;
  readonly requests: number;
  readonly failed: number;
  readonly cause: 'errors' | 'unmeasured';
}

export interface AcceptedExclusion {
  readonly id: string;
  readonly clause: ExclusionClause;
  /** Milliseconds since the epoch; a minute is excluded when it lies wholly inside. */
  readonly fromMs: number;
  readonly toMs: number;
  readonly approver: string;
}

export interface DowntimeRun {
  /** The whole run, also what lies in another month. */
  readonly run: MinuteRange;
  readonly inPeriod: MinuteRange;
  readonly unmeasured: number;
  readonly requests: number;
  readonly failed: number;
  readonly excluded: readonly { readonly id: string; readonly clause: ExclusionClause; readonly minutes: number }[];
  /** Minutes of the period that count as downtime. */
  readonly counted: number;
}

const isExcluded = (minute: number, { fromMs, toMs }: AcceptedExclusion): boolean => minute * 60_000 >= fromMs && (minute + 1) * 60_000 <= toMs;

/** What is left of the minutes of a run when those that are excluded are taken out. */
export function countedRanges({ from, to }: MinuteRange, exclusions: readonly AcceptedExclusion[]): MinuteRange[] {
  const minutes = Array.from({ length: to - from }, (_, at) => from + at).filter((minute) => !exclusions.some((one) => isExcluded(minute, one)));
  return findRuns(minutes, 1);
}

/** Runs of at least `atLeast` consecutive minutes, which ascend. A longer run counts whole. */
export function findRuns(minutes: readonly number[], atLeast: number): MinuteRange[] {
  const runs: MinuteRange[] = [];
  for (let at = 0; at < minutes.length; ) {
    const from = minutes[at] ?? 0;
    let end = at + 1;
    while (end < minutes.length && minutes[end] === from + (end - at)) end += 1;
    if (end - at >= atLeast) runs.push({ from, to: from + (end - at) });
    at = end;
  }
  return runs;
}

/**
 * Downtime of a period. `bad` ascends and reaches beyond both ends of the period as far as its runs do; each minute is
 * in it once. A minute that several exclusions cover is counted for the first of them.
 */
export function downtimeOf(period: MinuteRange, bad: readonly BadMinute[], atLeast: number, exclusions: readonly AcceptedExclusion[]): DowntimeRun[] {
  const runs = findRuns(bad.map(({ minute }) => minute), atLeast).filter((run) => lengthOf(intersect(run, period)) > 0);
  return runs.map((run) => {
    const inPeriod = intersect(run, period);
    const minutes = bad.filter(({ minute }) => minute >= inPeriod.from && minute < inPeriod.to);
    const excluded = new Map<string, { id: string; clause: ExclusionClause; minutes: number }>();
    for (const { minute } of minutes) {
      const by = exclusions.find((one) => isExcluded(minute, one));
      if (by === undefined) continue;
      const known = excluded.get(by.id);
      excluded.set(by.id, { id: by.id, clause: by.clause, minutes: (known?.minutes ?? 0) + 1 });
    }
    const excludedMinutes = [...excluded.values()].reduce((sum, one) => sum + one.minutes, 0);
    return {
      run,
      inPeriod,
      unmeasured: minutes.filter(({ cause }) => cause === 'unmeasured').length,
      requests: minutes.reduce((sum, { requests }) => sum + requests, 0),
      failed: minutes.reduce((sum, { failed }) => sum + failed, 0),
      excluded: [...excluded.values()],
      counted: lengthOf(inPeriod) - excludedMinutes,
    };
  });
}
