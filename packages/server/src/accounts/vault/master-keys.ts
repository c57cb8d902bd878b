/**
 * Where this node's master keys come from: the environment, else `master.key` and `master.key.previous` in the data
 * folder. A key file is made on the very first start only; one that is missing later was lost, and is not made up for.
 */
import { join } from 'node:path';
import type { Configuration } from '../../configuration.ts';
import type { Queryable } from '../../database/pool.ts';
import { makeMasterKey, readKey, readOrMakeKey } from '../../keyfile.ts';
import { countRecords } from './sealed-tables.ts';
import { MasterKeyRefused, readKeys } from './vault-keys.ts';

export interface MasterKeys {
  /** Seals, or will after the next rotation. */
  readonly masterKey: Uint8Array;
  /** Open what they sealed. */
  readonly previous: readonly Uint8Array[];
}

const [fileName, previousName] = ['master.key', 'master.key.previous'];

/** Throws `MasterKeyRefused` for a file that is missing or is no key. */
export async function findMasterKeys(configuration: Pick<Configuration, 'masterKey' | 'previousMasterKeys' | 'dataDir'>, database: Queryable): Promise<MasterKeys> {
  const { masterKey, previousMasterKeys, dataDir } = configuration;
  if (masterKey !== undefined) return { masterKey, previous: previousMasterKeys };
  const kept = await readKey(dataDir, previousName);
  const previous = kept === undefined ? [] : kept.split(/\s+/).map((text) => parseKey(text, join(dataDir, previousName)));
  // Set aside, the key file is made anew (that is a rotation); gone altogether, it was lost.
  if (kept === undefined && (await readKey(dataDir, fileName)) === undefined) await refuseLoss(database, dataDir);
  const text = await readOrMakeKey(dataDir, fileName, makeMasterKey);
  return { masterKey: parseKey(text, join(dataDir, fileName)), previous: [...previousMasterKeys, ...previous] };
}

async function refuseLoss(database: Queryable, dataDir: string): Promise<void> {
  const inUse = (await readKeys(database)).find(({ state }) => state === 'in_use');
  if (inUse === undefined) return;
  const records = (await countRecords(database)).get(inUse.key_id) ?? 0;
  throw new MasterKeyRefused(
    `There is no master key: EVENKEEL_MASTER_KEY is not set and ${join(dataDir, fileName)} does not exist, while ${records} ${records === 1 ? 'record is' : 'records are'} sealed with master key ${inUse.key_id}. Put that key back from its backup. Nothing was changed.`,
  );
}

function parseKey(text: string, path: string): Uint8Array {
  const bytes = Buffer.from(text, 'base64');
  if (bytes.length === 32 && bytes.toString('base64').replace(/=+$/, '') === text.replace(/=+$/, '')) return bytes;
  throw new MasterKeyRefused(`${path} does not hold 32 bytes in base64: put the key back from its backup. Nothing was changed.`);
}
