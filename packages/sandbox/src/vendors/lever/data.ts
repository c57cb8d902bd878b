/** An account's opportunities, postings, interviews, stages and users, in the shapes of the Lever API v1. */
import { castPeople, seedStartMs } from '../../cast.ts';
import type { JsonObject } from '../../json.ts';
import type { Random } from '../../random.ts';
import { createTable, type Table } from '../../table.ts';
import type { Change } from '../../vendor.ts';

export const accounts = Array.from({ length: 10 }, (_, n) => ({ id: `lever-${n + 1}`, name: `Sandbox recruiting ${n + 1}` })) as [{ id: string; name: string }, ...{ id: string; name: string }[]];
export interface Recruiting {
  readonly opportunities: Table;
  readonly postings: Table;
  readonly users: Table;
  readonly stages: Table;
  readonly archiveReasons: Table;
  /** By opportunity. */
  readonly interviews: Map<string, JsonObject[]>;
  nextId(): string;
}
/** Ids are UUIDs whose last group counts. */
export const uuid = (kind: number, n: number): string => `${String(kind).padStart(8, '0')}-5c1d-4e3f-8a9b-${String(n).padStart(12, '0')}`;
export const stageNames = ['New lead', 'Reached out', 'Phone screen', 'On-site', 'Offer'] as const;
export const reasons = [['Hired', 'hired'], ['Underqualified', 'non-hired'], ['Withdrew', 'non-hired']] as const;

export function createRecruiting(account: string, random: Random, changed: (change: Change) => void): Recruiting {
  const table = (name: string): Table => createTable(account, name, changed);
  const data = { opportunities: table('opportunities'), postings: table('postings'), users: table('users'), stages: table('stages'), archiveReasons: table('archive_reasons') };
  const interviews = new Map<string, JsonObject[]>();
  let last = 0;
  const nextId = (): string => uuid(9, (last += 1));
  for (let n = 0; n < 9; n += 1) data.users.seed(uuid(1, n), { id: uuid(1, n), name: `Reclutadora ${n + 1}`, username: `recruiter${n + 1}`, email: `recruiter${n + 1}@team.example`, accessRole: n === 0 ? 'super admin' : 'team member', photo: null, createdAt: seedStartMs, deactivatedAt: n === 8 ? seedStartMs + 8_640_000_000 : null, externalDirectoryId: null, linkedContactIds: [] });
  stageNames.forEach((text, n) => data.stages.seed(uuid(2, n), { id: uuid(2, n), text }));
  reasons.forEach(([text, type], n) => data.archiveReasons.seed(uuid(3, n), { id: uuid(3, n), text, status: 'active', type }));
  for (let n = 0; n < 42; n += 1) data.postings.seed(uuid(4, n), postingRecord(uuid(4, n), { text: `${random.pick(['Backend Engineer', 'Buchhalter:in', 'Account Executive', 'データ分析'] as const)} ${n}`, state: n % 6 === 5 ? 'closed' : n % 9 === 8 ? 'draft' : 'published', reqCode: `REQ-${1900 + n}` }, seedStartMs + n * 86_400_000));
  for (const [n, person] of castPeople(random, 230, 0).entries()) {
    const id = uuid(5, n);
    const posting = n % 8 === 7 ? null : uuid(4, random.between(0, 41));
    const archived = n % 5 === 4 ? { archivedAt: person.updatedAt, reason: uuid(3, random.between(0, 2)) } : null;
    data.opportunities.seed(id, opportunityRecord(id, { name: [person.first, person.last].filter(Boolean).join(' '), headline: person.title, emails: person.email === null ? [] : [person.email], phones: person.phone === null || person.phone === '' ? [] : [{ type: 'mobile', value: person.phone }], links: n % 4 === 0 ? [`https://profiles.example/${n}`] : [], tags: n % 3 === 0 ? ['Berlin', 'größe'] : [], sources: [random.pick(['linkedin', 'Referral'] as const)], stage: uuid(2, random.between(0, 4)), archived, contact: uuid(6, Math.floor(n / 2) * 2), applications: posting === null ? [] : [applicationRecord(uuid(7, n), id, posting, person.createdAt)] }, person.createdAt, person.updatedAt));
    if (n % 5 === 0) interviews.set(id, [interviewRecord(uuid(8, n), { subject: 'Gespräch', interviewers: [{ id: uuid(1, 2), name: 'Reclutadora 3', email: 'recruiter3@team.example' }], date: person.updatedAt + 86_400_000, duration: 45 }, posting, person.updatedAt)]);
  }
  return { ...data, interviews, nextId };
}

export function postingRecord(id: string, written: JsonObject, createdMs: number): JsonObject {
  return { id, text: '', state: 'draft', distributionChannels: ['public'], user: uuid(1, 0), owner: uuid(1, 1), hiringManager: null, confidentiality: 'non-confidential', categories: { team: 'Platform', department: 'Engineering', location: 'Łódź', commitment: 'Full-time', level: null }, content: { description: 'Wir bauen Dinge.', descriptionHtml: '<div>Wir bauen Dinge.</div>', lists: [], closing: '' }, tags: [], reqCode: null, requisitionCodes: [], urls: { list: 'https://jobs.lever.co/sandbox', show: `https://jobs.lever.co/sandbox/${id}`, apply: `https://jobs.lever.co/sandbox/${id}/apply` }, createdAt: createdMs, updatedAt: createdMs, ...written };
}
export function opportunityRecord(id: string, written: JsonObject, createdMs: number, updatedMs: number): JsonObject {
  return { id, name: '', contact: uuid(6, 999_999), headline: null, stage: uuid(2, 0), confidentiality: 'non-confidential', location: null, phones: [], emails: [], links: [], archived: null, tags: [], sources: [], stageChanges: [], origin: 'applied', sourcedBy: null, owner: uuid(1, 0), followers: [], applications: [], createdAt: createdMs, updatedAt: updatedMs, lastInteractionAt: updatedMs, lastAdvancedAt: createdMs, snoozedUntil: null, isAnonymized: false, dataProtection: null, ...written };
}
export function applicationRecord(id: string, opportunity: string, posting: string, createdMs: number): JsonObject {
  return { id, type: 'posting', candidateId: opportunity, opportunityId: opportunity, posting, postingHiringManager: null, postingOwner: uuid(1, 1), name: null, email: null, phone: null, company: null, links: [], comments: null, user: null, customQuestions: [], createdAt: createdMs, archived: null };
}
export function interviewRecord(id: string, written: JsonObject, posting: string | null, createdMs: number): JsonObject {
  return { id, panel: null, subject: '', note: null, interviewers: [], timezone: 'Europe/Oslo', createdAt: createdMs, date: null, duration: 30, location: null, feedbackTemplate: null, feedbackForms: [], feedbackReminder: 'none', user: uuid(1, 0), stage: uuid(2, 3), canceledAt: null, postings: posting === null ? [] : [posting], gcalEventUrl: null, ...written };
}
