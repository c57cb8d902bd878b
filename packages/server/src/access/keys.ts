/** API keys: made once, stored as hashes, looked up through a small cache. */
import { createHash, randomBytes } from 'node:crypto';
import type { KeyScope } from '@evenkeel/contract/api/access.ts';
import type { Queryable } from '../database/pool.ts';
import { newId } from '../identifier.ts';

/** Whoever calls: the key, what it may, and the one tenant it is restricted to. */
export interface Caller {
  readonly keyId: string;
  readonly scope: KeyScope;
  readonly tenantId: string | null;
}

export interface KeyRow {
  id: string;
  name: string;
  prefix: string;
  scope: KeyScope;
  tenant_id: string | null;
  created_at: Date;
  expires_at: Date | null;
  revoked_at: Date | null;
}

const rank: Record<KeyScope, number> = { read: 0, write: 1, admin: 2 };
export const allows = (held: KeyScope, wanted: KeyScope): boolean => rank[held] >= rank[wanted];

export const hashKey = (key: string): Buffer => createHash('sha256').update(key).digest();

/** How long a key that was revoked on another node may still pass here. */
const cacheMs = 2_000;
const cacheEntries = 10_000;

/**
 * Finds the caller of a key. Known keys are answered from memory for two seconds, so that a busy key costs no query
 * and a revocation still takes effect on every node within that time. Unknown keys are not cached: an attacker's
 * guesses must not push out good entries.
 */
export class KeyLookup {
  readonly #database: Queryable;
  readonly #now: () => number;
  readonly #cache = new Map<string, { caller: Caller; until: number }>();

  constructor(database: Queryable, now: () => number) {
    this.#database = database;
    this.#now = now;
  }

  /** Answers from memory, or undefined when the database has to be asked. */
  remembered(key: string): Caller | undefined {
    const entry = this.#cache.get(key);
    return entry !== undefined && entry.until > this.#now() ? entry.caller : undefined;
  }

  /** Whose key it was when it was last looked up: for counting a call that cannot be admitted, never for admitting one. */
  lastKnown(key: string): Caller | undefined {
    return this.#cache.get(key)?.caller;
  }

  async find(key: string): Promise<Caller | undefined> {
    const { rows } = await this.#database.query<{ id: string; scope: KeyScope; tenant_id: string | null; expires_at: Date | null }>({
      name: 'find-key',
      text: `select id, scope, tenant_id, expires_at from api_keys
             where hash = $1 and revoked_at is null and (expires_at is null or expires_at > now())`,
      values: [hashKey(key)],
    });
    const row = rows[0];
    if (row === undefined) return undefined;
    const caller: Caller = { keyId: row.id, scope: row.scope, tenantId: row.tenant_id };
    if (this.#cache.size >= cacheEntries) this.#cache.clear();
    const until = Math.min(this.#now() + cacheMs, row.expires_at?.getTime() ?? Infinity);
    this.#cache.set(key, { caller, until });
    return caller;
  }

  forget(): void {
    this.#cache.clear();
  }
}

/** Makes a key `ek_…` with 192 random bits, or stores the one given. Returns it in clear, this once. */
export async function createKey(
  database: Queryable,
  wanted: { name: string; scope: KeyScope; tenantId: string | null; expiresAt?: Date | null; key?: string },
): Promise<{ row: KeyRow; key: string }> {
  const key = wanted.key ?? `ek_${randomBytes(24).toString('base64url')}`;
  const { rows } = await database.query<KeyRow>(
    `insert into api_keys (id, name, hash, prefix, scope, tenant_id, expires_at)
     values ($1, $2, $3, $4, $5, $6, $7)
     returning id, name, prefix, scope, tenant_id, created_at, expires_at, revoked_at`,
    [newId('key'), wanted.name, hashKey(key), key.slice(0, 6), wanted.scope, wanted.tenantId, wanted.expiresAt ?? null],
  );
  const row = rows[0];
  if (row === undefined) throw new Error('insert into api_keys returned no row');
  return { row, key };
}

/** Makes sure the key of EVENKEEL_ADMIN_KEY works; one that was revoked stays revoked. */
export async function ensureAdminKey(database: Queryable, key: string): Promise<void> {
  await database.query(
    `insert into api_keys (id, name, hash, prefix, scope) values ($1, 'EVENKEEL_ADMIN_KEY', $2, $3, 'admin')
     on conflict (hash) do nothing`,
    [newId('key'), hashKey(key), key.slice(0, 6)],
  );
}

export async function listKeys(database: Queryable, page: { tenantId: string | null; limit: number; after: string | null }): Promise<KeyRow[]> {
  const { rows } = await database.query<KeyRow>(
    `select id, name, prefix, scope, tenant_id, created_at, expires_at, revoked_at from api_keys
     where ($1::text is null or id > $1) and ($2::text is null or tenant_id = $2)
     order by id
     limit $3`,
    [page.after, page.tenantId, page.limit],
  );
  return rows;
}

/** False when there is no such key (for this tenant); revoking twice is the same as once. */
export async function revokeKey(database: Queryable, id: string, tenantId: string | null): Promise<boolean> {
  const { rowCount } = await database.query(
    `update api_keys set revoked_at = coalesce(revoked_at, now())
     where id = $1 and ($2::text is null or tenant_id = $2)`,
    [id, tenantId],
  );
  return rowCount === 1;
}

export async function ensureTenant(database: Queryable, tenantId: string): Promise<void> {
  await database.query('insert into tenants (id) values ($1) on conflict (id) do nothing', [tenantId]);
}
