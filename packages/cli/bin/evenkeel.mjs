#!/usr/bin/env node
// Plain JavaScript on purpose: it has to run, and say something useful, on a Node that cannot run TypeScript.
import module from 'node:module';
import { fileURLToPath } from 'node:url';

if (process.features.typescript) {
  // Stripping types and compiling cost a second of each start; where the folder cannot be written, nothing is kept.
  module.enableCompileCache(fileURLToPath(new URL('../../../node_modules/.cache/evenkeel', import.meta.url)));
  const { main } = await import('../src/main.ts');
  await main();
} else {
  process.stderr.write(`evenkeel: Node ${process.versions.node} cannot run it; use npx evenkeel (it brings its own Node) or Node 22.18 and newer.\n`);
  process.exitCode = 2;
}
