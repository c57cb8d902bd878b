/**
 * `npm run bench -- <name> [options]`: one benchmark, one JSON object a line on standard output
 * ({"bench","metric","value","unit","bar"}), notes on standard error. A benchmark is the file bench/<name>.ts with a
 * function `run(options)`; it exits 0 whatever the figures are.
 */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';

interface Benchmark {
  run(options: readonly string[]): Promise<void>;
}

const [name, ...options] = process.argv.slice(2);
const known = (await readdir(import.meta.dirname)).filter((file) => /^[a-z]+\.ts$/.test(file) && file !== 'main.ts').map((file) => file.slice(0, -3));
if (name === undefined || !known.includes(name)) {
  console.error(`Name a benchmark: npm run bench -- ${known.join(' | ')}`);
  process.exitCode = 2;
} else {
  const benchmark = (await import(join(import.meta.dirname, `${name}.ts`))) as Benchmark;
  await benchmark.run(options);
}
