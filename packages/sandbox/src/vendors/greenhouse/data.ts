/** An organisation's candidates, jobs, applications, interviews, scorecards and users, in Harvest v1 shapes. */
import { castPeople, seedStartMs } from '../../cast.ts';
import type { JsonObject } from '../../json.ts';
import type { Random } from '../../random.ts';
import { createTable, type Table } from '../../table.ts';
import type { Change } from '../../vendor.ts';

export const organisations = Array.from({ length: 10 }, (_, n) => ({ id: String(4001 + n), name: `Sandbox organisation ${n + 1}` })) as [{ id: string; name: string }, ...{ id: string; name: string }[]];
export const resources = ['candidates', 'jobs', 'applications', 'scheduled_interviews', 'scorecards', 'users', 'departments', 'offices'] as const;
export type Resource = (typeof resources)[number];
export interface Organisation {
  readonly tables: Readonly<Record<Resource, Table>>;
  nextId(): number;
}
/** Harvest writes milliseconds and Z. */
export const harvestTime = (ms: number): string => new Date(ms).toISOString();
export const stages = [{ id: 701, name: 'Application Review' }, { id: 702, name: 'Phone Screen' }, { id: 703, name: 'On-site' }, { id: 704, name: 'Offer' }] as const;
export const userRef = (id: number): JsonObject => ({ id, name: `Reclutadora ${id - 3000}`, first_name: 'Reclutadora', last_name: String(id - 3000), employee_id: null });

export function candidateRecord(id: number, written: JsonObject, createdMs: number, updatedMs: number): JsonObject {
  const base: JsonObject = { company: null, title: null, phone_numbers: [], addresses: [], email_addresses: [], website_addresses: [], social_media_addresses: [], tags: [], custom_fields: {}, educations: [], employments: [], ...written };
  return { id, first_name: null, last_name: null, ...base, is_private: false, can_email: true, photo_url: null, attachments: [], application_ids: written['application_ids'] ?? [], applications: written['applications'] ?? [], recruiter: userRef(3001), coordinator: null, created_at: harvestTime(createdMs), updated_at: harvestTime(updatedMs), last_activity: harvestTime(updatedMs), keyed_custom_fields: {}, linked_user_ids: [] };
}
export function applicationRecord(id: number, candidate: number, job: JsonObject, stage: number, createdMs: number): JsonObject {
  return { id, candidate_id: candidate, prospect: false, applied_at: harvestTime(createdMs), rejected_at: null, last_activity_at: harvestTime(createdMs), location: null, attachments: [], source: { id: 2, public_name: 'Referral' }, credited_to: null, rejection_reason: null, rejection_details: null, jobs: [{ id: job['id'] ?? 0, name: job['name'] ?? '' }], job_post_id: null, status: 'active', current_stage: { ...(stages[stage] ?? stages[0]) }, answers: [], prospective_office: null, prospective_department: null, prospect_detail: { prospect_pool: null, prospect_stage: null, prospect_owner: null }, custom_fields: {}, keyed_custom_fields: {} };
}
export function jobRecord(id: number, name: string, openings: number, createdMs: number): JsonObject {
  return { id, name, requisition_id: `REQ-${id}`, notes: null, confidential: false, is_template: false, copied_from_id: null, status: 'open', created_at: harvestTime(createdMs), opened_at: harvestTime(createdMs), closed_at: null, updated_at: harvestTime(createdMs), departments: [{ id: 801, name: 'Engineering', parent_id: null, child_ids: [], external_id: null }], offices: [{ id: 851, name: 'Łódź', location: { name: 'Łódź, Poland' } }], hiring_team: { hiring_managers: [userRef(3002)], recruiters: [userRef(3001)], coordinators: [], sourcers: [] }, custom_fields: {}, keyed_custom_fields: {}, openings: Array.from({ length: openings }, (_, n) => ({ id: id * 10 + n, opening_id: `${id}-${n + 1}`, status: 'open', opened_at: harvestTime(createdMs), closed_at: null, application_id: null, close_reason: null })) };
}

export function createOrganisation(account: string, random: Random, changed: (change: Change) => void): Organisation {
  const table = (name: Resource): Table => createTable(account, name, changed);
  const tables = { candidates: table('candidates'), jobs: table('jobs'), applications: table('applications'), scheduled_interviews: table('scheduled_interviews'), scorecards: table('scorecards'), users: table('users'), departments: table('departments'), offices: table('offices') };
  let last = 53_880_000;
  const nextId = (): number => (last += 1);
  for (let n = 1; n <= 14; n += 1) tables.users.seed(String(3000 + n), { ...userRef(3000 + n), primary_email_address: `recruiter${n}@team.example`, updated_at: harvestTime(seedStartMs), created_at: harvestTime(seedStartMs), disabled: n === 14, site_admin: n === 1, emails: [`recruiter${n}@team.example`], linked_candidate_ids: [], offices: [], departments: [] });
  tables.departments.seed('801', { id: 801, name: 'Engineering', parent_id: null, parent_department_external_id: null, child_ids: [], child_department_external_ids: [], external_id: null });
  tables.offices.seed('851', { id: 851, name: 'Łódź', location: { name: 'Łódź, Poland' }, primary_contact_user_id: null, parent_id: null, child_ids: [], external_id: null });
  const jobs = Array.from({ length: 62 }, (_, n) => {
    const id = nextId();
    const job = { ...jobRecord(id, `${random.pick(['Backend Engineer', 'Buchhalter:in', 'Account Executive', 'データ分析', 'Support Lead'] as const)} ${n}`, 1 + (n % 3), seedStartMs + n * 86_400_000), ...(n % 6 === 5 ? { status: 'closed', closed_at: harvestTime(seedStartMs + (n + 40) * 86_400_000) } : {}) };
    tables.jobs.seed(String(id), job);
    return job;
  });
  for (const [n, person] of castPeople(random, 258, 0).entries()) {
    const id = nextId();
    const job = jobs[random.between(0, jobs.length - 1)] ?? {};
    const applicationId = nextId();
    const stage = random.between(0, 3);
    const application: JsonObject = { ...applicationRecord(applicationId, id, job, stage, person.createdAt), ...(n % 7 === 6 ? { status: 'rejected', rejected_at: harvestTime(person.updatedAt), rejection_reason: { id: 14, name: 'Other', type: { id: 1, name: 'We rejected them' } } } : {}) };
    tables.applications.seed(String(applicationId), application);
    tables.candidates.seed(String(id), candidateRecord(id, { first_name: person.first, last_name: person.last ?? '', title: person.title, email_addresses: person.email === null ? [] : [{ value: person.email, type: 'personal' }], phone_numbers: person.phone === null ? [] : [{ value: person.phone, type: 'mobile' }], application_ids: [applicationId], applications: [application] }, person.createdAt, person.updatedAt));
    if (n % 5 === 0) {
      const interview = nextId();
      const start = person.updatedAt + 86_400_000;
      tables.scheduled_interviews.seed(String(interview), { id: interview, application_id: applicationId, external_event_id: `evt_${interview}`, start: { date_time: harvestTime(start) }, end: { date_time: harvestTime(start + 3_600_000) }, location: null, video_conferencing_url: null, status: 'scheduled', created_at: harvestTime(person.updatedAt), updated_at: harvestTime(person.updatedAt), interview: { id: 95, name: 'Interview' }, organizer: userRef(3001), interviewers: [{ ...userRef(3002), email: 'recruiter2@team.example', response_status: 'accepted', scorecard_id: null }] });
      const card = nextId();
      tables.scorecards.seed(String(card), { id: card, updated_at: harvestTime(start), created_at: harvestTime(start), interview: 'Interview', interview_step: { id: 95, name: 'Interview' }, candidate_id: id, application_id: applicationId, interviewed_at: harvestTime(start), submitted_by: userRef(3002), interviewer: userRef(3002), submitted_at: harvestTime(start), overall_recommendation: random.pick(['yes', 'no', 'strong_yes', 'no_decision'] as const), attributes: [], ratings: {}, questions: [] });
    }
  }
  return { tables, nextId };
}
