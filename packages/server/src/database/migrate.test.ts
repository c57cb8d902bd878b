import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import pg from 'pg';
import { createEmptyDatabase } from '@evenkeel/tests/harness/database.ts';
import { migrate, readMigrations, type Migration } from './migrate.ts';

const made = (name: string, sql: string, sha256 = name): Migration => ({ name, sql, sha256 });

async function count(url: string, table: string): Promise<number> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const { rows } = await client.query<{ n: string }>(`select count(*) as n from ${table}`);
  await client.end();
  return Number(rows[0]?.n);
}

describe('migrate', () => {
  it('applies every migration of the repository, and nothing the second time', async () => {
    const url = await createEmptyDatabase();
    const migrations = await readMigrations();
    assert.deepEqual(await migrate(url, migrations), migrations.map(({ name }) => name));
    assert.deepEqual(await migrate(url, migrations), []);
  });

  it('applies each exactly once when nodes start together', async () => {
    const url = await createEmptyDatabase();
    const migrations = [made('0001_a.sql', 'create table a (x int)'), made('0002_b.sql', 'insert into a values (1)')];
    const applied = await Promise.all([1, 2, 3, 4].map(() => migrate(url, migrations)));
    assert.equal(applied.flat().length, 2);
    assert.equal(await count(url, 'a'), 1);
  });

  it('leaves nothing of a migration that fails, and says why', async () => {
    const url = await createEmptyDatabase();
    await assert.rejects(migrate(url, [made('0001_a.sql', 'create table a (x int); select nonsense')]), /nonsense/);
    assert.deepEqual(await migrate(url, [made('0001_a.sql', 'create table a (x int)')]), ['0001_a.sql']);
  });

  it('refuses a migration changed after it ran, and one it does not know', async () => {
    const url = await createEmptyDatabase();
    await migrate(url, [made('0001_a.sql', 'create table a (x int)')]);
    await assert.rejects(migrate(url, [made('0001_a.sql', 'create table a (y int)', 'other')]), /changed after it was applied/);
    await assert.rejects(migrate(url, []), /newer version/);
  });
});
