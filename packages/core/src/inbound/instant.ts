/** Times that vendors state in webhooks, as milliseconds since the epoch. */
import { parseIsoDate } from '../connectors/values/dates.ts';

export type InstantUnit = 's' | 'ms' | 'iso' | 'auto';

/** Numbers from 10^11 on are milliseconds: as seconds they would lie three thousand years ahead. */
const msFrom = 1e11;

/** Undefined for what is no instant between 1970 and 9999. */
export function instantOf(value: unknown, unit: InstantUnit): number | undefined {
  const text = typeof value === 'number' ? String(value) : typeof value === 'string' ? value.trim() : '';
  const number = /^\d{1,16}(\.\d{1,9})?$/.test(text) ? Number(text) : undefined;
  const at = number === undefined ? (unit === 'iso' || unit === 'auto' ? parseIsoDate(text) : undefined) : fromNumber(number, unit);
  return at !== undefined && at >= 0 && at < 253_402_300_800_000 ? at : undefined;
}

function fromNumber(number: number, unit: InstantUnit): number | undefined {
  if (unit === 'iso') return undefined;
  return Math.round(unit === 's' || (unit === 'auto' && number < msFrom) ? number * 1000 : number);
}
