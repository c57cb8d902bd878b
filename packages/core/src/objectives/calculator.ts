/** What a target means: allowed downtime, when the alerts fire, what a breach costs. For people; computed exactly, rounded last. */
import type { CreditTier } from '@evenkeel/contract/playbook/agreements.ts';
import { detectionSeconds, exhaustionSeconds, resetSeconds, spentAtDetection } from './burn-time.ts';
import type { BurnTier } from './definition.ts';
import { writeMinutes } from './definition.ts';
import { cutPercent, decimalText, floor, fraction, percentOf, raisedText, readPercent, whole, type Fraction, type Ppb } from './share.ts';

export interface SloTable {
  readonly target: string;
  readonly budget: string;
  readonly windows: readonly { readonly window: string; readonly allowed: string; readonly seconds: string }[];
  readonly alerts: readonly {
    readonly id: string;
    readonly severity: string;
    readonly factor: string;
    readonly windows: string;
    readonly fires_above: string;
    readonly spent: string;
    readonly exhausts_in: string;
    /** Share of bad events → when it fires and ends. */
    readonly times: readonly { readonly errors: string; readonly fires_after: string; readonly resets_after: string }[];
  }[];
  readonly credits: readonly { readonly from: string; readonly below: string; readonly credit: string; readonly example: string }[];
}

/** Shares of bad events that the table goes through. */
const examples = ['100', '5', '1', '0.1'];
/** The mean Gregorian year; a month is a twelfth of it. */
const yearMs = 31_556_952_000n;
const periods: readonly (readonly [name: string, ms: bigint])[] = [
  ['year (365.2425 d)', yearMs],
  ['quarter (a fourth)', yearMs / 4n],
  ['month (a twelfth)', yearMs / 12n],
  ['30 days', 2_592_000_000n],
  ['week', 604_800_000n],
  ['day', 86_400_000n],
];

export function sloTable(target: Ppb, tiers: readonly BurnTier[], credits: readonly CreditTier[], feeMinor = 500_000n): SloTable {
  const budget = whole - target;
  return {
    target: `${percentOf(target)} %`,
    budget: `${percentOf(budget)} %`,
    windows: periods.map(([window, ms]) => {
      const allowedMs = fraction(ms * budget, whole);
      return { window, allowed: durationText({ num: allowedMs.num, den: allowedMs.den * 1000n }), seconds: decimalText(roundedTo(allowedMs, 0), 3) };
    }),
    alerts: tiers.map((tier) => ({
      id: tier.id,
      severity: tier.severity,
      factor: `${decimalText((tier.factor.num * 1_000_000n) / tier.factor.den, 6)}×`,
      windows: `${writeMinutes(tier.longMinutes)} and ${writeMinutes(tier.shortMinutes)}`,
      fires_above: `${raisedText({ num: tier.factor.num * budget * 100n, den: tier.factor.den * whole }, 5)} %`,
      spent: `${cutPercent(spentAtDetection(tier, 43_200), 2)} %`,
      exhausts_in: durationText(exhaustionSeconds(tier, 43_200)),
      times: examples.map((percent) => {
        const errors = fraction(readPercent(percent) ?? 0n, whole);
        const after = detectionSeconds(tier, budget, errors);
        const reset = resetSeconds(tier, budget, errors);
        return { errors: `${percent} %`, fires_after: after === null ? 'never' : durationText(after), resets_after: reset === null ? '–' : durationText(reset) };
      }),
    })),
    credits: credits.map(({ below, credit }, index) => ({
      from: `${credits[index + 1]?.below ?? 0} %`,
      below: `${below} %`,
      credit: `${credit} %`,
      example: decimalText((feeMinor * (readPercent(credit) ?? 0n)) / whole, 2),
    })),
  };
}

/** Seconds as people read them: `2 d 1 h`, `52 min 35.7 s`, `2.592 s`. Rounded to three decimals, or one from a minute up. */
export function durationText(seconds: Fraction): string {
  const decimals = floor(seconds) >= 60n ? 1 : 3;
  const scale = 10n ** BigInt(decimals);
  const scaled = roundedTo(seconds, decimals);
  const all = scaled / scale;
  const parts: string[] = [];
  const add = (count: bigint, unit: string): void => void (count > 0n && parts.push(`${count} ${unit}`));
  add(all / 86_400n, 'd');
  add((all / 3600n) % 24n, 'h');
  add((all / 60n) % 60n, 'min');
  const rest = scaled - (all / 60n) * 60n * scale;
  if (rest > 0n || parts.length === 0) parts.push(`${decimalText(rest, decimals)} s`);
  return parts.join(' ');
}

/** Half up. */
const roundedTo = ({ num, den }: Fraction, decimals: number): bigint => floor({ num: num * 10n ** BigInt(decimals) * 2n + den, den: den * 2n });
