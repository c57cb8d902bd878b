/** Keys made on the first start and kept in the data folder, readable by its owner alone. */
import { randomBytes } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** The text of the file, made from `bytes` random bytes when it is missing. Two processes starting together agree on one. */
export async function readOrMakeKey(dataDir: string, name: string, make: () => string): Promise<string> {
  const path = join(dataDir, name);
  await mkdir(dataDir, { recursive: true });
  try {
    await writeFile(path, make(), { mode: 0o600, flag: 'wx' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  return (await readFile(path, 'utf8')).trim();
}

export const makeMasterKey = (): string => randomBytes(32).toString('base64');
export const makeAdminKey = (): string => `ek_${randomBytes(24).toString('base64url')}`;
