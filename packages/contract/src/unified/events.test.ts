import assert from 'node:assert/strict';
import { test } from 'node:test';
import { unifiedEventType, unifiedEventTypes } from './events.ts';
import { modelNames } from './models.ts';

test('an event is named after one record of its model', () => {
  const singular = Object.fromEntries(modelNames.map((model) => [model, unifiedEventType(model, 'updated').replace(/\.updated$/, '')]));
  assert.deepEqual(singular, {
    'crm.contacts': 'crm.contact', 'crm.companies': 'crm.company', 'crm.deals': 'crm.deal', 'crm.notes': 'crm.note', 'crm.users': 'crm.user',
    'hris.employees': 'hris.employee', 'hris.employments': 'hris.employment', 'hris.departments': 'hris.department', 'hris.time_off': 'hris.time_off',
    'ats.jobs': 'ats.job', 'ats.candidates': 'ats.candidate', 'ats.applications': 'ats.application', 'ats.interviews': 'ats.interview',
    'ticketing.tickets': 'ticketing.ticket', 'ticketing.comments': 'ticketing.comment', 'ticketing.users': 'ticketing.user', 'ticketing.projects': 'ticketing.project',
  });
  assert.equal(new Set(unifiedEventTypes).size, modelNames.length * 3);
});
