/** Whose figures and calls a key may see. */
import { Refusal } from '../http/problem.ts';
import type { Caller } from './keys.ts';

/** A key of one tenant sees that tenant only, whatever it asks for. Null: all of them. */
export function visibleTenant(caller: Caller, wanted: string | undefined): string | null {
  if (caller.tenantId === null) return wanted ?? null;
  if (wanted !== undefined && wanted !== caller.tenantId) throw new Refusal('forbidden', 'This key belongs to another tenant. Leave tenant_id out or use a key without a tenant.');
  return caller.tenantId;
}
