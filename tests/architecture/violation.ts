/** What a rule reports: where, and in words that say what to change. */
export interface Violation {
  /** Of the module, relative to the root of the tree. */
  readonly path: string;
  /** 1-based. */
  readonly line: number;
  readonly message: string;
}
