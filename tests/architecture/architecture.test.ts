/** Holds the real tree to every rule, and every rule to its deliberate violation. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { entryPoint } from './import-rules.ts';
import { rules } from './rules.ts';
import { readTree } from './tree.ts';
import { readVendors } from './vendor-rules.ts';
import type { Violation } from './violation.ts';

const root = join(import.meta.dirname, '..', '..');

/** Rule → the files of fixture/ it must catch, and no others. */
const deliberate: Record<string, { files: string[]; atLeast?: number }> = {
  'missing-import': { files: ['packages/server/src/http/lost.ts'] },
  direction: { files: ['packages/contract/src/wrong-way.ts'] },
  isolation: { files: ['packages/sandbox/src/peeks.ts', 'packages/sdk/src/heavy.ts'] },
  'room-order': { files: ['packages/core/src/connectors/early-room.ts', 'packages/core/src/toolbox/no-room.ts'] },
  'routes-and-jobs': { files: ['packages/server/src/accounts/routes.ts'] },
  cycle: { files: ['packages/server/src/http/circle-one.ts'] },
  unreached: { files: ['packages/server/src/accounts/unreached.ts'] },
  purity: { files: ['packages/core/src/connectors/reads-clock.ts'], atLeast: 9 },
  environment: { files: ['packages/server/src/gateway/reads-environment.ts'] },
  'vendor-name': { files: ['packages/server/src/gateway/special-case.ts'], atLeast: 3 },
  'grab-bag': { files: ['packages/server/src/account-utils.ts', 'packages/server/src/common/thing.ts'] },
  'file-name': { files: ['packages/server/src/http/CamelCase.ts'] },
  'file-length': { files: ['packages/server/src/http/long.ts'] },
  barrel: { files: ['packages/server/src/http/barrel.ts'] },
  'module-head': { files: ['packages/server/src/http/headless.ts'] },
};

const lines = (violations: readonly Violation[]): string => violations.map(({ path, line, message }) => `${path}:${String(line)} ${message}`).join('\n');

describe('the architecture of the repository', () => {
  const tree = readTree(root);

  it('is read from the real tree', () => {
    const edges = [...tree.modules.values()].flatMap((module) => module.imports);
    assert.ok(tree.modules.size > 50, `only ${String(tree.modules.size)} modules were read`);
    assert.ok(edges.filter(({ target }) => target !== undefined).length > 100, 'hardly an import was followed');
    for (const kind of ['value', 'type'] as const) assert.ok(edges.some((edge) => edge.kind === kind), `no import of kind ${kind} was seen`);
    for (const unit of ['contract', 'core', 'server', 'sdk', 'sandbox']) {
      assert.ok([...tree.modules.values()].some((module) => module.unit === unit), `nothing was read of ${unit}`);
    }
    const entries = [...tree.modules.keys()].map((path) => entryPoint(tree, path));
    assert.ok(entries.filter((kind) => kind === 'routes').length >= 4 && entries.includes('jobs'), 'routes and jobs are not recognised any more');
    assert.ok(readVendors(root).length >= 8, 'the names of the vendors were not read');
  });

  for (const { name, why, check } of rules) {
    it(`keeps ${name}`, () => {
      const violations = check(tree);
      assert.equal(violations.length, 0, `${why}\n${lines(violations)}`);
    });
  }
});

describe('the rules themselves', () => {
  const fixture = readTree(join(import.meta.dirname, 'fixture'));

  it('all have a deliberate violation', () => {
    assert.deepEqual(Object.keys(deliberate).sort(), rules.map((rule) => rule.name).sort());
  });

  it('follow static, type-only and dynamic imports', () => {
    const kinds = new Set([...fixture.modules.values()].flatMap((module) => module.imports.filter(({ target }) => target !== undefined).map(({ kind }) => kind)));
    assert.deepEqual([...kinds].sort(), ['dynamic', 'type', 'value']);
  });

  for (const { name, check } of rules) {
    it(`catch the violation of ${name}, and nothing else`, () => {
      const violations = check(fixture);
      const wanted = deliberate[name];
      assert.deepEqual([...new Set(violations.map(({ path }) => path))].sort(), wanted?.files.toSorted(), lines(violations));
      assert.ok(violations.length >= (wanted?.atLeast ?? 1), lines(violations));
    });
  }
});
