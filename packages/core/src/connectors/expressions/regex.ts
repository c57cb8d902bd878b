/**
 * Regular expressions written in manifests. V8 backtracks, so a pattern that can take exponential time is refused before
 * it meets a text, and the text is bounded by how the worst time of the pattern grows with its length.
 */
import { parseRegex, type CharacterSet, type RegexNode } from './regex-syntax.ts';

const maxPatternLength = 500;
/** Longest text by the degree of the pattern's worst time: each keeps a match below about 50 ms. */
const textLengths = [100_000, 10_000, 400, 100] as const;
const maxOptionals = 8;

export type CompiledRegex = { readonly ok: true; exec(text: string): RegExpExecArray | null } | { readonly ok: false; readonly message: string };

/** Compiles a pattern. A text longer than the pattern is safe for is cut at its end. Never throws. */
export function compileRegex(source: string, flags = ''): CompiledRegex {
  const judgement = judge(source);
  if (!judgement.ok) return judgement;
  const pattern = new RegExp(source, flags);
  return { ok: true, exec: (text) => pattern.exec(text.length > judgement.textLength ? text.slice(0, judgement.textLength) : text) };
}

/** Why a pattern is not accepted, or undefined. */
export function regexFault(source: string): string | undefined {
  const judgement = judge(source);
  return judgement.ok ? undefined : judgement.message;
}

/** The longest text this pattern meets in reasonable time; 0 for a pattern that is refused. */
export function safeTextLength(source: string): number {
  const judgement = judge(source);
  return judgement.ok ? judgement.textLength : 0;
}

type Judgement = { readonly ok: true; readonly textLength: number } | { readonly ok: false; readonly message: string };

const judged = new Map<string, Judgement>();
const judgedMost = 2_000;

/** Judged once per pattern. */
function judge(source: string): Judgement {
  const known = judged.get(source) ?? examine(source);
  if (judged.size >= judgedMost) judged.clear();
  if (source.length <= maxPatternLength) judged.set(source, known);
  return known;
}

function examine(source: string): Judgement {
  if (source.length > maxPatternLength) return { ok: false, message: `The regular expression has ${source.length} characters; at most ${maxPatternLength} are allowed.` };
  try {
    new RegExp(source);
  } catch (thrown) {
    return { ok: false, message: `The regular expression cannot be read: ${thrown instanceof Error ? thrown.message : 'it is malformed'}.` };
  }
  const tree = parseRegex(source);
  if (tree === undefined) return { ok: false, message: 'The regular expression has a back-reference; no bound on its time is known.' };
  const cost: Cost = { degree: 0, optionals: 0, startsOver: false, nested: false };
  weigh(tree, { characters: new Set(), mandatory: false }, cost);
  const degree = cost.degree + (cost.startsOver && !isAnchored(tree) ? 1 : 0);
  const textLength = textLengths[degree];
  if (!cost.nested && cost.optionals <= maxOptionals && textLength !== undefined) return { ok: true, textLength };
  const reason = cost.nested ? 'it repeats something that itself repeats or has overlapping choices' : 'too many of its repetitions can take the same characters';
  return { ok: false, message: `The regular expression can take unbounded time: ${reason}. Separate the parts by a character that none of them takes.` };
}

interface Cost {
  /** Repetitions that can give characters to what follows them: each multiplies the worst time by the length. */
  degree: number;
  /** Optional parts that can do the same: each doubles it. */
  optionals: number;
  /** A repetition stands before something that can fail, so an unanchored search starts over from each character. */
  startsOver: boolean;
  nested: boolean;
}

/** What stands behind a node: the characters it can begin with, and whether it must match. */
interface Follow {
  readonly characters: CharacterSet;
  readonly mandatory: boolean;
}

function weigh(node: RegexNode, follow: Follow, cost: Cost): void {
  switch (node.kind) {
    case 'set':
      return;
    case 'assertion':
      return node.inner === undefined ? undefined : weigh(node.inner, { characters: new Set(), mandatory: false }, cost);
    case 'choice':
      return node.options.forEach((option) => weigh(option, follow, cost));
    case 'sequence': {
      let behind = follow;
      for (const item of node.items.toReversed()) {
        weigh(item, behind, cost);
        const nullable = isNullable(item);
        behind = { characters: nullable ? union(first(item), behind.characters) : first(item), mandatory: behind.mandatory || !nullable || item.kind === 'assertion' };
      }
      return;
    }
    case 'repeat':
      return weighRepeat(node, follow, cost);
  }
}

function weighRepeat(node: Extract<RegexNode, { kind: 'repeat' }>, follow: Follow, cost: Cost): void {
  const { body, min, max } = node;
  if (max > 1 && (isNullable(body) || hasOverlappingChoice(body) || (isVariable(body) && !isSeparated(body)))) cost.nested = true;
  if (max > 1 && max > min && follow.mandatory) cost.startsOver = true;
  if (max > min && overlaps(first(body), follow.characters)) {
    if (max === 1) cost.optionals++;
    else cost.degree++;
  }
  weigh(body, max > 1 ? { ...follow, characters: union(first(body), follow.characters) } : follow, cost);
}

function isNullable(node: RegexNode): boolean {
  switch (node.kind) {
    case 'set':
      return false;
    case 'assertion':
      return true;
    case 'sequence':
      return node.items.every(isNullable);
    case 'choice':
      return node.options.some(isNullable);
    case 'repeat':
      return node.min === 0 || isNullable(node.body);
  }
}

/** Characters a match of the node can begin with. */
function first(node: RegexNode): CharacterSet {
  switch (node.kind) {
    case 'set':
      return node.set;
    case 'assertion':
      return new Set();
    case 'choice':
      return node.options.map(first).reduce(union, new Set());
    case 'repeat':
      return first(node.body);
    case 'sequence': {
      let begin: CharacterSet = new Set();
      for (const item of node.items) {
        begin = union(begin, first(item));
        if (!isNullable(item)) break;
      }
      return begin;
    }
  }
}

/** Every character a match of the node can hold. */
function every(node: RegexNode): CharacterSet {
  switch (node.kind) {
    case 'set':
      return node.set;
    case 'assertion':
      return new Set();
    case 'repeat':
      return every(node.body);
    case 'choice':
      return node.options.map(every).reduce(union, new Set());
    case 'sequence':
      return node.items.map(every).reduce(union, new Set());
  }
}

/** Whether the node can match texts of different length at one place by repetition. */
function isVariable(node: RegexNode): boolean {
  if (node.kind === 'repeat') return node.max > node.min || isVariable(node.body);
  if (node.kind === 'sequence') return node.items.some(isVariable);
  return node.kind === 'choice' && node.options.some(isVariable);
}

function hasOverlappingChoice(node: RegexNode): boolean {
  if (node.kind === 'repeat') return hasOverlappingChoice(node.body);
  if (node.kind === 'sequence') return node.items.some(hasOverlappingChoice);
  if (node.kind !== 'choice') return false;
  const begins = node.options.map(first);
  return begins.some((begin, index) => begins.slice(index + 1).some((next) => overlaps(begin, next))) || node.options.some(hasOverlappingChoice);
}

/** A body such as `-[a-z]+` or `[^,]*,`: one fixed character at an end that the rest never takes marks each round. */
function isSeparated(body: RegexNode): boolean {
  if (body.kind === 'choice') return body.options.every((option) => !isVariable(option) || isSeparated(option));
  if (body.kind !== 'sequence') return false;
  const [head, ...behind] = body.items;
  const tail = body.items.at(-1);
  const before = body.items.slice(0, -1);
  const marks = (mark: RegexNode | undefined, rest: readonly RegexNode[]): boolean => mark?.kind === 'set' && rest.length > 0 && !rest.some((item) => overlaps(every(item), mark.set));
  return marks(head, behind) || marks(tail, before) || (body.items.length === 1 && head !== undefined && isSeparated(head));
}

function isAnchored(node: RegexNode): boolean {
  if (node.kind === 'assertion') return node.anchor;
  if (node.kind === 'choice') return node.options.every(isAnchored);
  if (node.kind !== 'sequence') return false;
  const [head] = node.items;
  return head !== undefined && isAnchored(head);
}

function union(a: CharacterSet, b: CharacterSet): CharacterSet {
  return a.union(b);
}

function overlaps(a: CharacterSet, b: CharacterSet): boolean {
  return !a.isDisjointFrom(b);
}
