/** Rules about what reaches code from outside its arguments: the platform, the clock, chance, the environment. */
import type { Node } from 'oxc-parser';
import { boundNames, isReference, walk } from './syntax.ts';
import { lineAt, type Module, type Tree } from './tree.ts';
import type { Violation } from './violation.ts';

const forbiddenGlobals = new Set([
  'performance', 'setTimeout', 'setInterval', 'setImmediate', 'fetch', 'process', 'globalThis', 'global', 'console',
  'require', 'WebSocket', 'EventSource', 'XMLHttpRequest', 'navigator', 'BroadcastChannel', 'eval',
]);
const forbiddenMembers = new Set([
  'Date.now', 'Math.random', 'Temporal.Now', 'crypto.randomUUID', 'crypto.getRandomValues', 'crypto.subtle', 'AbortSignal.timeout',
]);

const isPure = (module: Module): boolean => module.unit === 'core' && !module.isTest;

/** core reads no clock, no chance and no platform: what it needs comes in as an argument. */
export function purity(tree: Tree): Violation[] {
  const found: Violation[] = [];
  for (const module of tree.modules.values()) {
    if (!isPure(module)) continue;
    for (const { place, specifier, line } of module.imports) {
      if (place === 'builtin') found.push({ path: module.path, line, message: `core must not import ${specifier}` });
    }
    const bound = boundNames(module.program);
    walk(module.program, (node, parent, key) => {
      const name = impureName(node, parent, key, bound);
      if (name !== undefined) found.push({ path: module.path, line: lineAt(module.source, node.start), message: `core must not use ${name}: take it as an argument` });
    });
  }
  return found;
}

function impureName(node: Node, parent: Node | undefined, key: string, bound: ReadonlySet<string>): string | undefined {
  if (node.type === 'MemberExpression' && !node.computed && node.object.type === 'Identifier' && node.property.type === 'Identifier') {
    const path = `${node.object.name}.${node.property.name}`;
    return forbiddenMembers.has(path) && !bound.has(node.object.name) ? path : undefined;
  }
  if ((node.type === 'NewExpression' || node.type === 'CallExpression') && node.callee.type === 'Identifier' && node.callee.name === 'Date' && !bound.has('Date')) {
    return node.type === 'CallExpression' ? 'Date()' : node.arguments.length === 0 ? 'new Date() without an argument' : undefined;
  }
  if (node.type === 'Identifier' && forbiddenGlobals.has(node.name) && isReference(node, parent, key) && !bound.has(node.name)) return node.name;
  return undefined;
}

/** `process.env` is read by packages/<name>/src/main.ts alone; tests, benchmarks and scripts are programs of their own. */
export function environment(tree: Tree): Violation[] {
  const found: Violation[] = [];
  for (const module of tree.modules.values()) {
    if (module.isTest || !module.path.startsWith('packages/') || /^packages\/[^/]+\/src\/main\.ts$/.test(module.path)) continue;
    walk(module.program, (node) => {
      if (node.type !== 'MemberExpression' || node.object.type !== 'Identifier' || node.object.name !== 'process') return;
      const { property } = node;
      const name = property.type === 'Identifier' ? property.name : property.type === 'Literal' ? property.value : undefined;
      if (name === 'env') found.push({ path: module.path, line: lineAt(module.source, node.start), message: 'reads process.env; only main.ts may' });
    });
    for (const { specifier, line } of module.imports) {
      if ((specifier === 'node:process' || specifier === 'process') && /\benv\b/.test(importText(module, line))) {
        found.push({ path: module.path, line, message: 'imports env of node:process; only main.ts may' });
      }
    }
  }
  return found;
}

const importText = (module: Module, line: number): string => module.source.split('\n')[line - 1] ?? '';
