/**
 * Identifiers of everything stored: a prefix that names the kind and a UUID version 7 (RFC 9562) in base 32,
 * so that ids sort by the time they were made and an index grows at its end.
 */
import { randomFillSync } from 'node:crypto';

const alphabet = '0123456789abcdefghjkmnpqrstvwxyz';
/** Every pair of digits, so that ten random bits are one look-up. */
const pairs = Array.from({ length: 1024 }, (_, at) => alphabet.charAt(at >> 5) + alphabet.charAt(at & 31));

/** Random numbers are drawn for many ids at once: one draw costs as much as making the id does. */
const random = new Uint16Array(2048);
let used = random.length;
let timeMs = -1;
let timeText = '';

/** `acc_01kb…`: 26 characters of Crockford base 32 behind the prefix, the first ten of them the time in ms. */
export function newId(prefix: string, nowMs: number = Date.now()): string {
  if (nowMs !== timeMs) {
    timeMs = nowMs;
    timeText = writeTime(nowMs);
  }
  if (used === random.length) {
    randomFillSync(random);
    used = 0;
  }
  let text = `${prefix}_${timeText}`;
  for (const end = used + 8; used < end; used += 1) text += pairs[(random[used] ?? 0) & 1023];
  return text;
}

function writeTime(ms: number): string {
  let text = '';
  let left = ms;
  for (let digit = 0; digit < 10; digit += 1) {
    text = alphabet.charAt(left % 32) + text;
    left = Math.floor(left / 32);
  }
  return text;
}

/** Milliseconds since the epoch at which an id was made; null when it is none of ours. */
export function timeOfId(id: string): number | null {
  const time = /^[a-z]+_([0-9a-hjkmnp-tv-z]{10})[0-9a-hjkmnp-tv-z]{16}$/.exec(id)?.[1];
  if (time === undefined) return null;
  let ms = 0;
  for (const digit of time) ms = ms * 32 + alphabet.indexOf(digit);
  return ms <= 8.64e15 ? ms : null;
}
