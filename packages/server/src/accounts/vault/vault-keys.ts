/**
 * The master keys at start, proven on sealed canaries: a wrong or lost key is refused before anything is written. The
 * very first start registers its key; later a new key is only made known, and seals once it is promoted
 * (vault-rotation.ts, docs/decisions/0006-master-key-rotation.md).
 */
import { transaction, type Pool, type Queryable } from '../../database/pool.ts';
import { countRecords } from './sealed-tables.ts';
import { createVault, SealBroken, type Vault } from './vault.ts';
import { recordNode } from './vault-nodes.ts';

/** The start must end: a key that is needed is missing or wrong. The message says what to restore. */
export class MasterKeyRefused extends Error {
  override readonly name = 'MasterKeyRefused';
}

export type KeyState = 'standby' | 'in_use' | 'retiring' | 'retired';

export interface KeyRow {
  readonly key_id: string;
  readonly canary: Buffer;
  readonly state: KeyState;
  readonly created_at: Date;
  readonly promoted_at: Date | null;
  readonly promoted_by: string | null;
  readonly to_reseal: number | null;
  readonly unreadable: number;
  readonly retired_at: Date | null;
}

const canaryText = 'the keel is even';

/** Held, in a transaction, by whoever reads the keys to decide on them: starts, promotions, retirements. */
export const lockKeys = (client: Queryable): Promise<unknown> => client.query('select pg_advisory_xact_lock(4400003)');

export async function readKeys(database: Queryable): Promise<KeyRow[]> {
  const { rows } = await database.query<KeyRow>('select * from vault_keys order by created_at, key_id');
  return rows;
}

/**
 * Opens the vault, or throws `MasterKeyRefused` with nothing written. The vault seals with the key in use, which is
 * `masterKey` or one of `previous`. `node` is registered in the same transaction, so that no promotion overlooks it.
 */
export async function openVault(pool: Pool, masterKey: Uint8Array, previous: readonly Uint8Array[] = [], node?: string): Promise<Vault> {
  const vault = createVault(masterKey, previous);
  return transaction(pool, async (client) => {
    await lockKeys(client);
    const inUse = await proveAll(client, vault);
    const canary = vault.seal({ purpose: 'canary', subject: vault.masterKeyId }, Buffer.from(canaryText));
    await client.query(
      `insert into vault_keys (key_id, canary, state, promoted_at) values ($1, $2, $3, case when $3 = 'in_use' then now() end)
       on conflict (key_id) do update set state = 'standby', retired_at = null where vault_keys.state = 'retired'`,
      [vault.masterKeyId, canary, inUse === undefined ? 'in_use' : 'standby'],
    );
    if (inUse !== undefined) vault.sealWith(inUse.key_id);
    if (node !== undefined) await recordNode(client, vault, node);
    return vault;
  });
}

/** Reads only. The key in use, or undefined in an empty database; throws `MasterKeyRefused` for keys that cannot open what is here. */
async function proveAll(client: Queryable, vault: Vault): Promise<KeyRow | undefined> {
  const keys = await readKeys(client);
  const inUse = keys.find(({ state }) => state === 'in_use');
  if (inUse === undefined) await refuseOrphans(client, keys);
  else await prove(client, vault, keys);
  for (const { canary, key_id } of keys) if (vault.keyIds.includes(key_id)) proveCanary(vault, key_id, canary);
  return inUse;
}

/** Whether the database has been used with this schema of keys: then a wrong key can be told before anything is migrated. */
export async function hasKeys(database: Queryable): Promise<boolean> {
  const { rows } = await database.query(`select from information_schema.columns where table_schema = current_schema() and table_name = 'vault_keys' and column_name = 'to_reseal'`);
  return rows.length === 1 && (await readKeys(database)).length > 0;
}

/** Proves the keys and writes nothing; throws `MasterKeyRefused`. */
export async function proveMasterKeys(database: Queryable, masterKey: Uint8Array, previous: readonly Uint8Array[]): Promise<void> {
  await proveAll(database, createVault(masterKey, previous));
}

const recordCount = (count = 0): string => `${count} ${count === 1 ? 'record' : 'records'}`;

async function prove(client: Queryable, vault: Vault, keys: readonly KeyRow[]): Promise<void> {
  const missing = keys.filter(({ state, key_id }) => (state === 'in_use' || state === 'retiring') && !vault.keyIds.includes(key_id));
  if (missing.length === 0) return;
  const records = await countRecords(client);
  const given = vault.keyIds.join(', ');
  const lost = missing.find(({ state }) => state === 'in_use');
  if (lost !== undefined) {
    throw new MasterKeyRefused(
      `The master key in use is ${lost.key_id}, with ${recordCount(records.get(lost.key_id))} sealed under it; this node was given ${given} (EVENKEEL_MASTER_KEY and EVENKEEL_MASTER_KEY_PREVIOUS, else master.key in the data folder): give the former back; to change the key see docs/guides/keys.md. Nothing was changed.`,
    );
  }
  const counted = missing.map(({ key_id }) => `${recordCount(records.get(key_id))} under master key ${key_id}`).join(' and ');
  throw new MasterKeyRefused(
    `A rotation is not finished: still to be re-encrypted are ${counted}, which this node was not given. Keep it in EVENKEEL_MASTER_KEY_PREVIOUS (or master.key.previous in the data folder) until evenkeel vault status calls it retired. Nothing was changed.`,
  );
}

/** Sealed records without a registered key: the table of keys was lost, and any key would seem right. */
async function refuseOrphans(client: Queryable, keys: readonly KeyRow[]): Promise<void> {
  const orphans = [...(await countRecords(client)).keys()];
  if (orphans.length === 0 && keys.length === 0) return;
  throw new MasterKeyRefused(`The database holds records sealed with master key ${orphans.join(', ') || 'none'}, but vault_keys names none in use: restore the database from a backup. Nothing was changed.`);
}

function proveCanary(vault: Vault, keyId: string, canary: Uint8Array): void {
  try {
    if (vault.open({ purpose: 'canary', subject: keyId }, canary).toString() === canaryText) return;
  } catch (error) {
    if (!(error instanceof SealBroken)) throw error;
  }
  throw new MasterKeyRefused(`The canary of master key ${keyId} in vault_keys is damaged: restore the database from a backup. Nothing was changed.`);
}
