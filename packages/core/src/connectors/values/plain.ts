/** Plain JSON data out of whatever an expression left behind: no functions, no shared parts, no hidden properties. */
import { ExpressionFailure, limits } from '../expressions/expression-limits.ts';

/** A copy with ordinary prototypes; functions and undefined members are dropped, as is a key `__proto__`. */
export function toPlain(value: unknown): unknown {
  return copy(value, { left: limits.nodes }, limits.nesting);
}

function copy(value: unknown, budget: { left: number }, depth: number): unknown {
  if (typeof value === 'string') {
    budget.left -= value.length >> 6;
    if (value.length > limits.text) throw new ExpressionFailure(`it makes a text of more than ${limits.text} characters`);
  }
  if (--budget.left < 0) throw new ExpressionFailure(`its result holds more than ${limits.nodes} values`);
  if (typeof value === 'function' || typeof value === 'symbol') return undefined;
  if (typeof value !== 'object' || value === null) return value;
  if (depth === 0) throw new ExpressionFailure(`its result nests deeper than ${limits.nesting} levels`);
  if (Array.isArray(value)) return copyArray(value, budget, depth);
  if (isFunctionObject(value)) return undefined;
  const plain: Record<string, unknown> = {};
  for (const [key, member] of Object.entries(value)) {
    if (key === '__proto__') continue;
    const copied = copy(member, budget, depth - 1);
    if (copied !== undefined) plain[key] = copied;
  }
  return plain;
}

function copyArray(value: readonly unknown[], budget: { left: number }, depth: number): unknown[] {
  const plain: unknown[] = [];
  for (const member of value) {
    const copied = copy(member, budget, depth - 1);
    if (copied !== undefined) plain.push(copied);
  }
  return plain;
}

/** JSONata represents lambdas and native functions as marked objects. */
export function isFunctionObject(value: object): boolean {
  return Object.hasOwn(value, '_jsonata_lambda') || Object.hasOwn(value, '_jsonata_function');
}
