/**
 * Manifest values compiled to closures. Plain placeholders are read synchronously; only `{"$expr": …}` makes a value
 * asynchronous. An absent value drops its key or its array member; nothing of the scope is ever copied or written.
 */
import type { Path, Value } from '@evenkeel/contract/manifest/value.ts';
import { compileExpression, ExpressionFailure } from '../expressions/expression.ts';
import { compilePath } from './path.ts';
import type { Scope } from './scope.ts';
import { compileTemplate } from './template.ts';

export { compileTemplate, parseTemplate } from './template.ts';

/** When `asynchronous` is false the result is never a promise. Rejects or throws `ExpressionFailure` or `TemplateFailure`. */
export interface CompiledValue {
  (scope: Scope): unknown;
  readonly asynchronous: boolean;
  /** The same whatever the scope: it can be written once, when the manifest is compiled. */
  readonly constant: boolean;
}

/** Throws a TypeError for what the linter reports (an unreadable placeholder); expressions are compiled when first used. */
export function compileValue(value: Value): CompiledValue {
  if (typeof value === 'string') return marked(compileTemplate(value), false, !value.includes('{{'));
  if (typeof value !== 'object' || value === null) return marked(() => value, false, true);
  if (Array.isArray(value)) return compileArray(value);
  const keys = Object.keys(value);
  if (keys.length === 1) {
    const { $expr: source, $literal: literal } = value;
    if (keys[0] === '$literal') return marked(() => literal, false, true);
    if (keys[0] === '$expr' && typeof source === 'string') return marked(lazyExpression(source), true);
  }
  return compileObject(keys.filter((key) => key !== '__proto__').map((key) => [key, compileValue(value[key] ?? null)] as const));
}

/** The compiled members of a map, to be evaluated one by one by a caller that treats names itself. */
export function compileMap(map: { readonly [key: string]: Value } | undefined): readonly (readonly [string, CompiledValue])[] {
  return Object.entries(map ?? {}).map(([key, value]) => [key, compileValue(value)] as const);
}

/** Reads a path or an expression out of any root; a promise for expressions only. */
export function compileReader(path: Path): CompiledReader {
  if (typeof path === 'string') return Object.assign(compilePath(path), { asynchronous: false });
  return Object.assign(lazyExpression(path.$expr), { asynchronous: true });
}
export interface CompiledReader {
  (root: unknown): unknown;
  readonly asynchronous: boolean;
}

function lazyExpression(source: string): (input: unknown) => Promise<unknown> {
  return async (input) => {
    const compiled = compileExpression(source);
    if (!compiled.ok) throw new ExpressionFailure(compiled.fault.message, source);
    return compiled.evaluate(input);
  };
}

function marked(evaluate: (scope: Scope) => unknown, asynchronous: boolean, constant = false): CompiledValue {
  return Object.assign((scope: Scope) => evaluate(scope), { asynchronous, constant });
}

function compileArray(items: readonly Value[]): CompiledValue {
  const members = items.map((item) => compileValue(item));
  const present = (values: readonly unknown[]): unknown[] => values.filter((value) => value !== undefined);
  if (members.some((member) => member.asynchronous)) {
    return marked(async (scope) => present(await Promise.all(members.map((member) => member(scope)))), true);
  }
  return marked((scope) => present(members.map((member) => member(scope))), false);
}

function compileObject(members: readonly (readonly [string, CompiledValue])[]): CompiledValue {
  const assemble = (values: readonly unknown[]): Record<string, unknown> => {
    const object: Record<string, unknown> = {};
    members.forEach(([key], index) => {
      if (values[index] !== undefined) object[key] = values[index];
    });
    return object;
  };
  if (members.some(([, member]) => member.asynchronous)) {
    return marked(async (scope) => assemble(await Promise.all(members.map(([, member]) => member(scope)))), true);
  }
  return marked((scope) => assemble(members.map(([, member]) => member(scope))), false);
}
