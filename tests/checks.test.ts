/** The compiler, the linter and the other checks as tests, so that one summary tells whether the repository is sound. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { checks, runCheck } from '../scripts/checks.ts';

describe('the repository', () => {
  for (const check of checks.filter(({ isTest }) => isTest !== true)) {
    it(`keeps: ${check.keeps}`, { timeout: 300_000 }, async () => {
      const { ok, output } = await runCheck(check);
      assert.ok(ok, `npm run check ${check.name}\n${output}`);
    });
  }
});
