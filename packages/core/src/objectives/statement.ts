/** The statement of one month: uptime and credit with the working shown. Tiers are decided on the integers, never on a rounded percentage. */
import type { AgreementDefinition, Tier } from './agreement.ts';
import { intersect, lengthOf, monthOf, monthRange, type MinuteRange } from './calendar.ts';
import { downtimeOf, type AcceptedExclusion, type BadMinute, type DowntimeRun } from './downtime.ts';
import { ceiling, compare, cutPercent, decimalText, fraction, percentOf, whole, type Fraction } from './share.ts';

export interface StatementInput {
  readonly agreement: AgreementDefinition;
  /** `2026-10`. */
  readonly month: string;
  /** Bad by counts, ascending, reaching beyond the month as far as its runs do. */
  readonly badMinutes: readonly { readonly minute: number; readonly requests: number; readonly failed: number }[];
  /** Not measured, ascending, reaching as far. */
  readonly unmeasured: readonly number[];
  readonly exclusions: readonly AcceptedExclusion[];
  /** The first minute this installation ever sealed; before it nothing can be said. */
  readonly firstMinute: number;
  /** The first minute that is not sealed yet. */
  readonly sealedTo: number;
}

export interface Statement {
  readonly month: string;
  readonly period: MinuteRange;
  /** open: goes on, or its last run does. */
  readonly state: 'open' | 'closed';
  readonly periodMinutes: number;
  /** Of the period: not measured. */
  readonly unmeasuredMinutes: number;
  /** Of the period: taken out of the total. */
  readonly leftOutMinutes: number;
  readonly totalMinutes: number;
  readonly downtimeMinutes: number;
  readonly excludedMinutes: number;
  readonly runs: readonly DowntimeRun[];
  /** Null when no minute is left to judge. */
  readonly uptime: Fraction | null;
  readonly meets: boolean | null;
  readonly tier: Tier | null;
  readonly creditMinor: bigint;
  readonly working: readonly string[];
}

/** Null when the agreement was not in force in the month, or nothing of it is sealed. */
export function stateMonth(input: StatementInput): Statement | null {
  const { agreement, month, sealedTo } = input;
  const calendar = monthRange(month, agreement.timeZone);
  if (calendar === undefined) return null;
  const inForce = intersect(calendar, agreement.term);
  const period = intersect(inForce, { from: Number.MIN_SAFE_INTEGER, to: sealedTo });
  if (lengthOf(period) === 0) return null;
  const runs = downtimeOf(period, allBad(input), agreement.downtime.consecutiveMinutes, input.exclusions);
  const state = sealedTo >= inForce.to && !reachesOpenEnd(input, inForce.to) ? 'closed' : 'open';
  const beforeStart = lengthOf(intersect(period, { from: period.from, to: input.firstMinute }));
  const unmeasured = input.unmeasured.filter((minute) => minute >= Math.max(period.from, input.firstMinute) && minute < period.to).length;
  const leftOutMinutes = beforeStart + (agreement.downtime.unmeasured === 'left_out' ? unmeasured : 0);
  const totalMinutes = lengthOf(period) - leftOutMinutes;
  const downtimeMinutes = runs.reduce((sum, { counted }) => sum + counted, 0);
  const uptime = totalMinutes === 0 ? null : fraction(BigInt(totalMinutes - downtimeMinutes), BigInt(totalMinutes));
  const tier = uptime === null ? null : tierOf(agreement.tiers, uptime);
  const numbers = {
    month,
    period,
    state,
    periodMinutes: lengthOf(period),
    unmeasuredMinutes: unmeasured,
    leftOutMinutes,
    totalMinutes,
    downtimeMinutes,
    excludedMinutes: runs.reduce((sum, { excluded }) => sum + excluded.reduce((all, { minutes }) => all + minutes, 0), 0),
    runs,
    uptime,
    meets: uptime === null ? null : compare(uptime, fraction(agreement.target, whole)) >= 0,
    tier,
    creditMinor: creditOf(agreement, tier),
  } as const;
  return { ...numbers, working: workingOf(agreement, numbers) };
}

/** The lowest tier the uptime is under; null when it is under none. Tiers descend. */
export function tierOf(tiers: readonly Tier[], uptime: Fraction): Tier | null {
  return tiers.findLast(({ below }) => compare(uptime, fraction(below, whole)) < 0) ?? null;
}

/** In minor units, a fraction of one rounded up (in the customer's favour), at most the cap. */
export function creditOf({ feeMinor, cap }: Pick<AgreementDefinition, 'feeMinor' | 'cap'>, tier: Tier | null): bigint {
  if (tier === null) return 0n;
  const share = tier.credit < cap ? tier.credit : cap;
  return ceiling(fraction(feeMinor * share, whole));
}

function allBad({ agreement, badMinutes, unmeasured, firstMinute }: StatementInput): BadMinute[] {
  const byErrors = badMinutes.map((one): BadMinute => ({ ...one, cause: 'errors' }));
  if (agreement.downtime.unmeasured === 'left_out') return byErrors;
  const known = new Set(badMinutes.map(({ minute }) => minute));
  const blind = unmeasured.filter((minute) => minute >= firstMinute && !known.has(minute)).map((minute): BadMinute => ({ minute, requests: 0, failed: 0, cause: 'unmeasured' }));
  return [...byErrors, ...blind].toSorted((a, b) => a.minute - b.minute);
}

/** Whether a run touches the month's end and the sealed minutes end before it does: it may still qualify or not. */
function reachesOpenEnd(input: StatementInput, end: number): boolean {
  const bad = new Set(allBad(input).map(({ minute }) => minute));
  if (!bad.has(end - 1)) return false;
  let at = end;
  while (bad.has(at)) at += 1;
  let from = end - 1;
  while (bad.has(from - 1)) from -= 1;
  return at >= input.sealedTo && at - from < input.agreement.downtime.consecutiveMinutes;
}

function workingOf(agreement: AgreementDefinition, s: Omit<Statement, 'working'>): string[] {
  const { downtime, timeZone } = agreement;
  const at = (minute: number): string => Temporal.Instant.fromEpochMilliseconds(minute * 60_000).toZonedDateTimeISO(timeZone).toString({ smallestUnit: 'minute', timeZoneName: 'never' });
  const lines = [
    `Period: ${at(s.period.from)} to ${at(s.period.to)} (${timeZone}), ${s.periodMinutes} minutes${s.state === 'open' ? ', not over yet' : ''}.`,
    `A minute is bad when more than ${percentOf(downtime.above)} % of the requests fail with a server error ${downtime.errors === 'platform' ? 'of the platform' : 'of the platform or a vendor'}; ${downtime.consecutiveMinutes} or more in a row are downtime.`,
    `Not measured: ${s.unmeasuredMinutes} minutes, ${downtime.unmeasured === 'downtime' ? 'each counted as bad' : 'left out of the total'}.${s.leftOutMinutes > 0 ? ` Left out in all: ${s.leftOutMinutes}.` : ''}`,
    ...s.runs.map((run) => {
      const minutes = lengthOf(run.inPeriod);
      const cut = lengthOf(run.run) > minutes ? `, of which ${minutes} are in this period` : '';
      const excluded = run.excluded.map((one) => ` − ${one.minutes} excluded (${one.clause}, ${one.id})`).join('');
      return `Downtime ${at(run.run.from)} to ${at(run.run.to)}: ${lengthOf(run.run)} minutes${cut}; ${run.failed} of ${run.requests} requests failed${run.unmeasured > 0 ? `, ${run.unmeasured} minutes not measured` : ''}: ${minutes}${excluded} = ${run.counted}.`;
    }),
  ];
  if (s.uptime === null) return [...lines, 'No minute is left to judge: no uptime, no credit.'];
  lines.push(`Uptime: (${s.totalMinutes} − ${s.downtimeMinutes}) / ${s.totalMinutes} = ${cutPercent(s.uptime, 5)} % (cut, not rounded); promised: ${percentOf(agreement.target)} %.`);
  if (s.tier === null) return [...lines, 'Credit: none.'];
  const capped = s.tier.credit > agreement.cap ? `, capped at ${percentOf(agreement.cap)} %` : '';
  return [...lines, `Credit: under ${percentOf(s.tier.below)} %, so ${percentOf(s.tier.credit)} %${capped} of ${moneyText(agreement.feeMinor, agreement.currency)} = ${moneyText(s.creditMinor, agreement.currency)}.`];
}

/** 500000 USD → `5000.00 USD`. The number of decimals is the currency's. */
export function moneyText(minor: bigint, currency: string): string {
  const decimals = new Intl.NumberFormat('en', { style: 'currency', currency }).resolvedOptions().maximumFractionDigits ?? 2;
  const text = decimalText(minor, decimals);
  const [units = '', parts = ''] = text.split('.');
  return `${decimals === 0 ? units : `${units}.${parts.padEnd(decimals, '0')}`} ${currency}`;
}

/** The months of an agreement that have a sealed minute, newest first. */
export function monthsOf({ term, timeZone }: Pick<AgreementDefinition, 'term' | 'timeZone'>, firstMinute: number, sealedTo: number): { readonly first: string; readonly last: string } | null {
  const range = intersect(term, { from: firstMinute, to: sealedTo });
  return lengthOf(range) === 0 ? null : { first: monthOf(range.from, timeZone), last: monthOf(range.to - 1, timeZone) };
}
