/** Seeded randomness: the same seed and label give the same sequence on every machine (xmur3 hash into mulberry32). */
import { randomBytes } from 'node:crypto';

export interface Random {
  /** In [0, 1). */
  next(): number;
  /** Whole, both ends included. */
  between(min: number, max: number): number;
  /** Throws on an empty list. */
  pick<const T extends readonly unknown[]>(from: T): T[number];
  chance(probability: number): boolean;
}

function hash(text: string): number {
  let h = 1779033703 ^ text.length;
  for (let i = 0; i < text.length; i += 1) {
    h = Math.imul(h ^ text.charCodeAt(i), 3432918353);
    h = (h << 13) | (h >>> 19);
  }
  return h >>> 0;
}

export function createRandom(seed: string): Random {
  let state = hash(seed);
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
  const between = (min: number, max: number): number => min + Math.floor(next() * (max - min + 1));
  return {
    next,
    between,
    pick(from) {
      if (from.length === 0) throw new Error('Nothing to pick from: the list is empty.');
      return from[between(0, from.length - 1)];
    },
    chance: (probability) => next() < probability,
  };
}

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';

/** Unguessable letters and digits, for tokens; not seeded. */
export function secretText(length: number): string {
  return Array.from(randomBytes(length), (byte) => alphabet[byte % alphabet.length]).join('');
}

export function secretHex(length: number): string {
  return randomBytes(Math.ceil(length / 2)).toString('hex').slice(0, length);
}
