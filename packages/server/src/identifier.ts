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

/**
 * Ids of one millisecond sort by the order in which this process made them (RFC 9562, section 6.2, method 1): their first
 * 20 random bits are a counter that begins anywhere in its lower half; 60 bits are drawn for each.
 */
interface Sequence {
  timeMs: number;
  timeText: string;
  counter: number;
}
const counterEnd = 2 ** 20;
/** By the clock, and by a moment that is given: rows of the past are given ids in between. */
const present: Sequence = { timeMs: -1, timeText: '', counter: 0 };
const given: Sequence = { timeMs: -1, timeText: '', counter: 0 };

/**
 * `acc_01kb…`: 26 characters of Crockford base 32 behind the prefix, the first ten of them the time in ms. Without `nowMs`
 * ids go up even where the clock is set back; with it they have exactly that time.
 */
export function newId(prefix: string, nowMs?: number): string {
  const sequence = nowMs === undefined ? present : given;
  const ms = nowMs ?? Math.max(Date.now(), present.timeMs);
  if (used + 7 > random.length) {
    randomFillSync(random);
    used = 0;
  }
  if (ms !== sequence.timeMs) begin(sequence, ms);
  else if ((sequence.counter += 1) === counterEnd) begin(sequence, nowMs ?? ms + 1);
  const { counter } = sequence;
  let text = `${prefix}_${sequence.timeText}${pairs[counter >> 10]}${pairs[counter & 1023]}`;
  for (const end = used + 6; used < end; used += 1) text += pairs[(random[used] ?? 0) & 1023];
  return text;
}

function begin(sequence: Sequence, ms: number): void {
  sequence.timeMs = ms;
  sequence.timeText = writeTime(ms);
  sequence.counter = ((random[used] ?? 0) << 3) | ((random[used + 1] ?? 0) >> 13);
  used += 1;
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
