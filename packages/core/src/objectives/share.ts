/**
 * Exact shares. A share is a fraction of integers or a whole number of parts per billion; it is compared by
 * cross-multiplication and never as a floating-point number, in which 1 - 0.99995 is not 0.00005.
 */

/** Parts per billion: 99.995 % is 999_950_000n. */
export type Ppb = bigint;
export const whole: Ppb = 1_000_000_000n;

/** A non-negative or negative fraction; `den` is above 0. */
export interface Fraction {
  readonly num: bigint;
  readonly den: bigint;
}

export const fraction = (num: bigint, den: bigint): Fraction => ({ num, den });

/** Below 0, 0 or above 0 as `a` is less than, equal to or more than `b`. */
export function compare(a: Fraction, b: Fraction): number {
  const left = a.num * b.den;
  const right = b.num * a.den;
  return left < right ? -1 : left > right ? 1 : 0;
}

/**
 * Reads a share in percent, as a number or a text, exactly: 99.995 → 999_950_000n. A number is read as it is written
 * (its shortest decimal form), so that 99.995 means 99.995. Undefined when it is no share from 0 to 100 with at most
 * seven decimals.
 */
export function readPercent(written: number | string): Ppb | undefined {
  const scaled = readDecimal(written, 7);
  return scaled !== undefined && scaled <= whole ? scaled : undefined;
}

/** Reads a non-negative decimal with at most `decimals` decimals as an integer scaled by 10^decimals; undefined otherwise. */
export function readDecimal(written: number | string, decimals: number): bigint | undefined {
  const text = typeof written === 'number' ? plain(written) : written;
  const [, units, parts = ''] = /^(\d{1,15})(?:\.(\d{1,20}))?$/.exec(text) ?? [];
  if (units === undefined) return undefined;
  const kept = parts.replace(/0+$/, '');
  if (kept.length > decimals) return undefined;
  return BigInt(units) * 10n ** BigInt(decimals) + BigInt(kept.padEnd(decimals, '0') || '0');
}

/** A number's shortest decimal form without an exponent; 1e-7 is written as 0.0000001. */
function plain(value: number): string {
  const text = String(value);
  const [, digits = '', exponent] = /^(\d(?:\.\d+)?)e-(\d+)$/.exec(text) ?? [];
  return exponent === undefined ? text : `0.${digits.replace('.', '').padStart(Number(exponent) + digits.replace(/\.\d*$/, '').length - 1, '0')}`;
}

/** Parts per billion as percent without trailing zeros: 999_950_000n → "99.995". */
export function percentOf(ppb: Ppb): string {
  return decimalText(ppb, 7);
}

/** An integer scaled by 10^decimals as a decimal without trailing zeros. */
export function decimalText(scaled: bigint, decimals: number): string {
  const sign = scaled < 0n ? '-' : '';
  const digits = (scaled < 0n ? -scaled : scaled).toString().padStart(decimals + 1, '0');
  const fractionDigits = digits.slice(digits.length - decimals).replace(/0+$/, '');
  return `${sign}${digits.slice(0, digits.length - decimals)}${fractionDigits === '' ? '' : `.${fractionDigits}`}`;
}

/** Largest integer not above the fraction. */
export function floor({ num, den }: Fraction): bigint {
  const quotient = num / den;
  return num < 0n && quotient * den !== num ? quotient - 1n : quotient;
}

/** Smallest integer not below the fraction. */
export function ceiling({ num, den }: Fraction): bigint {
  return -floor({ num: -num, den });
}

/**
 * A fraction for the eye, cut (never rounded) to `decimals`: what is shown is at least a bound of that many decimals
 * exactly when the fraction is.
 */
export function cutText({ num, den }: Fraction, decimals: number): string {
  const scale = 10n ** BigInt(decimals);
  return fixedText(floor({ num: num * scale, den }), decimals);
}

/** The same in percent. */
export const cutPercent = (value: Fraction, decimals = 4): string => cutText({ num: value.num * 100n, den: value.den }, decimals);

/** A fraction raised to the next step of `decimals`: what is shown is above a bound exactly when the fraction is. */
export function raisedText({ num, den }: Fraction, decimals: number): string {
  const scale = 10n ** BigInt(decimals);
  return fixedText(ceiling({ num: num * scale, den }), decimals);
}

function fixedText(scaled: bigint, decimals: number): string {
  const sign = scaled < 0n ? '-' : '';
  const digits = (scaled < 0n ? -scaled : scaled).toString().padStart(decimals + 1, '0');
  return decimals === 0 ? `${sign}${digits}` : `${sign}${digits.slice(0, -decimals)}.${digits.slice(-decimals)}`;
}
