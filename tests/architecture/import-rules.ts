/** Rules about who may import whom: packages, rooms, entry points, cycles. */
import type { Import, Module, Tree } from './tree.ts';
import type { Violation } from './violation.ts';

/** The packages whose code a package may use outside its tests; itself goes without saying. */
const allowed: Record<string, readonly string[]> = {
  contract: [],
  core: ['contract'],
  server: ['contract', 'core'],
  sdk: ['contract'],
  cli: ['contract', 'core', 'server', 'sdk', 'sandbox'],
  console: ['contract', 'sdk'],
  sandbox: ['contract'],
};

/** The rooms of core in their order; a room may import the earlier ones. */
export const rooms = ['connectors', 'accounts', 'gateway', 'inbound', 'outbound', 'telemetry', 'objectives', 'alerts', 'incidents', 'reporting'];

const unitOf = (path: string): string => (path.startsWith('packages/') ? (path.split('/')[1] ?? '') : (path.split('/')[0] ?? ''));

function* edges(tree: Tree): Generator<{ module: Module; edge: Import; target: string }> {
  for (const module of tree.modules.values()) {
    for (const edge of module.imports) if (edge.target !== undefined) yield { module, edge, target: edge.target };
  }
}

export function missingImports(tree: Tree): Violation[] {
  const found: Violation[] = [];
  for (const module of tree.modules.values()) {
    for (const { place, specifier, line } of module.imports) {
      if (place === 'missing') found.push({ path: module.path, line, message: `imports ${specifier}, which does not exist` });
    }
  }
  return found;
}

export function direction(tree: Tree): Violation[] {
  const found: Violation[] = [];
  for (const { module, edge, target } of edges(tree)) {
    const to = unitOf(target);
    const may = allowed[module.unit];
    if (may === undefined || to === module.unit || may.includes(to)) continue;
    if (module.isTest && ['tests', 'scripts', 'sandbox', 'contract'].includes(to)) continue;
    if (isolated(module.unit, to)) continue;
    found.push({ path: module.path, line: edge.line, message: `${module.unit} must not import ${to} (${target})` });
  }
  return found;
}

const isolated = (from: string, to: string): boolean => from === 'sandbox' && (to === 'core' || to === 'server');

/** Simulated vendors see neither core nor server; the client takes only types from contract, so that it has no dependency. */
export function isolation(tree: Tree): Violation[] {
  const found: Violation[] = [];
  for (const { module, edge, target } of edges(tree)) {
    const to = unitOf(target);
    if (isolated(module.unit, to)) found.push({ path: module.path, line: edge.line, message: `sandbox must not import ${to} (${target})` });
    if (module.unit === 'sdk' && to === 'contract' && edge.kind !== 'type' && !module.isTest) {
      found.push({ path: module.path, line: edge.line, message: `sdk may import only types of contract (import type … from ${edge.specifier})` });
    }
  }
  return found;
}

export function roomOrder(tree: Tree): Violation[] {
  const found: Violation[] = [];
  const roomOf = (path: string): string | undefined => /^packages\/core\/src\/([^/]+)\//.exec(path)?.[1];
  for (const module of tree.modules.values()) {
    if (module.unit !== 'core') continue;
    const room = roomOf(module.path) ?? '';
    if (!rooms.includes(room)) {
      found.push({ path: module.path, line: 1, message: `stands in no room; the rooms of core are ${rooms.join(', ')}` });
      continue;
    }
    for (const { target, line } of module.imports) {
      const other = target === undefined ? undefined : roomOf(target);
      if (other !== undefined && rooms.indexOf(other) > rooms.indexOf(room)) {
        found.push({ path: module.path, line, message: `${room} comes before ${other} and must not import it (${target ?? ''})` });
      }
    }
  }
  return found;
}

/**
 * What defines a route takes `route` from http/route.ts, what defines a job takes `job` from jobs/runner.ts.
 * The composition (server.ts, main.ts) gathers both in tables and is neither.
 */
export function entryPoint(tree: Tree, path: string): 'routes' | 'jobs' | undefined {
  const module = tree.modules.get(path);
  if (module === undefined || module.isTest || module.unit !== 'server' || /\/src\/(server|main)\.ts$/.test(path)) return undefined;
  const uses = (pattern: RegExp): boolean => module.imports.some((edge) => edge.kind === 'value' && edge.target !== undefined && pattern.test(edge.target));
  if (uses(/\/http\/route\.ts$/)) return 'routes';
  return uses(/\/jobs\/runner\.ts$/) ? 'jobs' : undefined;
}

export function routesAndJobs(tree: Tree): Violation[] {
  const found: Violation[] = [];
  for (const { module, edge, target } of edges(tree)) {
    const from = entryPoint(tree, module.path);
    const to = entryPoint(tree, target);
    if (from !== undefined && to !== undefined) {
      found.push({ path: module.path, line: edge.line, message: `is a module of ${from} and must not import the ${to} of ${target}` });
    }
  }
  return found;
}

/** Strongly connected modules (Tarjan 1972); type-only imports count, they bind readers as well. */
export function cycles(tree: Tree): Violation[] {
  const order = new Map<string, number>();
  const low = new Map<string, number>();
  const stack: string[] = [];
  const found: Violation[] = [];
  const visit = (path: string): void => {
    order.set(path, order.size);
    low.set(path, order.get(path) ?? 0);
    stack.push(path);
    for (const { target } of tree.modules.get(path)?.imports ?? []) {
      if (target === undefined) continue;
      if (!order.has(target)) visit(target);
      if (stack.includes(target)) low.set(path, Math.min(low.get(path) ?? 0, low.get(target) ?? 0));
    }
    if (low.get(path) !== order.get(path)) return;
    const group = stack.splice(stack.indexOf(path));
    const loops = group.length > 1 || tree.modules.get(path)?.imports.some(({ target }) => target === path);
    if (loops) found.push({ path, line: 1, message: `imports itself through ${group.join(' → ')}` });
  };
  for (const path of tree.modules.keys()) if (!order.has(path)) visit(path);
  return found;
}

/**
 * Every module of a package is reached from a program: a main.ts, a page's script, a script or a
 * benchmark. What only tests reach is dead. Knip cannot tell, because the packages export all of their modules.
 */
export function unreached(tree: Tree): Violation[] {
  const isProgram = (path: string): boolean => /^packages\/[^/]+\/src\/main\.tsx?$/.test(path) || /^(scripts|bench|packages\/console\/pages)\//.test(path);
  const seen = new Set([...tree.modules.keys()].filter(isProgram));
  const queue = [...seen];
  for (let path = queue.pop(); path !== undefined; path = queue.pop()) {
    for (const { target } of tree.modules.get(path)?.imports ?? []) {
      if (target === undefined || seen.has(target)) continue;
      seen.add(target);
      queue.push(target);
    }
  }
  return [...tree.modules.values()]
    .filter(({ path, isTest }) => path.startsWith('packages/') && !isTest && !seen.has(path))
    .map(({ path }) => ({ path, line: 1, message: 'is reached from no program (main.ts, console/pages, scripts, bench)' }));
}
