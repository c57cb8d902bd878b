/** How long a standing task waits after failures. */
const [firstMs, longestMs] = [10_000, 3_600_000];

/** After so many failures in a row; what the vendor says counts, up to an hour. */
export const backoffMs = (failures: number, retryAfterS: number | null): number => (retryAfterS === null ? Math.min(longestMs, firstMs * 2 ** Math.min(failures, 10)) : Math.min(longestMs, Math.max(retryAfterS * 1000, 1_000)));
