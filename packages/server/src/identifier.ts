/**
 * Identifiers of everything stored: a prefix that names the kind and a UUID version 7 (RFC 9562) in base 32,
 * so that ids sort by the time they were made and an index grows at its end.
 */
import { randomFillSync } from 'node:crypto';

const alphabet = '0123456789abcdefghjkmnpqrstvwxyz';
const random = new Uint8Array(10);

/** `acc_01kb…`: 26 characters of Crockford base 32 behind the prefix, the first ten of them the time in ms. */
export function newId(prefix: string, nowMs: number = Date.now()): string {
  randomFillSync(random);
  let text = '';
  let time = nowMs;
  for (let digit = 0; digit < 10; digit += 1) {
    text = alphabet.charAt(time % 32) + text;
    time = Math.floor(time / 32);
  }
  let bits = 0;
  let buffer = 0;
  for (const byte of random) {
    buffer = (buffer << 8) | byte;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      text += alphabet.charAt((buffer >> bits) & 31);
    }
  }
  return `${prefix}_${text}`;
}

/** Milliseconds since the epoch at which an id was made; null when it is none of ours. */
export function timeOfId(id: string): number | null {
  const time = /^[a-z]+_([0-9a-hjkmnp-tv-z]{10})[0-9a-hjkmnp-tv-z]{16}$/.exec(id)?.[1];
  if (time === undefined) return null;
  let ms = 0;
  for (const digit of time) ms = ms * 32 + alphabet.indexOf(digit);
  return ms <= 8.64e15 ? ms : null;
}
