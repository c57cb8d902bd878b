/**
 * The checks that are programs of others: compiler, linter, dead-code finder, and that generated files are current.
 * `npm run check` runs them all, `npm test` runs them as tests (tests/checks.test.ts).
 */
import { spawn } from 'node:child_process';
import { delimiter, join } from 'node:path';

const root = join(import.meta.dirname, '..');

export interface Check {
  readonly name: string;
  /** What it keeps, in words for a failing test. */
  readonly keeps: string;
  readonly command: readonly [string, ...string[]];
  /** Runs in `npm test` by itself, as a test file. */
  readonly isTest?: true;
}

export const checks: readonly Check[] = [
  { name: 'types', keeps: 'every TypeScript file compiles', command: ['tsc', '-p', 'tsconfig.json'] },
  { name: 'core-types', keeps: 'core compiles without the types of any platform', command: ['tsc', '-p', 'packages/core/tsconfig.json'] },
  { name: 'lint', keeps: 'oxlint finds nothing, warnings included', command: ['oxlint', '--deny-warnings'] },
  { name: 'knip', keeps: 'no file, export or dependency is unused', command: ['knip', '--no-progress', '--no-config-hints'] },
  { name: 'generated', keeps: 'generated files are what `npm run generate` writes', command: ['node', 'scripts/generate.ts', '--check'] },
  { name: 'architecture', keeps: 'the architecture rules hold', command: ['node', '--test', '--test-reporter=dot', 'tests/architecture/architecture.test.ts'], isTest: true },
];

export interface CheckResult {
  readonly check: Check;
  readonly ok: boolean;
  readonly output: string;
  readonly elapsedMs: number;
}

/** Runs one check from the root of the repository with the tools of node_modules/.bin. Never throws for a failing check. */
export function runCheck(check: Check): Promise<CheckResult> {
  const startedMs = performance.now();
  return new Promise((resolve) => {
    const [program, ...args] = check.command;
    const child = spawn(program, args, {
      cwd: root,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, PATH: [join(root, 'node_modules', '.bin'), process.env['PATH']].join(delimiter), NODE_TEST_CONTEXT: undefined },
    });
    let output = '';
    const collect = (chunk: Buffer): void => {
      output += chunk.toString();
    };
    child.stdout.on('data', collect);
    child.stderr.on('data', collect);
    child.on('error', (error) => resolve({ check, ok: false, output: `${program} could not be started: ${error.message}`, elapsedMs: performance.now() - startedMs }));
    child.on('close', (code) => resolve({ check, ok: code === 0, output: output.trim(), elapsedMs: performance.now() - startedMs }));
  });
}
