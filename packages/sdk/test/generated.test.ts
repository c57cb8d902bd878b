import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { generatedFile, generateTypes } from '../../../scripts/generate-sdk-types.ts';

test('the generated types are those of the contract', async () => {
  assert.equal(await readFile(generatedFile, 'utf8'), await generateTypes(), 'Run: npx node scripts/generate-sdk-types.ts');
});
