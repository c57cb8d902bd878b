/**
 * Writes the committed files that follow from the source (`npm run generate`), or with --check compares them and
 * exits 1 when one is stale. A new generated file is one more entry of the table.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { eventReference } from './event-reference.ts';
import { manifestSchema, mappingSchema } from './manifest-schema.ts';
import { playbookSchemas } from './playbook-schema.ts';
import { sdkEventTypes } from './sdk-event-types.ts';
import { sdkTypes } from './sdk-types.ts';
import { sdkUnifiedTypes } from './sdk-unified-types.ts';

interface Generated {
  /** Relative to the root of the repository. */
  readonly path: string;
  /** The same text for the same source, on every machine. */
  readonly render: () => string | Promise<string>;
}

const generated: readonly Generated[] = [
  {
    path: 'packages/contract/schema/manifest.v1.json',
    render: () => `${JSON.stringify(manifestSchema(), null, 2)}\n`,
  },
  {
    path: 'packages/contract/schema/mapping.v1.json',
    render: () => `${JSON.stringify(mappingSchema(), null, 2)}\n`,
  },
  ...playbookSchemas.map(({ name, render }) => ({ path: `packages/contract/schema/${name}.v1.json`, render: () => `${JSON.stringify(render(), null, 2)}\n` })),
  { path: 'packages/sdk/src/generated/contract.ts', render: sdkTypes },
  { path: 'packages/sdk/src/generated/unified.ts', render: sdkUnifiedTypes },
  { path: 'packages/sdk/src/generated/events.ts', render: sdkEventTypes },
  { path: 'docs/reference/events.md', render: eventReference },
];

const root = join(import.meta.dirname, '..');
const checkOnly = process.argv.includes('--check');
const stale: string[] = [];
for (const { path, render } of generated) {
  const text = await render();
  const file = join(root, path);
  if ((await readFile(file, 'utf8').catch(() => undefined)) === text) continue;
  stale.push(path);
  if (checkOnly) continue;
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, text);
  console.log(`wrote ${path}`);
}
if (checkOnly && stale.length > 0) {
  console.error(`Stale: ${stale.join(', ')}. Run npm run generate and commit the result.`);
  process.exitCode = 1;
}
