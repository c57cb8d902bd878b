/**
 * The source tree as data: every TypeScript module parsed, with its imports resolved to modules of the tree,
 * built-ins or packages. Static, type-only and dynamic imports and re-exports all count. Reads files only.
 */
import { readdirSync, readFileSync, existsSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';
import { parseSync, type Comment, type Program } from 'oxc-parser';

export interface Import {
  readonly specifier: string;
  /** Path of a module of the tree, relative to its root; undefined when the target is outside or missing. */
  readonly target: string | undefined;
  readonly kind: 'value' | 'type' | 'dynamic';
  /** Where the specifier leads: a module of ours, a Node built-in, an installed package, or nowhere. */
  readonly place: 'tree' | 'builtin' | 'package' | 'missing';
  readonly line: number;
}

export interface Module {
  /** Relative to the root, with forward slashes. */
  readonly path: string;
  /** contract, core, server, … or tests, bench, scripts. */
  readonly unit: string;
  readonly isTest: boolean;
  readonly source: string;
  readonly program: Program;
  readonly comments: readonly Comment[];
  readonly imports: readonly Import[];
}

export interface Tree {
  readonly root: string;
  readonly modules: ReadonlyMap<string, Module>;
}

const skipped = new Set(['node_modules', 'dist', '.evenkeel', '.git', 'fixture']);

/** Reads `packages/<name>/{src,test}`, `tests`, `bench` and `scripts` under the root. A file that does not parse throws. */
export function readTree(root: string): Tree {
  const paths: string[] = [];
  for (const folder of ['packages', 'tests', 'bench', 'scripts']) if (existsSync(join(root, folder))) collect(root, folder, paths);
  const known = new Set(paths);
  return { root, modules: new Map(paths.map((path) => [path, readModule(root, path, known)])) };
}

function collect(root: string, folder: string, into: string[]): void {
  for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
    const path = posix.join(folder, entry.name);
    if (entry.isDirectory()) {
      if (!skipped.has(entry.name)) collect(root, path, into);
    } else if (/\.tsx?$/.test(entry.name) && !entry.name.endsWith('.d.ts')) into.push(path);
  }
}

function readModule(root: string, path: string, known: ReadonlySet<string>): Module {
  const source = readFileSync(join(root, path), 'utf8');
  const { program, module, comments, errors } = parseSync(path, source);
  const [fault] = errors;
  if (fault !== undefined) throw new Error(`${path} does not parse: ${fault.message}`);
  const imports: Import[] = [];
  const add = (specifier: string, kind: Import['kind'], start: number): void => {
    imports.push({ specifier, kind, line: lineAt(source, start), ...resolveImport(specifier, path, known, root) });
  };
  for (const { moduleRequest, entries, start } of module.staticImports) {
    const typeOnly = /^import\s+type\b/.test(source.slice(start, start + 20)) || (entries.length > 0 && entries.every((entry) => entry.isType));
    add(moduleRequest.value, typeOnly ? 'type' : 'value', start);
  }
  for (const { entries } of module.staticExports) {
    const [first] = entries;
    const request = first?.moduleRequest;
    if (first && request) add(request.value, entries.every((entry) => entry.isType) ? 'type' : 'value', first.start);
  }
  for (const { moduleRequest } of module.dynamicImports) {
    const text = source.slice(moduleRequest.start, moduleRequest.end);
    const literal = /^(['"`])([^'"`$]*)\1$/.exec(text);
    if (literal?.[2] !== undefined) add(literal[2], 'dynamic', moduleRequest.start);
  }
  return { path, unit: unitOf(path), isTest: isTestPath(path), source, program, comments, imports };
}

function unitOf(path: string): string {
  const [top = '', name = ''] = path.split('/');
  return top === 'packages' ? name : top;
}

function isTestPath(path: string): boolean {
  return /\.test\.tsx?$/.test(path) || /^packages\/[^/]+\/test\//.test(path) || path.startsWith('tests/');
}

function resolveImport(specifier: string, from: string, known: ReadonlySet<string>, root: string): Pick<Import, 'target' | 'place'> {
  if (specifier.startsWith('node:')) return { target: undefined, place: 'builtin' };
  const own = /^@evenkeel\/([^/]+)\/(.+)$/.exec(specifier);
  const path = specifier.startsWith('.')
    ? posix.join(posix.dirname(from), specifier)
    : own?.[1] === 'tests'
      ? posix.join('tests', own[2] ?? '')
      : own?.[1] !== undefined
        ? posix.join('packages', own[1], 'src', own[2] ?? '')
        : undefined;
  if (path === undefined) return { target: undefined, place: 'package' };
  if (known.has(path)) return { target: path, place: 'tree' };
  const elsewhere = existsSync(join(root, path)) && dirname(path) !== path;
  return { target: undefined, place: elsewhere ? 'package' : 'missing' };
}

/** The 1-based line of an offset. */
export function lineAt(source: string, offset: number): number {
  let line = 1;
  for (let at = source.indexOf('\n'); at !== -1 && at < offset; at = source.indexOf('\n', at + 1)) line += 1;
  return line;
}
