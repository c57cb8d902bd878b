/** Connectors on disk: `<folder>/<id>/connector.json` and `mappings/*.json` beside it. Reads and parses; what is in them is judged by the registry. */
import { readdir, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { withMappings, type MappingFile } from '@evenkeel/core/connectors/mapping/mapping-files.ts';

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
  let manifest: unknown;
  try {
    manifest = JSON.parse(text) as unknown;
  } catch (error) {
    return { file, message: `is not JSON: ${messageOf(error)}` };
  }
  const mappings = await readMappings(join(folder, id, 'mappings'));
  return 'message' in mappings ? mappings : { id, file, source, manifest: withMappings(manifest, mappings) };
}

async function readMappings(folder: string): Promise<MappingFile[] | UnreadableManifest> {
  const files = (await readdir(folder).catch(() => [])).filter((name) => name.endsWith('.json')).toSorted();
  const mappings: MappingFile[] = [];
  for (const name of files) {
    const file = join(folder, name);
    try {
      mappings.push({ name: basename(name, '.json'), mapping: JSON.parse(await readFile(file, 'utf8')) as unknown });
    } catch (error) {
      return { file, message: `cannot be read as JSON: ${messageOf(error)}` };
    }
  }
  return mappings;
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
