/** Which accounts an event of an app concerns: all that have the value it names, since several tenants may connect one of the vendor's. */
import type { AccountRef } from '@evenkeel/core/inbound/split.ts';
import type { Queryable } from '../../database/pool.ts';

export interface EventOwner {
  readonly accountId: string;
  readonly tenantId: string;
}
export type FindOwners = (refs: readonly AccountRef[]) => readonly EventOwner[];

/** Looks up the values of many events at once: one query for each field of a connector. */
export async function findOwners(database: Queryable, connectorId: string, refs: readonly AccountRef[]): Promise<FindOwners> {
  const byField = new Map<string, Set<string>>();
  for (const { field, value } of refs) byField.set(field, (byField.get(field) ?? new Set()).add(value));
  const found = new Map<string, EventOwner[]>();
  for (const [field, values] of byField) {
    for (const { value, ...owner } of await lookUp(database, connectorId, field, [...values])) {
      const key = `${field} ${value}`;
      found.set(key, [...(found.get(key) ?? []), owner]);
    }
  }
  return (wanted) => {
    for (const { field, value } of wanted) {
      const owners = found.get(`${field} ${value}`);
      if (owners !== undefined) return owners;
    }
    return [];
  };
}

async function lookUp(database: Queryable, connectorId: string, field: string, values: readonly string[]): Promise<(EventOwner & { readonly value: string })[]> {
  const [root = '', name] = field.split('.');
  const place = name === undefined ? 'external_id' : `${root === 'config' ? 'config' : 'captured'} ->> $3`;
  const { rows } = await database.query<EventOwner & { value: string }>(
    `select id as "accountId", tenant_id as "tenantId", ${place} as value
     from accounts
     where connector_id = $1 and deleted_at is null and ${place} = any($2)
     order by id`,
    [connectorId, values, ...(name === undefined ? [] : [name])],
  );
  return rows;
}

/** Of an account's own address; undefined when the account was deleted meanwhile. */
export async function presentOwners(database: Queryable, accountIds: readonly string[]): Promise<Map<string, EventOwner>> {
  if (accountIds.length === 0) return new Map();
  const { rows } = await database.query<EventOwner>('select id as "accountId", tenant_id as "tenantId" from accounts where id = any($1) and deleted_at is null', [accountIds]);
  return new Map(rows.map((owner) => [owner.accountId, owner]));
}
