/**
 * A real PostgreSQL for every test file that wants one: a clone of a migrated template, dropped at the end. The cluster
 * comes from EVENKEEL_TEST_DATABASE_URL (one for the whole run) or is started for this process alone.
 */
import assert from 'node:assert/strict';
import { mkdtemp, rm, chmod } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createHash, randomBytes } from 'node:crypto';
import { after } from 'node:test';
import pg from 'pg';
import { startEmbeddedPostgres } from '@evenkeel/server/database/embedded.ts';
import { migrate, readMigrations } from '@evenkeel/server/database/migrate.ts';
import { createPool, type Pool } from '@evenkeel/server/database/pool.ts';

export interface TestDatabase {
  readonly url: string;
  readonly pool: Pool;
}

let cluster: Promise<string> | undefined;

const closers: (() => Promise<void>)[] = [];

/**
 * Runs `close` after the tests of the file and before the database goes: the last one registered comes first.
 * (Hooks of `after` run in the order of their registration, so at the top of a file they would come too late.)
 */
export function atEnd(close: () => Promise<void>): void {
  if (closers.length === 0) {
    after(async () => {
      for (const one of closers.toReversed()) await one();
    });
  }
  closers.push(close);
}

/** Address of the cluster's maintenance database. */
function clusterUrl(): Promise<string> {
  const given = process.env['EVENKEEL_TEST_DATABASE_URL'];
  if (given !== undefined) return Promise.resolve(given);
  cluster ??= startCluster();
  return cluster;
}

/** For a whole run of tests: durability off, since these databases do not outlive it. */
export async function startTestCluster(): Promise<{ url: string; stop(): Promise<void> }> {
  const dir = await mkdtemp(join(tmpdir(), 'evenkeel-test-'));
  await chmod(dir, 0o755);
  const postgres = await startEmbeddedPostgres(dir, { fsync: 'off', full_page_writes: 'off', synchronous_commit: 'off', max_connections: '300' });
  return {
    url: postgres.url,
    async stop() {
      await postgres.stop();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

async function startCluster(): Promise<string> {
  const started = await startTestCluster();
  atEnd(() => started.stop());
  return started.url;
}

/**
 * A fresh database with all migrations, its pool closed and itself dropped after the tests of the file. Call it in
 * `before` or at the top of the file. A client that was not released fails the file.
 */
export async function createTestDatabase(): Promise<TestDatabase> {
  const base = await clusterUrl();
  const template = await ensureTemplate(base);
  const name = `test_${randomBytes(6).toString('hex')}`;
  await administrate(base, [`create database ${name} template ${template}`]);
  const url = databaseUrl(base, name);
  const pool = createPool(url, { max: 10, onError: () => undefined });
  atEnd(async () => {
    const leaked = pool.totalCount - pool.idleCount;
    await pool.end();
    await administrate(base, [`drop database if exists ${name} with (force)`]);
    assert.equal(leaked, 0, 'a test kept a database client that it did not release');
  });
  return { url, pool };
}

/** An empty database without migrations, for tests of the migrations themselves. */
export async function createEmptyDatabase(): Promise<string> {
  const base = await clusterUrl();
  const name = `test_${randomBytes(6).toString('hex')}`;
  await administrate(base, [`create database ${name}`]);
  atEnd(() => administrate(base, [`drop database if exists ${name} with (force)`]));
  return databaseUrl(base, name);
}

async function ensureTemplate(base: string): Promise<string> {
  const migrations = await readMigrations();
  const digest = createHash('sha256').update(migrations.map(({ sha256 }) => sha256).join()).digest('hex');
  const name = `template_${digest.slice(0, 12)}`;
  const client = new pg.Client({ connectionString: base });
  await client.connect();
  try {
    // Test files run as processes side by side: the first makes the template, the others wait for it.
    await client.query('select pg_advisory_lock(4400002)');
    const { rowCount } = await client.query('select 1 from pg_database where datname = $1 and datallowconn = false', [name]);
    if (rowCount === 0) {
      await client.query(`drop database if exists ${name}`);
      await client.query(`create database ${name}`);
      await migrate(databaseUrl(base, name), migrations);
      await client.query(`alter database ${name} allow_connections false`);
    }
  } finally {
    await client.end();
  }
  return name;
}

async function administrate(base: string, statements: readonly string[]): Promise<void> {
  const client = new pg.Client({ connectionString: base });
  await client.connect();
  try {
    for (const statement of statements) await client.query(statement);
  } finally {
    await client.end();
  }
}

function databaseUrl(base: string, name: string): string {
  const url = new URL(base);
  url.pathname = `/${name}`;
  return url.href;
}
