/** BambooHR webhooks: changed employees, HMAC-SHA256 hex over body and timestamp. */
import { createHmac } from 'node:crypto';
import { asText, type JsonObject } from '../../json.ts';
import type { Change, WebhookMessage, WebhookRegistration } from '../../vendor.ts';
import { bambooTime, employeeFields } from './data.ts';

const actions = { created: 'Created', updated: 'Updated', deleted: 'Deleted' } as const;

export function bambooWebhooks(change: Change, registration: WebhookRegistration, now: number): WebhookMessage[] {
  if (change.resource !== 'employees') return [];
  const changedFields = employeeFields.filter((name) => change.record[name] !== change.previous?.[name] && name !== 'lastChanged' && (change.record[name] ?? null) !== null);
  const monitored = registration.events ?? employeeFields;
  if (change.kind === 'updated' && !changedFields.some((name) => monitored.includes(name))) return [];
  const fields: JsonObject = Object.fromEntries(['firstName', 'lastName', 'workEmail', 'jobTitle', 'department', 'status'].map((name) => [name, { value: change.record[name] ?? null }]));
  const body = JSON.stringify({ employees: [{ id: asText(change.record['id']), action: actions[change.kind], timestamp: bambooTime(now), changedFields, fields: change.kind === 'deleted' ? {} : fields }] });
  const timestamp = String(Math.floor(now / 1000));
  return [{ body, headers: { 'content-type': 'application/json', 'user-agent': 'BambooHR', 'x-bamboohr-timestamp': timestamp, 'x-bamboohr-signature': createHmac('sha256', registration.secret).update(body + timestamp).digest('hex') } }];
}
