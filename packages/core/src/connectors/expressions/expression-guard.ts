/**
 * The fence around JSONata: which constructs are refused, the bound on every value an expression computes, and the
 * built-in functions wrapped so that each call looks at the clock first.
 *
 * The bound on nodes counts a value as a tree. Without it thirty rounds of `{"a": $x, "b": $x}` make a value of a
 * billion nodes out of thirty objects, and any built-in that walks it (`$string`, `=`, `**`) never returns.
 */
import jsonata from 'jsonata';
import { ExpressionFailure, limits, type ExpressionFault } from './expression-limits.ts';
import { isFunctionObject } from '../values/plain.ts';
import { regexFault, safeTextLength } from './regex.ts';

const refusedFunctions: Readonly<Record<string, string>> = {
  eval: '$eval is not allowed: an expression must be readable as it stands.',
  random: '$random is not allowed: the same input must give the same result.',
  shuffle: '$shuffle is not allowed: the same input must give the same result.',
  now: '$now is not allowed: use now.iso of the scope.',
  millis: '$millis is not allowed: use now.epoch_ms of the scope.',
};

/** The first construct of a parsed expression that is not allowed, if any. */
export function refusals(ast: unknown): ExpressionFault | undefined {
  const waiting: unknown[] = [ast];
  const seen = new Set<object>();
  for (let node = waiting.pop(); node !== undefined || waiting.length > 0; node = waiting.pop()) {
    if (typeof node !== 'object' || node === null || seen.has(node)) continue;
    seen.add(node);
    const fault = refusal(node as { type?: unknown; value?: unknown; position?: unknown });
    if (fault !== undefined) return fault;
    const members: unknown[] = node instanceof RegExp ? [] : Object.values(node);
    for (const member of members) waiting.push(member);
  }
  return undefined;
}

function refusal(node: { type?: unknown; value?: unknown; position?: unknown }): ExpressionFault | undefined {
  const at = typeof node.position === 'number' ? { position: node.position } : {};
  if (node.type === 'transform') return { message: 'The transform operator |…|…| is not allowed: build the object, or use $merge.', ...at };
  if (node.type === 'variable' && typeof node.value === 'string' && Object.hasOwn(refusedFunctions, node.value)) {
    return { message: refusedFunctions[node.value] ?? 'This function is not allowed.', ...at };
  }
  if (node.value instanceof RegExp) {
    const fault = regexFault(node.value.source);
    if (fault !== undefined) return { message: fault, ...at };
  }
  return undefined;
}

/** A regular expression that refuses texts longer than its pattern is safe for. */
export class BoundedRegExp extends RegExp {
  readonly #textLength = safeTextLength(this.source);

  override exec(text: string): RegExpExecArray | null {
    if (text.length > this.#textLength) throw new ExpressionFailure(`a text of more than ${this.#textLength} characters meets the regular expression /${this.source.slice(0, 60)}/`);
    return super.exec(text);
  }
}

/** Called by JSONata with every value it computes. */
export function guardValue(_node: unknown, _input: unknown, _environment: unknown, result: unknown): void {
  if (typeof result === 'string') {
    if (result.length > limits.text) throw new ExpressionFailure(`it makes a text of more than ${limits.text} characters`);
  } else if (typeof result === 'object' && result !== null && weigh(result, limits.nesting + 8) > limits.nodes) {
    throw new ExpressionFailure(`it makes a value of more than ${limits.nodes} parts`);
  }
}

/** Weights are remembered: values are immutable once computed, and parts are shared by many values. */
const weights = new WeakMap<object, number>();

function weigh(value: object, depth: number): number {
  const known = weights.get(value);
  if (known !== undefined) return known;
  if (isFunctionObject(value)) return 1;
  if (depth === 0) throw new ExpressionFailure(`it makes a value nested deeper than ${limits.nesting} levels`);
  let weight = 1;
  const members: unknown[] = Array.isArray(value) ? value : Object.values(value);
  for (const member of members) {
    if (typeof member === 'string') weight += 1 + (member.length >> 6);
    else weight += typeof member === 'object' && member !== null ? weigh(member, depth - 1) : 1;
    if (weight > limits.nodes) break;
  }
  weights.set(value, weight);
  return weight;
}

/** JSONata's native functions: an implementation called with a focus as `this`, and its parsed signature. */
interface NativeFunction {
  readonly _jsonata_function: true;
  readonly signature: unknown;
  readonly implementation: (this: Focus, ...inputs: unknown[]) => unknown;
}
interface Focus {
  readonly environment: { readonly base: { guardrails(): void } };
}

const functionNames =
  'sum count max min average string substring substringBefore substringAfter lowercase uppercase length trim pad match contains replace split join formatNumber formatBase formatInteger parseInteger number floor ceil round abs sqrt power boolean not map zip filter single reduce sift keys lookup append exists spread merge reverse each error assert type sort distinct base64encode base64decode encodeUrlComponent encodeUrl decodeUrlComponent decodeUrl toMillis fromMillis'.split(
    ' ',
  );

/** Puts the guarded built-ins over JSONata's own. */
export function guardFunctions(expression: jsonata.Expression): void {
  for (const [name, native] of guarded) expression.assign(name, native);
}

function guard(name: string, native: NativeFunction): NativeFunction {
  const check = argumentChecks[name];
  const implementation = replacements[name] ?? native.implementation;
  return {
    _jsonata_function: true,
    signature: native.signature,
    implementation(this: Focus, ...inputs: unknown[]): unknown {
      this.environment.base.guardrails();
      check?.(inputs);
      const result = implementation.apply(this, inputs);
      if (typeof result === 'string') guardValue(undefined, undefined, undefined, result);
      return result;
    },
  };
}

/** Functions whose cost is not bounded by the size of their input. */
const argumentChecks: Readonly<Record<string, (inputs: unknown[]) => void>> = {
  pad: ([, width]) => atMost('$pad', Math.abs(Number(width ?? 0)), 10_000),
  join: ([texts, separator]) => {
    const count = Array.isArray(texts) ? texts.length : 1;
    atMost('$join', count * (typeof separator === 'string' ? separator.length : 0), limits.text);
  },
  formatNumber: shortTexts,
  formatBase: shortTexts,
  formatInteger: shortTexts,
  parseInteger: shortTexts,
  fromMillis: shortTexts,
  toMillis(inputs) {
    shortTexts(inputs);
    // A variable-width component beside another makes the pattern that JSONata builds ambiguous, and its match exponential.
    const picture = inputs[1];
    if (typeof picture === 'string' && /\[(?![^\]]*\d\d)[^\]]*\](?=[[A-Za-z0-9])/.test(picture)) {
      throw new ExpressionFailure('a picture of $toMillis needs a separator after each component without a fixed width');
    }
  },
};

function shortTexts(inputs: readonly unknown[]): void {
  for (const input of inputs) if (typeof input === 'string') atMost('A formatting function', input.length, 200);
}

function atMost(who: string, amount: number, most: number): void {
  if (amount > most) throw new ExpressionFailure(`${who} goes past its limit of ${most}`);
}

const replacements: Readonly<Record<string, (this: Focus, ...inputs: unknown[]) => unknown>> = {
  /** JSONata's own compares each pair: seconds for ten thousand members. */
  distinct(value: unknown): unknown {
    if (!Array.isArray(value) || value.length <= 1) return value;
    const seen = new Set<unknown>();
    return value.filter((member: unknown) => {
      const key = typeof member === 'object' && member !== null ? `o${canonical(member)}` : typeof member === 'string' ? `s${member}` : member;
      if (seen.has(key)) return false;
      seen.add(key);
      return true;
    });
  },
};

function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, member: unknown) =>
    typeof member === 'object' && member !== null && !Array.isArray(member) && !isFunctionObject(member)
      ? Object.fromEntries(Object.entries(member).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : member,
  );
}

const guarded = new Map<string, NativeFunction>();
for (const name of functionNames) {
  const native = (await jsonata(`$${name}`).evaluate({})) as NativeFunction;
  guarded.set(name, guard(name, native));
}
