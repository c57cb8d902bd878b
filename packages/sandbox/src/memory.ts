/**
 * What outlives a restart of the sandbox when it is given a file: grants and tokens, so that accounts connected
 * yesterday still are. Records are seeded anew. Written every other second when something changed, and at the end.
 */
import { readFileSync } from 'node:fs';
import { rename, writeFile } from 'node:fs/promises';
import { asObject, parseJson, type Json, type JsonObject } from './json.ts';

/** One owner's part of the memory. */
export interface Memory {
  /** What was kept before, if anything. */
  readonly kept: Json | undefined;
  /** Says how to describe the present; called when it is time to write. */
  describe(snapshot: () => Json): void;
}

export interface MemoryFile {
  of(name: string): Memory;
  /** Drops what was kept and who described it, for a reset. */
  forget(): void;
  close(): Promise<void>;
}

const intervalMs = 2000;

/** Without a file nothing is kept. A file that cannot be read counts as empty: it is a convenience, not a record. */
export function openMemory(file: string | undefined): MemoryFile {
  let kept: JsonObject = file === undefined ? {} : readKept(file);
  const snapshots = new Map<string, () => Json>();
  let written = '';

  const write = async (): Promise<void> => {
    const text = JSON.stringify(Object.fromEntries([...snapshots].map(([name, snapshot]) => [name, snapshot()])));
    if (file === undefined || text === written) return;
    written = text;
    await writeFile(`${file}.new`, text, { mode: 0o600 });
    await rename(`${file}.new`, file);
  };
  let writing = Promise.resolve();
  const writeLater = (): void => {
    writing = writing.then(write).catch(() => undefined);
  };
  const timer = file === undefined ? undefined : setInterval(writeLater, intervalMs).unref();
  return {
    of: (name) => ({ kept: kept[name], describe: (snapshot) => void snapshots.set(name, snapshot) }),
    forget() {
      kept = {};
      snapshots.clear();
    },
    async close() {
      clearInterval(timer);
      await writing;
      await write();
    },
  };
}

function readKept(file: string): JsonObject {
  try {
    return asObject(parseJson(readFileSync(file, 'utf8'))) ?? {};
  } catch {
    return {};
  }
}
