import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { BudgetPolicyFile, ModeRule } from '@evenkeel/contract/playbook/budget-policy.ts';
import { lintContacts } from './contacts-lint.ts';

const mode = (...notify: string[]): ModeRule => ({ freeze: 'none', notify, actions: [] });
const tier = (id: string, enabled: boolean, ...notify: string[]): BudgetPolicyFile['burn_alerts'][number] => ({ id, factor: 1, long_window: '1h', short_window: '5m', severity: 'P1', notify, enabled });
const policy = { modes: { normal: mode(), caution: mode('leads'), restricted: mode('leads'), critical: mode('vp'), exhausted: mode('vp') }, burn_alerts: [tier('fast', true, 'on_call'), tier('off', false, 'nobody')] } as unknown as BudgetPolicyFile;
const mail = [{ mail: 'a@example.com' }];

test('every role that is told has somebody, and every somebody is told', () => {
  assert.deepEqual(lintContacts({ version: 1, roles: { leads: mail, vp: mail, on_call: mail } }, policy), []);
  const faults = lintContacts({ version: 1, roles: { leads: mail, vpp: mail, on_call: [] } }, policy);
  assert.deepEqual(faults.map(({ path, severity, suggestion, message }) => [path, severity, suggestion, message.split(/[:,]/)[0]]), [
    ['roles', 'warning', 'vpp', 'Nobody stands for the role "vp"'],
    ['roles.on_call', 'warning', undefined, 'The role has no contact'],
    ['roles.vpp', 'warning', 'vp', 'Nothing in budget-policy.yaml tells the role "vpp".'],
  ]);
});
