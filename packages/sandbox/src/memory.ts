/**
 * What outlives a restart of the sandbox when it is given a file: grants and tokens, so that accounts connected
 * yesterday still are. Records are seeded anew. Written a moment after a change and when the sandbox closes.
 */
import { readFileSync } from 'node:fs';
import { rename, writeFile } from 'node:fs/promises';
import type { Json } from './json.ts';

/** One owner's part of the memory. */
export interface Memory {
  /** What was kept before, if anything. */
  readonly kept: Json | undefined;
  /** Says how to describe the present; called when it is time to write. */
  describe(snapshot: () => Json): void;
  changed(): void;
}

export interface MemoryFile {
  of(name: string): Memory;
  /** Forgets everything that was kept, for a reset. */
  forget(): void;
  close(): Promise<void>;
}

const settleMs = 500;

/** Without a file nothing is kept. An unreadable file counts as empty: it is a convenience, not a record. */
export function openMemory(file: string | undefined): MemoryFile {
  let kept = file === undefined ? {} : readKept(file);
  const snapshots = new Map<string, () => Json>();
  let timer: NodeJS.Timeout | undefined;
  let writing: Promise<void> = Promise.resolve();

  const write = (): Promise<void> => {
    clearTimeout(timer);
    timer = undefined;
    if (file === undefined) return writing;
    writing = writing.then(async () => {
      const text = JSON.stringify(Object.fromEntries([...snapshots].map(([name, snapshot]) => [name, snapshot()])));
      await writeFile(`${file}.new`, text, { mode: 0o600 });
      await rename(`${file}.new`, file);
    });
    return writing;
  };
  return {
    of: (name) => ({
      kept: kept[name],
      describe: (snapshot) => void snapshots.set(name, snapshot),
      changed() {
        if (file === undefined || timer !== undefined) return;
        timer = setTimeout(() => void write().catch(() => undefined), settleMs);
        timer.unref();
      },
    }),
    forget() {
      kept = {};
    },
    close: write,
  };
}

function readKept(file: string): Record<string, Json> {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Record<string, Json>;
  } catch {
    return {};
  }
}
