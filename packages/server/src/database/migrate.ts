/**
 * Forward-only migrations: `migrations/0001_name.sql`, each in its own transaction, checksummed, all under one
 * advisory lock so that nodes starting together apply each exactly once.
 */
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';

export const migrationsDir = join(import.meta.dirname, '../../migrations');

/** The key of the advisory lock; any constant that nothing else in the database uses. */
const lockKey = 4_400_001;

export interface Migration {
  readonly name: string;
  readonly sql: string;
  readonly sha256: string;
}

export async function readMigrations(dir: string = migrationsDir): Promise<Migration[]> {
  const names = (await readdir(dir)).filter((name) => /^\d{4}_[a-z0-9_]+\.sql$/.test(name)).toSorted();
  return Promise.all(
    names.map(async (name) => {
      const sql = await readFile(join(dir, name), 'utf8');
      return { name, sql, sha256: createHash('sha256').update(sql).digest('hex') };
    }),
  );
}

/** Brings the database up to date and returns the names applied. Refuses a changed or unknown migration. */
export async function migrate(connectionString: string, migrations: readonly Migration[]): Promise<string[]> {
  const client = new pg.Client({ connectionString, application_name: 'evenkeel migrations' });
  await client.connect();
  try {
    const version = await client.query<{ number: number }>(`select current_setting('server_version_num')::int as number`);
    const number = version.rows[0]?.number ?? 0;
    if (number < 150_000) throw new Error(`PostgreSQL ${Math.floor(number / 10_000)} is too old: Evenkeel needs 15 or newer`);
    await client.query('select pg_advisory_lock($1)', [lockKey]);
    await client.query(`
      create table if not exists schema_migrations (
        name text primary key,
        sha256 text not null,
        applied_at timestamptz not null default now()
      )`);
    const applied = await client.query<{ name: string; sha256: string }>('select name, sha256 from schema_migrations');
    const present = new Map(applied.rows.map(({ name, sha256 }) => [name, sha256]));
    refuseContradictions(present, migrations);
    const fresh = migrations.filter(({ name }) => !present.has(name));
    for (const { name, sql, sha256 } of fresh) {
      await client.query('begin');
      await client.query(sql);
      await client.query('insert into schema_migrations (name, sha256) values ($1, $2)', [name, sha256]);
      await client.query('commit');
    }
    return fresh.map(({ name }) => name);
  } finally {
    // Ending the session gives the lock back, and rolls back what a failed migration began.
    await client.end();
  }
}

function refuseContradictions(present: ReadonlyMap<string, string>, migrations: readonly Migration[]): void {
  const known = new Map(migrations.map(({ name, sha256 }) => [name, sha256]));
  for (const [name, sha256] of present) {
    const expected = known.get(name);
    if (expected === undefined) throw new Error(`The database has migration ${name}, which this version of Evenkeel does not know: it was run by a newer version`);
    if (expected !== sha256) throw new Error(`Migration ${name} was changed after it was applied: restore the file and add a new migration instead`);
  }
}
