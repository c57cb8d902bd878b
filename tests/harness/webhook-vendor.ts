/**
 * A vendor for tests of inbound webhooks, as a connector of data: signed with HMAC-SHA256 over the raw body, several
 * events a request, whole records, thin ones that are fetched, deletions; and accounts of it put into the database.
 */
import { createHmac, randomBytes, randomUUID } from 'node:crypto';
import type { Pool } from '@evenkeel/server/database/pool.ts';
import { ensureAddress } from '@evenkeel/server/inbound/receiving/address-store.ts';
import { openVault } from '@evenkeel/server/accounts/vault/vault-keys.ts';
import { plantAccount } from './planted-account.ts';

export const webhookConnector = 'inbox-crm';
export const signatureHeader = 'x-inbox-signature';

/** `scope` app: events name their account by `portal`. */
export function webhookManifest(options: { readonly id?: string; readonly scope?: 'account' | 'app'; readonly baseUrl?: string; readonly ordered?: boolean; readonly extra?: object } = {}): object {
  const { id = webhookConnector, scope = 'account', baseUrl = 'https://api.inbox-crm.example', ordered = false, extra = {} } = options;
  return {
    manifest: 1,
    id,
    name: 'Inbox CRM',
    categories: ['crm'],
    ...(scope === 'app' ? { app_fields: [{ name: 'signing_secret', label: 'Signing secret', secret: true }] } : {}),
    auth: [{ id: 'key', type: 'api_key', fields: [{ name: 'api_key', label: 'API key', secret: true }, { name: 'webhook_secret', label: 'Webhook secret', secret: true, required: false }], apply: { headers: { authorization: 'Bearer {{secret.api_key}}' } } }],
    http: { base_url: baseUrl },
    error_message: ['message'],
    resources: {
      contacts: {
        list: { method: 'GET', path: '/contacts', query: { cursor: '{{page.cursor}}' }, response: { records: 'items' }, pagination: { type: 'cursor', next: 'next' } },
        get: { method: 'GET', path: '/contacts/{{input.id}}' },
      },
      // A feed: every entry is an event, as webhooks carry them.
      changes: { list: { method: 'GET', path: '/changes', response: { records: 'items' } } },
    },
    mappings: {
      'crm.contacts': {
        mapping: 1,
        model: 'crm.contacts',
        methods: {
          list: [{ operation: 'contacts.list', query: {}, filters: { updated_after: { query: { since: '{{value}}' } } } }],
          get: { operation: 'contacts.get' },
        },
        fields: { id: { path: 'id', as: 'text' }, name: 'name', created_at: 'created', updated_at: 'updated' },
      },
    },
    webhooks: {
      scope,
      verify: { any_of: [{ id: 'signature', scheme: 'hmac', alg: 'sha256', key: { value: scope === 'app' ? '{{app.signing_secret}}' : '{{secret.webhook_secret}}' }, message: [{ part: 'body' }], signature: { header: signatureHeader, encoding: 'hex' } }] },
      event: {
        split: ['events'],
        id: ['{{item.id}}'],
        type: ['{{item.type}}'],
        time: { value: '{{item.at}}', unit: 'ms' },
        ...(scope === 'app' ? { account: [{ value: '{{item.portal}}', field: 'external_id' }] } : {}),
        ...(ordered ? { order_key: ['{{item.contact.id}}'] } : {}),
      },
      events: [
        { types: ['contact.changed'], model: 'crm.contacts', change: 'updated', record: { from: 'payload', path: 'item.contact' } },
        { types: ['contact.touched'], model: 'crm.contacts', change: 'updated', record: { from: 'fetch', id: '{{item.contact.id}}' } },
        { types: ['contact.deleted'], model: 'crm.contacts', change: 'deleted', record: { from: 'id', id: '{{item.contact.id}}' } },
      ],
      ...extra,
    },
  };
}

export interface VendorEvent {
  readonly id?: string;
  readonly type?: 'contact.changed' | 'contact.touched' | 'contact.deleted' | (string & {});
  readonly at?: number;
  readonly portal?: string;
  readonly contact?: object;
}

export const vendorEvent = (event: VendorEvent = {}): Required<Omit<VendorEvent, 'portal'>> & VendorEvent => ({ id: randomUUID(), type: 'contact.changed', at: Date.now(), contact: { id: '7', name: 'Ada' }, ...event });

export const bodyOf = (...events: readonly VendorEvent[]): string => JSON.stringify({ events: events.map((event) => vendorEvent(event)) });

export const sign = (secret: string, body: string | Uint8Array): string => createHmac('sha256', secret).update(body).digest('hex');

export interface PlantedAddress {
  readonly accountId: string;
  readonly secret: string;
  /** Path of the inbound address. */
  readonly path: string;
}

/** An active account of the connector with a webhook secret and an address of its own. */
export async function plantAddress(pool: Pool, masterKey: string, options: { readonly connectorId?: string; readonly tenantId?: string; readonly externalId?: string } = {}): Promise<PlantedAddress> {
  const { connectorId = webhookConnector, tenantId = 'acme', externalId } = options;
  const vault = await openVault(pool, Buffer.from(masterKey, 'base64'));
  const secret = randomBytes(16).toString('hex');
  const accountId = await plantAccount(pool, vault, { connectorId, schemeId: 'key', token: {}, secret: { api_key: 'vendor-key-0123456789', webhook_secret: secret }, grantedAtMs: Date.now(), expiresAtMs: null, refreshDueAtMs: null, tenantId });
  if (externalId !== undefined) await pool.query('update accounts set external_id = $2 where id = $1', [accountId, externalId]);
  const { token } = await ensureAddress(pool, vault, { connectorId, accountId });
  return { accountId, secret, path: `/v1/inbound/${connectorId}/${token}` };
}
