/** What a schema cannot say about objectives and policy: names that exist, targets above the agreement's, alerts that can fire. */
import type { AgreementsFile } from '@evenkeel/contract/playbook/agreements.ts';
import type { BudgetPolicyFile } from '@evenkeel/contract/playbook/budget-policy.ts';
import type { Objective, ObjectivesFile } from '@evenkeel/contract/playbook/objectives.ts';
import { error, nearest, warning, type Fault } from '../connectors/lint/fault.ts';
import { readMinutes } from './definition.ts';
import { percentOf, readDecimal, readPercent, whole } from './share.ts';

/** Whether `name` is a time zone this runtime knows. */
export function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return /^[A-Za-z]/.test(name);
  } catch {
    return false;
  }
}

export function lintObjectives(file: ObjectivesFile, agreements: AgreementsFile | undefined, policy: BudgetPolicyFile | undefined): Fault[] {
  const faults: Fault[] = [];
  const seen = new Map<string, number>();
  file.objectives.forEach((objective, index) => {
    const path = `objectives[${index}]`;
    const twin = seen.get(objective.id);
    if (twin !== undefined) faults.push(error(`${path}.id`, `"${objective.id}" is already the id of objectives[${twin}].`));
    seen.set(objective.id, index);
    faults.push(...lintObjective(objective, path, file), ...lintAgainstTerms(objective, path, agreements), ...lintAgainstTiers(objective, path, policy));
  });
  if (agreements !== undefined) {
    for (const [name, terms] of Object.entries(agreements.terms)) {
      const promised = readPercent(terms.target);
      const guards = file.objectives.filter((one) => one.terms === name);
      if (promised === undefined || guards.some((one) => (readPercent(one.target) ?? 0n) > promised)) continue;
      faults.push(warning('objectives', `No objective is stricter than the terms "${name}" of agreements.yaml (${percentOf(promised)} %): a breach would be the first sign of trouble. Give one terms: ${name} and a target above it, such as ${stricter(promised)}.`));
    }
  }
  return faults;
}

function lintObjective(objective: Objective, path: string, file: ObjectivesFile): Fault[] {
  const faults: Fault[] = [];
  const indicator = file.indicators[objective.indicator];
  const target = readPercent(objective.target);
  if (indicator === undefined) {
    faults.push(error(`${path}.indicator`, `There is no indicator "${objective.indicator}".`, nearest(objective.indicator, Object.keys(file.indicators))));
  }
  if (target === undefined) faults.push(error(`${path}.target`, 'This must be a share in percent from 0 to 100 with at most seven decimals.'));
  else if (target === whole || target === 0n) faults.push(error(`${path}.target`, `A target of ${percentOf(target)} leaves ${target === 0n ? 'nothing to aim at' : 'no budget: the first failure breaks it for good'}.`));
  const { rolling_days: days, calendar, time_zone: timeZone } = objective.window;
  if ((days === undefined) === (calendar === undefined)) faults.push(error(`${path}.window`, 'This must have either rolling_days or calendar.'));
  if (calendar !== undefined && timeZone === undefined) faults.push(error(`${path}.window`, 'A calendar window needs a time_zone: where does its first day begin?'));
  if (days !== undefined && timeZone !== undefined) faults.push(error(`${path}.window.time_zone`, 'A rolling window has no time zone: it is so many times 24 hours.'));
  if (timeZone !== undefined && !isTimeZone(timeZone)) faults.push(error(`${path}.window.time_zone`, `"${timeZone}" is no time zone; use an IANA name such as Europe/Berlin.`, nearest(timeZone, Intl.supportedValuesOf('timeZone'))));
  if (indicator?.measure === 'overhead_latency') {
    if (objective.method !== 'time_slices') faults.push(error(`${path}.method`, 'A percentile cannot be counted in events: use time_slices, each minute is good or bad.', 'time_slices'));
    if (objective.slice !== undefined) faults.push(error(`${path}.slice`, 'The indicator\'s threshold decides about the minute; leave slice out.'));
  } else if (objective.method === 'time_slices') {
    if (objective.slice === undefined) faults.push(error(`${path}.slice`, 'Time slices need slice.bad_above: the share of bad events above which a minute is bad.'));
    else if (readPercent(objective.slice.bad_above) === undefined) faults.push(error(`${path}.slice.bad_above`, 'This must be a share in percent from 0 to 100 with at most seven decimals.'));
  } else if (objective.slice !== undefined) faults.push(error(`${path}.slice`, 'The events method has no slices; leave this out or use method: time_slices.'));
  if (new Set(objective.scopes).size < objective.scopes.length) faults.push(error(`${path}.scopes`, 'A scope is named twice.'));
  return faults;
}

function lintAgainstTerms(objective: Objective, path: string, agreements: AgreementsFile | undefined): Fault[] {
  if (objective.terms === undefined || agreements === undefined) return [];
  const terms = agreements.terms[objective.terms];
  if (terms === undefined) return [error(`${path}.terms`, `agreements.yaml has no terms "${objective.terms}".`, nearest(objective.terms, Object.keys(agreements.terms)))];
  const target = readPercent(objective.target);
  const promised = readPercent(terms.target);
  if (target === undefined || promised === undefined || target > promised) return [];
  return [warning(`${path}.target`, `${percentOf(target)} % is not stricter than the ${percentOf(promised)} % that the terms "${objective.terms}" promise: when this objective is missed, credits are owed already. Aim higher.`, stricter(promised))];
}

/** Half of the promised budget: 99.99 → 99.995. */
const stricter = (promised: bigint): string => percentOf(whole - (whole - promised) / 2n);

/** The largest possible burn rate is 1/budget: an alert with a larger factor never fires. */
function lintAgainstTiers(objective: Objective, path: string, policy: BudgetPolicyFile | undefined): Fault[] {
  const target = readPercent(objective.target);
  if (policy === undefined || target === undefined || target === whole) return [];
  return policy.burn_alerts.flatMap((tier) => {
    const factor = readDecimal(tier.factor, 6);
    if (tier.enabled === false || factor === undefined || factor * (whole - target) < whole * 1_000_000n) return [];
    return [warning(`${path}.target`, `The burn-rate alert "${tier.id}" can never fire for a target of ${percentOf(target)} %: even with every call failing the burn rate is not above ${tier.factor}.`)];
  });
}

export function lintPolicy(file: BudgetPolicyFile): Fault[] {
  const faults: Fault[] = [];
  const read = (path: string, written: number | string): bigint => {
    const share = readPercent(written);
    if (share === undefined) faults.push(error(path, 'This must be a share in percent from 0 to 100 with at most seven decimals.'));
    return share ?? 0n;
  };
  const caution = read('edges.caution', file.edges.caution);
  const restricted = read('edges.restricted', file.edges.restricted);
  const critical = read('edges.critical', file.edges.critical);
  const hysteresis = read('hysteresis', file.hysteresis);
  read('min_coverage', file.min_coverage);
  if (!(whole > caution && caution > restricted && restricted > critical && critical > 0n)) faults.push(error('edges', 'The edges must fall from caution to critical, all between 0 and 100.'));
  else if ([whole - caution, caution - restricted, restricted - critical, critical].some((gap) => hysteresis >= gap)) {
    faults.push(error('hysteresis', 'The hysteresis must be smaller than the distance between two edges, or a mode could never be left.'));
  }
  const seen = new Set<string>();
  file.burn_alerts.forEach((tier, index) => {
    const path = `burn_alerts[${index}]`;
    if (seen.has(tier.id)) faults.push(error(`${path}.id`, `Another burn-rate alert is called "${tier.id}".`));
    seen.add(tier.id);
    if (readDecimal(tier.factor, 6) === undefined) faults.push(error(`${path}.factor`, 'This must be a number with at most six decimals.'));
    const long = readMinutes(tier.long_window) ?? 0;
    const short = readMinutes(tier.short_window) ?? 0;
    if (long > 90 * 1440) faults.push(error(`${path}.long_window`, 'Windows are at most 90d.'));
    if (short >= long) faults.push(error(`${path}.short_window`, 'The short window must be shorter than the long one.'));
    else if (short * 12 !== long) faults.push(warning(`${path}.short_window`, `A twelfth of the long window (${long / 12} minutes) is usual: shorter resets nervously, longer resets late.`));
  });
  return faults;
}
