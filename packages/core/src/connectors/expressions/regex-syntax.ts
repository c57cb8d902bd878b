/**
 * ECMAScript regular expressions parsed as far as their cost depends on it: sequences, choices, repetitions and the
 * characters an atom can begin with. Characters are the 128 of ASCII and one for all others.
 */

export type CharacterSet = ReadonlySet<number>;
export type RegexNode =
  | { readonly kind: 'set'; readonly set: CharacterSet }
  /** Matches without taking a character: anchors and look-arounds, whose bodies stand in `inner`. */
  | { readonly kind: 'assertion'; readonly anchor: boolean; readonly inner: RegexNode | undefined }
  | { readonly kind: 'sequence'; readonly items: readonly RegexNode[] }
  | { readonly kind: 'choice'; readonly options: readonly RegexNode[] }
  | { readonly kind: 'repeat'; readonly body: RegexNode; readonly min: number; readonly max: number };

const other = 128;
const everything: CharacterSet = new Set(Array.from({ length: 129 }, (_, code) => code));
const ranges = (...pairs: readonly (readonly [string, string])[]): Set<number> =>
  new Set(pairs.flatMap(([from, to]) => Array.from({ length: to.charCodeAt(0) - from.charCodeAt(0) + 1 }, (_, step) => from.charCodeAt(0) + step)));
const digits = ranges(['0', '9']);
const words = ranges(['0', '9'], ['A', 'Z'], ['a', 'z'], ['_', '_']);
const spaces = new Set([9, 10, 11, 12, 13, 32, other]);
const not = (set: CharacterSet): Set<number> => new Set([...everything].filter((code) => !set.has(code) || code === other));
const classes: Readonly<Record<string, CharacterSet>> = { d: digits, D: not(digits), w: words, W: not(words), s: spaces, S: not(spaces), '.': not(new Set([10, 13])) };
const controls: Readonly<Record<string, number>> = { t: 9, n: 10, v: 11, f: 12, r: 13, '0': 0 };

const codeOf = (character: string): number => Math.min(character.codePointAt(0) ?? other, other);

/** The tree of a pattern that `new RegExp` accepts; undefined when it has a back-reference, which no bound holds for. */
export function parseRegex(source: string): RegexNode | undefined {
  const reader = { source, at: 0, backReference: false };
  const tree = readChoice(reader);
  return reader.backReference ? undefined : tree;
}

interface Reader {
  readonly source: string;
  at: number;
  backReference: boolean;
}

function readChoice(reader: Reader): RegexNode {
  const options = [readSequence(reader)];
  while (reader.source[reader.at] === '|') {
    reader.at++;
    options.push(readSequence(reader));
  }
  const [only] = options;
  return options.length === 1 && only !== undefined ? only : { kind: 'choice', options };
}

function readSequence(reader: Reader): RegexNode {
  const items: RegexNode[] = [];
  while (reader.at < reader.source.length && reader.source[reader.at] !== '|' && reader.source[reader.at] !== ')') items.push(readRepeat(reader, readAtom(reader)));
  return { kind: 'sequence', items };
}

function readRepeat(reader: Reader, body: RegexNode): RegexNode {
  const quantifier = /(?:([*+?])|\{(\d+)(,(\d*))?\})\??/y;
  quantifier.lastIndex = reader.at;
  const match = quantifier.exec(reader.source);
  if (match === null) return body;
  reader.at = quantifier.lastIndex;
  const [, sign, least, comma, most] = match;
  if (sign !== undefined) return { kind: 'repeat', body, min: sign === '+' ? 1 : 0, max: sign === '?' ? 1 : Infinity };
  const min = Number(least);
  return { kind: 'repeat', body, min, max: comma === undefined ? min : most === undefined || most === '' ? Infinity : Number(most) };
}

function readAtom(reader: Reader): RegexNode {
  const character = reader.source[reader.at++] ?? '';
  if (character === '(') return readGroup(reader);
  if (character === '[') return { kind: 'set', set: readClass(reader) };
  if (character === '\\') return readEscape(reader);
  if (character === '^' || character === '$') return { kind: 'assertion', anchor: character === '^', inner: undefined };
  return { kind: 'set', set: character === '.' ? (classes['.'] ?? everything) : new Set([codeOf(character)]) };
}

function readGroup(reader: Reader): RegexNode {
  const opening = /\?(?:<?[=!]|:|<[^>]*>|[a-z-]*:)/y;
  opening.lastIndex = reader.at;
  const match = opening.exec(reader.source);
  if (match !== null) reader.at = opening.lastIndex;
  const inner = readChoice(reader);
  reader.at++;
  const looksAround = match !== null && /^\?<?[=!]$/.test(match[0]);
  return looksAround ? { kind: 'assertion', anchor: false, inner } : inner;
}

function readEscape(reader: Reader): RegexNode {
  const character = reader.source[reader.at] ?? '';
  if (character === 'b' || character === 'B') {
    reader.at++;
    return { kind: 'assertion', anchor: false, inner: undefined };
  }
  if (/[1-9k]/.test(character)) reader.backReference = true;
  return { kind: 'set', set: escapedSet(reader) };
}

/** Reads what stands behind a backslash. */
function escapedSet(reader: Reader): CharacterSet {
  const character = reader.source[reader.at++] ?? '';
  const known = Object.hasOwn(classes, character) && character !== '.' ? classes[character] : undefined;
  if (known !== undefined) return known;
  if (Object.hasOwn(controls, character)) return new Set([controls[character] ?? 0]);
  const long = /^(?:x([0-9a-f]{2})|u([0-9a-f]{4})|u\{([0-9a-f]+)\}|[pP]\{[^}]*\}|c[a-z])/i.exec(reader.source.slice(reader.at - 1, reader.at + 40));
  if (long === null) return new Set([codeOf(character)]);
  reader.at += long[0].length - 1;
  const digitsRead = long[1] ?? long[2] ?? long[3];
  return digitsRead === undefined ? everything : new Set([Math.min(Number.parseInt(digitsRead, 16), other)]);
}

function readClass(reader: Reader): CharacterSet {
  const negated = reader.source[reader.at] === '^';
  if (negated) reader.at++;
  const set = new Set<number>();
  while (reader.at < reader.source.length && reader.source[reader.at] !== ']') {
    const from = readClassMember(reader);
    const isRange = reader.source[reader.at] === '-' && reader.source[reader.at + 1] !== ']' && reader.at + 1 < reader.source.length;
    if (!isRange) {
      for (const code of from) set.add(code);
      continue;
    }
    reader.at++;
    const to = readClassMember(reader);
    for (let code = Math.min(...from); code <= Math.max(...to); code++) set.add(code);
  }
  reader.at++;
  return negated ? not(set) : set;
}

function readClassMember(reader: Reader): CharacterSet {
  const character = reader.source[reader.at++] ?? '';
  if (character !== '\\') return new Set([codeOf(character)]);
  if (reader.source[reader.at] !== 'b') return escapedSet(reader);
  reader.at++;
  return new Set([8]);
}
