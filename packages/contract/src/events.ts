/**
 * Events Evenkeel sends out: one envelope, and the payload of each type. A receiver is told apart by `id` what it has
 * seen; `type` says which payload `data` is. Account events come one to a transition of the account's state.
 */
import Type from 'typebox';
import { AccountState, accountEventTypes, type AccountEventType } from './accounts.ts';
import { PolicyMode } from './playbook/budget-policy.ts';

const when = Type.String({ format: 'date-time' });
const orNull = <T extends Type.TSchema>(schema: T) => Type.Union([schema, Type.Null()]);

/** The payload of every `integrated_account:*` event: the account after the transition, and what led to it. */
export const AccountEventData = Type.Object(
  {
    account_id: Type.String(),
    tenant_id: Type.String(),
    connector: Type.String(),
    external_id: orNull(Type.String({ description: 'The vendor\'s own id of the connected account, where known.' })),
    label: orNull(Type.String({ description: 'A readable name of the connected account, where known.' })),
    from: orNull(AccountState),
    to: orNull(AccountState),
    cause: Type.String({ description: 'Why the account moved, e.g. grant_rejected.' }),
    message: orNull(Type.String({ description: 'For the owner: the vendor\'s own words where there are any, without secrets.' })),
    transition_id: Type.String(),
    occurred_at: when,
  },
  { $id: 'AccountEventData' },
);
export type AccountEventData = Type.Static<typeof AccountEventData>;

/** Type of event → schema of its `data`. Rooms that send further events add theirs here. */
export const eventPayloads = Object.fromEntries(accountEventTypes.map((type) => [type, AccountEventData])) as Readonly<Record<AccountEventType, typeof AccountEventData>>;

/** The payload of `endpoint:disabled`. */
export const EndpointDisabledData = Type.Object(
  {
    endpoint_id: Type.String(),
    tenant_id: orNull(Type.String()),
    url: Type.String({ description: 'Without its query.' }),
    reason: Type.Unsafe<'gone' | 'failing'>({ type: 'string', enum: ['gone', 'failing'], description: 'gone: it answered 410 · failing: for days it has only failed.' }),
    failing_since: orNull(when),
    occurred_at: when,
  },
  { $id: 'EndpointDisabledData' },
);
export type EndpointDisabledData = Type.Static<typeof EndpointDisabledData>;

/** The payload of `endpoint:test`. */
export const EndpointTestData = Type.Object({ message: Type.String() }, { $id: 'EndpointTestData' });

/** The payload of `budget:mode_changed`: an error budget that crossed an edge of the policy, and what follows. */
export const BudgetModeChangedData = Type.Object(
  {
    change_id: Type.String(),
    objective_id: Type.String(),
    scope: Type.String({ description: 'overall, connector:<id>, category:<id> or tenant:<id>.' }),
    from: orNull(PolicyMode),
    to: PolicyMode,
    remaining_percent: orNull(Type.String({ description: 'Of the budget; negative when more than all of it is gone. Null when the mode has expired: nothing it was judged by is in the window any more.' })),
    total: Type.Integer({ description: 'Events, or minutes, in the window of the objective.' }),
    bad: Type.Integer(),
    minute: Type.String({ format: 'date-time', description: 'The minute whose evaluation changed the mode.' }),
    freeze: Type.String({ description: 'Which deployments are frozen: none, non_critical or all_but_reliability.' }),
    notify: Type.Array(Type.String()),
    incident: orNull(Type.String({ description: 'Severity of the incident that the policy asks for.' })),
    actions: Type.Array(Type.String()),
  },
  { $id: 'BudgetModeChangedData' },
);
export type BudgetModeChangedData = Type.Static<typeof BudgetModeChangedData>;

export const EventEnvelope = Type.Object({
  id: Type.String({ description: 'evt_…, the same for every attempt of a delivery.' }),
  type: Type.String(),
  tenant_id: orNull(Type.String({ description: 'Null for events of the installation itself.' })),
  account_id: orNull(Type.String()),
  timestamp: when,
  data: Type.Unknown(),
});
export type EventEnvelope = Type.Static<typeof EventEnvelope>;
