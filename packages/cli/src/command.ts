/** A command as data: its words, arguments, options and act. The table of commands is in commands.ts. */
import type { ExitCode } from './exit-code.ts';

export interface OptionSpec {
  readonly type: 'string' | 'boolean';
  /** Name of the value in the help, such as `<url>`. */
  readonly value?: string;
  readonly description: string;
}

/** What a command may touch. Nothing below main reads the process itself. */
export interface Invocation {
  readonly positionals: readonly string[];
  readonly values: Readonly<Record<string, string | boolean | undefined>>;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly out: Output;
  /** Aborts on the first SIGINT or SIGTERM. */
  readonly signal: AbortSignal;
}

export interface Output {
  /** Results, to standard output. */
  line(text: string): void;
  /** Errors and progress, to standard error. */
  note(text: string): void;
  /** Whether standard error is a terminal. */
  readonly interactive: boolean;
}

export interface Command {
  /** The words that call it: `['connectors', 'lint']`. */
  readonly words: readonly string[];
  readonly summary: string;
  /** As shown in the help: `[path…]`. */
  readonly operands: string;
  /** How many operands it takes. */
  readonly arity: readonly [least: number, most: number];
  readonly options: Readonly<Record<string, OptionSpec>>;
  /** Further lines of its help. */
  readonly details?: readonly string[];
  readonly run: (invocation: Invocation) => Promise<ExitCode>;
}

/** Wrong arguments or configuration; the message is all the user sees, and the exit code is 2. */
export class UsageError extends Error {}

export const jsonOption = { json: { type: 'boolean', description: 'Print one JSON document instead of text.' } } as const;

export const serverOptions = {
  url: { type: 'string', value: '<url>', description: 'Address of the server; default EVENKEEL_URL, else http://127.0.0.1:4400.' },
  'api-key': { type: 'string', value: '<key>', description: 'API key; default EVENKEEL_API_KEY. Prefer the variable: arguments are visible to other users.' },
} as const;
