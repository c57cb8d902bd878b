/**
 * The architecture as rules over the source tree. Each rule names what it keeps and why; architecture.test.ts holds
 * the real tree to all of them and requires each to catch its deliberate violation under fixture/.
 */
import { cycles, direction, isolation, missingImports, roomOrder, routesAndJobs, unreached } from './import-rules.ts';
import { environment, purity } from './purity-rules.ts';
import { barrels, fileLength, fileNames, grabBags, moduleHeads } from './shape-rules.ts';
import type { Tree } from './tree.ts';
import { vendorNames } from './vendor-rules.ts';
import type { Violation } from './violation.ts';

export interface Rule {
  readonly name: string;
  readonly why: string;
  readonly check: (tree: Tree) => Violation[];
}

export const rules: readonly Rule[] = [
  { name: 'missing-import', why: 'A checker that cannot follow an import checks nothing.', check: missingImports },
  { name: 'direction', why: 'contract ← core ← server; contract ← sdk ← cli, console: the pure parts stay usable alone.', check: direction },
  { name: 'isolation', why: 'The simulated vendors know nothing of the engine they test; the published client needs only types.', check: isolation },
  { name: 'room-order', why: 'In core a later room may build on an earlier one, never the other way round.', check: roomOrder },
  { name: 'routes-and-jobs', why: 'Routes and jobs are entry points: what two of them need is a function of its room.', check: routesAndJobs },
  { name: 'cycle', why: 'Modules in a cycle can only be understood, loaded and tested together.', check: cycles },
  { name: 'unreached', why: 'Code that no program runs is read, kept and tested for nothing.', check: unreached },
  { name: 'purity', why: 'core decides from its arguments alone, so that every decision can be replayed.', check: purity },
  { name: 'environment', why: 'Only main reads the environment: configuration is typed and checked once.', check: environment },
  { name: 'vendor-name', why: 'A vendor is data. Code that names one is a special case that no manifest can express.', check: vendorNames },
  { name: 'grab-bag', why: 'A name that says nothing collects everything.', check: grabBags },
  { name: 'file-name', why: 'Kebab-case nouns read alike on every file system.', check: fileNames },
  { name: 'file-length', why: 'A file beyond 400 lines hides a concept that deserves its own.', check: fileLength },
  { name: 'barrel', why: 'A module of re-exports makes every import depend on everything.', check: barrels },
  { name: 'module-head', why: 'A reader learns in the first lines what a module is for.', check: moduleHeads },
];
