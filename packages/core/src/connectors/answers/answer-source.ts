/**
 * Where a manifest says a value of an answer stands (a plain path, an expression, a header, a pattern), compiled to
 * readers. Readers of plain places are synchronous; only expressions make a promise.
 */
import type { NumberSource, TimeSource } from '@evenkeel/contract/manifest/response.ts';
import type { Path } from '@evenkeel/contract/manifest/value.ts';
import { ExpressionFailure } from '../expressions/expression.ts';
import { compilePath } from '../values/path.ts';
import { compileRegex } from '../expressions/regex.ts';
import type { Eventually } from '../values/eventually.ts';
import { parseTime } from './time-value.ts';
import { expressionInput, type UpstreamAnswer } from './upstream-answer.ts';
import { compileReader as compilePathOrExpression } from '../values/value.ts';

/** Reads a value of an answer; `further` adds roots (page, input) for expressions. */
export type AnswerReader = (answer: UpstreamAnswer, further?: object) => Eventually<unknown>;

/** Throws a TypeError for a path that cannot be read (the linter reports those first). */
export function compileReader(path: Path): AnswerReader {
  if (typeof path !== 'string') return compileAnswerExpression(path.$expr);
  const read = compilePath(path);
  return (answer) => read(answer.body);
}

/** A reader whose expression rejects with nothing but an `ExpressionFailure`. */
export function compileAnswerExpression(source: string): (answer: UpstreamAnswer, further?: object) => Promise<unknown> {
  const evaluate = compilePathOrExpression({ $expr: source });
  return async (answer, further) => evaluate(expressionInput(answer, further));
}

/** The value, or undefined when the expression failed on this answer: for places where a failure is an absence. */
export async function readLeniently(reader: AnswerReader, answer: UpstreamAnswer, further?: object): Promise<unknown> {
  try {
    const value = reader(answer, further);
    return value instanceof Promise ? await value : value;
  } catch (thrown) {
    if (thrown instanceof ExpressionFailure) return undefined;
    throw thrown;
  }
}

export type NumberReader = (answer: UpstreamAnswer) => Eventually<number | undefined>;

/** Reads a finite number; the text may carry more behind it ("100, 100;w=60"). */
export function compileNumber(source: NumberSource): NumberReader {
  const read = compileSource(source);
  return (answer) => {
    const value = read(answer);
    return value instanceof Promise ? value.then(toNumber) : toNumber(value);
  };
}

/** Reads an instant or a duration as seconds from `nowMs`. */
export function compileTime(source: TimeSource): (answer: UpstreamAnswer, nowMs: number) => Eventually<number | undefined> {
  const read = compileSource(source);
  const { unit } = source;
  return (answer, nowMs) => {
    const value = read(answer);
    return value instanceof Promise ? value.then((read) => parseTime(read, unit, nowMs)) : parseTime(value, unit, nowMs);
  };
}

/** Whether the source needs the body of an answer. */
export function readsBody(source: { header?: string; body?: Path } | undefined): boolean {
  return source?.body !== undefined;
}

/** Header first, then body; the pattern's first group is the value, or its whole match when it has none. */
function compileSource(source: NumberSource): (answer: UpstreamAnswer) => Eventually<unknown> {
  const header = source.header?.toLowerCase();
  const body = source.body === undefined ? undefined : compileReader(source.body);
  const pattern = source.pattern === undefined ? undefined : compilePattern(source.pattern);
  const extract = (value: unknown): unknown => {
    if (pattern === undefined) return value;
    const match = pattern(textOf(value));
    return match?.[1] ?? match?.[0];
  };
  return (answer) => {
    const fromHeader = header !== undefined && Object.hasOwn(answer.headers, header) ? answer.headers[header] : undefined;
    if (fromHeader !== undefined) return extract(fromHeader);
    if (body === undefined) return undefined;
    const value = body(answer);
    return value instanceof Promise ? value.then(extract, () => undefined) : extract(value);
  };
}

function textOf(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '';
}

/** Throws a TypeError for a pattern that is not accepted. Long texts are cut. */
export function compilePattern(source: string): (text: string) => RegExpExecArray | null {
  const compiled = compileRegex(source);
  if (!compiled.ok) throw new TypeError(compiled.message);
  return (text) => compiled.exec(text);
}

/** The number a value is or begins with. */
export function toNumber(value: unknown): number | undefined {
  if (typeof value === 'number') return Number.isFinite(value) ? value : undefined;
  if (typeof value !== 'string') return undefined;
  const digits = /^\s*([+-]?\d{1,18}(?:\.\d{1,9})?)/.exec(value)?.[1];
  return digits === undefined ? undefined : Number(digits);
}
