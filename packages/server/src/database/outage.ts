/** Going through an outage of the database: for writes whose content exists nowhere else and must not be dropped. */
import { setTimeout as wait } from 'node:timers/promises';
import { isDatabaseOutage } from './pool.ts';

const [firstWaitMs, longestWaitMs] = [50, 2_000];

/**
 * Repeats `act` for as long as the database cannot be reached and `ending` is not aborted; then its error is passed on,
 * as any other is at once. `act` may have taken effect although its answer was lost: it must bear a repetition.
 */
export async function throughOutage<Result>(act: () => Promise<Result>, ending: AbortSignal): Promise<Result> {
  for (let waitMs = firstWaitMs; ; waitMs = Math.min(waitMs * 2, longestWaitMs)) {
    try {
      return await act();
    } catch (error) {
      if (!isDatabaseOutage(error) || ending.aborted) throw error;
      await wait(waitMs, undefined, { signal: ending }).catch(() => undefined);
    }
  }
}
