/** A portal's seeded records: contacts, companies, deals, notes, owners. */
import { castCompanies, castDeals, castPeople, seedStartMs } from '../../cast.ts';
import type { JsonObject } from '../../json.ts';
import type { Random } from '../../random.ts';
import { createTable, type Table } from '../../table.ts';
import type { Change } from '../../vendor.ts';

export type ObjectType = 'contacts' | 'companies' | 'deals' | 'notes';
export interface Portal {
  readonly id: string;
  readonly tables: Readonly<Record<ObjectType, Table>>;
  readonly owners: readonly JsonObject[];
  nextId(): string;
}

export const portals = Array.from({ length: 10 }, (_, n) => ({ id: String(24810001 + n), name: `Sandbox portal ${n + 1}` })) as [{ id: string; name: string }, ...{ id: string; name: string }[]];

const stages = ['appointmentscheduled', 'qualifiedtobuy', 'presentationscheduled', 'decisionmakerboughtin', 'contractsent', 'closedwon', 'closedlost'];
const iso = (ms: number): string => new Date(ms).toISOString();

/** HubSpot keeps every property as text or null. */
export function record(id: string, properties: JsonObject, createdAt: number, updatedAt: number, modified: string): JsonObject {
  return { id, properties: { ...properties, createdate: iso(createdAt), [modified]: iso(updatedAt), hs_object_id: id }, createdAt: iso(createdAt), updatedAt: iso(updatedAt), archived: false };
}

/** Contacts alone keep their time of change under another name. */
export const modifiedProperty = (type: ObjectType): string => (type === 'contacts' ? 'lastmodifieddate' : 'hs_lastmodifieddate');

function seedOwners(): JsonObject[] {
  return Array.from({ length: 12 }, (_, n) => ({
    id: String(51000 + n), email: `owner${n}@team.example`, type: 'PERSON', firstName: `Owner ${n}`, lastName: n % 5 === 4 ? '' : 'Østergård', userId: 61000 + n, userIdIncludingInactive: 61000 + n,
    createdAt: iso(seedStartMs), updatedAt: iso(seedStartMs), archived: false,
  }));
}

export function createPortal(id: string, random: Random, changed: (change: Change) => void): Portal {
  const tables = { contacts: createTable(id, 'contacts', changed), companies: createTable(id, 'companies', changed), deals: createTable(id, 'deals', changed), notes: createTable(id, 'notes', changed) };
  const owners = seedOwners();
  let last = 100_000;
  const nextId = (): string => {
    last += 1;
    return String(last);
  };
  const owner = (): string | null => (random.chance(0.3) ? null : String(51000 + random.between(0, 11)));
  const companies = castCompanies(random, 64);
  const companyIds = companies.map((company, index) => {
    const companyId = nextId();
    tables.companies.seed(companyId, record(companyId, { name: company.name, domain: company.domain, city: company.city, country: company.country, industry: company.industry.toUpperCase(), numberofemployees: company.employees === null ? null : String(company.employees), phone: null, hubspot_owner_id: owner() }, seedStartMs + index * 3_600_000, seedStartMs + index * 7_200_000, 'hs_lastmodifieddate'));
    return companyId;
  });
  for (const person of castPeople(random, 264, companies.length)) {
    const contactId = nextId();
    const associated = person.company === null ? null : (companyIds[person.company] ?? null);
    tables.contacts.seed(contactId, record(contactId, { firstname: person.first, lastname: person.last, email: person.email, phone: person.phone, jobtitle: person.title, company: person.company === null ? null : (companies[person.company]?.name ?? null), associatedcompanyid: associated, lifecyclestage: random.pick(['lead', 'customer', 'opportunity', 'subscriber'] as const), hubspot_owner_id: owner() }, person.createdAt, person.updatedAt, 'lastmodifieddate'));
  }
  for (const deal of castDeals(random, 88, companies, 264)) {
    const dealId = nextId();
    tables.deals.seed(dealId, record(dealId, { dealname: deal.name, amount: deal.amount === null ? null : String(deal.amount), dealstage: stages[deal.stage] ?? 'contractsent', pipeline: 'default', closedate: deal.closeAt === null ? null : iso(deal.closeAt), hubspot_owner_id: owner() }, deal.createdAt, deal.updatedAt, 'hs_lastmodifieddate'));
  }
  for (let index = 0; index < 40; index += 1) {
    const noteId = nextId();
    const at = seedStartMs + index * 86_400_000;
    tables.notes.seed(noteId, record(noteId, { hs_note_body: `<p>Gespräch ${index}: follow up — “soon”</p>`, hs_timestamp: iso(at), hubspot_owner_id: owner() }, at, at, 'hs_lastmodifieddate'));
  }
  return { id, tables, owners, nextId };
}
