/** Accounts as the API shows them: never a secret, not even sealed. */
import Type from 'typebox';
import { AccountState } from '../accounts.ts';
import { listOf, pageQuery } from './list.ts';

const when = Type.String({ format: 'date-time' });
const orNull = <T extends Type.TSchema>(schema: T) => Type.Union([schema, Type.Null()]);

export const Account = Type.Object(
  {
    id: Type.String(),
    tenant_id: Type.String(),
    connector: Type.String(),
    scheme: Type.String({ description: 'The authentication scheme of the connector it was connected with.' }),
    state: AccountState,
    state_since: when,
    message: orNull(Type.String({ description: 'Why it is not active, in the vendor\'s words where there are any.' })),
    external_id: orNull(Type.String({ description: 'The vendor\'s id of the connected account.' })),
    label: orNull(Type.String()),
    config: Type.Record(Type.String(), Type.Unknown(), { description: 'The non-secret fields of the connect form.' }),
    captured: Type.Record(Type.String(), Type.Unknown(), { description: 'Non-secret values captured from the vendor.' }),
    missing_scopes: Type.Array(Type.String(), { description: 'Permissions the vendor said are missing; emptied by re-authorisation.' }),
    setup_pending: Type.Boolean({ description: 'Validation or post-install steps are owed and will run.' }),
    credential: orNull(
      Type.Object({
        version: Type.Integer({ description: 'Grows with every refresh and every new grant.' }),
        granted_at: when,
        refreshed_at: orNull(when),
        expires_at: orNull(when),
        refresh_due_at: orNull(when),
        refresh_failures: Type.Integer({ description: 'Transient failures in a row since the last good refresh.' }),
        refresh_retry_at: orNull(when),
        refresh_error: orNull(Type.String()),
      }),
    ),
    created_at: when,
    updated_at: when,
  },
  { $id: 'Account' },
);
export type Account = Type.Static<typeof Account>;
export const AccountList = listOf(Account);

export const CredentialEvent = Type.Object(
  {
    at: when,
    first_at: when,
    outcome: Type.Union([Type.Literal('granted'), Type.Literal('refreshed'), Type.Literal('failed'), Type.Literal('held'), Type.Literal('refused'), Type.Literal('ended_early')], {
      description:
        'granted: the owner gave it. refreshed: a new token was stored. failed: a refresh failed and is tried again. held: not tried while the access token serves, since the answer to an earlier attempt was lost. refused: the vendor ended the grant. ended_early: the token was refused before its stated end.',
    }),
    attempts: Type.Integer({ description: 'How often, from first_at to at.' }),
    version: Type.Integer({ description: 'The version that was tried; of granted and refreshed the one that came.' }),
    actor: Type.String({ description: 'system:scheduler, system:refresh (before a call), system:401, system:setup, key:<id>, or owner.' }),
    message: orNull(Type.String()),
    expires_at: orNull(when),
    next_due_at: orNull(when),
  },
  { $id: 'CredentialEvent' },
);
export type CredentialEvent = Type.Static<typeof CredentialEvent>;

export const AccountDetail = Type.Object(
  { ...Account.properties, timeline: Type.Array(CredentialEvent, { description: 'What became of the newest versions of its credential, newest first; never a secret.' }) },
  { $id: 'AccountDetail' },
);
export type AccountDetail = Type.Static<typeof AccountDetail>;

export const AccountQuery = Type.Object({
  state: Type.Optional(AccountState),
  connector: Type.Optional(Type.String({ maxLength: 63 })),
  tenant_id: Type.Optional(Type.String({ maxLength: 128 })),
  ...pageQuery,
});

export const AccountParams = Type.Object({ id: Type.String({ maxLength: 64 }) });

export const AccountTransition = Type.Object({
  id: Type.String(),
  account_id: Type.String(),
  from: orNull(AccountState),
  to: orNull(AccountState),
  cause: Type.String(),
  actor: Type.String({ description: 'key:<id>, session:<id>, or the part of Evenkeel that acted, such as system:refresh.' }),
  evidence: Type.Record(Type.String(), Type.Unknown()),
  event_id: Type.String({ description: 'The one event this transition sent.' }),
  at: when,
});
export type AccountTransition = Type.Static<typeof AccountTransition>;
export const AccountTransitionList = listOf(AccountTransition);

export const AccountDeleted = Type.Object({
  id: Type.String(),
  deleted: Type.Literal(true),
  revocation: Type.Union([Type.Literal('done'), Type.Literal('failed'), Type.Literal('not_offered')], {
    description: 'Whether the vendor took the grant back. A failure does not keep the account; the owner can revoke at the vendor.',
  }),
});
export type AccountDeleted = Type.Static<typeof AccountDeleted>;
