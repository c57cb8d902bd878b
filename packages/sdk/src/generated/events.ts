/** The events that are sent out, generated from the contract by npm run generate. Do not edit. */

import type { UnifiedModels } from './unified.ts';

export interface AccountEventData {
  account_id: string;
  tenant_id: string;
  connector: string;
  external_id: string | null;
  label: string | null;
  from: 'connecting' | 'active' | 'needs_reauth' | 'validation_error' | 'post_install_error' | null;
  to: 'connecting' | 'active' | 'needs_reauth' | 'validation_error' | 'post_install_error' | null;
  /** Why the account moved, e.g. grant_rejected. */
  cause: string;
  message: string | null;
  transition_id: string;
  occurred_at: string;
}

export interface UnifiedEventData {
  account_id: string;
  tenant_id: string;
  connector: string;
  /** The unified model, such as crm.contacts. */
  model: string;
  change: 'created' | 'updated' | 'deleted';
  record_id: string | null;
  record: { [key: string]: unknown } | null;
  changed: string[] | null;
  occurred_at: string | null;
  received_at: string;
  /** The inbound event it was made from: the same when that event is replayed, while the id of the envelope is new. */
  inbound_event_id: string;
  source: 'webhook' | 'pull' | 'backfill';
  /** Sent again on request; what was made of the first one may be there already. */
  replayed: boolean;
}

export interface EndpointDisabledData {
  endpoint_id: string;
  tenant_id: string | null;
  /** Without its query. */
  url: string;
  /** gone: it answered 410 · failing: for days it has only failed. */
  reason: 'gone' | 'failing';
  failing_since: string | null;
  occurred_at: string;
}

export interface EndpointTestData {
  message: string;
}

export interface BudgetModeChangedData {
  change_id: string;
  objective_id: string;
  /** overall, connector:<id>, category:<id> or tenant:<id>. */
  scope: string;
  from: 'normal' | 'caution' | 'restricted' | 'critical' | 'exhausted' | null;
  /** From the fullest budget to none. */
  to: 'normal' | 'caution' | 'restricted' | 'critical' | 'exhausted';
  remaining_percent: string | null;
  /** Events, or minutes, in the window of the objective. */
  total: number;
  bad: number;
  /** The minute whose evaluation changed the mode. */
  minute: string;
  /** Which deployments are frozen: none, non_critical or all_but_reliability. */
  freeze: string;
  notify: string[];
  incident: string | null;
  actions: string[];
}

/** The payload of one model's events. */
export type UnifiedEventDataOf<Model extends keyof UnifiedModels, Change extends UnifiedEventData['change']> = Omit<UnifiedEventData, 'model' | 'change' | 'record'> & {
  model: Model;
  change: Change;
  record: Change extends 'deleted' ? null : UnifiedModels[Model]['record'] | null;
};

/** Type of event → its data. */
export interface WebhookEvents {
  /** An account was connected; its credentials are being validated. */
  'integrated_account:connecting': AccountEventData;
  /** The account works. */
  'integrated_account:active': AccountEventData;
  /** The account's grant is gone: its owner has to connect again. */
  'integrated_account:needs_reauth': AccountEventData;
  /** The account works again after its owner connected anew. */
  'integrated_account:reactivated': AccountEventData;
  /** The credentials were taken, and the validation call failed. */
  'integrated_account:validation_error': AccountEventData;
  /** The credentials are valid, and a step after connecting failed. */
  'integrated_account:post_install_error': AccountEventData;
  /** The account was deleted, with its credentials. */
  'integrated_account:deleted': AccountEventData;
  /** A record of crm.contacts was created. */
  'crm.contact.created': UnifiedEventDataOf<'crm.contacts', 'created'>;
  /** A record of crm.contacts was changed. */
  'crm.contact.updated': UnifiedEventDataOf<'crm.contacts', 'updated'>;
  /** A record of crm.contacts was deleted. */
  'crm.contact.deleted': UnifiedEventDataOf<'crm.contacts', 'deleted'>;
  /** A record of crm.companies was created. */
  'crm.company.created': UnifiedEventDataOf<'crm.companies', 'created'>;
  /** A record of crm.companies was changed. */
  'crm.company.updated': UnifiedEventDataOf<'crm.companies', 'updated'>;
  /** A record of crm.companies was deleted. */
  'crm.company.deleted': UnifiedEventDataOf<'crm.companies', 'deleted'>;
  /** A record of crm.deals was created. */
  'crm.deal.created': UnifiedEventDataOf<'crm.deals', 'created'>;
  /** A record of crm.deals was changed. */
  'crm.deal.updated': UnifiedEventDataOf<'crm.deals', 'updated'>;
  /** A record of crm.deals was deleted. */
  'crm.deal.deleted': UnifiedEventDataOf<'crm.deals', 'deleted'>;
  /** A record of crm.notes was created. */
  'crm.note.created': UnifiedEventDataOf<'crm.notes', 'created'>;
  /** A record of crm.notes was changed. */
  'crm.note.updated': UnifiedEventDataOf<'crm.notes', 'updated'>;
  /** A record of crm.notes was deleted. */
  'crm.note.deleted': UnifiedEventDataOf<'crm.notes', 'deleted'>;
  /** A record of crm.users was created. */
  'crm.user.created': UnifiedEventDataOf<'crm.users', 'created'>;
  /** A record of crm.users was changed. */
  'crm.user.updated': UnifiedEventDataOf<'crm.users', 'updated'>;
  /** A record of crm.users was deleted. */
  'crm.user.deleted': UnifiedEventDataOf<'crm.users', 'deleted'>;
  /** A record of hris.employees was created. */
  'hris.employee.created': UnifiedEventDataOf<'hris.employees', 'created'>;
  /** A record of hris.employees was changed. */
  'hris.employee.updated': UnifiedEventDataOf<'hris.employees', 'updated'>;
  /** A record of hris.employees was deleted. */
  'hris.employee.deleted': UnifiedEventDataOf<'hris.employees', 'deleted'>;
  /** A record of hris.employments was created. */
  'hris.employment.created': UnifiedEventDataOf<'hris.employments', 'created'>;
  /** A record of hris.employments was changed. */
  'hris.employment.updated': UnifiedEventDataOf<'hris.employments', 'updated'>;
  /** A record of hris.employments was deleted. */
  'hris.employment.deleted': UnifiedEventDataOf<'hris.employments', 'deleted'>;
  /** A record of hris.departments was created. */
  'hris.department.created': UnifiedEventDataOf<'hris.departments', 'created'>;
  /** A record of hris.departments was changed. */
  'hris.department.updated': UnifiedEventDataOf<'hris.departments', 'updated'>;
  /** A record of hris.departments was deleted. */
  'hris.department.deleted': UnifiedEventDataOf<'hris.departments', 'deleted'>;
  /** A record of hris.time_off was created. */
  'hris.time_off.created': UnifiedEventDataOf<'hris.time_off', 'created'>;
  /** A record of hris.time_off was changed. */
  'hris.time_off.updated': UnifiedEventDataOf<'hris.time_off', 'updated'>;
  /** A record of hris.time_off was deleted. */
  'hris.time_off.deleted': UnifiedEventDataOf<'hris.time_off', 'deleted'>;
  /** A record of ats.jobs was created. */
  'ats.job.created': UnifiedEventDataOf<'ats.jobs', 'created'>;
  /** A record of ats.jobs was changed. */
  'ats.job.updated': UnifiedEventDataOf<'ats.jobs', 'updated'>;
  /** A record of ats.jobs was deleted. */
  'ats.job.deleted': UnifiedEventDataOf<'ats.jobs', 'deleted'>;
  /** A record of ats.candidates was created. */
  'ats.candidate.created': UnifiedEventDataOf<'ats.candidates', 'created'>;
  /** A record of ats.candidates was changed. */
  'ats.candidate.updated': UnifiedEventDataOf<'ats.candidates', 'updated'>;
  /** A record of ats.candidates was deleted. */
  'ats.candidate.deleted': UnifiedEventDataOf<'ats.candidates', 'deleted'>;
  /** A record of ats.applications was created. */
  'ats.application.created': UnifiedEventDataOf<'ats.applications', 'created'>;
  /** A record of ats.applications was changed. */
  'ats.application.updated': UnifiedEventDataOf<'ats.applications', 'updated'>;
  /** A record of ats.applications was deleted. */
  'ats.application.deleted': UnifiedEventDataOf<'ats.applications', 'deleted'>;
  /** A record of ats.interviews was created. */
  'ats.interview.created': UnifiedEventDataOf<'ats.interviews', 'created'>;
  /** A record of ats.interviews was changed. */
  'ats.interview.updated': UnifiedEventDataOf<'ats.interviews', 'updated'>;
  /** A record of ats.interviews was deleted. */
  'ats.interview.deleted': UnifiedEventDataOf<'ats.interviews', 'deleted'>;
  /** A record of ticketing.tickets was created. */
  'ticketing.ticket.created': UnifiedEventDataOf<'ticketing.tickets', 'created'>;
  /** A record of ticketing.tickets was changed. */
  'ticketing.ticket.updated': UnifiedEventDataOf<'ticketing.tickets', 'updated'>;
  /** A record of ticketing.tickets was deleted. */
  'ticketing.ticket.deleted': UnifiedEventDataOf<'ticketing.tickets', 'deleted'>;
  /** A record of ticketing.comments was created. */
  'ticketing.comment.created': UnifiedEventDataOf<'ticketing.comments', 'created'>;
  /** A record of ticketing.comments was changed. */
  'ticketing.comment.updated': UnifiedEventDataOf<'ticketing.comments', 'updated'>;
  /** A record of ticketing.comments was deleted. */
  'ticketing.comment.deleted': UnifiedEventDataOf<'ticketing.comments', 'deleted'>;
  /** A record of ticketing.users was created. */
  'ticketing.user.created': UnifiedEventDataOf<'ticketing.users', 'created'>;
  /** A record of ticketing.users was changed. */
  'ticketing.user.updated': UnifiedEventDataOf<'ticketing.users', 'updated'>;
  /** A record of ticketing.users was deleted. */
  'ticketing.user.deleted': UnifiedEventDataOf<'ticketing.users', 'deleted'>;
  /** A record of ticketing.projects was created. */
  'ticketing.project.created': UnifiedEventDataOf<'ticketing.projects', 'created'>;
  /** A record of ticketing.projects was changed. */
  'ticketing.project.updated': UnifiedEventDataOf<'ticketing.projects', 'updated'>;
  /** A record of ticketing.projects was deleted. */
  'ticketing.project.deleted': UnifiedEventDataOf<'ticketing.projects', 'deleted'>;
  /** An endpoint gets no more events: it answered 410, or has only failed for days. Its other endpoints are told. */
  'endpoint:disabled': EndpointDisabledData;
  /** Sent on request, to try a receiver. */
  'endpoint:test': EndpointTestData;
  /** The error budget of an objective crossed an edge of the policy. Of a tenant's budget it goes to the tenant's endpoints; all others belong to the installation. */
  'budget:mode_changed': BudgetModeChangedData;
}

export type WebhookEventType = keyof WebhookEvents;

/** What a receiver gets: `type` says which payload `data` is. Types may be added: let those you do not know pass. */
export type WebhookEvent = {
  [Type in WebhookEventType]: {
    /** evt_…, the header webhook-id: the same for every attempt. */
    id: string;
    type: Type;
    tenant_id: string | null;
    account_id: string | null;
    timestamp: string;
    data: WebhookEvents[Type];
  };
}[WebhookEventType];
