/** Connector folders on disk: which ones a command means, and what is in them. */
import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { withMappings, type MappingFile } from '@evenkeel/core/connectors/mapping/mapping-files.ts';
import { UsageError } from './command.ts';

export interface ConnectorFolder {
  /** As the user would write it, for messages. */
  readonly manifestPath: string;
  readonly folder: string;
  readonly name: string;
}

/** The folders of the paths given, or of ./connectors. Throws UsageError for a path that holds no connector. */
export async function findConnectors(paths: readonly string[], cwd: string): Promise<ConnectorFolder[]> {
  if (paths.length > 0) return Promise.all(paths.map((path) => folderAt(path, cwd)));
  const entries = await readdir(join(cwd, 'connectors'), { withFileTypes: true }).catch(() => undefined);
  if (entries === undefined) throw new UsageError('there is no folder "connectors" here. Name the connector folders, or run it where that folder is.');
  const folders = entries.filter((entry) => entry.isDirectory() && !entry.name.startsWith('.')).map(({ name }) => join('connectors', name));
  if (folders.length === 0) throw new UsageError('the folder "connectors" is empty. Make one with: evenkeel connectors new <id>.');
  return Promise.all(folders.toSorted().map((path) => folderAt(path, cwd)));
}

async function folderAt(path: string, cwd: string): Promise<ConnectorFolder> {
  const absolute = resolve(cwd, path);
  const isFolder = await stat(absolute).then((found) => found.isDirectory(), () => undefined);
  if (isFolder === undefined) throw new UsageError(`there is no ${path}.`);
  const manifest = isFolder ? join(absolute, 'connector.json') : absolute;
  if (isFolder && !(await stat(manifest).then((found) => found.isFile(), () => false))) throw new UsageError(`${path} holds no connector.json.`);
  const folder = dirname(manifest);
  return { manifestPath: relative(cwd, manifest) || manifest, folder, name: basename(folder) };
}

export type JsonFile = { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly message: string };

/** A file's JSON, or why it is none, with line and column where the parser tells them. */
export async function readJsonFile(path: string): Promise<JsonFile> {
  const text = (await readFile(path, 'utf8')).replace(/^\uFEFF/, '');
  try {
    return { ok: true, value: JSON.parse(text) as unknown };
  } catch (error) {
    return { ok: false, message: `is not JSON: ${placeOf(error as Error, text)}` };
  }
}

function placeOf(error: Error, text: string): string {
  const [, offset] = /at position (\d+)/.exec(error.message) ?? [];
  const reason = error.message.replace(/,? ?(\.\.\.)?"[\s\S]*" is not valid JSON/, '').replace(/ in JSON at position[\s\S]*/, '').replace(/ \(line \d+ column \d+\)$/, '');
  if (offset === undefined) return reason;
  const lines = text.slice(0, Number(offset)).split('\n');
  return `${reason} in line ${lines.length}, column ${(lines.at(-1)?.length ?? 0) + 1}`;
}

/** A connector's manifest with the mappings of its folder. A message names the file it is about, unless that is connector.json. */
export async function readManifest(folder: string): Promise<JsonFile> {
  const manifest = await readJsonFile(join(folder, 'connector.json'));
  if (!manifest.ok) return manifest;
  const names = (await readdir(join(folder, 'mappings')).catch(() => [])).filter((name) => name.endsWith('.json')).toSorted();
  const mappings: MappingFile[] = [];
  for (const name of names) {
    const read = await readJsonFile(join(folder, 'mappings', name));
    if (!read.ok) return { ok: false, message: `has a mapping, mappings/${name}, which ${read.message}` };
    mappings.push({ name: basename(name, '.json'), mapping: read.value });
  }
  return { ok: true, value: withMappings(manifest.value, mappings) };
}

/** The fixtures of a connector, or those of a folder among them, by file name; none when there is no such folder. */
export async function fixtureFiles(folder: string, within = ''): Promise<string[]> {
  const files = await readdir(join(folder, 'fixtures', within)).catch(() => []);
  return files.filter((file) => file.endsWith('.json')).toSorted().map((file) => join(folder, 'fixtures', within, file));
}
