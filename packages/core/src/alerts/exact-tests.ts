/**
 * The few distributions that alerts are judged by, exact to about 1e-10 relative, in plain arithmetic: Fisher's exact
 * test, the tails of the binomial, and the chance of silence under Poisson and negative binomial counts.
 */

// Lanczos approximation, g = 7, nine terms (Godfrey 2001): relative error below 1e-15 for positive arguments.
const lanczos = [
  0.999_999_999_999_809_93, 676.520_368_121_885_1, -1259.139_216_722_402_8, 771.323_428_777_653_1, -176.615_029_162_140_6, 12.507_343_278_686_905,
  -0.138_571_095_265_720_12, 9.984_369_578_019_572e-6, 1.505_632_735_149_311_6e-7,
];

/** ln Γ(x) for x > 0. */
export function logGamma(x: number): number {
  const shifted = x - 1;
  let sum = lanczos[0] ?? 0;
  for (let term = 1; term < lanczos.length; term += 1) sum += (lanczos[term] ?? 0) / (shifted + term);
  const base = shifted + 7.5;
  return 0.5 * Math.log(2 * Math.PI) + (shifted + 0.5) * Math.log(base) - base + Math.log(sum);
}

const logChoose = (n: number, k: number): number => logGamma(n + 1) - logGamma(k + 1) - logGamma(n - k + 1);

/**
 * Fisher's exact test, one-sided: the chance that, of all the bad ones of both windows, at least `later.bad` fall into
 * the later one when both windows have the same ratio. Counts are non-negative integers with bad <= total.
 */
export function fisherExact(earlier: { readonly total: number; readonly bad: number }, later: { readonly total: number; readonly bad: number }): number {
  const all = earlier.total + later.total;
  const bad = earlier.bad + later.bad;
  const most = Math.min(bad, later.total);
  const least = Math.max(0, bad - earlier.total);
  if (later.bad <= least) return 1;
  const first = Math.exp(logChoose(later.total, later.bad) + logChoose(earlier.total, bad - later.bad) - logChoose(all, bad));
  return tail(first, later.bad, most, (k) => ((later.total - k) * (bad - k)) / ((k + 1) * (earlier.total - bad + k + 1)));
}

/** P(X >= bad) of a binomial with chance `ratio`: the test against a stated ratio where nothing earlier was seen. */
export function binomialUpperTail(total: number, bad: number, ratio: number): number {
  if (bad <= 0) return 1;
  if (ratio <= 0) return 0;
  if (ratio >= 1) return 1;
  const first = Math.exp(logChoose(total, bad) + bad * Math.log(ratio) + (total - bad) * Math.log1p(-ratio));
  return tail(first, bad, total, (k) => (((total - k) / (k + 1)) * ratio) / (1 - ratio));
}

/** Sums from `from` to `to`, each term made from the one before, until more cannot matter. Below the mean all of it is summed. */
function tail(first: number, from: number, to: number, next: (k: number) => number): number {
  let term = first;
  let sum = first;
  for (let k = from; k < to; k += 1) {
    const factor = next(k);
    term *= factor;
    sum += term;
    if (factor < 1 && term < sum * 1e-16) break;
  }
  return Math.min(1, sum);
}

/**
 * ln of the chance that nothing comes where `expected` events were. `dispersion` k is that of a negative binomial
 * (variance = mean + mean²/k); Infinity is Poisson.
 */
export function logChanceOfSilence(expected: number, dispersion: number): number {
  if (expected <= 0) return 0;
  return Number.isFinite(dispersion) ? -dispersion * Math.log1p(expected / dispersion) : -expected;
}
