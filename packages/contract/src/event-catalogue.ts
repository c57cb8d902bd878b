/**
 * Every type of event that is sent out: what it says, the JSON Schema of its `data`, and an example. A room that sends
 * another kind adds it here; the API, the reference in docs/ and the client's types follow.
 */
import type Type from 'typebox';
import { accountEventTypes } from './accounts.ts';
import { AccountEventData, BudgetModeChangedData, EndpointDisabledData, EndpointTestData } from './events.ts';
import { exampleOf } from './schema-example.ts';
import { recordChanges, UnifiedEventData, unifiedEventType } from './unified/events.ts';
import { modelNames } from './unified/models.ts';

export interface EventType {
  readonly type: string;
  readonly description: string;
  /** Of `data`. */
  readonly schema: Type.TSchema;
  /** The schema's name, shared by types with the same payload. */
  readonly schemaName: string;
  readonly example: object;
}

const accountDescriptions: Readonly<Record<(typeof accountEventTypes)[number], string>> = {
  'integrated_account:connecting': 'An account was connected; its credentials are being validated.',
  'integrated_account:active': 'The account works.',
  'integrated_account:needs_reauth': 'The account\'s grant is gone: its owner has to connect again.',
  'integrated_account:reactivated': 'The account works again after its owner connected anew.',
  'integrated_account:validation_error': 'The credentials were taken, and the validation call failed.',
  'integrated_account:post_install_error': 'The credentials are valid, and a step after connecting failed.',
  'integrated_account:deleted': 'The account was deleted, with its credentials.',
};

const movedTo: Readonly<Record<(typeof accountEventTypes)[number], { from: string | null; to: string | null; cause: string; message: string | null }>> = {
  'integrated_account:connecting': { from: null, to: 'connecting', cause: 'credentials_submitted', message: null },
  'integrated_account:active': { from: 'connecting', to: 'active', cause: 'setup_succeeded', message: null },
  'integrated_account:needs_reauth': { from: 'active', to: 'needs_reauth', cause: 'grant_rejected', message: 'The refresh token is no longer valid.' },
  'integrated_account:reactivated': { from: 'needs_reauth', to: 'active', cause: 'call_succeeded', message: null },
  'integrated_account:validation_error': { from: 'connecting', to: 'validation_error', cause: 'validation_failed', message: 'The API key was not accepted.' },
  'integrated_account:post_install_error': { from: 'connecting', to: 'post_install_error', cause: 'post_install_failed', message: 'The webhook could not be registered.' },
  'integrated_account:deleted': { from: 'active', to: null, cause: 'deleted', message: null },
};

const accountEvents: readonly EventType[] = accountEventTypes.map((type) => ({
  type,
  description: accountDescriptions[type],
  schema: AccountEventData,
  schemaName: 'AccountEventData',
  example: { ...exampleOf(AccountEventData), account_id: 'acc_01kb0000000000000000000001', external_id: '4711', label: 'Acme Inc.', ...movedTo[type] },
}));

const changed = { created: 'was created', updated: 'was changed', deleted: 'was deleted' } as const;

const unifiedEvents: readonly EventType[] = modelNames.flatMap((model) =>
  recordChanges.map((change) => {
    const example = exampleOf(UnifiedEventData);
    const record = change === 'deleted' ? null : { id: '51' };
    return {
      type: unifiedEventType(model, change),
      description: `A record of ${model} ${changed[change]}.`,
      schema: UnifiedEventData,
      schemaName: 'UnifiedEventData',
      example: { ...example, account_id: 'acc_01kb0000000000000000000001', model, change, record_id: '51', record, source: 'webhook', replayed: false },
    };
  }),
);

const endpointEvents: readonly EventType[] = [
  {
    type: 'endpoint:disabled',
    description: 'An endpoint gets no more events: it answered 410, or has only failed for days. Its other endpoints are told.',
    schema: EndpointDisabledData,
    schemaName: 'EndpointDisabledData',
    example: { ...exampleOf(EndpointDisabledData), url: 'https://example.com/webhooks', reason: 'failing' },
  },
  { type: 'endpoint:test', description: 'Sent on request, to try a receiver.', schema: EndpointTestData, schemaName: 'EndpointTestData', example: { message: 'A test from Evenkeel.' } },
];

const budgetEvents: readonly EventType[] = [
  {
    type: 'budget:mode_changed',
    description: 'The error budget of an objective crossed an edge of the policy. Of a tenant\'s budget it goes to the tenant\'s endpoints; all others belong to the installation.',
    schema: BudgetModeChangedData,
    schemaName: 'BudgetModeChangedData',
    example: { ...exampleOf(BudgetModeChangedData), objective_id: 'platform-availability', scope: 'overall', from: 'normal', to: 'caution', remaining_percent: '74.2000', total: 1_200_000, bad: 15, freeze: 'none', notify: ['engineering_leads'], incident: null, actions: ['Compare the deployments of the last days with the change of the error rate.'] },
  },
];

/** In the order of the documentation. */
export const eventCatalogue: readonly EventType[] = [...accountEvents, ...unifiedEvents, ...endpointEvents, ...budgetEvents];

const byType = new Map(eventCatalogue.map((one) => [one.type, one]));
export const eventTypeNamed = (type: string): EventType | undefined => byType.get(type);
