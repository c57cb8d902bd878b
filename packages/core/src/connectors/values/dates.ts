/** Instants in text: ISO 8601 as vendors write it, and the three HTTP date forms of RFC 9110 section 5.6.7. */

const iso = /^(\d{4})-(\d{2})-(\d{2})(?:[T ](\d{2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?\s*(Z|[+-]\d{2}:?\d{2}|UTC|GMT)?)?$/i;

/** Milliseconds since the epoch; a text without an offset is taken as UTC. */
export function parseIsoDate(text: string): number | undefined {
  const match = iso.exec(text);
  if (match === null) return undefined;
  const [, year, month, day, hour = '0', minute = '0', second = '0', fraction = '', zone = 'Z'] = match;
  const at = instant(Number(year), Number(month), Number(day), Number(hour), Number(minute), Number(second));
  if (at === undefined) return undefined;
  const ms = Number(`0.${fraction}`.slice(0, 5)) * 1000;
  const offset = /^([+-])(\d{2}):?(\d{2})$/.exec(zone);
  const offsetMs = offset === null ? 0 : (offset[1] === '-' ? -1 : 1) * (Number(offset[2]) * 60 + Number(offset[3])) * 60_000;
  return at + Math.round(ms) - offsetMs;
}

const months = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
const fixdate = /^[a-z]{3}, (\d{2}) ([a-z]{3}) (\d{4}) (\d{2}):(\d{2}):(\d{2}) GMT$/i;
const rfc850 = /^[a-z]{6,9}, (\d{2})-([a-z]{3})-(\d{2}) (\d{2}):(\d{2}):(\d{2}) GMT$/i;
const asctime = /^[a-z]{3} ([a-z]{3}) ([ \d]\d) (\d{2}):(\d{2}):(\d{2}) (\d{4})$/i;

/** Milliseconds since the epoch. Two-digit years below 70 are of this century. */
export function parseHttpDate(text: string): number | undefined {
  const fixed = fixdate.exec(text);
  if (fixed !== null) return named(fixed[3], fixed[2], fixed[1], fixed[4], fixed[5], fixed[6]);
  const old = rfc850.exec(text);
  if (old !== null) {
    const year = Number(old[3]);
    return named(String(year + (year < 70 ? 2000 : 1900)), old[2], old[1], old[4], old[5], old[6]);
  }
  const ancient = asctime.exec(text);
  return ancient === null ? undefined : named(ancient[6], ancient[1], ancient[2], ancient[3], ancient[4], ancient[5]);
}

function named(year?: string, month?: string, day?: string, hour?: string, minute?: string, second?: string): number | undefined {
  return instant(Number(year), months.indexOf((month ?? '').toLowerCase()) + 1, Number(day), Number(hour), Number(minute), Number(second));
}

/** Undefined for a date that does not exist; a leap second counts as the second before. */
function instant(year: number, month: number, day: number, hour: number, minute: number, second: number): number | undefined {
  if (month < 1 || month > 12 || day < 1 || hour > 24 || minute > 59 || second > 60) return undefined;
  if (day > new Date(Date.UTC(year, month, 0)).getUTCDate()) return undefined;
  const at = new Date(0);
  at.setUTCFullYear(year, month - 1, day);
  at.setUTCHours(hour, minute, Math.min(second, 59));
  return at.getTime();
}
