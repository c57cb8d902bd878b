/** The bounds of every expression, and the failure it ends in when it passes one. */

export const limits = {
  sourceLength: 10_000,
  /** Full stops in the source: JSONata's parser takes time by the square of a path's steps, 0.3 s for five thousand. */
  steps: 1_000,
  timeMs: 150,
  /** Nested evaluations. */
  depth: 250,
  /** Members of one array. */
  sequence: 50_000,
  /** Characters of one string. */
  text: 1_000_000,
  /** Values within one value, counted as a tree, so that shared parts count each time. */
  nodes: 1_000_000,
  /** Levels of nesting in one value. */
  nesting: 64,
} as const;

/** Why an expression cannot be compiled. */
export interface ExpressionFault {
  readonly message: string;
  /** Character of the source, from 1, where known. */
  readonly position?: number;
}

/** An expression that did not end in a value. Its message names the reason and the expression. */
export class ExpressionFailure extends Error {
  override readonly name = 'ExpressionFailure';
  readonly reason: string;

  constructor(reason: string, source?: string) {
    super(source === undefined ? reason : `The expression ${shorten(source)} failed: ${reason}.`);
    this.reason = reason;
  }

  in(source: string): ExpressionFailure {
    return new ExpressionFailure(this.reason, source);
  }
}

function shorten(source: string): string {
  return JSON.stringify(source.length > 120 ? `${source.slice(0, 120)}…` : source);
}
