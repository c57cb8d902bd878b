/**
 * Conditions of a manifest compiled to tests of an answer. All stated parts hold together; what is plain is decided
 * synchronously, and an expression that fails on an answer does not match it.
 */
import type { Condition, Matcher } from '@evenkeel/contract/manifest/response.ts';
import { compileAnswerExpression, compilePattern, readLeniently } from './answer-source.ts';
import type { Eventually } from '../values/eventually.ts';
import { compilePath } from '../values/path.ts';
import type { UpstreamAnswer } from './upstream-answer.ts';

export interface CompiledCondition {
  test(answer: UpstreamAnswer): Eventually<boolean>;
  /** Whether the body has to be read to decide. */
  readonly needsBody: boolean;
  /** Whether an answer with a status of 200 to 299 can match. */
  readonly matchesSuccess: boolean;
}

/** Throws a TypeError for a path or pattern that the linter refuses. */
export function compileCondition(condition: Condition): CompiledCondition {
  const tests = plainTests(condition);
  const plain = (answer: UpstreamAnswer): boolean => tests.every((test) => test(answer));
  const facts = {
    needsBody: condition.body !== undefined || condition.expr !== undefined,
    matchesSuccess: condition.status === undefined || condition.status.some((status) => status === '2xx' || (typeof status === 'number' && status >= 200 && status < 300)),
  };
  if (condition.expr === undefined) return { test: plain, ...facts };
  const expression = compileAnswerExpression(condition.expr);
  return { test: async (answer) => plain(answer) && (await readLeniently(expression, answer)) === true, ...facts };
}

function plainTests(condition: Condition): ((answer: UpstreamAnswer) => boolean)[] {
  const tests: ((answer: UpstreamAnswer) => boolean)[] = [];
  if (condition.status !== undefined) {
    const statuses = condition.status;
    tests.push((answer) => statuses.some((status) => status === answer.status || status === `${Math.floor(answer.status / 100)}xx`));
  }
  for (const [name, matcher] of Object.entries(condition.headers ?? {})) {
    const header = name.toLowerCase();
    const matches = compileMatcher(matcher);
    tests.push((answer) => matches(Object.hasOwn(answer.headers, header) ? answer.headers[header] : undefined));
  }
  for (const [path, matcher] of Object.entries(condition.body ?? {})) {
    const read = compilePath(path);
    const matches = compileMatcher(matcher);
    tests.push((answer) => matches(read(answer.body)));
  }
  return tests;
}

/**
 * A literal equals; header values are text, so a literal also equals its own text. `exists` is false for absent and
 * null; `not` holds for an absent value too; `contains` looks into texts and arrays; `gte` and `lte` compare numbers
 * and numeric texts.
 */
export function compileMatcher(matcher: Matcher): (value: unknown) => boolean {
  if (typeof matcher !== 'object' || matcher === null) return (value) => equals(value, matcher);
  if ('in' in matcher) return (value) => matcher.in.some((literal) => equals(value, literal));
  if ('not' in matcher) return (value) => !equals(value, matcher.not);
  if ('exists' in matcher) return (value) => (value !== undefined && value !== null) === matcher.exists;
  if ('contains' in matcher) return (value) => contains(value, matcher.contains);
  if ('gte' in matcher) return (value) => compare(value, (number) => number >= matcher.gte);
  if ('lte' in matcher) return (value) => compare(value, (number) => number <= matcher.lte);
  const pattern = compilePattern(matcher.matches);
  return (value) => (typeof value === 'string' || typeof value === 'number') && pattern(String(value)) !== null;
}

function equals(value: unknown, literal: string | number | boolean | null): boolean {
  if (value === literal) return true;
  if (literal === null) return value === undefined;
  return typeof value === 'string' && typeof literal !== 'string' && value === String(literal);
}

function contains(value: unknown, part: string): boolean {
  if (typeof value === 'string') return value.includes(part);
  return Array.isArray(value) && value.some((member) => member === part);
}

function compare(value: unknown, holds: (number: number) => boolean): boolean {
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
  return typeof number === 'number' && holds(number);
}
