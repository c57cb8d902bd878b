/** An organisation's modules and users, in the shapes of the CRM API v8. */
import { castCompanies, castDeals, castPeople, seedStartMs } from '../../cast.ts';
import type { JsonObject } from '../../json.ts';
import type { Random } from '../../random.ts';
import { createTable, type Table } from '../../table.ts';
import type { Change } from '../../vendor.ts';

/** Data centre → top-level domain of its accounts server and API host. */
export const centres = { eu: 'eu', us: 'com', in: 'in', au: 'com.au', jp: 'jp' } as const;
export type Centre = keyof typeof centres;
const centreNames = Object.keys(centres) as Centre[];
export const organisations = Array.from({ length: 10 }, (_, n) => ({ id: String(20_071_000_001 + n), name: `Sandbox organisation ${n + 1}`, centre: centreNames[n % centreNames.length] ?? 'eu' })) as [{ id: string; name: string; centre: Centre }, ...{ id: string; name: string; centre: Centre }[]];
export const modules = ['Contacts', 'Accounts', 'Deals', 'Leads', 'Notes'] as const;
export type Module = (typeof modules)[number];
export const mandatory: Readonly<Record<Module, readonly string[]>> = { Contacts: ['Last_Name'], Accounts: ['Account_Name'], Deals: ['Deal_Name', 'Stage'], Leads: ['Last_Name', 'Company'], Notes: ['Parent_Id'] };
export interface Organisation {
  readonly id: string;
  readonly tables: Readonly<Record<Module, Table>>;
  readonly users: readonly JsonObject[];
  nextId(): string;
}
/** Zoho writes seconds and the organisation's offset. */
export const zohoTime = (ms: number): string => new Date(ms + 3_600_000).toISOString().replace(/\.\d+Z$/, '+01:00');
export const stages = ['Qualification', 'Needs Analysis', 'Value Proposition', 'Negotiation/Review', 'Proposal/Price Quote', 'Closed Won', 'Closed Lost'] as const;

export function createOrganisation(org: string, random: Random, changed: (change: Change) => void): Organisation {
  const table = (name: Module): Table => createTable(org, name, changed);
  const tables = { Contacts: table('Contacts'), Accounts: table('Accounts'), Deals: table('Deals'), Leads: table('Leads'), Notes: table('Notes') };
  let last = 4_150_868_000_001;
  const nextId = (): string => `${(last += 1)}000`;
  const users = castPeople(random, 7, 0).map((person, n): JsonObject => ({ id: `4150868000000225${String(n + 13).padStart(3, '0')}`, full_name: [person.first, person.last].filter(Boolean).join(' '), first_name: person.first, last_name: person.last ?? 'Unknown', email: `user${n + 1}@team.example`, status: n === 6 ? 'disabled' : 'active', role: { name: n === 0 ? 'CEO' : 'Manager', id: '4150868000000026005' }, profile: { name: n === 0 ? 'Administrator' : 'Standard', id: '4150868000000026011' }, zuid: String(694_579_958 + n), created_time: zohoTime(seedStartMs), Modified_Time: zohoTime(seedStartMs), time_zone: 'Europe/Oslo' }));
  const owner = (): JsonObject => {
    const user = random.pick(users as [JsonObject, ...JsonObject[]]);
    return { name: user['full_name'] ?? '', id: user['id'] ?? '', email: user['email'] ?? '' };
  };
  const seed = (module: Module, record: JsonObject, createdMs: number, updatedMs: number): JsonObject => {
    const id = nextId();
    const made: JsonObject = { ...record, Owner: owner(), Created_Time: zohoTime(createdMs), Modified_Time: zohoTime(updatedMs), id };
    tables[module].seed(id, made);
    return { id };
  };
  const companies = castCompanies(random, 70);
  const accounts = companies.map((company, n) => ({ name: company.name, ...seed('Accounts', { Account_Name: company.name, Website: company.domain === null ? null : `https://${company.domain}`, Phone: null, Industry: company.industry, Employees: company.employees, Annual_Revenue: company.employees === null ? null : company.employees * 90_000, Billing_Street: null, Billing_City: company.city, Billing_State: null, Billing_Code: null, Billing_Country: company.country, Description: null }, seedStartMs + n * 3_600_000, seedStartMs + n * 90_000_000) }));
  const people = castPeople(random, 260, companies.length).map((person) => ({ name: person.first, ...seed('Contacts', { First_Name: person.first, Last_Name: person.last ?? 'Unknown', Full_Name: [person.first, person.last ?? 'Unknown'].join(' '), Email: person.email, Phone: person.phone, Mobile: null, Title: person.title, Account_Name: person.company === null ? null : (accounts[person.company] ?? null), Mailing_City: null, Description: null }, person.createdAt, person.updatedAt) }));
  for (const deal of castDeals(random, 120, companies, people.length)) seed('Deals', { Deal_Name: deal.name, Amount: deal.amount, Stage: stages[deal.stage] ?? stages[0], Pipeline: 'Standard (Standard)', Closing_Date: deal.closeAt === null ? null : new Date(deal.closeAt).toISOString().slice(0, 10), Probability: [10, 20, 40, 90, 75, 100, 0][deal.stage] ?? 10, Account_Name: accounts[deal.company] ?? null, Contact_Name: people[deal.person] ?? null, Description: null }, deal.createdAt, deal.updatedAt);
  for (const person of castPeople(random, 40, 0)) seed('Leads', { First_Name: person.first, Last_Name: person.last ?? 'Unknown', Company: random.pick(companies.map(({ name }) => name) as [string, ...string[]]), Email: person.email, Phone: person.phone, Lead_Status: 'Contacted', Lead_Source: null }, person.createdAt, person.updatedAt);
  people.slice(0, 90).forEach((person, n) => seed('Notes', { Note_Title: n % 4 === 0 ? null : 'Anruf', Note_Content: n % 5 === 0 ? 'Größere Bestellung angekündigt.' : 'Called about the renewal.', Parent_Id: { module: { api_name: n % 3 === 0 ? 'Accounts' : 'Contacts', id: '4150868000000002179' }, name: person.name, id: n % 3 === 0 ? (accounts[n % accounts.length] as JsonObject | undefined)?.['id'] ?? '' : (person as JsonObject)['id'] ?? '' } }, seedStartMs + n * 80_000_000, seedStartMs + n * 81_000_000));
  return { id: org, tables, users, nextId };
}
