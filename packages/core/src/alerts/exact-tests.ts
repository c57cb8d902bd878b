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
  const whole = logChoose(all, bad);
  return upperTail({
    from: later.bad,
    least,
    most,
    mode: Math.floor(((later.total + 1) * (bad + 1)) / (all + 2)),
    logChance: (k) => logChoose(later.total, k) + logChoose(earlier.total, bad - k) - whole,
    next: (k) => ((later.total - k) * (bad - k)) / ((k + 1) * (earlier.total - bad + k + 1)),
  });
}

/** P(X >= bad) of a binomial with chance `ratio`: the test against a stated ratio where nothing earlier was seen. */
export function binomialUpperTail(total: number, bad: number, ratio: number): number {
  if (bad <= 0) return 1;
  if (ratio <= 0) return 0;
  if (ratio >= 1) return 1;
  return upperTail({
    from: bad,
    least: 0,
    most: total,
    mode: Math.floor((total + 1) * ratio),
    logChance: (k) => logChoose(total, k) + k * Math.log(ratio) + (total - k) * Math.log1p(-ratio),
    next: (k) => (((total - k) / (k + 1)) * ratio) / (1 - ratio),
  });
}

interface Tail {
  readonly from: number;
  readonly least: number;
  readonly most: number;
  /** Where the chance is highest. */
  readonly mode: number;
  readonly logChance: (k: number) => number;
  /** The chance of k + 1 against that of k. */
  readonly next: (k: number) => number;
}

/** Sums away from the mode, where terms only shrink, until more cannot matter; below the mode it is the rest of the other side. */
function upperTail({ from, least, most, mode, logChance, next }: Tail): number {
  if (from > mode) {
    let term = Math.exp(logChance(from));
    let sum = term;
    for (let k = from; k < most && term > sum * 1e-17; k += 1) {
      term *= next(k);
      sum += term;
    }
    return Math.min(1, sum);
  }
  let term = Math.exp(logChance(from - 1));
  let sum = term;
  for (let k = from - 2; k >= least && term > sum * 1e-17; k -= 1) {
    term /= next(k);
    sum += term;
  }
  return Math.max(0, 1 - sum);
}

/**
 * ln of the chance that nothing comes where `expected` events were. `dispersion` k is that of a negative binomial
 * (variance = mean + mean²/k); Infinity is Poisson.
 */
export function logChanceOfSilence(expected: number, dispersion: number): number {
  if (expected <= 0) return 0;
  return Number.isFinite(dispersion) ? -dispersion * Math.log1p(expected / dispersion) : -expected;
}
