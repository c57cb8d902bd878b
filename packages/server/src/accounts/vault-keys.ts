/**
 * The master key at start, proven on a sealed canary: a wrong or lost key is refused before anything is read or
 * written with it. The very first start registers the key.
 */
import type { Queryable } from '../database/pool.ts';
import { createVault, SealBroken, type Vault } from './vault.ts';

/** The start must end: the data was sealed with another key. The message says what to restore. */
export class MasterKeyRefused extends Error {
  override readonly name = 'MasterKeyRefused';
}

const canaryText = 'the keel is even';

/** Opens the vault, or throws `MasterKeyRefused`. Nodes starting together on an empty database agree on one key. */
export async function openVault(database: Queryable, masterKey: Uint8Array, retired: readonly Uint8Array[] = []): Promise<Vault> {
  const vault = createVault(masterKey, retired);
  const present = await keysInUse(database);
  if (present.length > 0) return proven(vault, present);
  const canary = vault.seal({ purpose: 'canary', subject: vault.keyId }, Buffer.from(canaryText));
  await database.query('insert into vault_keys (key_id, canary) values ($1, $2) on conflict do nothing', [vault.keyId, canary]);
  return proven(vault, await keysInUse(database));
}

interface KeyRow {
  key_id: string;
  canary: Buffer;
}

async function keysInUse(database: Queryable): Promise<KeyRow[]> {
  const { rows } = await database.query<KeyRow>('select key_id, canary from vault_keys where retired_at is null');
  return rows;
}

function proven(vault: Vault, keys: readonly KeyRow[]): Vault {
  const known = keys.find((key) => key.key_id === vault.keyId);
  if (known === undefined) {
    const expected = keys.map((key) => key.key_id).join(', ');
    throw new MasterKeyRefused(
      `The stored credentials are sealed with master key ${expected}, and the one given (EVENKEEL_MASTER_KEY, else master.key in the data folder) is ${vault.keyId}: give the former back. Nothing was changed.`,
    );
  }
  try {
    if (vault.open({ purpose: 'canary', subject: vault.keyId }, known.canary).toString() === canaryText) return vault;
  } catch (error) {
    if (!(error instanceof SealBroken)) throw error;
  }
  throw new MasterKeyRefused(`The canary of master key ${vault.keyId} in vault_keys is damaged: restore the database from a backup. Nothing was changed.`);
}
