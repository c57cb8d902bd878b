/** API keys and the audit log, as the API shows them. */
import Type from 'typebox';
import { listOf } from './list.ts';
import { TenantId } from './tenants.ts';

export const KeyScope = Type.Union([Type.Literal('read'), Type.Literal('write'), Type.Literal('admin')], {
  description: 'read sees, write also changes and calls vendors, admin also manages connectors, keys and settings.',
});
export type KeyScope = Type.Static<typeof KeyScope>;

export const ApiKey = Type.Object({
  id: Type.String(),
  name: Type.String(),
  prefix: Type.String({ description: 'The first characters of the key, to tell keys apart.' }),
  scope: KeyScope,
  tenant_id: Type.Union([Type.String(), Type.Null()]),
  created_at: Type.String({ format: 'date-time' }),
  expires_at: Type.Union([Type.String({ format: 'date-time' }), Type.Null()]),
  revoked_at: Type.Union([Type.String({ format: 'date-time' }), Type.Null()]),
});
export type ApiKey = Type.Static<typeof ApiKey>;

export const ApiKeyRequest = Type.Object(
  {
    name: Type.String({ minLength: 1, maxLength: 200 }),
    scope: KeyScope,
    tenant_id: Type.Optional(TenantId('Restricts the key to one tenant.')),
    expires_at: Type.Optional(Type.String({ format: 'date-time' })),
  },
  { additionalProperties: false },
);
export type ApiKeyRequest = Type.Static<typeof ApiKeyRequest>;

export const ApiKeyCreated = Type.Object({ ...ApiKey.properties, key: Type.String({ description: 'Shown this once.' }) });
export type ApiKeyCreated = Type.Static<typeof ApiKeyCreated>;
export const ApiKeyList = listOf(ApiKey);

export const AuditEntry = Type.Object({
  id: Type.Integer(),
  at: Type.String({ format: 'date-time' }),
  actor: Type.String(),
  action: Type.String(),
  tenant_id: Type.Union([Type.String(), Type.Null()]),
  target: Type.String(),
  request_id: Type.String(),
  status: Type.Union([Type.Integer(), Type.Null()]),
});
export type AuditEntry = Type.Static<typeof AuditEntry>;
export const AuditLog = listOf(AuditEntry);
