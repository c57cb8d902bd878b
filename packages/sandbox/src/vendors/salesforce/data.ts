/** An org's seeded sObjects: Account, Contact, Opportunity, Note, Task, User. */
import { castCompanies, castDeals, castPeople, seedStartMs } from '../../cast.ts';
import type { JsonObject } from '../../json.ts';
import type { Random } from '../../random.ts';
import { createTable, type Table } from '../../table.ts';
import type { Change } from '../../vendor.ts';

export type ObjectName = 'Account' | 'Contact' | 'Opportunity' | 'Note' | 'Task' | 'User';
export const orgs = Array.from({ length: 10 }, (_, n) => ({ id: `00D5g00000SBX${String(n + 1).padStart(2, '0')}EAA`, name: `Sandbox org ${n + 1}`, domain: `evenkeel-sandbox-${n + 1}` })) as [Org, ...Org[]];
export interface Org {
  readonly id: string;
  readonly name: string;
  readonly domain: string;
}
export interface OrgData {
  readonly tables: Readonly<Record<ObjectName, Table>>;
  newId(object: ObjectName): string;
}

/** Every field that queries and writes know, writable ones first; what is not listed is an INVALID_FIELD. */
export const fields: Readonly<Record<ObjectName, { writable: readonly string[]; required: readonly string[]; computed: readonly string[] }>> = {
  Account: { writable: ['Name', 'Website', 'Phone', 'Industry', 'NumberOfEmployees', 'BillingStreet', 'BillingCity', 'BillingState', 'BillingPostalCode', 'BillingCountry', 'Description', 'OwnerId', 'Type', 'AnnualRevenue'], required: ['Name'], computed: [] },
  Contact: { writable: ['FirstName', 'LastName', 'Email', 'Phone', 'MobilePhone', 'Title', 'AccountId', 'OwnerId', 'Department', 'MailingStreet', 'MailingCity', 'MailingState', 'MailingPostalCode', 'MailingCountry', 'Description', 'LeadSource'], required: ['LastName'], computed: ['Name'] },
  Opportunity: { writable: ['Name', 'StageName', 'Amount', 'CloseDate', 'AccountId', 'OwnerId', 'Probability', 'Description', 'Type', 'LeadSource'], required: ['Name', 'StageName', 'CloseDate'], computed: ['IsClosed', 'IsWon'] },
  Note: { writable: ['Title', 'Body', 'ParentId', 'OwnerId', 'IsPrivate'], required: ['Title', 'ParentId'], computed: [] },
  Task: { writable: ['Subject', 'Description', 'Status', 'Priority', 'ActivityDate', 'WhoId', 'WhatId', 'OwnerId'], required: [], computed: [] },
  User: { writable: ['Username', 'FirstName', 'LastName', 'Email', 'IsActive', 'Alias', 'Title'], required: ['Username', 'LastName', 'Email'], computed: ['Name'] },
};
const systemFields = ['Id', 'CreatedDate', 'LastModifiedDate', 'SystemModstamp', 'IsDeleted', 'CreatedById', 'LastModifiedById'];
export const allFields = (object: ObjectName): string[] => ['Id', ...fields[object].computed, ...fields[object].writable, ...systemFields.slice(1)];

const prefixes: Record<ObjectName, string> = { Account: '001', Contact: '003', Opportunity: '006', Note: '002', Task: '00T', User: '005' };
export const stages = ['Prospecting', 'Qualification', 'Needs Analysis', 'Value Proposition', 'Negotiation/Review', 'Closed Won', 'Closed Lost'];

/** Salesforce writes +0000, not Z. */
export const salesforceTime = (ms: number): string => new Date(ms).toISOString().replace('Z', '+0000');
const day = (ms: number): string => new Date(ms).toISOString().slice(0, 10);

/** Fills what Salesforce computes and what a writer left out. */
export function complete(object: ObjectName, id: string, written: JsonObject, createdAt: number, updatedAt: number, by: string): JsonObject {
  const base: JsonObject = Object.fromEntries(fields[object].writable.map((name) => [name, written[name] ?? null]));
  const computed: JsonObject = {};
  if (object === 'Contact' || object === 'User') computed['Name'] = [base['FirstName'], base['LastName']].filter(Boolean).join(' ');
  if (object === 'Opportunity') {
    computed['IsClosed'] = String(base['StageName']).startsWith('Closed');
    computed['IsWon'] = base['StageName'] === 'Closed Won';
  }
  return { Id: id, ...computed, ...base, OwnerId: base['OwnerId'] ?? by, CreatedDate: salesforceTime(createdAt), LastModifiedDate: salesforceTime(updatedAt), SystemModstamp: salesforceTime(updatedAt), IsDeleted: false, CreatedById: by, LastModifiedById: by };
}

export function createOrg(id: string, random: Random, changed: (change: Change) => void): OrgData {
  const table = (name: ObjectName): Table => createTable(id, name, changed);
  const tables = { Account: table('Account'), Contact: table('Contact'), Opportunity: table('Opportunity'), Note: table('Note'), Task: table('Task'), User: table('User') };
  let last = 0;
  const newId = (object: ObjectName): string => {
    last += 1;
    return `${prefixes[object]}5g00000${last.toString(36).toUpperCase().padStart(5, '0')}AAA`;
  };
  const seed = (object: ObjectName, written: JsonObject, createdAt: number, updatedAt: number, by: string): string => {
    const made = newId(object);
    tables[object].seed(made, complete(object, made, written, createdAt, updatedAt, by));
    return made;
  };
  const users = Array.from({ length: 8 }, (_, n) => seed('User', { Username: `user${n}@${id.toLowerCase()}.example`, FirstName: 'Ása', LastName: `User ${n}`, Email: `user${n}@team.example`, IsActive: n !== 7, Alias: `user${n}`, Title: null }, seedStartMs, seedStartMs, '0055g0000000001AAA'));
  const owner = (): string => users[random.between(0, users.length - 1)] ?? '';
  const companies = castCompanies(random, 72);
  const accounts = companies.map((company, n) => seed('Account', { Name: company.name, Website: company.domain === null ? null : `https://${company.domain}`, Industry: company.industry, NumberOfEmployees: company.employees, BillingCity: company.city, BillingCountry: company.country, Phone: null }, seedStartMs + n * 3_600_000, seedStartMs + n * 7_200_000, owner()));
  const contacts = castPeople(random, 430, companies.length).map((person) =>
    seed('Contact', { FirstName: person.first, LastName: person.last ?? 'Unknown', Email: person.email, Phone: person.phone, Title: person.title, AccountId: person.company === null ? null : (accounts[person.company] ?? null) }, person.createdAt, person.updatedAt, owner()));
  const deals = castDeals(random, 90, companies, contacts.length).map((deal) =>
    seed('Opportunity', { Name: deal.name, Amount: deal.amount, StageName: stages[deal.stage] ?? 'Prospecting', CloseDate: day(deal.closeAt ?? deal.createdAt), AccountId: accounts[deal.company] ?? null, Probability: deal.stage * 15 }, deal.createdAt, deal.updatedAt, owner()));
  for (let n = 0; n < 30; n += 1) seed('Task', { Subject: `Rückruf ${n}`, Status: 'Not Started', Priority: 'Normal', WhoId: contacts[n] ?? null, Description: n % 3 === 0 ? null : 'Call back “today”' }, seedStartMs, seedStartMs, owner());
  for (let n = 0; n < 40; n += 1) {
    const parent = [contacts, accounts, deals][n % 3]?.[n] ?? null;
    seed('Note', { Title: `Notiz ${n}`, Body: n % 4 === 3 ? null : 'Said “yes” – twice', ParentId: parent, IsPrivate: n % 10 === 0 }, seedStartMs + n * 3_600_000, seedStartMs + n * 5_400_000, owner());
  }
  return { tables, newId };
}
