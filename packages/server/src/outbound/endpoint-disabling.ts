/**
 * An endpoint that fails for days, or wants no more, is disabled: with an event for whoever else listens, an e-mail to
 * whoever is named, and the end of what was pending; all in one transaction, whichever node comes first.
 */
import type { EndpointDisabledData } from '@evenkeel/contract/events.ts';
import type { DisableReason } from '@evenkeel/core/outbound/endpoint-health.ts';
import { transaction, type Pool } from '../database/pool.ts';
import { newId } from '../identifier.ts';
import { queueJob } from '../jobs/job.ts';
import { findEndpoint, markDisabled, type EndpointRow } from './endpoint-store.ts';
import { publishEvents } from './publish.ts';

export type DisableEndpoint = (endpointId: string, reason: DisableReason) => Promise<void>;

export interface DisablingParts {
  readonly pool: Pool;
  readonly publicUrl: string;
  /** Who is told beside the endpoint's own contact. */
  readonly mailTo: string | null;
}

export const closeDeliveriesJob = 'close-deliveries';
export const sendMailJob = 'send-mail';

export function createDisabling(parts: DisablingParts): DisableEndpoint {
  return (endpointId, reason) =>
    transaction(parts.pool, async (client) => {
      if (!(await markDisabled(client, endpointId, reason))) return;
      const endpoint = await findEndpoint(client, endpointId, null);
      if (endpoint === undefined) return;
      const data: EndpointDisabledData = {
        endpoint_id: endpoint.id,
        tenant_id: endpoint.tenant_id,
        url: withoutQuery(endpoint.url),
        reason,
        failing_since: endpoint.failing_since?.toISOString() ?? null,
        occurred_at: (endpoint.disabled_at ?? new Date()).toISOString(),
      };
      await publishEvents(client, [{ id: newId('evt'), tenantId: endpoint.tenant_id, accountId: null, type: 'endpoint:disabled', data }]);
      await queueJob(client, closeDeliveriesJob, { endpointId }, { key: `close-deliveries ${endpointId}` });
      for (const to of new Set([endpoint.contact_email, parts.mailTo])) {
        if (to !== null) await queueJob(client, sendMailJob, mailAbout(endpoint, reason, to, parts.publicUrl));
      }
    });
}

/** A query may hold a token. */
const withoutQuery = (url: string): string => url.split(/[?#]/)[0] ?? '';

function mailAbout(endpoint: EndpointRow, reason: DisableReason, to: string, publicUrl: string) {
  const url = withoutQuery(endpoint.url);
  const why = reason === 'gone' ? 'It answered 410 Gone, which says that it wants no more deliveries.' : `Every attempt since ${endpoint.failing_since?.toISOString() ?? 'some days'} has failed.`;
  return {
    to,
    subject: `Webhook endpoint disabled: ${url}`,
    text: [
      `The endpoint ${endpoint.id} (${url})${endpoint.description === '' ? '' : `, "${endpoint.description}",`} gets no more events.`,
      why,
      '',
      'Its pending deliveries were cancelled and are kept. When the receiver works again:',
      `  PATCH ${publicUrl}/v1/endpoints/${endpoint.id}            {"enabled": true}`,
      `  POST  ${publicUrl}/v1/endpoints/${endpoint.id}/recover    {"since": "${(endpoint.failing_since ?? endpoint.disabled_at ?? new Date()).toISOString()}"}`,
      '',
      'The second sends everything it has missed.',
    ].join('\n'),
  };
}
