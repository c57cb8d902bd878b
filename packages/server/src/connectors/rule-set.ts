/**
 * The identity of the rules by which manifests are judged here: the linter, the schemas and the unified models of this
 * release, as they stand on disk. A version accepted under the same identity is served without being checked again.
 */
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

let reading: Promise<string> | undefined;

/** SHA-256 in hex; read once a process. */
export function ruleSet(): Promise<string> {
  return (reading ??= readRuleSet());
}

async function readRuleSet(): Promise<string> {
  const core = dirname(fileURLToPath(import.meta.resolve('@evenkeel/core/connectors/compile.ts')));
  const contract = dirname(fileURLToPath(import.meta.resolve('@evenkeel/contract/errors.ts')));
  // core's package.json pins the expression language.
  const files = [...(await sourcesIn(core)), ...(await sourcesIn(contract)), join(core, '../../package.json')];
  const contents = await Promise.all(files.map((file) => readFile(file)));
  const hash = createHash('sha256').update(process.versions.node);
  for (const content of contents) hash.update(`\n${content.length}\n`).update(content);
  return hash.digest('hex');
}

async function sourcesIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true });
  return entries.filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts')).toSorted().map((name) => join(folder, name));
}
