/** Rules about files: their names, length, heads, and that none is a mere list of re-exports. */
import { posix } from 'node:path';
import type { Tree } from './tree.ts';
import type { Violation } from './violation.ts';

const emptyNames = new Set(['shared', 'common', 'util', 'utils', 'utility', 'utilities', 'helper', 'helpers', 'misc', 'manager', 'managers']);
const maxLines = 400;

/** No folder and no file is named after nothing, nor ends in such a word (account-manager.ts). */
export function grabBags(tree: Tree): Violation[] {
  const found: Violation[] = [];
  for (const path of tree.modules.keys()) {
    for (const part of path.split('/')) {
      const name = part.replace(/(\.test)?\.tsx?$/, '');
      if (emptyNames.has(name) || /-(utils?|helpers?|misc|manager)$/.test(name)) {
        found.push({ path, line: 1, message: `"${part}" says nothing; name the concept it holds` });
      }
    }
  }
  return found;
}

export function fileNames(tree: Tree): Violation[] {
  return [...tree.modules.keys()]
    .filter((path) => !/^[a-z0-9]+(-[a-z0-9]+)*(\.(test|config))?\.tsx?$/.test(posix.basename(path)))
    .map((path) => ({ path, line: 1, message: 'is not kebab-case' }));
}

export function fileLength(tree: Tree): Violation[] {
  const found: Violation[] = [];
  for (const { path, source } of tree.modules.values()) {
    // What is generated is not read, and is compared with its source by a check.
    if (path.includes('/generated/')) continue;
    const lines = source.split('\n').length - (source.endsWith('\n') ? 1 : 0);
    if (lines > maxLines) found.push({ path, line: maxLines + 1, message: `has ${String(lines)} lines, ${String(maxLines)} are allowed; look for the concept hiding in it` });
  }
  return found;
}

/** Re-exports alone make a barrel; the entry of the published client is the exception. */
export function barrels(tree: Tree): Violation[] {
  const found: Violation[] = [];
  for (const { path, program } of tree.modules.values()) {
    if (path === 'packages/sdk/src/main.ts') continue;
    const statements = program.body.filter((statement) => statement.type !== 'ImportDeclaration');
    const reExports = statements.filter(
      (statement) => statement.type === 'ExportAllDeclaration' || (statement.type === 'ExportNamedDeclaration' && statement.source !== null),
    );
    if (statements.length > 0 && reExports.length === statements.length) found.push({ path, line: 1, message: 'only re-exports; import from where things are defined' });
  }
  return found;
}

/** Modules outside tests start with a comment that says what they are for. */
export function moduleHeads(tree: Tree): Violation[] {
  const found: Violation[] = [];
  for (const { path, source, isTest } of tree.modules.values()) {
    if (!isTest && !/^(#![^\n]*\n)?\s*\/\*\*/.test(source)) found.push({ path, line: 1, message: 'has no head comment (/** what it is for */)' });
  }
  return found;
}
