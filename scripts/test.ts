/**
 * `npm test [file…]`: every test of the repository on one PostgreSQL, and one summary at the end. The checks of
 * scripts/checks.ts run as tests too. Exit code and closing lines are those of Node's test runner.
 */
import { spawn } from 'node:child_process';
import { globSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { startTestCluster } from '@evenkeel/tests/harness/database.ts';

const root = join(import.meta.dirname, '..');
const patterns = process.argv.length > 2 ? process.argv.slice(2) : ['tests/**/*.test.ts', 'packages/*/{src,test}/**/*.test.{ts,tsx}', 'bench/**/*.test.ts', 'scripts/**/*.test.ts'];
const files = globSync(patterns, { cwd: root, exclude: ['**/node_modules/**', '**/fixture/**'] }).toSorted();
if (files.length === 0) {
  console.error(`No test file matches ${patterns.join(' ')}. Name files relative to the root of the repository.`);
  process.exit(2);
}

const given = process.env['EVENKEEL_TEST_DATABASE_URL'];
const cluster = given === undefined ? await startTestCluster() : undefined;
const runner = spawn(
  process.execPath,
  [
    '--import',
    join(root, 'tests/harness/loopback-only.ts'),
    '--test',
    `--test-concurrency=${Math.max(2, availableParallelism() - 1)}`,
    '--test-timeout=300000',
    '--test-reporter=spec',
    ...files,
  ],
  { cwd: root, stdio: 'inherit', env: { ...process.env, EVENKEEL_TEST_DATABASE_URL: cluster?.url ?? given } },
);
// Ctrl-C reaches the runner as well; this process stays until the database is stopped.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => runner.kill(signal));
const code = await new Promise<number>((resolve) => {
  runner.once('error', (error) => {
    console.error(error.message);
    resolve(1);
  });
  runner.once('exit', (status) => resolve(status ?? 1));
});
await cluster?.stop();
process.exitCode = code;
