/**
 * JSON answers (RFC 8259) with two guarantees that the built-in parser does not give: nesting is bounded, and an
 * integer beyond 2^53 keeps its digits (as a string), since a record's id must never be changed on the way through.
 */

export type JsonReading =
  | { readonly ok: true; readonly value: unknown; readonly exact: boolean }
  | { readonly ok: false; readonly reason: 'truncated' | 'malformed' | 'too_deep'; readonly detail: string };

/** Never throws; white space alone is an absent value. The check after parsing costs a few per cent of the parsing. */
export function parseJson(text: string, maxDepth: number): JsonReading {
  let value: unknown;
  try {
    value = JSON.parse(text) as unknown;
  } catch {
    if (text.trim() === '') return { ok: true, value: undefined, exact: true };
    return isCutOff(text) ? { ok: false, reason: 'truncated', detail: 'its JSON ends too early' } : { ok: false, reason: 'malformed', detail: 'it is not JSON' };
  }
  const seen = { inexact: false };
  if (!isWithin(value, maxDepth, seen)) return { ok: false, reason: 'too_deep', detail: `its JSON nests deeper than ${maxDepth} levels` };
  if (!seen.inexact) return { ok: true, value, exact: true };
  return { ok: true, value: JSON.parse(text, keepDigits) as unknown, exact: false };
}

function isWithin(value: unknown, levels: number, seen: { inexact: boolean }): boolean {
  if (typeof value === 'number') {
    if ((value > Number.MAX_SAFE_INTEGER || value < Number.MIN_SAFE_INTEGER) && !seen.inexact) seen.inexact = true;
    return true;
  }
  if (typeof value !== 'object' || value === null) return true;
  if (levels === 0) return false;
  if (Array.isArray(value)) {
    for (const member of value) if (!isWithin(member, levels - 1, seen)) return false;
    return true;
  }
  for (const key in value) if (!isWithin((value as Record<string, unknown>)[key], levels - 1, seen)) return false;
  return true;
}

function keepDigits(this: unknown, _key: string, value: unknown, context?: { source?: string }): unknown {
  if (typeof value !== 'number' || Number.isSafeInteger(value)) return value;
  const source = context?.source;
  return source !== undefined && /^-?\d+$/.test(source) ? source : value;
}

/** Whether a text that is no JSON ends inside a string, an array or an object: cut off rather than garbage. */
function isCutOff(text: string): boolean {
  if (!/^\s*[[{"]/.test(text)) return false;
  let open = 0;
  let inString = false;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (inString) {
      if (code === 0x5c) at++;
      else if (code === 0x22) inString = false;
    } else if (code === 0x22) inString = true;
    else if (code === 0x7b || code === 0x5b) open++;
    else if (code === 0x7d || code === 0x5d) open--;
  }
  return inString || open > 0;
}
