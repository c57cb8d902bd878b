/** A company's persons, organizations, deals and users, in the shape of API v2. */
import { castCompanies, castDeals, castPeople, seedStartMs } from '../../cast.ts';
import type { JsonObject } from '../../json.ts';
import type { Random } from '../../random.ts';
import { createTable, type Table } from '../../table.ts';
import type { Change } from '../../vendor.ts';

export type Entity = 'persons' | 'organizations' | 'deals';
export interface Company {
  readonly id: string;
  readonly name: string;
  readonly domain: string;
}
export const companies = Array.from({ length: 10 }, (_, n) => ({ id: String(7_700_001 + n), name: `Sandbox company ${n + 1}`, domain: `evenkeel-sandbox-${n + 1}` })) as [Company, ...Company[]];
export interface CompanyData {
  readonly tables: Readonly<Record<Entity, Table>>;
  readonly notes: Table;
  readonly users: readonly JsonObject[];
  nextNote(): number;
  nextId(entity: Entity): number;
}

/** API v2 times are RFC 3339 in whole seconds. */
export const pipedriveTime = (ms: number): string => `${new Date(ms).toISOString().slice(0, 19)}Z`;

/** Version 1 writes times without a zone. */
export const v1Time = (ms: number): string => pipedriveTime(ms).replace('T', ' ').replace('Z', '');

export function noteRecord(id: number, written: JsonObject, addMs: number, updateMs: number): JsonObject {
  return { user_id: 901, deal_id: null, person_id: null, org_id: null, lead_id: null, content: '', ...written, id, add_time: v1Time(addMs), update_time: v1Time(updateMs), active_flag: true, pinned_to_deal_flag: false, pinned_to_person_flag: false, pinned_to_organization_flag: false };
}

/** Writable fields with their JSON type; v2 refuses other types. */
export const writable: Readonly<Record<Entity, Readonly<Record<string, 'string' | 'number' | 'array' | 'object'>>>> = {
  persons: { name: 'string', emails: 'array', phones: 'array', owner_id: 'number', org_id: 'number', visible_to: 'number', label_ids: 'array', marketing_status: 'string', custom_fields: 'object', add_time: 'string' },
  organizations: { name: 'string', owner_id: 'number', visible_to: 'number', label_ids: 'array', address: 'object', website: 'string', custom_fields: 'object', add_time: 'string' },
  deals: { title: 'string', value: 'number', currency: 'string', stage_id: 'number', pipeline_id: 'number', person_id: 'number', org_id: 'number', owner_id: 'number', status: 'string', expected_close_date: 'string', probability: 'number', lost_reason: 'string', visible_to: 'number', label_ids: 'array', custom_fields: 'object' },
};

/** Fills what Pipedrive fills: names split, defaults, times. */
export function complete(entity: Entity, id: number, written: JsonObject, addMs: number, updateMs: number): JsonObject {
  const common: JsonObject = { id, owner_id: 901, visible_to: 3, label_ids: [], custom_fields: {}, is_deleted: false, ...written, add_time: pipedriveTime(addMs), update_time: pipedriveTime(updateMs) };
  if (entity === 'organizations') return { address: null, website: null, ...common };
  if (entity === 'deals') return { value: 0, currency: 'EUR', stage_id: 1, pipeline_id: 1, person_id: null, org_id: null, status: 'open', expected_close_date: null, probability: null, lost_reason: null, close_time: null, won_time: null, lost_time: null, ...common };
  const [first = '', ...rest] = String(written['name'] ?? '').split(' ');
  return { emails: [], phones: [], org_id: null, picture_id: null, ...common, first_name: first, last_name: rest.length === 0 ? null : rest.join(' ') };
}

export function createCompany(id: string, random: Random, changed: (change: Change) => void): CompanyData {
  const tables = { persons: createTable(id, 'persons', changed), organizations: createTable(id, 'organizations', changed), deals: createTable(id, 'deals', changed) };
  const last: Record<Entity, number> = { persons: 0, organizations: 0, deals: 0 };
  const nextId = (entity: Entity): number => {
    last[entity] += 1;
    return last[entity];
  };
  const owner = (): number => 901 + random.between(0, 5);
  const cast = castCompanies(random, 66);
  for (const [n, company] of cast.entries()) {
    const made = nextId('organizations');
    tables.organizations.seed(String(made), complete('organizations', made, { name: company.name, owner_id: owner(), website: company.domain, address: { value: `${company.city}, ${company.country}`, country: company.country, locality: company.city } }, seedStartMs + n * 3_600_000, seedStartMs + n * 7_200_000));
  }
  for (const person of castPeople(random, 271, cast.length)) {
    const made = nextId('persons');
    tables.persons.seed(String(made), complete('persons', made, {
      name: [person.first, person.last].filter(Boolean).join(' '), owner_id: owner(), org_id: person.company === null ? null : person.company + 1,
      emails: person.email === null ? [] : [{ value: person.email, primary: true, label: 'work' }], phones: person.phone === null ? [] : [{ value: person.phone, primary: true, label: 'work' }],
    }, person.createdAt, person.updatedAt));
  }
  for (const deal of castDeals(random, 84, cast, 271)) {
    const made = nextId('deals');
    const status = deal.stage === 5 ? 'won' : deal.stage === 6 ? 'lost' : 'open';
    tables.deals.seed(String(made), complete('deals', made, { title: deal.name, value: deal.amount ?? 0, stage_id: Math.min(5, deal.stage + 1), person_id: deal.person + 1, org_id: deal.company + 1, owner_id: owner(), status, expected_close_date: deal.closeAt === null ? null : new Date(deal.closeAt).toISOString().slice(0, 10) }, deal.createdAt, deal.updatedAt));
  }
  const users = Array.from({ length: 6 }, (_, n) => ({ id: 901 + n, name: `Benutzer ${n}`, email: `user${n}@team.example`, lang: 1, locale: 'de_DE', timezone_name: 'Europe/Berlin', default_currency: 'EUR', active_flag: n !== 5, is_admin: n === 0 ? 1 : 0, role_id: 1, created: '2025-01-01 00:00:00', modified: '2025-01-02 00:00:00', phone: null, icon_url: null, is_you: n === 0 }));
  const notes = createTable(id, 'notes', changed);
  let lastNote = 0;
  const nextNote = (): number => (lastNote += 1);
  for (let n = 0; n < 45; n += 1) {
    const made = nextNote();
    const on = n % 3 === 0 ? { org_id: n + 1 } : n % 3 === 1 ? { person_id: n + 1, org_id: n + 2 } : { deal_id: n + 1 };
    notes.seed(String(made), noteRecord(made, { content: `<p>Gespräch ${n}</p>`, user_id: owner(), ...on }, seedStartMs + n * 3_600_000, seedStartMs + n * 5_400_000));
  }
  return { tables, notes, users, nextId, nextNote };
}
