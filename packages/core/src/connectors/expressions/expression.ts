/**
 * JSONata in a sandbox. An expression is deterministic, reads only its input, and is bounded in source length, time,
 * depth, the size of every value it makes and the size of its result; whatever it does, it ends as a value or a failure.
 */
import jsonata from 'jsonata';
import { BoundedRegExp, guardFunctions, guardValue, refusals } from './expression-guard.ts';
import { ExpressionFailure, limits, type ExpressionFault } from './expression-limits.ts';
import { toPlain } from '../values/plain.ts';

export { ExpressionFailure, type ExpressionFault } from './expression-limits.ts';

export type CompiledExpression =
  | {
      readonly ok: true;
      readonly source: string;
      /** Rejects with an `ExpressionFailure` only. The result is plain JSON data, or undefined. */
      evaluate(input: unknown): Promise<unknown>;
    }
  | { readonly ok: false; readonly fault: ExpressionFault };

const remembered = new Map<string, CompiledExpression>();
const rememberedMost = 5_000;

/** Compiles once per source. Never throws: what cannot be compiled or is not allowed comes back as a fault. */
export function compileExpression(source: string): CompiledExpression {
  const known = remembered.get(source);
  if (known !== undefined) return known;
  const compiled = compile(source);
  if (remembered.size >= rememberedMost) remembered.clear();
  if (source.length <= limits.sourceLength) remembered.set(source, compiled);
  return compiled;
}

function compile(source: string): CompiledExpression {
  if (source.length > limits.sourceLength) {
    return { ok: false, fault: { message: `The expression has ${source.length} characters; at most ${limits.sourceLength} are allowed.` } };
  }
  const steps = source.split('.').length - 1;
  if (steps > limits.steps) return { ok: false, fault: { message: `The expression has ${steps} full stops; at most ${limits.steps} are allowed, since each may be a step of a path.` } };
  try {
    const expression = jsonata(source, { timeout: limits.timeMs, stack: limits.depth, sequence: limits.sequence, RegexEngine: BoundedRegExp as unknown as RegExpConstructor });
    const refused = refusals(expression.ast());
    if (refused !== undefined) return { ok: false, fault: refused };
    guardFunctions(expression);
    expression.assign(exitHook as unknown as string, guardValue);
    return { ok: true, source, evaluate: (input) => run(expression, source, input) };
  } catch (thrown) {
    return { ok: false, fault: describe(thrown) };
  }
}

/** JSONata calls what is bound under this symbol with each value it has computed. */
const exitHook = Symbol.for('jsonata.__evaluate_exit');

/**
 * Evaluations take turns. JSONata awaits at every step, so that a page of records evaluated at once would interleave and
 * each would be charged with the time of all.
 */
let turn: Promise<unknown> = Promise.resolve();

function run(expression: jsonata.Expression, source: string, input: unknown): Promise<unknown> {
  const mine = turn.then(() => runNow(expression, source, input));
  turn = mine.catch(() => undefined);
  return mine;
}

async function runNow(expression: jsonata.Expression, source: string, input: unknown): Promise<unknown> {
  try {
    return toPlain(await evaluateInTime(expression, input));
  } catch (thrown) {
    if (thrown instanceof ExpressionFailure) throw thrown.in(source);
    throw new ExpressionFailure(describe(thrown).message).in(source);
  }
}

/**
 * The time is that of a clock on the wall: a process that was stopped for a moment would lose an innocent evaluation.
 * An expression has no effects, so one that ran out of time is tried once more before it is believed.
 */
async function evaluateInTime(expression: jsonata.Expression, input: unknown): Promise<unknown> {
  try {
    return (await expression.evaluate(input)) as unknown;
  } catch (thrown) {
    if ((thrown as { code?: unknown } | null)?.code !== outOfTime) throw thrown;
    return (await expression.evaluate(input)) as unknown;
  }
}

/** JSONata's code of a timeout. */
const outOfTime = 'D1012';

function describe(thrown: unknown): ExpressionFault {
  if (thrown instanceof RangeError) return { message: 'it nests too deeply or makes too large a value' };
  if (typeof thrown !== 'object' || thrown === null) return { message: 'it failed' };
  const { code, message, position } = thrown as { code?: unknown; message?: unknown; position?: unknown };
  const said = typeof message === 'string' && message !== '' ? message.slice(0, 300) : 'it failed';
  return {
    message: typeof code === 'string' ? `${said} (JSONata ${code})` : said,
    ...(typeof position === 'number' ? { position } : {}),
  };
}
