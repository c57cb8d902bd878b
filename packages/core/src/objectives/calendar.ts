/** Windows as ranges of minutes since the epoch. Calendar units begin at the start of a day in their time zone, whatever daylight saving does to it. */
import type { CalendarUnit } from '@evenkeel/contract/playbook/objectives.ts';
import type { ObjectiveWindow } from './definition.ts';

/** `from` is in it, `to` is not. Minutes since the epoch. */
export interface MinuteRange {
  readonly from: number;
  readonly to: number;
}

/** The window that ends with `end` (the first minute that is not in it), and the whole period its budget is for. */
export function windowRange(window: ObjectiveWindow, end: number): { readonly range: MinuteRange; readonly periodMinutes: number } {
  if (window.kind === 'rolling') {
    const minutes = window.days * 1440;
    return { range: { from: end - minutes, to: end }, periodMinutes: minutes };
  }
  const period = calendarUnit(window.unit, window.timeZone, end - 1);
  return { range: { from: period.from, to: end }, periodMinutes: period.to - period.from };
}

/** The calendar unit that holds a minute. */
export function calendarUnit(unit: CalendarUnit, timeZone: string, minute: number): MinuteRange {
  const day = Temporal.Instant.fromEpochMilliseconds(minute * 60_000).toZonedDateTimeISO(timeZone).toPlainDate();
  const first = firstDay(unit, day);
  const next = unit === 'week' ? first.add({ weeks: 1 }) : first.add({ months: unit === 'month' ? 1 : 3 });
  return { from: startOfDay(first, timeZone), to: startOfDay(next, timeZone) };
}

function firstDay(unit: CalendarUnit, day: Temporal.PlainDate): Temporal.PlainDate {
  if (unit === 'week') return day.subtract({ days: day.dayOfWeek - 1 });
  const first = day.with({ day: 1 });
  return unit === 'month' ? first : first.subtract({ months: (first.month - 1) % 3 });
}

/** The first minute of a day: not midnight where the clock skips it. */
export function startOfDay(day: Temporal.PlainDate, timeZone: string): number {
  return Math.ceil(day.toZonedDateTime(timeZone).epochMilliseconds / 60_000);
}

/** `2026-10` in a time zone; undefined when it is no month. */
export function monthRange(period: string, timeZone: string): MinuteRange | undefined {
  if (!/^\d{4}-(0[1-9]|1[0-2])$/.test(period)) return undefined;
  const first = Temporal.PlainDate.from(`${period}-01`);
  return { from: startOfDay(first, timeZone), to: startOfDay(first.add({ months: 1 }), timeZone) };
}

/** The month that holds a minute: `2026-10`. */
export function monthOf(minute: number, timeZone: string): string {
  return Temporal.Instant.fromEpochMilliseconds(minute * 60_000).toZonedDateTimeISO(timeZone).toPlainDate().toPlainYearMonth().toString();
}

/** The months from the first to the last, both included. */
export function monthsBetween(first: string, last: string): string[] {
  const months: string[] = [];
  for (let month = Temporal.PlainYearMonth.from(first); Temporal.PlainYearMonth.compare(month, last) <= 0; month = month.add({ months: 1 })) months.push(month.toString());
  return months;
}

/** Days as written in an agreement: from the start of the first to the end of the last. */
export function dayRange(starts: string, ends: string | undefined, timeZone: string): MinuteRange {
  return {
    from: startOfDay(Temporal.PlainDate.from(starts), timeZone),
    to: ends === undefined ? Number.MAX_SAFE_INTEGER : startOfDay(Temporal.PlainDate.from(ends).add({ days: 1 }), timeZone),
  };
}

export const intersect = (a: MinuteRange, b: MinuteRange): MinuteRange => ({ from: Math.max(a.from, b.from), to: Math.max(Math.max(a.from, b.from), Math.min(a.to, b.to)) });
export const lengthOf = ({ from, to }: MinuteRange): number => to - from;
