/** Whether the share of bad events changed with a deployment: as many minutes after as before, and Fisher's exact test. */
import type { BudgetPolicy } from './definition.ts';

export interface Side {
  readonly events: number;
  readonly bad: number;
}

export interface DeploymentEffect {
  readonly verdict: 'worse' | 'no_change' | 'too_early' | 'insufficient_data';
  /** Probability that chance alone makes the side after at least this bad; null without events on both sides. */
  readonly p: number | null;
  readonly explanation: string;
}

/** `complete`: all minutes after the deployment that are compared are sealed. */
export function effectOf(before: Side, after: Side, complete: boolean, rule: BudgetPolicy['deployments']): DeploymentEffect {
  if (before.events === 0 || after.events === 0) return { verdict: complete ? 'insufficient_data' : 'too_early', p: null, explanation: 'There are no events on one side of the deployment.' };
  const p = fisherGreater(after.bad, after.events, before.bad, before.events);
  // after.bad/after.events ≥ factor·before.bad/before.events, in integers.
  const grew = BigInt(after.bad) * BigInt(before.events) >= BigInt(rule.factor) * BigInt(before.bad) * BigInt(after.events);
  const counts = `${before.bad} of ${before.events} before, ${after.bad} of ${after.events} after, p = ${p.toPrecision(2)}`;
  if (grew && after.bad >= rule.min_bad && p <= rule.max_p) return { verdict: 'worse', p, explanation: `Errors rose with it: ${counts}.` };
  return { verdict: complete ? 'no_change' : 'too_early', p, explanation: `No rise that chance would not explain: ${counts}.` };
}

/**
 * Fisher's exact test, one-sided: the probability of at least `bad` bad ones among `events`, given the totals of the
 * two-by-two table. A sum of hypergeometric terms, each from the one before.
 */
export function fisherGreater(bad: number, events: number, otherBad: number, otherEvents: number): number {
  const all = events + otherEvents;
  const allBad = bad + otherBad;
  const most = Math.min(allBad, events);
  let term = Math.exp(logChoose(allBad, bad) + logChoose(all - allBad, events - bad) - logChoose(all, events));
  let sum = term;
  for (let k = bad; k < most && term > 0; k += 1) {
    term *= ((allBad - k) * (events - k)) / ((k + 1) * (all - allBad - events + k + 1));
    sum += term;
  }
  return Math.min(1, sum);
}

const logChoose = (n: number, k: number): number => logGamma(n + 1) - logGamma(k + 1) - logGamma(n - k + 1);

/** ln Γ(x) for x ≥ 1 by Stirling's series, shifted up to where it is good to 1e-14. */
function logGamma(x: number): number {
  let shift = 0;
  let at = x;
  for (; at < 10; at += 1) shift += Math.log(at);
  const inverse = 1 / at;
  const square = inverse * inverse;
  const series = inverse * (1 / 12 - square * (1 / 360 - square * (1 / 1260 - square / 1680)));
  return (at - 0.5) * Math.log(at) - at + 0.918_938_533_204_672_7 + series - shift;
}
