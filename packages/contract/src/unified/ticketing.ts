/** Unified models of ticketing: tickets, comments, users, projects. */
import { choice, day, flag, model, moment, requiredText, text, texts, type UnifiedModel } from './field.ts';

const tickets = {
  schema: model('Ticket', {
    key: text({ readOnly: true, description: 'What people call it by, such as ENG-12.' }),
    title: requiredText(),
    description: text(),
    status: choice(['open', 'in_progress', 'closed'], { description: 'closed: done, solved or cancelled.' }),
    status_name: text({ description: 'The vendor\'s status, by name.' }),
    priority: choice(['urgent', 'high', 'normal', 'low']),
    type: text(),
    project_id: text({ description: 'Id of a record of ticketing.projects.' }),
    parent_id: text({ description: 'Id of a record of ticketing.tickets.' }),
    assignee_id: text({ description: 'Id of a record of ticketing.users.' }),
    creator_id: text({ description: 'Id of a record of ticketing.users.' }),
    labels: texts(),
    due_on: day(),
    closed_at: moment({ readOnly: true }),
    url: text({ readOnly: true }),
  }),
  filters: ['project_id', 'status', 'priority', 'assignee_id', 'creator_id', 'label', 'created_after', 'updated_after'],
  sort: ['created_at', 'updated_at', 'due_on'],
} as const satisfies UnifiedModel;

const comments = {
  schema: model('Comment', {
    ticket_id: text({ description: 'Id of a record of ticketing.tickets.' }),
    body: text(),
    author_id: text({ readOnly: true, description: 'Id of a record of ticketing.users.' }),
    internal: flag({ description: 'Not shown to the person who asked.' }),
    url: text({ readOnly: true }),
  }),
  filters: ['ticket_id', 'created_after', 'updated_after'],
  sort: ['created_at', 'updated_at'],
} as const satisfies UnifiedModel;

const users = {
  schema: model('User', { name: text(), email: text(), role: text(), active: flag() }),
  filters: ['email', 'role', 'active', 'project_id', 'created_after', 'updated_after'],
  sort: ['created_at', 'updated_at', 'name'],
} as const satisfies UnifiedModel;

const projects = {
  schema: model('Project', {
    key: text(),
    name: requiredText(),
    description: text(),
    status: choice(['planned', 'active', 'paused', 'completed', 'cancelled']),
    lead_id: text({ description: 'Id of a record of ticketing.users.' }),
    url: text({ readOnly: true }),
  }),
  filters: ['created_after', 'updated_after'],
  sort: ['created_at', 'updated_at', 'name'],
} as const satisfies UnifiedModel;

export const ticketing = { tickets, comments, users, projects };
