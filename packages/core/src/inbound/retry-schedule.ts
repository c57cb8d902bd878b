/** When an event that could not be worked on is tried again: soon at first, then over a day; in the end never. */

const [second, minute, hour] = [1_000, 60_000, 3_600_000];
const waitsMs = [5 * second, 30 * second, 2 * minute, 10 * minute, 30 * minute, 2 * hour, 6 * hour, 15 * hour] as const;

/** Attempts until an event is given up. */
export const maxAttempts = waitsMs.length + 1;

/** The wait after this many attempts, spread by a quarter either way; undefined when it was the last. `random` is in [0, 1). */
export function retryDelayMs(attempts: number, random: number): number | undefined {
  const wait = waitsMs[attempts - 1];
  return wait === undefined ? undefined : Math.round(wait * (0.75 + random / 2));
}
