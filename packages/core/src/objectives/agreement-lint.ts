/** What a schema cannot say about agreements: tiers in order, dates that exist, maintenance announced in time. */
import type { Agreement, AgreementsFile, CreditTier, Downtime, Terms } from '@evenkeel/contract/playbook/agreements.ts';
import { error, nearest, warning, type Fault } from '../connectors/lint/fault.ts';
import { isTimeZone } from './playbook-lint.ts';
import { percentOf, readPercent } from './share.ts';

export function lintAgreements(file: AgreementsFile): Fault[] {
  const faults: Fault[] = [];
  for (const [name, terms] of Object.entries(file.terms)) faults.push(...lintTerms(terms, `terms.${name}`));
  file.agreements.forEach((agreement, index) => {
    const path = `agreements[${index}]`;
    const twin = file.agreements.findIndex(({ id }) => id === agreement.id);
    if (twin < index) faults.push(error(`${path}.id`, `"${agreement.id}" is already the id of agreements[${twin}].`));
    faults.push(...lintAgreement(agreement, file.terms, path));
    const other = file.agreements.findIndex((one, at) => at < index && one.tenant_id === agreement.tenant_id && one.starts <= (agreement.ends ?? '9999') && agreement.starts <= (one.ends ?? '9999'));
    if (other !== -1) faults.push(error(`${path}.starts`, `The tenant "${agreement.tenant_id}" has agreements[${other}] on some of these days: a day has one agreement. End the earlier one first.`));
  });
  return faults;
}

/** Faults of one agreement, whose terms are among `terms`. */
export function lintAgreement(agreement: Agreement, terms: Readonly<Record<string, Terms>>, path: string): Fault[] {
  const at = (name: string): string => (path === '' ? name : `${path}.${name}`);
  const faults: Fault[] = [];
  const base = Object.hasOwn(terms, agreement.terms) ? terms[agreement.terms] : undefined;
  if (base === undefined) faults.push(error(at('terms'), `There are no terms "${agreement.terms}".`, nearest(agreement.terms, Object.keys(terms))));
  if (!isTimeZone(agreement.time_zone)) faults.push(error(at('time_zone'), `"${agreement.time_zone}" is no time zone; use an IANA name such as Europe/Berlin.`, nearest(agreement.time_zone, Intl.supportedValuesOf('timeZone'))));
  for (const name of ['starts', 'ends'] as const) {
    const day = agreement[name];
    if (day !== undefined && !isDay(day)) faults.push(error(at(name), `There is no day ${day}.`));
  }
  if (agreement.ends !== undefined && agreement.ends < agreement.starts) faults.push(error(at('ends'), `It ends before it starts (${agreement.starts}).`));
  if (base !== undefined) {
    const stated = Object.fromEntries(Object.entries(agreement).filter(([name]) => name in base && name !== 'title'));
    if (Object.keys(stated).length > 0) faults.push(...lintTerms({ ...base, ...stated }, path));
  }
  const notice = agreement.maintenance_notice_hours ?? base?.maintenance_notice_hours ?? 72;
  (agreement.maintenance ?? []).forEach((window, index) => {
    const [announced, from, to] = [window.announced_at, window.from, window.to].map((text) => Date.parse(text)) as [number, number, number];
    if (Number.isNaN(announced) || Number.isNaN(from) || Number.isNaN(to)) faults.push(error(at(`maintenance[${index}]`), 'One of these times does not exist.'));
    else if (to <= from) faults.push(error(at(`maintenance[${index}].to`), 'The window ends before it begins.'));
    else if (from - announced < notice * 3_600_000) faults.push(warning(at(`maintenance[${index}].announced_at`), `Announced ${Math.floor((from - announced) / 3_600_000)} h ahead, and the terms ask for ${notice} h: it excludes no downtime.`));
  });
  return faults;
}

function lintTerms(terms: { target: number | string; downtime: Downtime; credits: readonly CreditTier[]; cap: number | string }, path: string): Fault[] {
  const at = (name: string): string => (path === '' ? name : `${path}.${name}`);
  const faults: Fault[] = [];
  const read = (name: string, written: number | string): bigint | undefined => {
    const share = readPercent(written);
    if (share === undefined) faults.push(error(at(name), 'This must be a share in percent from 0 to 100 with at most seven decimals.'));
    return share;
  };
  const target = read('target', terms.target);
  const cap = read('cap', terms.cap);
  read('downtime.above', terms.downtime.above);
  let below: bigint | undefined;
  let credit: bigint | undefined;
  terms.credits.forEach((tier, index) => {
    const bound = read(`credits[${index}].below`, tier.below);
    const share = read(`credits[${index}].credit`, tier.credit);
    if (bound !== undefined && below !== undefined && bound >= below) faults.push(error(at(`credits[${index}].below`), `Tiers are written from the highest uptime down: this must be less than ${percentOf(below)}.`));
    if (share !== undefined && credit !== undefined && share <= credit) faults.push(error(at(`credits[${index}].credit`), `A lower uptime must give more than the ${percentOf(credit)} % of the tier before.`));
    if (share !== undefined && cap !== undefined && share > cap) faults.push(warning(at(`credits[${index}].credit`), `The cap of ${percentOf(cap)} % makes this tier worth less than it says.`));
    if (index === 0 && bound !== undefined && target !== undefined && bound !== target) faults.push(warning(at('credits[0].below'), `The first tier begins at ${percentOf(bound)} % and the target is ${percentOf(target)} %: ${bound < target ? 'a breach between them costs nothing' : 'credits are owed although the target is met'}.`));
    below = bound ?? below;
    credit = share ?? credit;
  });
  return faults;
}

/** Whether a YYYY-MM-DD exists in the calendar. */
function isDay(text: string): boolean {
  try {
    Temporal.PlainDate.from(text, { overflow: 'reject' });
    return true;
  } catch {
    return false;
  }
}
