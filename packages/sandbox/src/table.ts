/** Records of one kind in one vendor account, in insertion order; every change is reported. */
import type { JsonObject } from './json.ts';
import type { Change } from './vendor.ts';

export interface Table {
  readonly name: string;
  all(): JsonObject[];
  get(id: string): JsonObject | undefined;
  /** Adds without reporting: the seeded data. */
  seed(id: string, record: JsonObject): void;
  insert(id: string, record: JsonObject): void;
  replace(id: string, record: JsonObject): void;
  /** Reports the removal; false when there is no such record. */
  remove(id: string): boolean;
}

export function createTable(account: string, name: string, changed: (change: Change) => void): Table {
  const rows = new Map<string, JsonObject>();
  return {
    name,
    all: () => [...rows.values()],
    get: (id) => rows.get(id),
    seed(id, record) {
      rows.set(id, record);
    },
    insert(id, record) {
      rows.set(id, record);
      changed({ account, resource: name, kind: 'created', record, previous: null });
    },
    replace(id, record) {
      const previous = rows.get(id) ?? null;
      rows.set(id, record);
      changed({ account, resource: name, kind: previous === null ? 'created' : 'updated', record, previous });
    },
    remove(id) {
      const record = rows.get(id);
      if (record === undefined) return false;
      rows.delete(id);
      changed({ account, resource: name, kind: 'deleted', record, previous: record });
      return true;
    },
  };
}

/** One value for each account, made when first asked for: ten accounts cost nothing until they are used. */
export function perAccount<T>(make: (account: string) => T): (account: string) => T {
  const made = new Map<string, T>();
  return (account) => {
    const known = made.get(account);
    if (known !== undefined) return known;
    const fresh = make(account);
    made.set(account, fresh);
    return fresh;
  };
}
