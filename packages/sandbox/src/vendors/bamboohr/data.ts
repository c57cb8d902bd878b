/** A company's employees and time off. */
import { castPeople, seedStartMs } from '../../cast.ts';
import type { JsonObject } from '../../json.ts';
import type { Random } from '../../random.ts';
import { createTable, type Table } from '../../table.ts';
import type { Change } from '../../vendor.ts';

export interface Company {
  /** The subdomain. */
  readonly id: string;
  readonly name: string;
}
export const companies = Array.from({ length: 10 }, (_, n) => ({ id: `evenkeel-sandbox-${n + 1}`, name: `Sandbox company ${n + 1}` })) as [Company, ...Company[]];
export interface CompanyData {
  readonly employees: Table;
  readonly requests: Table;
  nextEmployee(): string;
  nextRequest(): string;
}

export const directoryFields = ['displayName', 'firstName', 'lastName', 'preferredName', 'jobTitle', 'workPhone', 'mobilePhone', 'workEmail', 'department', 'location', 'division', 'linkedIn', 'pronouns', 'workPhoneExtension', 'supervisor', 'photoUploaded', 'photoUrl', 'canUploadPhoto'];
export const employeeFields = ['firstName', 'lastName', 'middleName', 'preferredName', 'displayName', 'fullName1', 'workEmail', 'homeEmail', 'workPhone', 'mobilePhone', 'homePhone', 'jobTitle', 'department', 'division', 'location', 'supervisor', 'supervisorId', 'supervisorEId', 'employeeNumber', 'status', 'employmentHistoryStatus', 'hireDate', 'terminationDate', 'gender', 'dateOfBirth', 'address1', 'address2', 'city', 'state', 'zipcode', 'country', 'lastChanged', 'payRate', 'ssn', 'eeid'];
/** What a creator or updater may not set. */
export const readOnlyFields = ['displayName', 'fullName1', 'supervisor', 'lastChanged', 'status'];
/** BambooHR's iso time in whole seconds with an offset. */
export const bambooTime = (ms: number): string => `${new Date(ms).toISOString().slice(0, 19)}+00:00`;
const day = (ms: number): string => new Date(ms).toISOString().slice(0, 10);
/** The last is archived, and of nobody. */
export const departments = ['Engineering', 'Sales', 'Kundenservice', 'People', 'Werkstatt'];
export const timeOffTypes = [{ id: '78', name: 'Vacation', units: 'days', color: '6dc42f', icon: 'palm-trees' }, { id: '79', name: 'Sick', units: 'days', color: 'f94c1e', icon: 'medical' }, { id: '83', name: 'Föräldraledighet', units: 'days', color: '009ac7', icon: 'baby' }];

export function createCompany(id: string, random: Random, changed: (change: Change) => void): CompanyData {
  const employees = createTable(id, 'employees', changed);
  const requests = createTable(id, 'time_off', changed);
  const last = { employee: 100, request: 1000 };
  const nextEmployee = (): string => String((last.employee += 1));
  const nextRequest = (): string => String((last.request += 1));
  for (const [n, person] of castPeople(random, 262, 0).entries()) {
    const employee = nextEmployee();
    const display = [person.first, person.last].filter(Boolean).join(' ');
    const former = n % 13 === 12;
    employees.seed(employee, {
      id: employee, firstName: person.first, lastName: person.last ?? '', middleName: null, preferredName: n % 8 === 7 ? person.first.slice(0, 3) : null, displayName: display, fullName1: display, workEmail: person.email, homeEmail: null, workPhone: person.phone, mobilePhone: n % 3 === 0 ? person.phone : null, homePhone: null,
      jobTitle: person.title, department: random.pick([...departments.slice(0, 4), null]), division: random.pick(['EMEA', 'Americas', null] as const), location: random.pick(['Oslo', 'Łódź', 'Remote', 'São Paulo'] as const), supervisor: n === 0 ? null : 'Ása Admin', supervisorId: n === 0 ? null : '101', supervisorEId: n === 0 ? null : '101',
      employeeNumber: String(n + 1), status: former ? 'Inactive' : 'Active', employmentHistoryStatus: former ? 'Terminated' : n % 5 === 4 ? 'Part-Time' : 'Full-Time', hireDate: day(person.createdAt), terminationDate: former ? day(person.updatedAt) : '0000-00-00', gender: random.pick(['Female', 'Male', 'Non-binary', null] as const), dateOfBirth: n % 6 === 5 ? null : `19${random.between(60, 99)}-0${random.between(1, 9)}-1${random.between(0, 9)}`,
      address1: null, address2: null, city: 'Oslo', state: null, zipcode: '0150', country: 'Norway', lastChanged: bambooTime(person.updatedAt), payRate: null, ssn: null, eeid: employee,
    });
    if (n % 4 === 0) {
      const request = nextRequest();
      const start = seedStartMs + (n + 300) * 86_400_000;
      requests.seed(request, timeOffRequest(request, employee, display, { status: random.pick(['approved', 'requested', 'denied'] as const), start: day(start), end: day(start + 4 * 86_400_000), type: timeOffTypes[n % 3]?.id ?? '78', amount: '5', note: n % 8 === 0 ? 'Skiferie ⛷' : null, created: day(start - 30 * 86_400_000) }));
    }
  }
  return { employees, requests, nextEmployee, nextRequest };
}

export interface TimeOffInput {
  readonly status: string;
  readonly start: string;
  readonly end: string;
  readonly type: string;
  readonly amount: string;
  readonly note: string | null;
  readonly created: string;
}
export function timeOffRequest(id: string, employeeId: string, name: string, input: TimeOffInput): JsonObject {
  const type = timeOffTypes.find((one) => one.id === input.type);
  return { id, employeeId, name, status: { id: id, status: input.status, lastChanged: input.created, lastChangedByUserId: '2401' }, start: input.start, end: input.end, created: input.created, type: { id: input.type, name: type?.name ?? '', icon: type?.icon ?? '' }, amount: { unit: 'days', amount: input.amount }, actions: { view: true, edit: true, cancel: true, approve: true, deny: true, bypass: false }, dates: { [input.start]: '1', [input.end]: '1' }, notes: input.note === null ? {} : { employee: input.note } };
}
