/**
 * When a budget will be gone if the last hours go on: what comes is added to the window, what the window forgets until
 * then is taken out of it. A rate below the sustainable one can use up what an outage left, and a rate above it need not.
 */
import { ceiling, fraction, whole, type Ppb } from './share.ts';

/** Of what the window holds now, what is still in it so many minutes later; in the unit of the objective's method. */
export interface Remainder {
  readonly afterMinutes: number;
  readonly total: number;
  readonly bad: number;
}

/** What goes on: so many, and so many bad ones, in so many minutes. */
export interface Course {
  readonly total: number;
  readonly bad: number;
  readonly minutes: number;
}

/**
 * The first whole minute after which the budget is gone; 0 when it is, null when it will not be by the last remainder.
 * `remainders` ascend and begin with 0 minutes; between two of them the window forgets evenly. `fixedTotal`: of windows
 * counted in minutes, whose budget is for all of them from the beginning.
 */
export function exhaustsInMinutes(budget: Ppb, remainders: readonly Remainder[], course: Course, fixedTotal?: number): number | null {
  const minutes = BigInt(course.minutes);
  // Bad ones less those allowed, times the minutes of the course and a billion: a straight line between two remainders.
  const excess = ({ afterMinutes, total, bad }: Remainder): bigint => {
    const after = BigInt(afterMinutes);
    const all = fixedTotal === undefined ? minutes * BigInt(total) + after * BigInt(course.total) : minutes * BigInt(fixedTotal);
    return whole * (minutes * BigInt(bad) + after * BigInt(course.bad)) - budget * all;
  };
  const [now, ...later] = remainders;
  if (now === undefined) return null;
  if (excess(now) >= 0n) return 0;
  if (course.bad === 0) return null;
  let [from, short] = [now.afterMinutes, excess(now)];
  for (const remainder of later) {
    const over = excess(remainder);
    if (over >= 0n) return from + Number(ceiling(fraction(-short * BigInt(remainder.afterMinutes - from), over - short)));
    [from, short] = [remainder.afterMinutes, over];
  }
  return null;
}
