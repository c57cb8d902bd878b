/** The unified models, generated from the contract by npm run generate. Do not edit. */

export interface CrmContact {
  /** The vendor's id, as text; usable in the path of get, update and delete. */
  id: string;
  first_name: string | null;
  last_name: string | null;
  /** The whole name as the vendor shows it. */
  name: string | null;
  /** Job title. */
  title: string | null;
  /** The main one first. */
  emails: {
    address: string;
    type: 'work' | 'home' | 'other' | null;
  }[];
  /** The main one first. */
  phones: {
    number: string;
    type: 'work' | 'mobile' | 'home' | 'other' | null;
  }[];
  address: {
    street: string | null;
    city: string | null;
    region: string | null;
    postal_code: string | null;
    country: string | null;
  } | null;
  /** Id of a record of crm.companies. */
  company_id: string | null;
  /** Id of a record of crm.users. */
  owner_id: string | null;
  created_at: string | null;
  updated_at: string | null;
  /** The vendor's own fields that the model has no name for, where the mapping reads them. */
  custom_fields: { [key: string]: unknown };
  /** The vendor's record as it came, with remote_data=true. */
  remote_data?: unknown;
}

export interface CrmCompany {
  /** The vendor's id, as text; usable in the path of get, update and delete. */
  id: string;
  name: string | null;
  domain: string | null;
  website: string | null;
  industry: string | null;
  description: string | null;
  employee_count: number | null;
  /** In the currency of the account. */
  annual_revenue: number | null;
  /** The main one first. */
  phones: {
    number: string;
    type: 'work' | 'mobile' | 'home' | 'other' | null;
  }[];
  address: {
    street: string | null;
    city: string | null;
    region: string | null;
    postal_code: string | null;
    country: string | null;
  } | null;
  /** Id of a record of crm.users. */
  owner_id: string | null;
  created_at: string | null;
  updated_at: string | null;
  /** The vendor's own fields that the model has no name for, where the mapping reads them. */
  custom_fields: { [key: string]: unknown };
  /** The vendor's record as it came, with remote_data=true. */
  remote_data?: unknown;
}

export interface CrmDeal {
  /** The vendor's id, as text; usable in the path of get, update and delete. */
  id: string;
  name: string | null;
  description: string | null;
  amount: number | null;
  /** ISO 4217; null where the vendor keeps one for the whole account. */
  currency: string | null;
  status: 'open' | 'won' | 'lost' | null;
  /** The vendor's stage, by name or id. */
  stage: string | null;
  pipeline_id: string | null;
  /** Between 0 and 1. */
  probability: number | null;
  close_date: string | null;
  /** Id of a record of crm.companies. */
  company_id: string | null;
  /** Id of a record of crm.contacts. */
  contact_id: string | null;
  /** Id of a record of crm.users. */
  owner_id: string | null;
  created_at: string | null;
  updated_at: string | null;
  /** The vendor's own fields that the model has no name for, where the mapping reads them. */
  custom_fields: { [key: string]: unknown };
  /** The vendor's record as it came, with remote_data=true. */
  remote_data?: unknown;
}

export interface CrmNote {
  /** The vendor's id, as text; usable in the path of get, update and delete. */
  id: string;
  title: string | null;
  content: string | null;
  /** Id of a record of crm.contacts. */
  contact_id: string | null;
  /** Id of a record of crm.companies. */
  company_id: string | null;
  /** Id of a record of crm.deals. */
  deal_id: string | null;
  /** Id of a record of crm.users. */
  owner_id: string | null;
  created_at: string | null;
  updated_at: string | null;
  /** The vendor's own fields that the model has no name for, where the mapping reads them. */
  custom_fields: { [key: string]: unknown };
  /** The vendor's record as it came, with remote_data=true. */
  remote_data?: unknown;
}

export interface CrmUser {
  /** The vendor's id, as text; usable in the path of get, update and delete. */
  id: string;
  name: string | null;
  first_name: string | null;
  last_name: string | null;
  email: string | null;
  active: boolean | null;
  created_at: string | null;
  updated_at: string | null;
  /** The vendor's own fields that the model has no name for, where the mapping reads them. */
  custom_fields: { [key: string]: unknown };
  /** The vendor's record as it came, with remote_data=true. */
  remote_data?: unknown;
}

export interface HrisEmployee {
  /** The vendor's id, as text; usable in the path of get, update and delete. */
  id: string;
  employee_number: string | null;
  first_name: string | null;
  last_name: string | null;
  preferred_name: string | null;
  /** The whole name as the vendor shows it. */
  name: string | null;
  work_email: string | null;
  personal_email: string | null;
  work_phone: string | null;
  mobile_phone: string | null;
  job_title: string | null;
  /** Id of a record of hris.departments. */
  department_id: string | null;
  /** Name of the department. */
  department: string | null;
  division: string | null;
  location: string | null;
  /** Id of a record of hris.employees. */
  manager_id: string | null;
  status: 'active' | 'inactive' | 'pending' | null;
  employment_type: 'full_time' | 'part_time' | 'contractor' | 'intern' | 'temporary' | 'other' | null;
  hired_on: string | null;
  terminated_on: string | null;
  date_of_birth: string | null;
  gender: string | null;
  address: {
    street: string | null;
    city: string | null;
    region: string | null;
    postal_code: string | null;
    country: string | null;
  } | null;
  created_at: string | null;
  updated_at: string | null;
  /** The vendor's own fields that the model has no name for, where the mapping reads them. */
  custom_fields: { [key: string]: unknown };
  /** The vendor's record as it came, with remote_data=true. */
  remote_data?: unknown;
}

export interface HrisEmployment {
  /** The vendor's id, as text; usable in the path of get, update and delete. */
  id: string;
  /** Id of a record of hris.employees. */
  employee_id: string;
  job_title: string | null;
  department: string | null;
  location: string | null;
  /** Id of a record of hris.employees. */
  manager_id: string | null;
  employment_type: 'full_time' | 'part_time' | 'contractor' | 'intern' | 'temporary' | 'other' | null;
  started_on: string | null;
  ended_on: string | null;
  pay_amount: number | null;
  /** ISO 4217. */
  pay_currency: string | null;
  pay_period: 'hour' | 'day' | 'week' | 'month' | 'year' | 'other' | null;
  created_at: string | null;
  updated_at: string | null;
  /** The vendor's own fields that the model has no name for, where the mapping reads them. */
  custom_fields: { [key: string]: unknown };
  /** The vendor's record as it came, with remote_data=true. */
  remote_data?: unknown;
}

export interface HrisDepartment {
  /** The vendor's id, as text; usable in the path of get, update and delete. */
  id: string;
  name: string;
  /** Id of a record of hris.departments. */
  parent_id: string | null;
  /** Id of a record of hris.employees. */
  manager_id: string | null;
  created_at: string | null;
  updated_at: string | null;
  /** The vendor's own fields that the model has no name for, where the mapping reads them. */
  custom_fields: { [key: string]: unknown };
  /** The vendor's record as it came, with remote_data=true. */
  remote_data?: unknown;
}

export interface HrisTimeOff {
  /** The vendor's id, as text; usable in the path of get, update and delete. */
  id: string;
  /** Id of a record of hris.employees. */
  employee_id: string;
  status: 'requested' | 'approved' | 'declined' | 'cancelled' | null;
  /** The vendor's kind of absence, by name. */
  type: string | null;
  type_id: string | null;
  starts_on: string;
  /** The last day off. */
  ends_on: string;
  amount: number | null;
  unit: 'days' | 'hours' | null;
  note: string | null;
  created_at: string | null;
  updated_at: string | null;
  /** The vendor's own fields that the model has no name for, where the mapping reads them. */
  custom_fields: { [key: string]: unknown };
  /** The vendor's record as it came, with remote_data=true. */
  remote_data?: unknown;
}

export interface AtsJob {
  /** The vendor's id, as text; usable in the path of get, update and delete. */
  id: string;
  title: string;
  description: string | null;
  status: 'draft' | 'open' | 'on_hold' | 'closed' | null;
  requisition_id: string | null;
  /** Names. */
  departments: string[];
  /** Names. */
  locations: string[];
  confidential: boolean | null;
  opened_at: string | null;
  closed_at: string | null;
  created_at: string | null;
  updated_at: string | null;
  /** The vendor's own fields that the model has no name for, where the mapping reads them. */
  custom_fields: { [key: string]: unknown };
  /** The vendor's record as it came, with remote_data=true. */
  remote_data?: unknown;
}

export interface AtsCandidate {
  /** The vendor's id, as text; usable in the path of get, update and delete. */
  id: string;
  first_name: string | null;
  last_name: string | null;
  /** The whole name as the vendor shows it. */
  name: string | null;
  /** Present job title. */
  title: string | null;
  /** Present employer. */
  company: string | null;
  /** The main one first. */
  emails: {
    address: string;
    type: 'work' | 'home' | 'other' | null;
  }[];
  /** The main one first. */
  phones: {
    number: string;
    type: 'work' | 'mobile' | 'home' | 'other' | null;
  }[];
  /** Addresses of profiles and sites. */
  links: string[];
  tags: string[];
  /** Ids of records of ats.applications. */
  application_ids: string[];
  private: boolean | null;
  created_at: string | null;
  updated_at: string | null;
  /** The vendor's own fields that the model has no name for, where the mapping reads them. */
  custom_fields: { [key: string]: unknown };
  /** The vendor's record as it came, with remote_data=true. */
  remote_data?: unknown;
}

export interface AtsApplication {
  /** The vendor's id, as text; usable in the path of get, update and delete. */
  id: string;
  /** Id of a record of ats.candidates. */
  candidate_id: string;
  /** Id of a record of ats.jobs; null for a prospect. */
  job_id: string | null;
  status: 'active' | 'hired' | 'rejected' | 'withdrawn' | null;
  /** Name of the vendor's stage. */
  stage: string | null;
  stage_id: string | null;
  source: string | null;
  rejection_reason: string | null;
  applied_at: string | null;
  rejected_at: string | null;
  created_at: string | null;
  updated_at: string | null;
  /** The vendor's own fields that the model has no name for, where the mapping reads them. */
  custom_fields: { [key: string]: unknown };
  /** The vendor's record as it came, with remote_data=true. */
  remote_data?: unknown;
}

export interface AtsInterview {
  /** The vendor's id, as text; usable in the path of get, update and delete. */
  id: string;
  /** Id of a record of ats.applications. */
  application_id: string | null;
  /** Id of a record of ats.candidates. */
  candidate_id: string | null;
  /** Id of a record of ats.jobs. */
  job_id: string | null;
  title: string | null;
  status: 'scheduled' | 'awaiting_feedback' | 'completed' | 'cancelled' | null;
  starts_at: string | null;
  ends_at: string | null;
  location: string | null;
  interviewer_ids: string[];
  created_at: string | null;
  updated_at: string | null;
  /** The vendor's own fields that the model has no name for, where the mapping reads them. */
  custom_fields: { [key: string]: unknown };
  /** The vendor's record as it came, with remote_data=true. */
  remote_data?: unknown;
}

export interface TicketingTicket {
  /** The vendor's id, as text; usable in the path of get, update and delete. */
  id: string;
  /** What people call it by, such as ENG-12. */
  key: string | null;
  title: string;
  description: string | null;
  /** closed: done, solved or cancelled. */
  status: 'open' | 'in_progress' | 'closed' | null;
  /** The vendor's status, by name. */
  status_name: string | null;
  priority: 'urgent' | 'high' | 'normal' | 'low' | null;
  type: string | null;
  /** Id of a record of ticketing.projects. */
  project_id: string | null;
  /** Id of a record of ticketing.tickets. */
  parent_id: string | null;
  /** Id of a record of ticketing.users. */
  assignee_id: string | null;
  /** Id of a record of ticketing.users. */
  creator_id: string | null;
  labels: string[];
  due_on: string | null;
  closed_at: string | null;
  url: string | null;
  created_at: string | null;
  updated_at: string | null;
  /** The vendor's own fields that the model has no name for, where the mapping reads them. */
  custom_fields: { [key: string]: unknown };
  /** The vendor's record as it came, with remote_data=true. */
  remote_data?: unknown;
}

export interface TicketingComment {
  /** The vendor's id, as text; usable in the path of get, update and delete. */
  id: string;
  /** Id of a record of ticketing.tickets. */
  ticket_id: string | null;
  body: string | null;
  /** Id of a record of ticketing.users. */
  author_id: string | null;
  /** Not shown to the person who asked. */
  internal: boolean | null;
  url: string | null;
  created_at: string | null;
  updated_at: string | null;
  /** The vendor's own fields that the model has no name for, where the mapping reads them. */
  custom_fields: { [key: string]: unknown };
  /** The vendor's record as it came, with remote_data=true. */
  remote_data?: unknown;
}

export interface TicketingUser {
  /** The vendor's id, as text; usable in the path of get, update and delete. */
  id: string;
  name: string | null;
  email: string | null;
  role: string | null;
  active: boolean | null;
  created_at: string | null;
  updated_at: string | null;
  /** The vendor's own fields that the model has no name for, where the mapping reads them. */
  custom_fields: { [key: string]: unknown };
  /** The vendor's record as it came, with remote_data=true. */
  remote_data?: unknown;
}

export interface TicketingProject {
  /** The vendor's id, as text; usable in the path of get, update and delete. */
  id: string;
  key: string | null;
  name: string;
  description: string | null;
  status: 'planned' | 'active' | 'paused' | 'completed' | 'cancelled' | null;
  /** Id of a record of ticketing.users. */
  lead_id: string | null;
  url: string | null;
  created_at: string | null;
  updated_at: string | null;
  /** The vendor's own fields that the model has no name for, where the mapping reads them. */
  custom_fields: { [key: string]: unknown };
  /** The vendor's record as it came, with remote_data=true. */
  remote_data?: unknown;
}

/** Every unified model: its record, the fields a caller cannot write, the filters and sortings that connectors may offer. */
export interface UnifiedModels {
  'crm.contacts': { record: CrmContact; set_by_vendor: 'id' | 'created_at' | 'updated_at' | 'remote_data'; filters: 'email' | 'owner_id' | 'company_id' | 'created_after' | 'updated_after'; sort: 'created_at' | 'updated_at' | 'name' };
  'crm.companies': { record: CrmCompany; set_by_vendor: 'id' | 'created_at' | 'updated_at' | 'remote_data'; filters: 'name' | 'domain' | 'owner_id' | 'created_after' | 'updated_after'; sort: 'created_at' | 'updated_at' | 'name' };
  'crm.deals': { record: CrmDeal; set_by_vendor: 'id' | 'created_at' | 'updated_at' | 'remote_data'; filters: 'owner_id' | 'company_id' | 'contact_id' | 'status' | 'stage' | 'created_after' | 'updated_after'; sort: 'created_at' | 'updated_at' | 'name' | 'close_date' };
  'crm.notes': { record: CrmNote; set_by_vendor: 'id' | 'created_at' | 'updated_at' | 'remote_data'; filters: 'contact_id' | 'company_id' | 'deal_id' | 'owner_id' | 'created_after' | 'updated_after'; sort: 'created_at' | 'updated_at' };
  'crm.users': { record: CrmUser; set_by_vendor: 'id' | 'created_at' | 'updated_at' | 'remote_data'; filters: 'email' | 'active' | 'created_after' | 'updated_after'; sort: 'created_at' | 'updated_at' | 'name' };
  'hris.employees': { record: HrisEmployee; set_by_vendor: 'id' | 'created_at' | 'updated_at' | 'remote_data'; filters: 'work_email' | 'status' | 'department_id' | 'manager_id' | 'created_after' | 'updated_after'; sort: 'created_at' | 'updated_at' | 'name' };
  'hris.employments': { record: HrisEmployment; set_by_vendor: 'id' | 'created_at' | 'updated_at' | 'remote_data'; filters: 'employee_id' | 'updated_after'; sort: 'started_on' | 'updated_at' };
  'hris.departments': { record: HrisDepartment; set_by_vendor: 'id' | 'created_at' | 'updated_at' | 'remote_data'; filters: 'name' | 'updated_after'; sort: 'name' | 'updated_at' };
  'hris.time_off': { record: HrisTimeOff; set_by_vendor: 'id' | 'created_at' | 'updated_at' | 'remote_data'; filters: 'employee_id' | 'status' | 'starts_after' | 'ends_before' | 'updated_after'; sort: 'starts_on' | 'created_at' | 'updated_at' };
  'ats.jobs': { record: AtsJob; set_by_vendor: 'id' | 'created_at' | 'updated_at' | 'remote_data'; filters: 'status' | 'requisition_id' | 'created_after' | 'updated_after'; sort: 'created_at' | 'updated_at' };
  'ats.candidates': { record: AtsCandidate; set_by_vendor: 'id' | 'application_ids' | 'created_at' | 'updated_at' | 'remote_data'; filters: 'email' | 'tag' | 'job_id' | 'created_after' | 'updated_after'; sort: 'created_at' | 'updated_at' };
  'ats.applications': { record: AtsApplication; set_by_vendor: 'id' | 'created_at' | 'updated_at' | 'remote_data'; filters: 'candidate_id' | 'job_id' | 'status' | 'created_after' | 'updated_after'; sort: 'created_at' | 'updated_at' };
  'ats.interviews': { record: AtsInterview; set_by_vendor: 'id' | 'created_at' | 'updated_at' | 'remote_data'; filters: 'application_id' | 'candidate_id' | 'job_id' | 'created_after' | 'updated_after'; sort: 'starts_at' | 'created_at' | 'updated_at' };
  'ticketing.tickets': { record: TicketingTicket; set_by_vendor: 'id' | 'key' | 'closed_at' | 'url' | 'created_at' | 'updated_at' | 'remote_data'; filters: 'project_id' | 'status' | 'priority' | 'assignee_id' | 'creator_id' | 'label' | 'created_after' | 'updated_after'; sort: 'created_at' | 'updated_at' | 'due_on' };
  'ticketing.comments': { record: TicketingComment; set_by_vendor: 'id' | 'author_id' | 'url' | 'created_at' | 'updated_at' | 'remote_data'; filters: 'ticket_id' | 'created_after' | 'updated_after'; sort: 'created_at' | 'updated_at' };
  'ticketing.users': { record: TicketingUser; set_by_vendor: 'id' | 'created_at' | 'updated_at' | 'remote_data'; filters: 'email' | 'role' | 'active' | 'project_id' | 'created_after' | 'updated_after'; sort: 'created_at' | 'updated_at' | 'name' };
  'ticketing.projects': { record: TicketingProject; set_by_vendor: 'id' | 'url' | 'created_at' | 'updated_at' | 'remote_data'; filters: 'created_after' | 'updated_after'; sort: 'created_at' | 'updated_at' | 'name' };
}
