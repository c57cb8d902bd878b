/** A company's people, histories, lists and time off, in the shapes of Bob's public API v1. */
import { castPeople, seedStartMs } from '../../cast.ts';
import { asObject, asText, type JsonObject } from '../../json.ts';
import type { Random } from '../../random.ts';
import { createTable, type Table } from '../../table.ts';
import type { Change } from '../../vendor.ts';

export const companies = Array.from({ length: 10 }, (_, n) => ({ id: `bob-${n + 1}`, name: `Sandbox company ${n + 1}` })) as [{ id: string; name: string }, ...{ id: string; name: string }[]];
export const departments = [['209192163', 'Engineering'], ['209192164', 'Økonomi'], ['209192165', 'Vertrieb'], ['209192166', 'Support']] as const;
export const titles = [['214031', 'Engineer'], ['214032', 'Buchhalterin'], ['214033', 'Account Executive'], ['214034', 'Support Lead']] as const;
export const sites = [['1', 'Oslo'], ['2', 'Łódź']] as const;
export interface Company {
  readonly people: Table;
  /** By employee. */
  readonly work: Map<string, JsonObject[]>;
  readonly employment: Map<string, JsonObject[]>;
  readonly timeOff: Table;
  nextId(): number;
}
export const day = (ms: number): string => new Date(ms).toISOString().slice(0, 10);
/** Times have no zone: the company's own. */
export const bobTime = (ms: number): string => new Date(ms).toISOString().replace('Z', '');
export const nameOf = (list: readonly (readonly [string, string])[], id: unknown): string => list.find(([one]) => one === id)?.[1] ?? asText(id);

export function personRecord(id: string, written: JsonObject, now: number): JsonObject {
  const work = asObject(written['work']) ?? {};
  const base = { id, firstName: null, surname: null, displayName: [written['firstName'], written['surname']].filter(Boolean).join(' '), email: null, creationDateTime: bobTime(now) };
  return { ...base, ...written, id, personal: { birthDate: null, gender: null, ...asObject(written['personal']) }, home: { privateEmail: null, mobilePhone: null, ...asObject(written['home']) }, address: { line1: null, city: null, country: null, postCode: null, ...asObject(written['address']) }, work: { title: null, department: null, site: 'Oslo', startDate: day(now), reportsTo: null, employeeIdInCompany: null, workPhone: null, ...work }, internal: { status: 'Active', lifecycleStatus: 'employed', terminationDate: null, ...asObject(written['internal']) } };
}

export function createCompany(company: string, random: Random, changed: (change: Change) => void): Company {
  const people = createTable(company, 'employees', changed);
  const timeOff = createTable(company, 'time_off', changed);
  const work = new Map<string, JsonObject[]>();
  const employment = new Map<string, JsonObject[]>();
  let last = 45_000;
  const nextId = (): number => (last += 1);
  const cast = castPeople(random, 130, 0);
  const idOf = (n: number): string => `33328838840177${String(10_000 + n)}`;
  const reference = (n: number): JsonObject => ({ id: idOf(n), firstName: cast[n]?.first ?? '', surname: cast[n]?.last ?? '', email: `boss${n}@team.example`, displayName: [cast[n]?.first, cast[n]?.last].filter(Boolean).join(' ') });
  for (const [n, person] of cast.entries()) {
    const id = idOf(n);
    const [title] = random.pick(titles);
    const [department] = random.pick(departments);
    const [, site] = random.pick(sites);
    const gone = n % 13 === 12;
    const started = day(person.createdAt);
    const boss = n === 0 ? null : reference(n < 5 ? 0 : 1 + (n % 4));
    people.seed(id, personRecord(id, { firstName: person.first, surname: person.last ?? 'Unknown', email: person.email ?? `employee${n}@team.example`, personal: { birthDate: n % 3 === 0 ? '1990-04-12' : null, gender: null }, home: { privateEmail: n % 4 === 0 ? person.email : null, mobilePhone: person.phone === '' ? null : person.phone }, address: { country: 'Norway' }, work: { title, department, site, startDate: started, reportsTo: boss, employeeIdInCompany: String(n + 1) }, internal: { status: gone ? 'Inactive' : 'Active', lifecycleStatus: gone ? 'terminated' : 'employed', terminationDate: gone ? day(person.updatedAt + 86_400_000 * 200) : null } }, person.createdAt));
    const stamp = { modificationDate: day(person.updatedAt), creationDate: started, changeReason: null, changedBy: null };
    work.set(id, [{ id: nextId(), employeeId: id, effectiveDate: started, endEffectiveDate: null, isCurrent: true, title, department, site, siteId: site === 'Oslo' ? 1 : 2, reportsTo: boss, ...stamp }]);
    employment.set(id, [{ id: nextId(), employeeId: id, effectiveDate: started, endEffectiveDate: null, isCurrent: true, contract: n % 6 === 5 ? 'Part time' : 'Full time', type: n % 9 === 8 ? 'Contractor' : 'Permanent', weeklyHours: n % 6 === 5 ? 20 : 37.5, fte: n % 6 === 5 ? 53 : 100, salaryPayType: 'Salaried', ...stamp }]);
    if (n % 2 === 0) {
      const requestId = nextId();
      const start = seedStartMs + (n + 420) * 86_400_000;
      timeOff.seed(String(requestId), timeOffRecord(requestId, people.get(id) ?? {}, { policyType: n % 4 === 0 ? 'Holiday' : 'Krank', startDate: day(start), endDate: day(start + 2 * 86_400_000), status: n % 10 === 0 ? 'pending' : 'approved' }, start - 1_000_000_000));
    }
  }
  return { people, work, employment, timeOff, nextId };
}

export function timeOffRecord(requestId: number, employee: JsonObject, written: JsonObject, createdMs: number): JsonObject {
  const days = Math.round((Date.parse(asText(written['endDate'])) - Date.parse(asText(written['startDate']))) / 86_400_000) + 1;
  return { requestId, changeType: 'Created', employeeId: employee['id'] ?? '', employeeDisplayName: employee['displayName'] ?? '', employeeEmail: employee['email'] ?? '', policyTypeDisplayName: written['policyType'] ?? '', type: 'days', startDate: written['startDate'] ?? '', startPortion: written['startDatePortion'] ?? 'all_day', endDate: written['endDate'] ?? '', endPortion: written['endDatePortion'] ?? 'all_day', status: written['status'] ?? 'pending', createdOn: bobTime(createdMs), description: written['description'] ?? null, visibility: 'Public', totalDuration: days, totalCost: days };
}
