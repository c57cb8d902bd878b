/** An account's tickets, comments, users, groups and organizations, in the shapes of the ticketing API v2. */
import { castCompanies, castPeople, seedStartMs } from '../../cast.ts';
import type { JsonObject } from '../../json.ts';
import type { Random } from '../../random.ts';
import { createTable, type Table } from '../../table.ts';
import type { Change } from '../../vendor.ts';

export const subdomains = Array.from({ length: 10 }, (_, n) => ({ id: `evenkeel-sandbox-${n + 1}`, name: `Sandbox helpdesk ${n + 1}` })) as [{ id: string; name: string }, ...{ id: string; name: string }[]];
export const kinds = ['tickets', 'users', 'groups', 'organizations'] as const;
export type Kind = (typeof kinds)[number];
export const singular: Readonly<Record<Kind, string>> = { tickets: 'ticket', users: 'user', groups: 'group', organizations: 'organization' };
export interface Helpdesk {
  readonly subdomain: string;
  readonly tables: Readonly<Record<Kind, Table>>;
  /** By ticket. */
  readonly comments: Map<string, JsonObject[]>;
  nextId(): number;
}
/** Zendesk writes seconds and Z. */
export const zendeskTime = (ms: number): string => new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z');
export const adminId = 360_001;

/** What a record of each kind has when nothing is written into it. */
export function blank(kind: Kind, subdomain: string, id: number, now: number): JsonObject {
  const common = { url: `https://${subdomain}.zendesk.com/api/v2/${kind}/${id}.json`, id, created_at: zendeskTime(now), updated_at: zendeskTime(now) };
  switch (kind) {
    case 'tickets':
      return { ...common, external_id: null, via: { channel: 'api' }, type: null, subject: null, raw_subject: null, description: null, priority: null, status: 'new', requester_id: adminId, submitter_id: adminId, assignee_id: null, organization_id: null, group_id: null, problem_id: null, tags: [], due_at: null, custom_fields: [], is_public: true };
    case 'users':
      return { ...common, name: '', email: null, phone: null, role: 'end-user', active: true, suspended: false, verified: false, time_zone: 'Oslo', locale: 'en-US', organization_id: null, tags: [], user_fields: {} };
    case 'groups':
      return { ...common, name: '', description: '', default: false, is_public: true, deleted: false };
    case 'organizations':
      return { ...common, name: '', domain_names: [], details: null, notes: null, group_id: null, tags: [], organization_fields: {} };
  }
}

const subjects = ['Der Drucker brennt', 'Cannot log in', 'Facture en double', 'API answers 500', 'ログインできない', 'Refund please'] as const;
const statuses = ['new', 'open', 'pending', 'hold', 'solved', 'closed'] as const;
const priorities = ['urgent', 'high', 'normal', 'low', null] as const;

export function createHelpdesk(subdomain: string, random: Random, changed: (change: Change) => void): Helpdesk {
  const table = (name: Kind): Table => createTable(subdomain, name, changed);
  const tables = { tickets: table('tickets'), users: table('users'), groups: table('groups'), organizations: table('organizations') };
  const comments = new Map<string, JsonObject[]>();
  let last = adminId + 10_000;
  const nextId = (): number => (last += 1);
  const seed = (kind: Kind, id: number, createdMs: number, record: JsonObject): void => tables[kind].seed(String(id), { ...blank(kind, subdomain, id, createdMs), ...record });
  ['Support', 'Größere Kunden', 'Billing'].forEach((name, n) => seed('groups', 901 + n, seedStartMs, { name, default: n === 0 }));
  castCompanies(random, 24).forEach((company, n) => seed('organizations', 5001 + n, seedStartMs, { name: company.name, domain_names: company.domain === null ? [] : [company.domain] }));
  seed('users', adminId, seedStartMs, { name: 'Ása Admin', email: `admin@${subdomain}.example`, role: 'admin', verified: true });
  const people = castPeople(random, 130, 24);
  people.forEach((person, n) => seed('users', adminId + 1 + n, person.createdAt, { name: [person.first, person.last].filter(Boolean).join(' '), email: person.email, phone: person.phone, role: n < 9 ? 'agent' : 'end-user', active: n % 40 !== 39, updated_at: zendeskTime(person.updatedAt), organization_id: person.company === null ? null : 5001 + person.company }));
  for (let n = 0; n < 240; n += 1) {
    const id = n + 1;
    const createdMs = seedStartMs + n * 7_200_000 + random.between(0, 3_600_000);
    const requester = adminId + 10 + random.between(0, 110);
    const description = `${random.pick(subjects)}\n\nSince ${zendeskTime(createdMs)}.`;
    const subject = `${random.pick(subjects)} ${id}`;
    seed('tickets', id, createdMs, { subject, raw_subject: subject, description, status: random.pick(statuses), priority: random.pick(priorities), type: random.pick(['question', 'incident', 'problem', 'task', null] as const), requester_id: requester, submitter_id: requester, assignee_id: random.chance(0.3) ? null : adminId + 1 + random.between(0, 8), group_id: 901 + random.between(0, 2), tags: random.chance(0.5) ? [] : ['vip', random.pick(['web', 'größe', 'refund'] as const)], due_at: random.chance(0.8) ? null : zendeskTime(createdMs + 604_800_000), updated_at: zendeskTime(createdMs + random.between(0, 40) * 86_400_000) });
    comments.set(String(id), [comment(nextId(), requester, description, true, createdMs), ...(random.chance(0.5) ? [comment(nextId(), adminId + 1, 'We look into it.', random.chance(0.5), createdMs + 3_600_000)] : [])]);
  }
  return { subdomain, tables, comments, nextId };
}

export function comment(id: number, author: number, body: string, isPublic: boolean, createdMs: number): JsonObject {
  return { id, type: 'Comment', author_id: author, body, html_body: `<div class="zd-comment"><p>${body.replace(/[&<>]/g, (sign) => `&#${sign.charCodeAt(0)};`)}</p></div>`, plain_body: body, public: isPublic, attachments: [], audit_id: id + 1_000_000, via: { channel: 'api' }, created_at: zendeskTime(createdMs), metadata: {} };
}
