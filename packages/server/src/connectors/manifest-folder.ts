/** Connectors on disk: `<folder>/<id>/connector.json`. Reads and parses; what is in them is judged by the registry. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

export interface FoundManifest {
  readonly id: string;
  readonly file: string;
  readonly source: 'built_in' | 'folder';
  readonly manifest: unknown;
}

export interface UnreadableManifest {
  readonly file: string;
  readonly message: string;
}

/**
 * What stands in the folders, by id; a later folder replaces an earlier one's connector of the same id. A folder
 * without connector.json is passed over, a file that cannot be read or parsed is told of. A missing folder throws.
 */
export async function readManifestFolders(
  folders: readonly { path: string; source: 'built_in' | 'folder' }[],
): Promise<{ found: FoundManifest[]; unreadable: UnreadableManifest[] }> {
  const found = new Map<string, FoundManifest>();
  const unreadable: UnreadableManifest[] = [];
  for (const { path, source } of folders) {
    const entries = await readdir(path, { withFileTypes: true }).catch((error: unknown) => {
      throw new Error(`The connectors' folder ${path} cannot be read: ${messageOf(error)}`);
    });
    const names = entries.filter((entry) => entry.isDirectory() || entry.isSymbolicLink()).map(({ name }) => name).toSorted();
    const read = await Promise.all(names.map((id) => readManifest(path, id, source)));
    for (const one of read) {
      if (one === undefined) continue;
      if ('message' in one) unreadable.push(one);
      else found.set(one.id, one);
    }
  }
  return { found: [...found.values()], unreadable };
}

async function readManifest(folder: string, id: string, source: 'built_in' | 'folder'): Promise<FoundManifest | UnreadableManifest | undefined> {
  const file = join(folder, id, 'connector.json');
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'ENOENT' ? undefined : { file, message: `cannot be read: ${messageOf(error)}` };
  }
  try {
    return { id, file, source, manifest: JSON.parse(text) as unknown };
  } catch (error) {
    return { file, message: `is not JSON: ${messageOf(error)}` };
  }
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
