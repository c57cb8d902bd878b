/** Connect sessions: a link with which the owner of an account connects it, without a key of this API. */
import Type from 'typebox';
import { TenantId } from './tenants.ts';

export const ConnectSessionRequest = Type.Object(
  {
    tenant_id: TenantId('Your id of the customer; made known by first use.'),
    connector: Type.String({ minLength: 1, maxLength: 63 }),
    account_id: Type.Optional(
      Type.String({ maxLength: 64, description: 'Re-authorises this account. Without it the session connects another account, even of the same connector.' }),
    ),
    scheme: Type.Optional(Type.String({ maxLength: 63, description: 'One of the connector\'s authentication schemes; default the account\'s, else the first.' })),
    return_url: Type.Optional(Type.String({ maxLength: 2000, description: 'http(s) address the result page leads back to.' })),
  },
  { additionalProperties: false },
);
export type ConnectSessionRequest = Type.Static<typeof ConnectSessionRequest>;

export const ConnectSession = Type.Object({
  id: Type.String(),
  url: Type.String({ description: 'Give it to the owner of the account. It holds the only copy of the session\'s token.' }),
  expires_at: Type.String({ format: 'date-time' }),
});
export type ConnectSession = Type.Static<typeof ConnectSession>;
