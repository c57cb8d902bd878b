/** Pipedrive webhooks v2: Basic credentials instead of a signature, {data, previous, meta}. The secret is "user:password". */
import { randomUUID } from 'node:crypto';
import type { Change, WebhookMessage, WebhookRegistration } from '../../vendor.ts';
import { companies } from './data.ts';

const entities: Record<string, string> = { persons: 'person', organizations: 'organization', deals: 'deal' };
const actions = { created: 'create', updated: 'change', deleted: 'delete' } as const;

export function pipedriveWebhooks(change: Change, registration: WebhookRegistration, now: number): WebhookMessage[] {
  const entity = entities[change.resource] ?? change.resource;
  const action = actions[change.kind];
  const wanted = [`${action}.${entity}`, `*.${entity}`, `${action}.*`, '*.*'];
  if (registration.events !== null && !registration.events.some((event) => wanted.includes(event))) return [];
  const message = (attempt: number): string =>
    JSON.stringify({
      data: change.kind === 'deleted' ? null : change.record, previous: change.previous,
      meta: { action, company_id: change.account, correlation_id: randomUUID(), entity_id: String(change.record['id']), entity, id: randomUUID(), is_bulk_edit: false, timestamp: new Date(now).toISOString(), type: 'general', user_id: '901', version: '2.0', webhook_id: registration.id, webhook_owner_id: '901', change_source: 'api', permitted_user_ids: ['901'], attempt, host: `${companies.find((one) => one.id === change.account)?.domain ?? 'unknown'}.pipedrive.com` },
    });
  const authorization: Record<string, string> = registration.secret === '' ? {} : { authorization: `Basic ${Buffer.from(registration.secret).toString('base64')}` };
  return [{ body: message(1), headers: { 'content-type': 'application/json', 'user-agent': 'Pipedrive Webhooks', ...authorization } }];
}
