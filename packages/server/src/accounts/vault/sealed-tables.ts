/**
 * Every table with sealed records, as data: re-encryption walks this list, and a key is retired only when nothing in it
 * is left under that key. A test holds the list against the columns of the database.
 */
import type { Queryable } from '../../database/pool.ts';
import type { Binding } from './vault.ts';

export interface SealedTable {
  readonly name: string;
  /** Columns of the primary key; they are text or bytea. */
  readonly key: readonly string[];
  /** The column `key_id` follows from the envelope by itself. */
  readonly keyIdGenerated: boolean;
  readonly binding: (row: Readonly<Record<string, unknown>>) => Binding;
}

/** Each has the columns `sealed` and `key_id`. */
export const sealedTables: readonly SealedTable[] = [
  { name: 'credentials', key: ['account_id', 'slot'], keyIdGenerated: false, binding: (row) => ({ purpose: 'credential', subject: String(row['account_id']) }) },
  { name: 'connector_apps', key: ['connector_id'], keyIdGenerated: false, binding: (row) => ({ purpose: 'app', subject: String(row['connector_id']) }) },
  { name: 'oauth_states', key: ['state_hash'], keyIdGenerated: true, binding: (row) => ({ purpose: 'oauth_state', subject: Buffer.from(row['state_hash'] as Uint8Array).toString('hex') }) },
  { name: 'inbound_addresses', key: ['id'], keyIdGenerated: true, binding: (row) => ({ purpose: 'inbound_address', subject: String(row['id']) }) },
  { name: 'endpoint_secrets', key: ['id'], keyIdGenerated: true, binding: (row) => ({ purpose: 'signing_secret', subject: String(row['id']) }) },
];

/** Key id → records sealed with it, over all tables; keys with none are absent. Reads one index a table. */
export async function countRecords(database: Queryable): Promise<Map<string, number>> {
  const parts = sealedTables.map(({ name }) => `select key_id, count(*) as records from ${name} group by key_id`);
  const { rows } = await database.query<{ key_id: string; records: number }>(
    `select key_id, sum(records)::bigint as records from (${parts.join(' union all ')}) as counted group by key_id`,
  );
  return new Map(rows.map(({ key_id, records }) => [key_id, records]));
}

/** Whether anything is sealed with this key; as fast with a million records as with none. */
export async function hasRecords(database: Queryable, keyId: string): Promise<boolean> {
  const parts = sealedTables.map(({ name }) => `exists (select from ${name} where key_id = $1)`);
  const { rows } = await database.query<{ found: boolean }>(`select ${parts.join(' or ')} as found`, [keyId]);
  return rows[0]?.found ?? false;
}
