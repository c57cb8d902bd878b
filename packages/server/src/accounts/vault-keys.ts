/**
 * The master key at start: taken from the environment, else from a file in the data folder (made on the very first
 * start), then proven on a sealed canary. A wrong or lost key is refused before anything is read or written with it.
 */
import { randomBytes } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Queryable } from '../database/pool.ts';
import { createVault, keyIdOf, SealBroken, type Vault } from './vault.ts';

/** The start must end: the data was sealed with another key. The message says what to restore. */
export class MasterKeyRefused extends Error {
  override readonly name = 'MasterKeyRefused';
}

const canaryText = 'the keel is even';
const keyFileName = 'master.key';

/** Opens the vault, or throws `MasterKeyRefused`. `masterKey` wins over the file in `dataDir`. */
export async function openVault(database: Queryable, source: { masterKey: Uint8Array | undefined; dataDir: string }): Promise<Vault> {
  const { rows } = await database.query<{ key_id: string; canary: Buffer }>('select key_id, canary from vault_keys where retired_at is null order by created_at');
  const masterKey = source.masterKey ?? (await keyFromFile(source.dataDir, rows[0]?.key_id));
  const vault = createVault(masterKey);
  const known = rows.find((row) => row.key_id === vault.keyId);
  if (known !== undefined) {
    proveCanary(vault, known.canary);
    return vault;
  }
  if (rows.length > 0) throw new MasterKeyRefused(otherKey(keyIdOf(masterKey), rows.map((row) => row.key_id).join(', '), source));
  return registerKey(database, vault, source);
}

/** Two nodes may start at once on an empty database: the first to write decides, the other proves its key on that. */
async function registerKey(database: Queryable, vault: Vault, source: { masterKey: Uint8Array | undefined; dataDir: string }): Promise<Vault> {
  const canary = vault.seal({ purpose: 'canary', subject: vault.keyId }, Buffer.from(canaryText));
  await database.query(
    'insert into vault_keys (key_id, canary) values ($1, $2) on conflict do nothing',
    [vault.keyId, canary],
  );
  const { rows } = await database.query<{ key_id: string; canary: Buffer }>('select key_id, canary from vault_keys where retired_at is null');
  const present = rows.find((row) => row.key_id === vault.keyId);
  if (present === undefined) throw new MasterKeyRefused(otherKey(vault.keyId, rows.map((row) => row.key_id).join(', '), source));
  proveCanary(vault, present.canary);
  return vault;
}

function proveCanary(vault: Vault, canary: Buffer): void {
  try {
    if (vault.open({ purpose: 'canary', subject: vault.keyId }, canary).toString() === canaryText) return;
  } catch (error) {
    if (!(error instanceof SealBroken)) throw error;
  }
  throw new MasterKeyRefused(`The master key ${vault.keyId} is known, but its canary in vault_keys is damaged: restore that table from a backup. Nothing was changed.`);
}

async function keyFromFile(dataDir: string, expectedKeyId: string | undefined): Promise<Uint8Array> {
  const path = join(dataDir, keyFileName);
  const present = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (present !== undefined) {
    const key = Buffer.from(present.trim(), 'base64');
    if (key.length !== 32) throw new MasterKeyRefused(`${path} does not hold 32 bytes in base64: restore it from a backup, or set EVENKEEL_MASTER_KEY. Nothing was changed.`);
    return key;
  }
  if (expectedKeyId !== undefined) {
    throw new MasterKeyRefused(`The stored credentials are sealed with master key ${expectedKeyId}, and neither EVENKEEL_MASTER_KEY nor ${path} gives it: restore one of them. Nothing was changed.`);
  }
  await mkdir(dataDir, { recursive: true });
  const fresh = randomBytes(32);
  try {
    await writeFile(path, `${fresh.toString('base64')}\n`, { flag: 'wx', mode: 0o600 });
    return fresh;
  } catch (error) {
    // Another process made the file first: its key counts.
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return keyFromFile(dataDir, expectedKeyId);
    throw error;
  }
}

function otherKey(given: string, expected: string, source: { masterKey: Uint8Array | undefined; dataDir: string }): string {
  const where = source.masterKey === undefined ? join(source.dataDir, keyFileName) : 'EVENKEEL_MASTER_KEY';
  return `The master key in ${where} is ${given}, but the stored credentials are sealed with ${expected}: give that key back. Nothing was changed.`;
}
