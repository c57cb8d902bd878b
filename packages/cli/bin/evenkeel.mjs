#!/usr/bin/env node
// Plain JavaScript on purpose: it has to run, and say something useful, on a Node that cannot run TypeScript.
if (process.features.typescript) {
  const { main } = await import('../src/main.ts');
  await main();
} else {
  process.stderr.write(`evenkeel: Node ${process.versions.node} cannot run it; use npx evenkeel (it brings its own Node) or Node 22.18 and newer.\n`);
  process.exitCode = 2;
}
