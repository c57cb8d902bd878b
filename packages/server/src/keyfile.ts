/** Keys made on the first start and kept in the data folder, readable by its owner alone. */
import { randomBytes } from 'node:crypto';
import { link, mkdir, open, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';

/** The text of the file, which is made when it is missing. Two processes starting together agree on one. */
export async function readOrMakeKey(dataDir: string, name: string, make: () => string): Promise<string> {
  const present = await readKey(dataDir, name);
  if (present !== undefined) return present;
  await mkdir(dataDir, { recursive: true });
  const path = join(dataDir, name);
  const draft = `${path}.${randomBytes(4).toString('hex')}.draft`;
  const file = await open(draft, 'wx', 0o600);
  try {
    await file.writeFile(make());
    // What it will have sealed is durable: so must the key be.
    await file.sync();
    await link(draft, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    await file.close();
    await rm(draft, { force: true });
  }
  return (await readFile(path, 'utf8')).trim();
}

/** The text of the file; undefined when there is none. */
export async function readKey(dataDir: string, name: string): Promise<string | undefined> {
  try {
    return (await readFile(join(dataDir, name), 'utf8')).trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

export const makeMasterKey = (): string => randomBytes(32).toString('base64');
export const makeAdminKey = (): string => `ek_${randomBytes(24).toString('base64url')}`;
