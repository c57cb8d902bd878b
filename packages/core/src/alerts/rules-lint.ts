/** What a schema cannot say about alert rules: ids that are used once, windows and chances that can ever fire. */
import type { AlertRule, AlertsFile } from '@evenkeel/contract/playbook/alerts.ts';
import { error, warning, type Fault } from '../connectors/lint/fault.ts';
import { fisherExact } from './exact-tests.ts';

export function lintAlerts(file: AlertsFile): Fault[] {
  const faults = [...repeated(file.alerts, 'alerts'), ...repeated(file.routes ?? [], 'routes')];
  file.alerts.forEach((rule, index) => faults.push(...lintRule(rule, `alerts[${index}]`)));
  return faults;
}

function repeated(list: readonly { readonly id: string }[], name: string): Fault[] {
  const seen = new Map<string, number>();
  return list.flatMap(({ id }, index) => {
    const twin = seen.get(id);
    seen.set(id, twin ?? index);
    return twin === undefined ? [] : [error(`${name}[${index}].id`, `"${id}" is already the id of ${name}[${twin}].`)];
  });
}

function lintRule(rule: AlertRule, path: string): Fault[] {
  if (rule.watch !== 'error-rate' && rule.watch !== 'refresh-failures') return [];
  const { min_bad: minBad = 10, min_total: minTotal = 50, alpha = 1e-9 } = rule;
  if (minBad > minTotal) return [error(`${path}.min_bad`, `${minBad} of at least ${minTotal} cannot fail: min_bad must not be above min_total.`)];
  // The plainest rise there is at the least volume: nothing failed, then everything does.
  const plainest = fisherExact({ total: minTotal, bad: 0 }, { total: minTotal, bad: minTotal });
  if (plainest < alpha) return [];
  return [warning(`${path}.min_total`, `With ${minTotal} in each window even a rise from none to all has a chance of ${plainest.toExponential(1)}, above alpha (${alpha}): windows this small never fire. Raise min_total or alpha.`)];
}
