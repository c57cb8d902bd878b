import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { budgetRules } from '@evenkeel/core/alerts/budget-rules.ts';
import { groupingOf } from '@evenkeel/core/alerts/rules.ts';
import { definePolicy } from '@evenkeel/core/objectives/definition.ts';
import { errorRegistry } from '@evenkeel/contract/errors.ts';
import { builtInPlaybook, readPlaybook } from './playbook.ts';

test('every runbook that an error or an alert names is there, and each is named by something', async () => {
  const reading = await readPlaybook(undefined);
  assert.ok(reading.ok);
  const named = new Set([...Object.values(errorRegistry).map(({ runbook }) => runbook), ...reading.playbook.alerts.alerts.flatMap(({ runbook }) => runbook ?? []), ...budgetRules(definePolicy(reading.playbook.budgetPolicy), groupingOf(reading.playbook.alerts)).flatMap(({ rule: { runbook } }) => runbook ?? [])]);
  const present = (await readdir(join(builtInPlaybook, 'runbooks'))).map((file) => file.replace(/\.md$/, ''));
  assert.deepEqual(present.toSorted(), [...named].toSorted());
});

test('every runbook says when it applies and what to do', async () => {
  for (const file of await readdir(join(builtInPlaybook, 'runbooks'))) {
    const text = await readFile(join(builtInPlaybook, 'runbooks', file), 'utf8');
    assert.match(text, /^# .+\n\n\*\*When\*\*: /, file);
    assert.match(text, /\n\*\*Steps\*\*\n1\. /, file);
  }
});
