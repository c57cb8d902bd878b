/** Unified models of applicant tracking: jobs, candidates, applications, interviews. */
import { choice, emails, flag, model, moment, phones, requiredText, text, texts, type UnifiedModel } from './field.ts';

const jobs = {
  schema: model('Job', {
    title: requiredText(),
    description: text(),
    status: choice(['draft', 'open', 'on_hold', 'closed']),
    requisition_id: text(),
    departments: texts({ description: 'Names.' }),
    locations: texts({ description: 'Names.' }),
    confidential: flag(),
    opened_at: moment(),
    closed_at: moment(),
  }),
  filters: ['status', 'requisition_id', 'created_after', 'updated_after'],
  sort: ['created_at', 'updated_at'],
} as const satisfies UnifiedModel;

const candidates = {
  schema: model('Candidate', {
    first_name: text(),
    last_name: text(),
    name: text({ description: 'The whole name as the vendor shows it.' }),
    title: text({ description: 'Present job title.' }),
    company: text({ description: 'Present employer.' }),
    emails,
    phones,
    links: texts({ description: 'Addresses of profiles and sites.' }),
    tags: texts(),
    application_ids: texts({ readOnly: true, description: 'Ids of records of ats.applications.' }),
    private: flag(),
  }),
  filters: ['email', 'tag', 'job_id', 'created_after', 'updated_after'],
  sort: ['created_at', 'updated_at'],
} as const satisfies UnifiedModel;

const applications = {
  schema: model('Application', {
    candidate_id: requiredText({ description: 'Id of a record of ats.candidates.' }),
    job_id: text({ description: 'Id of a record of ats.jobs; null for a prospect.' }),
    status: choice(['active', 'hired', 'rejected', 'withdrawn']),
    stage: text({ description: 'Name of the vendor\'s stage.' }),
    stage_id: text(),
    source: text(),
    rejection_reason: text(),
    applied_at: moment(),
    rejected_at: moment(),
  }),
  filters: ['candidate_id', 'job_id', 'status', 'created_after', 'updated_after'],
  sort: ['created_at', 'updated_at'],
} as const satisfies UnifiedModel;

const interviews = {
  schema: model('Interview', {
    application_id: text({ description: 'Id of a record of ats.applications.' }),
    candidate_id: text({ description: 'Id of a record of ats.candidates.' }),
    job_id: text({ description: 'Id of a record of ats.jobs.' }),
    title: text(),
    status: choice(['scheduled', 'awaiting_feedback', 'completed', 'cancelled']),
    starts_at: moment(),
    ends_at: moment(),
    location: text(),
    interviewer_ids: texts(),
  }),
  filters: ['application_id', 'candidate_id', 'job_id', 'created_after', 'updated_after'],
  sort: ['starts_at', 'created_at', 'updated_at'],
} as const satisfies UnifiedModel;

export const ats = { jobs, candidates, applications, interviews };
