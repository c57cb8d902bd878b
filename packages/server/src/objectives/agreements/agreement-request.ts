/** What a request names: an agreement its key may see; and what only the installation's own keys may do. */
import type { Caller } from '../../access/keys.ts';
import type { Queryable } from '../../database/pool.ts';
import { Refusal } from '../../http/problem.ts';
import { readAgreements, type Definitions, type KnownAgreement } from '../definitions.ts';

/** Of the caller's tenant; refused like one that does not exist when it is another's. */
export async function findAgreement(database: Queryable, definitions: Definitions, id: string, caller: Caller): Promise<KnownAgreement> {
  const found = (await readAgreements(database, definitions)).find(({ written }) => written.id === id);
  if (found === undefined || (caller.tenantId !== null && found.written.tenant_id !== caller.tenantId)) throw new Refusal('not_found', `There is no agreement ${id}.`);
  return found;
}

/** Agreements and exclusions are the provider's: a customer's key must not write them. */
export function requireInstallation(caller: Caller): void {
  if (caller.tenantId !== null) throw new Refusal('forbidden', `This key belongs to tenant ${caller.tenantId}. Use a key of the installation.`);
}
