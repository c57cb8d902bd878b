/** Unified models of customer relationship management: contacts, companies, deals, notes, users. */
import { address, choice, day, emails, flag, integer, model, number, phones, text, type UnifiedModel } from './field.ts';

const contacts = {
  schema: model('Contact', {
    first_name: text(),
    last_name: text(),
    name: text({ description: 'The whole name as the vendor shows it.' }),
    title: text({ description: 'Job title.' }),
    emails,
    phones,
    address,
    company_id: text({ description: 'Id of a record of crm.companies.' }),
    owner_id: text({ description: 'Id of a record of crm.users.' }),
  }),
  filters: ['email', 'owner_id', 'company_id', 'created_after', 'updated_after'],
  sort: ['created_at', 'updated_at', 'name'],
} as const satisfies UnifiedModel;

const companies = {
  schema: model('Company', {
    name: text(),
    domain: text(),
    website: text(),
    industry: text(),
    description: text(),
    employee_count: integer(),
    annual_revenue: number({ description: 'In the currency of the account.' }),
    phones,
    address,
    owner_id: text({ description: 'Id of a record of crm.users.' }),
  }),
  filters: ['name', 'domain', 'owner_id', 'created_after', 'updated_after'],
  sort: ['created_at', 'updated_at', 'name'],
} as const satisfies UnifiedModel;

const deals = {
  schema: model('Deal', {
    name: text(),
    description: text(),
    amount: number(),
    currency: text({ description: 'ISO 4217; null where the vendor keeps one for the whole account.' }),
    status: choice(['open', 'won', 'lost']),
    stage: text({ description: 'The vendor\'s stage, by name or id.' }),
    pipeline_id: text(),
    probability: number({ description: 'Between 0 and 1.' }),
    close_date: day(),
    company_id: text({ description: 'Id of a record of crm.companies.' }),
    contact_id: text({ description: 'Id of a record of crm.contacts.' }),
    owner_id: text({ description: 'Id of a record of crm.users.' }),
  }),
  filters: ['owner_id', 'company_id', 'contact_id', 'status', 'stage', 'created_after', 'updated_after'],
  sort: ['created_at', 'updated_at', 'name', 'close_date'],
} as const satisfies UnifiedModel;

const notes = {
  schema: model('Note', {
    title: text(),
    content: text(),
    contact_id: text({ description: 'Id of a record of crm.contacts.' }),
    company_id: text({ description: 'Id of a record of crm.companies.' }),
    deal_id: text({ description: 'Id of a record of crm.deals.' }),
    owner_id: text({ description: 'Id of a record of crm.users.' }),
  }),
  filters: ['contact_id', 'company_id', 'deal_id', 'owner_id', 'created_after', 'updated_after'],
  sort: ['created_at', 'updated_at'],
} as const satisfies UnifiedModel;

const users = {
  schema: model('User', { name: text(), first_name: text(), last_name: text(), email: text(), active: flag() }),
  filters: ['email', 'active', 'created_after', 'updated_after'],
  sort: ['created_at', 'updated_at', 'name'],
} as const satisfies UnifiedModel;

export const crm = { contacts, companies, deals, notes, users };
