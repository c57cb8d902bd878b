import assert from 'node:assert/strict';
import { test } from 'node:test';
import { definePolicy, type ObjectiveDefinition } from '@evenkeel/core/objectives/definition.ts';
import { readPercent, whole } from '@evenkeel/core/objectives/share.ts';
import { createTestDatabase } from '../../../../../tests/harness/database.ts';
import { plantSeries, sealMinute } from '../../../../../tests/harness/sealed-minutes.ts';
import { readPlaybook } from '../../playbook/playbook.ts';
import { tick } from '../tick.ts';
import { readScopeNow } from './objective-reading.ts';

const target = readPercent('99.9') ?? 0n;
const base = { title: '', description: null, indicatorName: '', indicator: { measure: 'availability', upstream: 'excluded' }, target, budget: whole - target, scopes: ['overall'], minimum: { events: 1, bad: 1 }, minMeasuredMinutes: 0, burnMinimum: { events: 1, bad: 1 }, service: 'evenkeel', terms: null, openslo: null } as const;
const rolling: ObjectiveDefinition = { ...base, id: 'rolling', window: { kind: 'rolling', days: 1 }, method: 'events', sliceBadAbove: 0n };
const monthly: ObjectiveDefinition = { ...base, id: 'monthly', window: { kind: 'calendar', unit: 'month', timeZone: 'UTC' }, method: 'events', sliceBadAbove: 0n };
const minutes: ObjectiveDefinition = { ...base, id: 'minutes', window: { kind: 'calendar', unit: 'month', timeZone: 'UTC' }, method: 'time_slices', sliceBadAbove: 0n };

test('a budget is projected by what the window will hold: what comes, and what it forgets', async () => {
  const reading = await readPlaybook(undefined);
  assert.ok(reading.ok);
  const policy = definePolicy(reading.playbook.budgetPolicy);
  const { pool } = await createTestDatabase();
  const series = await plantSeries(pool, { tenantId: 'acme' });
  const begin = Date.UTC(2026, 9, 1) / 60_000;
  const seal = (minute: number, bad: number) => sealMinute(pool, begin + minute, [{ series, counts: { total: 1000, success: 1000 - bad, platform: bad, platform_5xx: bad } }]);
  const projected = async (objective: ObjectiveDefinition) => {
    await tick(pool, { objectives: [rolling, monthly, minutes], policy, terms: {}, agreementsOfFile: [] });
    return (await readScopeNow(pool, objective, policy, { kind: 'overall', id: '' })).exhaustsInMinutes;
  };
  // Ten clean hours, then six at twice the sustainable rate: 720 of 960 are gone, and each minute costs two and earns one.
  for (let minute = 0; minute < 600; minute += 1) await seal(minute, 0);
  for (let minute = 600; minute < 960; minute += 1) await seal(minute, 2);
  assert.equal(await projected(monthly), 240);
  assert.equal(await projected(rolling), 240);
  assert.equal(await projected(minutes), 0, 'one minute in a thousand may be bad, and 360 were');
  // Six hours without a failure: as it goes, nothing will be used up.
  for (let minute = 960; minute < 1320; minute += 1) await seal(minute, 0);
  assert.equal(await projected(monthly), null);
});
